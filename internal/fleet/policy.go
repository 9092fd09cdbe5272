package fleet

import (
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/novacron/novacron/internal/fault"
)

// Policy is what an organisation permits or forbids on top of what the roles give, in Cedar.
type Policy struct {
	bun.BaseModel `bun:"table:policies,alias:y"`

	ID        uuid.UUID `bun:"id,pk"`
	TenantID  uuid.UUID `bun:"tenant_id"`
	Name      string    `bun:"name"`
	Text      string    `bun:"text"`
	Enabled   bool      `bun:"enabled"`
	Version   int       `bun:"version"`
	ChangedBy string    `bun:"changed_by"`
	CreatedAt time.Time `bun:"created_at,nullzero,default:now()"`
	UpdatedAt time.Time `bun:"updated_at,nullzero,default:now()"`
}

// Bounds of an organisation's policies: each is looked at for each decision.
const (
	MaxPolicies   = 100
	MaxPolicyText = 10_000 // bytes
)

// Check refuses what cannot be kept. Whether the text is Cedar is the access room's to say.
func (p *Policy) Check() error {
	if err := CheckName("name", p.Name); err != nil {
		return err
	}
	if len(p.Text) > MaxPolicyText {
		return fault.Field("text", "Split it into several.", "the policy has %d bytes; %d are the most", len(p.Text), MaxPolicyText)
	}
	return CheckText("text", p.Text, MaxPolicyText)
}

// Decision is what the policies say of one person, permission and thing.
type Decision struct {
	Allowed   bool
	Policies  []string // those that decided
	LeastRole Role     // that has the permission
	Role      Role     // the person's
}

// May says whether somebody has a permission on one thing, and if not why. It stands for whatever decides:
// roles, and the organisation's policies.
type May func(Permission) Action

// ByRole is what a role alone gives.
func ByRole(role Role) May { return func(p Permission) Action { return p.Of(role) } }

// Resource is what somebody wants to do something to, as policies see it.
type Resource struct {
	Type       string // VM, Provider, Image, Operation, Person or Organisation
	ID         uuid.UUID
	Tenant     uuid.UUID // whose it is
	Provider   uuid.UUID // uuid.Nil: of none
	Attributes map[string]string
	Tags       map[string]string
}

// OnVM is a VM: its tags are Cedar's.
func OnVM(v *VM) Resource {
	return Resource{Type: "VM", ID: v.ID, Tenant: v.TenantID, Provider: v.ProviderID, Tags: v.Tags,
		Attributes: map[string]string{"name": v.Name, "status": string(v.Status), "management": string(v.Management)}}
}

// OnProvider is a connection.
func OnProvider(p *Provider) Resource {
	return Resource{Type: "Provider", ID: p.ID, Tenant: p.TenantID, Attributes: map[string]string{"name": p.Name, "kind": string(p.Kind)}}
}

// OnImage is an image.
func OnImage(i *Image) Resource {
	return Resource{Type: "Image", ID: i.ID, Tenant: i.TenantID, Provider: i.ProviderID, Attributes: map[string]string{"name": i.Name, "os": i.OS}}
}

// OnOperation is an operation.
func OnOperation(o *Operation) Resource {
	r := Resource{Type: "Operation", ID: o.ID, Tenant: o.TenantID,
		Attributes: map[string]string{"kind": string(o.Kind), "target": o.TargetName, "requestedBy": o.RequestedBy}}
	if o.ProviderID != nil {
		r.Provider = *o.ProviderID
	}
	return r
}

// OnPerson is somebody, in the organisation that their grants are of.
func OnPerson(p *Person) Resource {
	r := Resource{Type: "Person", ID: p.ID, Attributes: map[string]string{"name": p.Name, "role": string(p.Role())}}
	if len(p.Grants) > 0 {
		r.Tenant = p.Grants[0].TenantID
	}
	return r
}

// On is what a node of the API is to a policy; false for what no policy speaks of.
func On(node any) (Resource, bool) {
	switch n := node.(type) {
	case *VM:
		return OnVM(n), true
	case *Provider:
		return OnProvider(n), true
	case *Image:
		return OnImage(n), true
	case *Operation:
		return OnOperation(n), true
	}
	return Resource{}, false
}
