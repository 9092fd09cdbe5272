package fleet

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// AuditEntry is who did what. It is written in the transaction of the deed: no entry, no deed.
type AuditEntry struct {
	bun.BaseModel `bun:"table:audit,alias:a"`

	ID          int64          `bun:"id,pk,autoincrement"`
	TenantID    uuid.UUID      `bun:"tenant_id"`
	At          time.Time      `bun:"at,nullzero,default:now()"`
	Actor       string         `bun:"actor"`
	UserID      *uuid.UUID     `bun:"user_id"`
	RequestID   string         `bun:"request_id"`
	Action      string         `bun:"action"`
	TargetType  string         `bun:"target_type"`
	TargetID    *uuid.UUID     `bun:"target_id"`
	TargetName  string         `bun:"target_name"`
	OperationID *uuid.UUID     `bun:"operation_id"`
	Address     string         `bun:"address"` // where the request came from
	Outcome     AuditOutcome   `bun:"outcome"`
	Detail      map[string]any `bun:"detail,type:jsonb"` // holds no secret
}

// AuditOutcome is what became of a request.
type AuditOutcome string

// The outcomes.
const (
	AuditAllowed AuditOutcome = "ALLOWED"
	AuditDenied  AuditOutcome = "DENIED"
)

// Details is Detail as JSON.
func (e *AuditEntry) Details() string {
	text, err := json.Marshal(e.Detail)
	if err != nil {
		return "{}"
	}
	return string(text)
}

// AuditFilter chooses entries of the audit log; what is zero does not matter.
type AuditFilter struct {
	Actor, Action     string
	Outcome           *AuditOutcome
	Target, Operation *uuid.UUID
	Since, Until      *time.Time
}

// AuditPage is a page of the audit log, newest first.
type AuditPage struct {
	Entries []*AuditEntry
	HasNext bool
	Later   bool // it begins after a cursor
}
