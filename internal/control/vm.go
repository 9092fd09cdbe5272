package control

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/operations"
	"github.com/novacron/novacron/internal/store"
)

// asked is what somebody wants done to a VM.
type asked struct {
	kind   fleet.OperationKind
	input  any
	detail map[string]any // for the audit; no secret
	takes  *fleet.Amount  // what the VM takes when it is done; nil: no more than now
}

// onVM is the way of every verb that acts on a VM and lasts: may it be done now, then operation,
// audit and event, with the VM held still meanwhile.
func (c *Control) onVM(ctx context.Context, id uuid.UUID, verb string, ask func(tx *store.Store, v *fleet.VM, p *fleet.Provider) (asked, error)) (o *fleet.Operation, err error) {
	viewer, err := c.asks(ctx, fleet.Permission(verb))
	if err != nil {
		return nil, err
	}
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		v, err := tx.LockVM(ctx, viewer.Scope(), id)
		if err != nil {
			return err
		}
		p, under, err := c.allowed(ctx, tx, viewer, v, verb)
		if err != nil {
			return err
		}
		a, err := ask(tx, v, p)
		if err != nil {
			return err
		}
		o, err = c.order(viewer, p, a.kind, a.input)
		if err != nil {
			return err
		}
		if a.takes != nil && v.Management == fleet.Managed {
			if err := c.room(ctx, tx, viewer, v, *a.takes); err != nil {
				return err
			}
		}
		o.TargetType, o.TargetID, o.TargetName, o.Amount = fleet.TargetVM, &v.ID, v.Name, a.takes
		if err := c.ops.Enqueue(ctx, tx, o, under); err != nil {
			return err
		}
		return c.audit(ctx, tx, viewer, deed{verb, fleet.TargetVM, v.ID, v.Name, o, a.detail})
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// allowed asks the table of actions. under is the operation that the new one would overrule.
func (c *Control) allowed(ctx context.Context, tx *store.Store, viewer access.Viewer, v *fleet.VM, verb string) (p *fleet.Provider, under *fleet.Operation, err error) {
	if err := c.mayOn(ctx, tx, viewer, fleet.Permission(verb), fleet.OnVM(v)); err != nil {
		return nil, nil, err
	}
	p, err = tx.Provider(ctx, viewer.Scope(), v.ProviderID)
	if err != nil {
		return nil, nil, err
	}
	if v.OperationID != nil {
		under, err = tx.Operation(ctx, viewer.Scope(), *v.OperationID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, nil, err
		}
	}
	return p, under, v.Action(verb, p, viewer.May(fleet.OnVM(v)), under).Fault()
}

// Power changes a VM's power state.
func (c *Control) Power(ctx context.Context, vm uuid.UUID, to drivers.PowerAction) (*fleet.Operation, error) {
	verb, kind, ok := powerVerb(to)
	if !ok {
		return nil, fault.Field("action", "Choose one of the known actions.", "there is no such power action")
	}
	return c.onVM(ctx, vm, verb, func(*store.Store, *fleet.VM, *fleet.Provider) (asked, error) {
		return asked{kind: kind, input: operations.Power{}}, nil
	})
}

func powerVerb(to drivers.PowerAction) (verb string, kind fleet.OperationKind, ok bool) {
	switch to {
	case drivers.PowerStart:
		return "startVM", fleet.StartVM, true
	case drivers.PowerShutdown:
		return "shutdownVM", fleet.ShutdownVM, true
	case drivers.PowerOff:
		return "powerOffVM", fleet.PowerOffVM, true
	case drivers.PowerReboot:
		return "rebootVM", fleet.RebootVM, true
	case drivers.PowerReset:
		return "resetVM", fleet.ResetVM, true
	case drivers.PowerPause:
		return "pauseVM", fleet.PauseVM, true
	case drivers.PowerResume:
		return "resumeVM", fleet.ResumeVM, true
	case drivers.PowerSuspend:
		return "suspendVM", fleet.SuspendVM, true
	}
	return "", "", false
}

// DeleteVM removes a VM; disks that fates does not name are kept. Conflict for one with snapshots
// unless snapshots is set, and for one that runs unless force is.
func (c *Control) DeleteVM(ctx context.Context, vm uuid.UUID, fates map[string]drivers.DiskFate, snapshots, force bool) (*fleet.Operation, error) {
	if _, err := c.asks(ctx, "deleteVM"); err != nil {
		return nil, err
	}
	if !snapshots {
		if err := c.hasNoSnapshots(ctx, vm); err != nil {
			return nil, err
		}
	}
	return c.onVM(ctx, vm, "deleteVM", func(tx *store.Store, v *fleet.VM, _ *fleet.Provider) (asked, error) {
		if err := mayDelete(v, force); err != nil {
			return asked{}, err
		}
		for name, fate := range fates {
			if !hasDisk(v, name) {
				return asked{}, fault.Field("disks", "Name disks that it has.", "it has no disk %.20q", name)
			}
			if fate != drivers.DiskDelete && fate != drivers.DiskKeep {
				return asked{}, fault.Field("disks", "Use DELETE or KEEP.", "a disk's fate is DELETE or KEEP")
			}
			if fate == drivers.DiskDelete {
				if err := mayDeleteDisk(ctx, tx, v, name, "disks"); err != nil {
					return asked{}, err
				}
			}
		}
		return asked{kind: fleet.DeleteVM, input: operations.DeleteVM{Disks: fates, Snapshots: snapshots, Force: force},
			detail: map[string]any{"disks": fates, "snapshots": snapshots, "force": force}}, nil
	})
}

func mayDelete(v *fleet.VM, force bool) error {
	off := []fleet.VMStatus{fleet.VMStopped, fleet.VMSuspended, fleet.VMError, fleet.VMUnknown, fleet.VMProvisioning}
	if force || v.MissingSince != nil || slices.Contains(off, v.ObservedStatus) {
		return nil // what is not known here is looked at by the operation
	}
	return fault.New(fault.Conflict, "it is not off").With("Shut it down first, or delete it by force.")
}

func hasDisk(v *fleet.VM, name string) bool {
	for _, d := range v.Disks {
		if d.Name == name {
			return true
		}
	}
	return false
}

// quickLook bounds what is asked of a provider before an operation is accepted: a host that does not
// answer in this time is asked by the operation instead.
const quickLook = 700 * time.Millisecond

// snapshots are a VM's if its host tells them quickly; ok false when it does not.
func (c *Control) snapshots(ctx context.Context, id uuid.UUID) (all []drivers.Snapshot, ok bool) {
	viewer, err := access.From(ctx)
	if err != nil {
		return nil, false
	}
	v, err := c.store.VM(ctx, viewer.Scope(), id)
	if err != nil || v.Ref == "" || v.MissingSince != nil {
		return nil, false
	}
	p, err := c.store.Provider(ctx, viewer.Scope(), v.ProviderID)
	if err != nil || !p.Reachable() {
		return nil, false
	}
	ctx, cancel := context.WithTimeout(ctx, quickLook)
	defer cancel()
	conn, err := c.conn(ctx, p)
	if err != nil {
		return nil, false
	}
	all, err = conn.Snapshots(ctx, v.Ref)
	return all, err == nil
}

func (c *Control) hasNoSnapshots(ctx context.Context, vm uuid.UUID) error {
	if all, ok := c.snapshots(ctx, vm); ok && len(all) > 0 {
		return fault.New(fault.Conflict, "it has %d snapshots", len(all)).At("snapshots").With("Delete them too, or first.")
	}
	return nil
}

// AdoptVM takes a discovered VM into management. Managed already: success.
func (c *Control) AdoptVM(ctx context.Context, vm uuid.UUID) (*fleet.VM, error) {
	return c.manage(ctx, vm, "adoptVM", fleet.Managed)
}

// ReleaseVM lets a VM go from management. Discovered already: success.
func (c *Control) ReleaseVM(ctx context.Context, vm uuid.UUID) (*fleet.VM, error) {
	return c.manage(ctx, vm, "releaseVM", fleet.Discovered)
}

func (c *Control) manage(ctx context.Context, id uuid.UUID, verb string, m fleet.Management) (v *fleet.VM, err error) {
	viewer, err := c.asks(ctx, fleet.Permission(verb))
	if err != nil {
		return nil, err
	}
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		v, err = tx.LockVM(ctx, viewer.Scope(), id)
		if err != nil || v.Management == m {
			return err
		}
		if _, _, err := c.allowed(ctx, tx, viewer, v, verb); err != nil {
			return err
		}
		if m == fleet.Managed {
			if err := c.room(ctx, tx, viewer, nil, v.Takes()); err != nil {
				return err
			}
		}
		if err := tx.SetManagement(ctx, viewer.Scope(), id, m); err != nil {
			return err
		}
		v.Management = m
		if err := events.Record(ctx, tx, v.Event(fleet.Updated)); err != nil {
			return err
		}
		return c.audit(ctx, tx, viewer, deed{verb: verb, target: fleet.TargetVM, id: v.ID, name: v.Name})
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}
