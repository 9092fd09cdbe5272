// Package access knows who is asking: it signs people in, recognises tokens, and puts the Viewer
// into each request's context. What a Viewer may do is fleet.Role's to say and control's to enforce.
package access

import (
	"context"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// Viewer is who is asking.
type Viewer struct {
	TenantID      uuid.UUID
	UserID        uuid.UUID
	Name          string
	Role          fleet.Role // on everything of the organisation
	PlatformAdmin bool
	SessionID     uuid.UUID // uuid.Nil: came with a token
	Address       string
	RequestID     string

	narrowed []*fleet.Grant // what they may do beyond that, each on a part
	limit    fleet.Role     // of their token; empty: none
	policies *Policies      // of the organisation; nil: the house's alone
}

// Granted is the viewer with what the grants give, up to the limit.
func (v Viewer) Granted(grants []*fleet.Grant, limit fleet.Role) Viewer {
	v.limit, v.narrowed = limit, nil
	v.Role = v.atMost(fleet.Highest(grants))
	for _, g := range grants {
		if g.Narrowed != nil {
			v.narrowed = append(v.narrowed, g)
		}
	}
	return v
}

func (v Viewer) atMost(r fleet.Role) fleet.Role {
	if v.limit != "" && !v.limit.Includes(r) && r != "" {
		return v.limit
	}
	return r
}

// RoleOn is the viewer's on one thing.
func (v Viewer) RoleOn(on fleet.Resource) fleet.Role {
	r := v.Role
	for _, g := range v.narrowed {
		if one := v.atMost(g.Role); g.Narrowed.Covers(on) && one.Includes(r) {
			r = one
		}
	}
	return r
}

// Under is the viewer with an organisation's policies.
func (v Viewer) Under(p *Policies) Viewer {
	v.policies = p
	return v
}

// Scope is what the viewer's reads and writes may touch.
func (v Viewer) Scope() fleet.Scope { return fleet.Within(v.TenantID) }

// For is the viewer as the log of another organisation has them, which they look after.
func (v Viewer) For(tenant uuid.UUID) Viewer {
	v.TenantID = tenant
	return v
}

// Entry is a line of the audit log about what the viewer asked for.
func (v Viewer) Entry(action string, outcome fleet.AuditOutcome) *fleet.AuditEntry {
	e := &fleet.AuditEntry{TenantID: v.TenantID, Actor: v.Name, RequestID: v.RequestID, Address: v.Address, Action: action, Outcome: outcome}
	if v.UserID != uuid.Nil {
		e.UserID = &v.UserID
	}
	return e
}

type viewerKey struct{}

// With returns a context in which v is asking: behind the wall of v's organisation.
func With(ctx context.Context, v Viewer) context.Context {
	return context.WithValue(store.Walled(ctx, v.Scope()), viewerKey{}, v)
}

// From tells who is asking. Unauthorized when nobody is.
func From(ctx context.Context) (Viewer, error) {
	v, ok := ctx.Value(viewerKey{}).(Viewer)
	if !ok {
		return Viewer{}, fault.New(fault.Unauthorized, "nobody is signed in").
			With("Sign in, or send a token: Authorization: Bearer ncr_…")
	}
	return v, nil
}
