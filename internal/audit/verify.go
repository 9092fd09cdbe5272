package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// kept is for how long no line may be missing.
const kept = 365 * 24 * time.Hour

// late is how old a line may be that is not sealed yet.
const late = time.Minute

// Verdict is what became of the audit log.
type Verdict struct {
	Seals, Lines int64
	Expired      int64 // lines that were removed when their time was over
	Head         *fleet.AuditSeal
	Findings     []string // what was changed, removed or added; none: the log is whole
}

// mostFindings are told.
const mostFindings = 100

func (v *Verdict) find(format string, args ...any) {
	switch {
	case len(v.Findings) < mostFindings:
		v.Findings = append(v.Findings, fmt.Sprintf(format, args...))
	case len(v.Findings) == mostFindings:
		v.Findings = append(v.Findings, "… and more")
	}
}

// Verify holds every line against its seal, and every seal against the one before. head, if it is not empty, is a seal
// that somebody has kept elsewhere (Head): it must be there.
func Verify(ctx context.Context, s *store.Store, head string) (v Verdict, err error) {
	var before []byte
	found := head == ""
	for {
		seals, err := s.AuditSeals(ctx, v.Seals, 200)
		if err != nil {
			return v, err
		}
		for _, seal := range seals {
			if v.Seals++; seal.N != v.Seals {
				v.find("the seals %d to %d are missing", v.Seals, seal.N-1)
				v.Seals = seal.N
			}
			if !bytes.Equal(seal.Hash, seal.Chain(before)) {
				v.find("the seal %d does not follow from the one before", seal.N)
			}
			if err := v.hold(ctx, s, seal); err != nil {
				return v, err
			}
			found = found || Head(seal) == head
			before, v.Head = seal.Hash, seal
		}
		if len(seals) == 0 {
			break
		}
	}
	if !found {
		v.find("the seal %s, which was kept elsewhere, is not in the chain", head)
	}
	open, err := s.CountUnsealed(ctx, late)
	if open > 0 {
		v.find("%d lines are in no seal: they were added by others, or no server runs that would seal them", open)
	}
	return v, err
}

// hold holds a seal's lines against it.
func (v *Verdict) hold(ctx context.Context, s *store.Store, seal *fleet.AuditSeal) error {
	ids, err := s.SealedIDs(ctx, seal)
	if err != nil {
		return err
	}
	lines, err := s.AuditLines(ctx, seal)
	if err != nil {
		return err
	}
	if len(seal.Leaves) != len(ids)*sha256.Size {
		v.find("the seal %d holds other lines than it was made of", seal.N)
		return nil
	}
	for i, id := range ids {
		if len(lines) == 0 || lines[0].ID != id {
			if time.Since(seal.At) > kept {
				v.Expired++
			} else {
				v.find("the line %d of about %s has been removed", id, seal.At.UTC().Format(time.RFC3339))
			}
			continue
		}
		line := lines[0]
		lines = lines[1:]
		v.Lines++
		leaf := line.Leaf()
		if !bytes.Equal(leaf[:], seal.Leaves[i*sha256.Size:(i+1)*sha256.Size]) || !line.Whole() {
			v.find("the line %d of %s has been changed", id, line.At.UTC().Format(time.RFC3339))
		}
	}
	return nil
}
