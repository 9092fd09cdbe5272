// Package audit keeps the audit log provable: it seals what was written, line after line in one chain for the whole
// installation, and removes whole months when their time is over. Lines themselves are written by whoever acts, in
// the transaction of the deed.
package audit

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"

	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// How often the keeper looks.
const (
	sealEvery   = 2 * time.Second
	sweepEvery  = 10 * time.Minute // for lines that were committed long after later ones
	tellEvery   = time.Hour
	monthsEvery = 6 * time.Hour
)

// Options shape a Keeper.
type Options struct {
	MoreDays int     // that lines are kept beyond a year
	Syslog   *Syslog // where every line is sent once it is sealed; nil: nowhere
	Log      *slog.Logger
}

// Keeper seals. Of several replicas one at a time does it.
type Keeper struct {
	store *store.Store
	o     Options
	away  bool // the syslog server, when last tried
}

// NewKeeper makes one.
func NewKeeper(s *store.Store, o Options) *Keeper { return &Keeper{store: s, o: o} }

// Run seals until the context ends.
func (k *Keeper) Run(ctx context.Context) {
	seal := time.NewTicker(sealEvery)
	defer seal.Stop()
	if k.o.Syslog != nil {
		defer k.o.Syslog.Close()
	}
	var swept, told, months time.Time
	due := func(last *time.Time, every time.Duration) bool {
		if time.Since(*last) < every {
			return false
		}
		*last = time.Now()
		return true
	}
	var head *fleet.AuditSeal
	for {
		if due(&months, monthsEvery) {
			k.months(ctx)
		}
		newest, err := k.Seal(ctx, due(&swept, sweepEvery))
		if err != nil && ctx.Err() == nil {
			k.o.Log.WarnContext(ctx, "sealing the audit log", "error", err)
		}
		if newest != nil {
			head = newest
		}
		k.send(ctx)
		if head != nil && due(&told, tellEvery) { // in a log that the database's owner cannot change
			k.o.Log.InfoContext(ctx, "the audit log is sealed", "head", Head(head))
			head = nil
		}
		select {
		case <-ctx.Done():
			return
		case <-seal.C:
		}
	}
}

// Seal seals all that there is to seal, and gives the newest seal that it made; nil for none. A sweep also finds what
// was committed long after later lines.
func (k *Keeper) Seal(ctx context.Context, sweep bool) (newest *fleet.AuditSeal, err error) {
	for _, all := range []bool{true, false} {
		if all && !sweep {
			continue
		}
		for {
			s, err := k.store.SealAudit(ctx, all)
			if err != nil || s == nil {
				if err != nil {
					return newest, err
				}
				break
			}
			newest = s
		}
	}
	return newest, nil
}

// send sends what the syslog server has not had. One that is away gets it when it is back.
func (k *Keeper) send(ctx context.Context) {
	if k.o.Syslog == nil {
		return
	}
	for more := true; more; {
		var err error
		more, err = k.store.SendAudit(ctx, k.o.Syslog.String(), func(lines []*fleet.AuditLine) error { return k.o.Syslog.Send(ctx, lines) })
		if away := err != nil; away != k.away && ctx.Err() == nil {
			k.away = away
			if away {
				k.o.Log.WarnContext(ctx, "the audit log cannot be sent on; it will be", "to", k.o.Syslog.String(), "error", err)
			} else {
				k.o.Log.InfoContext(ctx, "the audit log is sent on again", "to", k.o.Syslog.String())
			}
		}
	}
}

func (k *Keeper) months(ctx context.Context) {
	said, err := k.store.AuditMonths(ctx, k.o.MoreDays)
	if err != nil && ctx.Err() == nil {
		k.o.Log.WarnContext(ctx, "the months of the audit log", "error", err)
	}
	for _, one := range said {
		k.o.Log.InfoContext(ctx, "the months of the audit log", "done", one)
	}
}

// Head is how a seal is told, to be kept elsewhere: "123:9f86d0…".
func Head(s *fleet.AuditSeal) string { return fmt.Sprintf("%d:%s", s.N, hex.EncodeToString(s.Hash)) }
