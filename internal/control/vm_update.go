package control

import (
	"context"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/operations"
	"github.com/novacron/novacron/internal/store"
)

// PlanUpdateVM says what an update would mean: one verdict for each changed field. Changes nothing.
func (c *Control) PlanUpdateVM(ctx context.Context, vm uuid.UUID, change fleet.VMChange) (fleet.VMPlan, error) {
	viewer, err := c.may(ctx, "planUpdateVM")
	if err != nil {
		return fleet.VMPlan{}, err
	}
	if err := change.Check(); err != nil {
		return fleet.VMPlan{}, err
	}
	v, plan, err := c.planUpdate(ctx, viewer, vm, change)
	if err != nil || v.Management != fleet.Managed {
		return plan, err
	}
	return plan, c.planRoom(ctx, viewer, v, change.Resize, plan.Changes)
}

func (c *Control) planUpdate(ctx context.Context, viewer access.Viewer, id uuid.UUID, change fleet.VMChange) (*fleet.VM, fleet.VMPlan, error) {
	v, err := c.store.VM(ctx, viewer.Scope(), id)
	if err != nil {
		return nil, fleet.VMPlan{}, err
	}
	plan := fleet.VMPlan{Version: v.Version, Changes: []drivers.Verdict{}}
	if change.IfVersion != nil && *change.IfVersion != v.Version {
		return nil, plan, changed()
	}
	if !resizes(change.Resize) {
		return v, plan, nil
	}
	p, err := c.store.Provider(ctx, viewer.Scope(), v.ProviderID)
	if err != nil {
		return nil, plan, err
	}
	conn, err := c.conn(ctx, p)
	if err != nil {
		return nil, plan, err
	}
	plan.Changes, err = conn.PlanResize(v.Seen(), change.Resize)
	return v, plan, err
}

func changed() error {
	return fault.New(fault.Conflict, "the VM has changed since you looked").At("ifVersion").With("Look again, and repeat the change if you still want it.")
}

func resizes(r drivers.Resize) bool {
	return r.VCPUs != nil || r.VCPUsMax != nil || r.MemoryMiB != nil || r.MemoryMax != nil || len(r.Disks) > 0
}

// UpdateVM changes a VM: text and labels at once, size by an operation, which is nil when no size changes.
// Conflict when the VM is no longer of IfVersion, or a change needs a restart that AllowRestart does not
// accept; Invalid with the field and the reason for what is impossible.
func (c *Control) UpdateVM(ctx context.Context, vm uuid.UUID, change fleet.VMChange) (o *fleet.Operation, v *fleet.VM, plan fleet.VMPlan, err error) {
	viewer, err := c.asks(ctx, "updateVM")
	if err != nil {
		return nil, nil, plan, err
	}
	if err := change.Check(); err != nil {
		return nil, nil, plan, err
	}
	planned, plan, err := c.planUpdate(ctx, viewer, vm, change)
	if err != nil {
		return nil, nil, plan, err
	}
	if err := acceptable(plan, change.AllowRestart); err != nil {
		return nil, nil, plan, err
	}
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		if v, err = tx.LockVM(ctx, viewer.Scope(), vm); err != nil {
			return err
		}
		if err := c.mayOn(ctx, tx, viewer, "updateVM", fleet.OnVM(v)); err != nil {
			return err
		}
		if v.Version != planned.Version { // while we were planning
			return changed()
		}
		if err := c.label(ctx, tx, viewer, v, change); err != nil {
			return err
		}
		if plan.Impact() != drivers.ImpactNone {
			if o, err = c.resize(ctx, tx, viewer, v, change, plan); err != nil {
				return err
			}
		}
		v, err = tx.VM(ctx, viewer.Scope(), vm)
		return err
	})
	if err != nil {
		return nil, nil, plan, err
	}
	plan.Version = v.Version
	return o, v, plan, nil
}

// acceptable refuses a plan that cannot be carried out, or not as the caller wants it.
func acceptable(plan fleet.VMPlan, restart bool) error {
	for _, p := range plan.Changes {
		switch {
		case p.Impact == drivers.ImpactImpossible:
			return fault.Field(p.Field, "Choose another value.", "%s", p.Reason)
		case p.Impact == drivers.ImpactRestart && !restart:
			return fault.New(fault.Conflict, "%s needs a restart: %s", p.Field, p.Reason).At(p.Field).
				With("Accept that it comes with the next start (allowRestart), or leave it as it is.")
		}
	}
	return nil
}

// label changes what is ours alone, and needs no host for that.
func (c *Control) label(ctx context.Context, tx *store.Store, viewer access.Viewer, v *fleet.VM, change fleet.VMChange) error {
	if change.Description == nil && change.Tags == nil {
		return nil
	}
	if v.Management != fleet.Managed {
		return fault.New(fault.Conflict, "it was found on the host and is not managed here").With("Adopt it first; that changes nothing in it.")
	}
	description, tags := v.Description, v.Tags
	if change.Description != nil {
		description = *change.Description
	}
	if change.Tags != nil {
		tags = *change.Tags
	}
	if err := tx.LabelVM(ctx, viewer.Scope(), v.ID, description, tags); err != nil {
		return err
	}
	if err := events.Record(ctx, tx, v.Event(fleet.Updated)); err != nil {
		return err
	}
	return c.audit(ctx, tx, viewer, deed{verb: "updateVM", target: fleet.TargetVM, id: v.ID, name: v.Name,
		detail: map[string]any{"description": change.Description != nil, "tags": change.Tags}})
}

func (c *Control) resize(ctx context.Context, tx *store.Store, viewer access.Viewer, v *fleet.VM, change fleet.VMChange, plan fleet.VMPlan) (*fleet.Operation, error) {
	p, _, err := c.allowed(ctx, tx, viewer, v, "updateVM")
	if err != nil {
		return nil, err
	}
	o, err := c.order(viewer, p, fleet.UpdateVM, operations.UpdateVM{Want: change.Resize, Plan: plan.Changes})
	if err != nil {
		return nil, err
	}
	takes := v.Resized(change.Resize)
	if v.Management == fleet.Managed {
		if err := c.room(ctx, tx, viewer, v, takes); err != nil {
			return nil, err
		}
	}
	o.TargetType, o.TargetID, o.TargetName, o.Amount = fleet.TargetVM, &v.ID, v.Name, &takes
	if err := c.ops.Enqueue(ctx, tx, o, nil); err != nil {
		return nil, err
	}
	return o, c.audit(ctx, tx, viewer, deed{"updateVM", fleet.TargetVM, v.ID, v.Name, o, map[string]any{"changes": plan.Changes}})
}
