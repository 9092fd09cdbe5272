package fleet

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// AuditLine is a line of the audit log as it is sealed.
type AuditLine struct {
	bun.BaseModel `bun:"table:audit,alias:a"`

	ID          int64           `bun:"id"`
	TenantID    uuid.UUID       `bun:"tenant_id"`
	At          time.Time       `bun:"at"`
	Actor       string          `bun:"actor"`
	UserID      *uuid.UUID      `bun:"user_id"`
	RequestID   string          `bun:"request_id"`
	Action      string          `bun:"action"`
	TargetType  string          `bun:"target_type"`
	TargetID    *uuid.UUID      `bun:"target_id"`
	TargetName  string          `bun:"target_name"`
	OperationID *uuid.UUID      `bun:"operation_id"`
	Address     string          `bun:"address"`
	Outcome     AuditOutcome    `bun:"outcome"`
	Detail      json.RawMessage `bun:"detail,type:jsonb"` // as Postgres writes it, which is always the same for the same
	Salt        []byte          `bun:"salt"`              // nil: the person has been forgotten
	Personal    []byte          `bun:"personal"`          // what is of a person, as a hash
}

// Forgotten stands where somebody's name was.
const Forgotten = "(forgotten)"

// Leaf is the line's hash. What is of a person is in it by Personal alone, so that it can be forgotten.
func (l *AuditLine) Leaf() [sha256.Size]byte {
	name := &l.TargetName
	if l.TargetType == TargetPerson {
		name = nil
	}
	text, err := json.Marshal([]any{l.ID, l.TenantID, l.At.UTC().Format(time.RFC3339Nano), l.UserID, l.RequestID, l.Action, l.TargetType, l.TargetID,
		name, l.OperationID, l.Outcome, l.Detail, l.Personal})
	if err != nil {
		text = fmt.Appendf(nil, "%d: %v", l.ID, err) // a detail that is no JSON: no seal has this
	}
	return sha256.Sum256(text)
}

// Whole reports whether what is of a person is what it was when the line was written, or has been forgotten.
func (l *AuditLine) Whole() bool {
	if l.Salt == nil {
		return l.Actor == Forgotten && l.Address == "" || l.TargetType == TargetPerson && l.TargetName == Forgotten
	}
	text := fmt.Appendf(l.Salt[:len(l.Salt):len(l.Salt)], "%d:%s%d:%s", len(l.Actor), l.Actor, len(l.Address), l.Address)
	if l.TargetType == TargetPerson {
		text = fmt.Appendf(text, "%d:%s", len(l.TargetName), l.TargetName)
	}
	sum := sha256.Sum256(text)
	return string(sum[:]) == string(l.Personal)
}

// AuditSeal holds some lines fast, and all seals before it.
type AuditSeal struct {
	bun.BaseModel `bun:"table:audit_seals,alias:s"`

	N      int64     `bun:"n,pk"`
	At     time.Time `bun:"at,nullzero,default:now()"`
	IDs    string    `bun:"ids"` // an int8multirange
	Lines  int       `bun:"lines"`
	Leaves []byte    `bun:"leaves"` // of each line, one after the other
	Hash   []byte    `bun:"hash"`
}

// Chain is the hash that the seal must have after the one before; nil: it is the first.
func (s *AuditSeal) Chain(before []byte) []byte {
	sum := sha256.New()
	sum.Write(before)
	sum.Write(binary.BigEndian.AppendUint64(nil, uint64(s.N)))
	sum.Write(s.Leaves)
	return sum.Sum(nil)
}
