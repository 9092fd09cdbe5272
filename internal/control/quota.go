package control

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// Quota is what the viewer's organisation may have, and has.
func (c *Control) Quota(ctx context.Context) ([]*fleet.QuotaLine, error) {
	viewer, err := c.may(ctx, "quota")
	if err != nil {
		return nil, err
	}
	t, err := c.store.Tenant(ctx, viewer.Scope(), viewer.TenantID)
	if err != nil {
		return nil, err
	}
	use, err := c.store.InUse(ctx, viewer.Scope())
	if err != nil {
		return nil, err
	}
	return t.Limits.Lines(use[t.ID]), nil
}

// AllOrganisations are those of this installation, by name, with what each has: for who looks after it.
func (c *Control) AllOrganisations(ctx context.Context) ([]*fleet.Organisation, error) {
	if _, err := c.may(ctx, "organisations"); err != nil {
		return nil, err
	}
	ctx = access.House(ctx)
	tenants, err := c.store.Tenants(ctx, fleet.System())
	if err != nil {
		return nil, err
	}
	use, err := c.store.InUse(ctx, fleet.System())
	if err != nil {
		return nil, err
	}
	people, err := c.store.CountPeople(ctx, fleet.System())
	if err != nil {
		return nil, err
	}
	all := make([]*fleet.Organisation, len(tenants))
	for i, t := range tenants {
		all[i] = &fleet.Organisation{Tenant: t, People: people[t.ID], Quota: t.Limits.Lines(use[t.ID])}
	}
	return all, nil
}

// AddOrganisation makes one, and the viewer its first owner. Exists when the name is taken.
func (c *Control) AddOrganisation(ctx context.Context, name string) (*fleet.Organisation, error) {
	viewer, err := c.may(ctx, "addOrganisation")
	if err != nil {
		return nil, err
	}
	if err := fleet.CheckName("name", name); err != nil {
		return nil, err
	}
	t := &fleet.Tenant{ID: fleet.NewID(), Name: name}
	ctx = access.House(ctx)
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		if err := tx.InsertTenant(ctx, t); err != nil {
			if fault.Is(err, fault.Exists) {
				err = (&fault.Error{Kind: fault.Exists, Message: "there is an organisation of this name"}).At("name").With("Choose another name.")
			}
			return err
		}
		g := &fleet.Grant{ID: fleet.NewID(), TenantID: t.ID, UserID: viewer.UserID, Role: fleet.RoleOwner, Source: fleet.GrantByHand, GrantedBy: viewer.Name}
		if err := tx.InsertGrant(ctx, g); err != nil {
			return err
		}
		return c.audit(ctx, tx, viewer.For(t.ID), deed{verb: "addOrganisation", target: targetTenant, id: t.ID, name: t.Name})
	})
	if err != nil {
		return nil, err
	}
	return &fleet.Organisation{Tenant: t, People: 1, Quota: t.Limits.Lines(fleet.Amount{})}, nil
}

// SetQuota changes what an organisation may have: of what is in limits so many, or any number where it is nil; the
// rest stays. What it has beyond that it keeps.
func (c *Control) SetQuota(ctx context.Context, organisation uuid.UUID, limits map[fleet.Counted]*int64) (lines []*fleet.QuotaLine, err error) {
	viewer, err := c.may(ctx, "setQuota")
	if err != nil {
		return nil, err
	}
	for _, most := range limits {
		if most != nil && *most < 0 {
			return nil, fault.Field("limits", "Use 0 or more, or null for no limit.", "a limit is not negative")
		}
	}
	ctx = access.House(ctx)
	return lines, c.store.Tx(ctx, func(tx *store.Store) error {
		if err := tx.LockTenant(ctx, fleet.System(), organisation); err != nil {
			return err
		}
		t, err := tx.Tenant(ctx, fleet.System(), organisation)
		if err != nil {
			return err
		}
		now := fleet.Limits{}
		for _, counted := range fleet.Counts {
			if most, ok := t.Limits[counted]; ok {
				now[counted] = most
			}
			if most, ok := limits[counted]; ok && most != nil {
				now[counted] = *most
			} else if ok {
				delete(now, counted)
			}
		}
		if err := tx.SetLimits(ctx, fleet.System(), organisation, now); err != nil {
			return err
		}
		use, err := tx.InUse(ctx, fleet.Within(organisation))
		if err != nil {
			return err
		}
		lines = now.Lines(use[organisation])
		return c.audit(ctx, tx, viewer.For(organisation), deed{verb: "setQuota", target: targetTenant, id: t.ID, name: t.Name, detail: map[string]any{"from": t.Limits, "to": now}})
	})
}

// planRoom marks as impossible what would be too much for the organisation.
func (c *Control) planRoom(ctx context.Context, viewer access.Viewer, v *fleet.VM, r drivers.Resize, verdicts []drivers.Verdict) error {
	t, err := c.store.Tenant(ctx, viewer.Scope(), viewer.TenantID)
	if err != nil || len(t.Limits) == 0 {
		return err
	}
	use, err := c.store.InUse(ctx, viewer.Scope())
	if err != nil {
		return err
	}
	err = t.Limits.Check(use[t.ID], v.Takes(), v.Resized(r))
	if err == nil {
		return nil
	}
	over := fault.Of(err)
	for i, verdict := range verdicts {
		if field, _, _ := strings.Cut(verdict.Field, "."); field == over.Field && verdict.Impact != drivers.ImpactNone {
			verdicts[i].Impact, verdicts[i].Reason = drivers.ImpactImpossible, over.Message
		}
	}
	return nil
}

// room refuses what would be too much for the organisation: v takes want instead of what it takes now; nil: a VM
// that there is not yet. Nobody else of the organisation takes anything until the transaction ends.
func (c *Control) room(ctx context.Context, tx *store.Store, viewer access.Viewer, v *fleet.VM, want fleet.Amount) error {
	limits, err := tx.LockLimits(ctx, viewer.Scope(), viewer.TenantID)
	if err != nil || len(limits) == 0 {
		return err
	}
	use, err := tx.InUse(ctx, viewer.Scope())
	if err != nil {
		return err
	}
	var has fleet.Amount
	if v != nil {
		has = v.Takes()
	}
	return limits.Check(use[viewer.TenantID], has, want)
}
