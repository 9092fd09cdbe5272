package fleet

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Person is a user as an organisation sees them.
type Person struct {
	User
	Issuer *string // who vouches for them, by name; nil: they have a password
	Grants []*Grant
}

// Role is what they may do with everything: the highest of their grants that are not narrowed.
func (p *Person) Role() Role { return Highest(p.Grants) }

// most is what they may do with anything.
func (p *Person) most() (r Role) {
	for _, g := range p.Grants {
		r = r.or(g.Role)
	}
	return r
}

// RoleByHand is what somebody gave them; nil for nothing.
func (p *Person) RoleByHand() *Role { return p.roleBy(GrantByHand) }

// RoleByIssuer is what their issuer's rules gave them at their last sign-in; nil for nothing.
func (p *Person) RoleByIssuer() *Role { return p.roleBy(GrantByIssuer) }

func (p *Person) roleBy(source GrantSource) *Role {
	role := Highest(slices.DeleteFunc(slices.Clone(p.Grants), func(g *Grant) bool { return g.Source != source || g.Narrowed != nil }))
	if role == "" {
		return nil
	}
	return &role
}

// RoleByHandEnds is when the role given by hand ends; nil for never.
func (p *Person) RoleByHandEnds() *time.Time {
	for _, g := range p.Grants {
		if g.Source == GrantByHand && g.Narrowed == nil {
			return g.ExpiresAt
		}
	}
	return nil
}

// Active reports whether they can sign in.
func (p *Person) Active() bool { return p.DeactivatedAt == nil }

// Actions says what somebody of that role and organisation may do with the person; self is whoever asks.
func (p *Person) Actions(may May, role Role, tenant, self uuid.UUID) []Action {
	all := []Action{{Name: "grantRole"}, {Name: "revokeRole"}, {Name: "setPersonActive"}, {Name: "resetPassword"}}
	for i := range all {
		all[i] = p.Action(all[i].Name, may, role, tenant, self)
	}
	return all
}

// Action is one of them.
func (p *Person) Action(name string, may May, role Role, tenant, self uuid.UUID) Action {
	a := may(Permission(name))
	switch {
	case !a.Allowed:
	case !role.Includes(p.most()):
		a = Action{Name: name, Reason: "They may do more than you", Remedy: "Ask an owner of the organisation."}
	case p.ID == self && name != "resetPassword":
		a = Action{Name: name, Reason: "This is you", Remedy: "Ask another administrator, so that somebody is left who can."}
	case name == "revokeRole" && !slices.ContainsFunc(p.Grants, func(g *Grant) bool { return g.Source == GrantByHand }):
		a = Action{Name: name, Reason: "Nobody gave them a role by hand", Remedy: "Their issuer's rules do: change those, or the groups that they are in."}
	case p.TenantID != tenant && (name == "setPersonActive" || name == "resetPassword"):
		a = Action{Name: name, Reason: "Their account belongs to another organisation", Remedy: "Take their role back instead."}
	case name == "resetPassword" && p.IssuerID != nil:
		a = Action{Name: name, Reason: "Their issuer signs them in", Remedy: "They change their password there."}
	}
	return a
}

// Membership is what somebody is in an organisation.
type Membership struct {
	Tenant *Tenant
	Role   Role
}

// SignedIn is a session as its owner sees it.
type SignedIn struct {
	Session
	Current bool
	Issuer  *string // who vouched for its user, by name; nil: a password
}
