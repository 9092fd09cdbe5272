package control

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

const targetPolicy = "POLICY"

// Policies are what the viewer's organisation permits and forbids on top of what the roles give.
func (c *Control) Policies(ctx context.Context) ([]*fleet.Policy, error) {
	viewer, err := c.may(ctx, "policies")
	if err != nil {
		return nil, err
	}
	return c.store.Policies(ctx, viewer.Scope())
}

// HousePolicies is what NovaCron permits by itself, in Cedar.
func (*Control) HousePolicies() string { return access.HousePolicies() }

// AddPolicy adds one. Invalid, field "text", for what is no Cedar, or of actions that there are not.
func (c *Control) AddPolicy(ctx context.Context, name, text string, enabled bool) (*fleet.Policy, error) {
	viewer, err := c.may(ctx, "addPolicy")
	if err != nil {
		return nil, err
	}
	p := &fleet.Policy{ID: fleet.NewID(), TenantID: viewer.TenantID, Name: name, Text: text, Enabled: enabled, Version: 1, ChangedBy: viewer.Name}
	return p, c.policed(ctx, viewer, &deed{verb: "addPolicy", id: p.ID, name: name, detail: map[string]any{"text": text, "enabled": enabled}}, func(tx *store.Store) error {
		all, err := tx.Policies(ctx, viewer.Scope())
		if err != nil {
			return err
		}
		if len(all) >= fleet.MaxPolicies {
			return fault.New(fault.Exhausted, "the organisation has %d policies already", len(all)).With("Put several into one, or remove those that do not count.")
		}
		if err := proper(p); err != nil {
			return err
		}
		return tx.InsertPolicy(ctx, p)
	})
}

// PolicyChange is a change of a policy; nil is unchanged.
type PolicyChange struct {
	Name, Text *string
	Enabled    *bool
	IfVersion  *int
}

// UpdatePolicy changes one.
func (c *Control) UpdatePolicy(ctx context.Context, id uuid.UUID, change PolicyChange) (p *fleet.Policy, err error) {
	viewer, err := c.may(ctx, "updatePolicy")
	if err != nil {
		return nil, err
	}
	d := &deed{verb: "updatePolicy", id: id, detail: map[string]any{"name": change.Name, "text": change.Text, "enabled": change.Enabled}}
	err = c.policed(ctx, viewer, d, func(tx *store.Store) error {
		if p, err = tx.Policy(ctx, viewer.Scope(), id); err != nil {
			return err
		}
		if change.IfVersion != nil {
			p.Version = *change.IfVersion // the store compares
		}
		d.name = p.Name
		set(&p.Name, change.Name)
		set(&p.Text, change.Text)
		set(&p.Enabled, change.Enabled)
		p.ChangedBy = viewer.Name
		if err := proper(p); err != nil {
			return err
		}
		return tx.UpdatePolicy(ctx, viewer.Scope(), p)
	})
	return p, err
}

// proper refuses what is no policy, whether it counts now or not.
func proper(p *fleet.Policy) error {
	if err := p.Check(); err != nil {
		return err
	}
	counting := *p
	counting.Enabled = true
	_, err := access.NewPolicies([]*fleet.Policy{&counting})
	return err
}

// RemovePolicy removes one.
func (c *Control) RemovePolicy(ctx context.Context, id uuid.UUID) error {
	viewer, err := c.may(ctx, "removePolicy")
	if err != nil {
		return err
	}
	d := &deed{verb: "removePolicy", id: id}
	return c.policed(ctx, viewer, d, func(tx *store.Store) error {
		p, err := tx.Policy(ctx, viewer.Scope(), id)
		if err != nil {
			return err
		}
		d.name = p.Name
		return tx.DeletePolicy(ctx, viewer.Scope(), id)
	})
}

// policed changes the policies, one change at a time, so that whoever makes it goes on being able to. change may complete
// the deed.
func (c *Control) policed(ctx context.Context, viewer access.Viewer, d *deed, change func(tx *store.Store) error) error {
	d.target = targetPolicy
	err := c.store.Tx(ctx, func(tx *store.Store) error {
		if err := tx.LockTenant(ctx, viewer.Scope(), viewer.TenantID); err != nil {
			return err
		}
		if err := change(tx); err != nil {
			return err
		}
		all, err := tx.Policies(ctx, viewer.Scope())
		if err != nil {
			return err
		}
		now, err := access.NewPolicies(all)
		if err != nil {
			return err
		}
		for _, verb := range []fleet.Permission{"policies", "updatePolicy", "removePolicy"} {
			if a := viewer.Under(now).May(viewer.OnAll())(verb); !a.Allowed {
				return fault.Field("text", "Except yourself, or those who look after policies: unless { principal in Role::\"OWNER\" }.",
					"with this you could not change policies any more: %s", a.Reason)
			}
		}
		return c.audit(ctx, tx, viewer, *d)
	})
	if err == nil {
		c.o.PoliciesChanged(viewer.TenantID)
	}
	return err
}

// WhatMay says what the policies say of somebody, and why. on nil: on the organisation itself.
func (c *Control) WhatMay(ctx context.Context, person uuid.UUID, permission fleet.Permission, on *fleet.Resource) (*fleet.Decision, error) {
	viewer, err := c.may(ctx, "whatMay")
	if err != nil {
		return nil, err
	}
	if !slices.Contains(fleet.Permissions(), permission) {
		return nil, fault.Field("permission", "Permissions are the names of the API's fields, such as startVM.", "there is no permission %.60q", permission)
	}
	found, err := c.store.People(ctx, viewer.Scope(), person)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.Missing("person", person.String())
	}
	p := found[0]
	all, err := c.store.Policies(ctx, viewer.Scope())
	if err != nil {
		return nil, err
	}
	now, err := access.NewPolicies(all)
	if err != nil {
		return nil, err
	}
	who := access.Viewer{TenantID: viewer.TenantID, UserID: p.ID, Name: p.Name, PlatformAdmin: p.PlatformAdmin}.Granted(p.Grants, "")
	if on == nil {
		whole := who.OnAll()
		on = &whole
	}
	d := now.Decide(who, permission, *on)
	return &fleet.Decision{Allowed: d.Allowed && p.Active(), Policies: append([]string{}, d.Policies...), LeastRole: permission.Least(), Role: who.RoleOn(*on)}, nil
}
