package fleet

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/novacron/novacron/internal/fault"
)

// Role is what somebody may do in an organisation.
type Role string

// The roles, each including the next.
const (
	RoleOwner    Role = "OWNER"
	RoleAdmin    Role = "ADMIN"
	RoleOperator Role = "OPERATOR"
	RoleViewer   Role = "VIEWER"
)

// RolePlatform is what a permission asks for that is of no organisation. Nobody is granted it: it is in User.PlatformAdmin.
const RolePlatform Role = "PLATFORM"

// Roles are all of them, the least first.
var Roles = []Role{RoleViewer, RoleOperator, RoleAdmin, RoleOwner}

// Includes reports whether r may do all that o may.
func (r Role) Includes(o Role) bool { return r.rank() >= o.rank() && o.rank() > 0 }

func (r Role) rank() int { return slices.Index(Roles, r) + 1 }

// Tenant is an organisation: it owns providers, VMs and operations, and its people see no others.
type Tenant struct {
	bun.BaseModel `bun:"table:tenants,alias:t"`

	ID        uuid.UUID `bun:"id,pk"`
	Name      string    `bun:"name"`
	Limits    Limits    `bun:"limits,type:jsonb,nullzero,default:'{}'"`
	CreatedAt time.Time `bun:"created_at,nullzero,default:now()"`
}

// Organisation is a tenant as whoever looks after the installation sees it.
type Organisation struct {
	Tenant *Tenant
	People int
	Quota  []*QuotaLine
}

// User is somebody who signs in: a person or, by an issuer's word, a program. What they may do is in their grants.
type User struct {
	bun.BaseModel `bun:"table:users,alias:u"`

	ID            uuid.UUID  `bun:"id,pk"`
	TenantID      uuid.UUID  `bun:"tenant_id"` // where they were first known
	Name          string     `bun:"name"`
	PasswordHash  string     `bun:"password_hash"` // empty for those whom an issuer vouches for
	IssuerID      *uuid.UUID `bun:"issuer_id"`
	Subject       string     `bun:"subject"` // the issuer's own name for them, which never changes
	FullName      string     `bun:"full_name"`
	Email         string     `bun:"email"` // only one that the issuer has verified
	PlatformAdmin bool       `bun:"platform_admin"`
	DeactivatedAt *time.Time `bun:"deactivated_at"`
	LastSeenAt    *time.Time `bun:"last_seen_at"`
	CreatedAt     time.Time  `bun:"created_at,nullzero,default:now()"`
}

// GrantSource is who gave a grant.
type GrantSource string

// The sources: somebody, until it is taken away; or an issuer's rules, until the next sign-in.
const (
	GrantByHand   GrantSource = "HAND"
	GrantByIssuer GrantSource = "ISSUER"
)

// Grant is a role that somebody has in an organisation.
type Grant struct {
	bun.BaseModel `bun:"table:grants,alias:g"`

	ID        uuid.UUID   `bun:"id,pk"`
	TenantID  uuid.UUID   `bun:"tenant_id"`
	UserID    uuid.UUID   `bun:"user_id"`
	Role      Role        `bun:"role"`
	Source    GrantSource `bun:"source"`
	GrantedBy string      `bun:"granted_by"`
	Narrowed  *Narrow     `bun:"narrowed,type:jsonb"` // on what it counts; nil: on everything
	CreatedAt time.Time   `bun:"created_at,nullzero,default:now()"`
	ExpiresAt *time.Time  `bun:"expires_at"`
}

// Narrow is a part of an organisation's things: the hosts with all that is on them, the VMs, and whatever has one of the tags.
type Narrow struct {
	Providers []uuid.UUID `json:"providers,omitempty"`
	VMs       []uuid.UUID `json:"vms,omitempty"`
	Tags      []Tag       `json:"tags,omitempty"`
}

// MaxNarrow is how many things a grant can name: each is looked at for each decision.
const MaxNarrow = 100

// Check refuses what names nothing, or too much.
func (n *Narrow) Check() error {
	switch all := len(n.Providers) + len(n.VMs) + len(n.Tags); {
	case all == 0:
		return fault.Field("on", "Name hosts, VMs or tags, or leave it out for everything.", "it names nothing")
	case all > MaxNarrow:
		return fault.Field("on", "Give the VMs a tag, and name that.", "it names %d things; %d are the most", all, MaxNarrow)
	}
	return nil
}

// Covers reports whether the thing is one of them.
func (n *Narrow) Covers(on Resource) bool {
	return slices.Contains(n.Providers, on.Provider) || on.Type == "Provider" && slices.Contains(n.Providers, on.ID) ||
		on.Type == "VM" && slices.Contains(n.VMs, on.ID) ||
		slices.ContainsFunc(n.Tags, func(t Tag) bool { value, has := on.Tags[t.Key]; return has && value == t.Value })
}

// Highest is the role that grants give on everything: whoever has one on a part may look at the rest. Empty for none.
func Highest(grants []*Grant) (r Role) {
	for _, g := range grants {
		if g.Narrowed != nil {
			r = r.or(RoleViewer)
		} else {
			r = r.or(g.Role)
		}
	}
	return r
}

// or is the higher of two.
func (r Role) or(o Role) Role {
	if o.rank() > r.rank() {
		return o
	}
	return r
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

	Hash       []byte     `bun:"hash,pk"`
	ID         uuid.UUID  `bun:"id"` // what people see of it
	UserID     uuid.UUID  `bun:"user_id"`
	TenantID   uuid.UUID  `bun:"tenant_id"` // the organisation that it works for
	IssuerID   *uuid.UUID `bun:"issuer_id"` // nil: signed in with a password
	IssuerSID  string     `bun:"issuer_sid"`
	Address    string     `bun:"address"`
	Agent      string     `bun:"agent"` // the browser, as it calls itself
	CreatedAt  time.Time  `bun:"created_at,nullzero,default:now()"`
	ExpiresAt  time.Time  `bun:"expires_at"`
	LastUsedAt time.Time  `bun:"last_used_at,nullzero,default:now()"`
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
