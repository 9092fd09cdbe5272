package fleet

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// Role is what somebody may do.
type Role string

// The roles, each including the next.
const (
	RoleAdmin    Role = "ADMIN"
	RoleOperator Role = "OPERATOR"
	RoleViewer   Role = "VIEWER"
)

// Includes reports whether r may do all that o may.
func (r Role) Includes(o Role) bool { return r.rank() >= o.rank() && o.rank() > 0 }

func (r Role) rank() int {
	switch r {
	case RoleAdmin:
		return 3
	case RoleOperator:
		return 2
	case RoleViewer:
		return 1
	}
	return 0
}

// Tenant is an organisation: it owns providers, VMs and operations, and its people see no others.
type Tenant struct {
	bun.BaseModel `bun:"table:tenants,alias:t"`

	ID        uuid.UUID `bun:"id,pk"`
	Name      string    `bun:"name"`
	CreatedAt time.Time `bun:"created_at,nullzero,default:now()"`
}

// User is somebody who signs in.
type User struct {
	bun.BaseModel `bun:"table:users,alias:u"`

	ID           uuid.UUID `bun:"id,pk"`
	TenantID     uuid.UUID `bun:"tenant_id"`
	Name         string    `bun:"name"`
	PasswordHash string    `bun:"password_hash"`
	Role         Role      `bun:"role"`
	CreatedAt    time.Time `bun:"created_at,nullzero,default:now()"`
}

// APIToken is a key for programs.
type APIToken struct {
	bun.BaseModel `bun:"table:api_tokens,alias:at"`

	ID         uuid.UUID  `bun:"id,pk"`
	TenantID   uuid.UUID  `bun:"tenant_id"`
	UserID     uuid.UUID  `bun:"user_id"`
	Name       string     `bun:"name"`
	Prefix     string     `bun:"prefix"`
	Hash       []byte     `bun:"hash"`
	Role       Role       `bun:"role"`
	CreatedAt  time.Time  `bun:"created_at,nullzero,default:now()"`
	ExpiresAt  *time.Time `bun:"expires_at"`
	LastUsedAt *time.Time `bun:"last_used_at"`
}

// Session is somebody signed in with a browser. It is found by the SHA-256 of its secret.
type Session struct {
	bun.BaseModel `bun:"table:sessions,alias:s"`

	Hash       []byte    `bun:"hash,pk"`
	UserID     uuid.UUID `bun:"user_id"`
	CreatedAt  time.Time `bun:"created_at,nullzero,default:now()"`
	ExpiresAt  time.Time `bun:"expires_at"`
	LastUsedAt time.Time `bun:"last_used_at,nullzero,default:now()"`
}

// Ticket is good for one use: a console, an upload. It is found by the SHA-256 of its secret, by any replica.
type Ticket struct {
	bun.BaseModel `bun:"table:tickets,alias:k"`

	Hash      []byte          `bun:"hash,pk"`
	TenantID  uuid.UUID       `bun:"tenant_id"`
	UserID    *uuid.UUID      `bun:"user_id"`
	Purpose   string          `bun:"purpose"`
	Payload   json.RawMessage `bun:"payload,type:jsonb"`
	ExpiresAt time.Time       `bun:"expires_at"`
}

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
	Detail      map[string]any `bun:"detail,type:jsonb"` // holds no secret
}
