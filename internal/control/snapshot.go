package control

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/operations"
	"github.com/novacron/novacron/internal/store"
)

// CreateSnapshot keeps a VM's present state. The request's Token is set here.
func (c *Control) CreateSnapshot(ctx context.Context, vm uuid.UUID, r drivers.SnapshotRequest) (*fleet.Operation, error) {
	if _, err := c.asks(ctx, "createSnapshot"); err != nil {
		return nil, err
	}
	if err := fleet.CheckName("name", r.Name); err != nil {
		return nil, err
	}
	if err := fleet.CheckText("description", r.Description, fleet.MaxDescription); err != nil {
		return nil, err
	}
	all, ok := c.snapshots(ctx, vm)
	switch {
	case ok && named(all, r.Name):
		return nil, (&fault.Error{Kind: fault.Exists, Message: "a snapshot of this name exists"}).At("name").With("Choose another name.")
	case ok && slices.ContainsFunc(all, func(s drivers.Snapshot) bool { return s.External != r.External }):
		return nil, fault.New(fault.Conflict, "internal and external snapshots of one VM cannot be mixed").
			At("external").With("Take it as the others are, or delete those first.")
	}
	return c.onVM(ctx, vm, "createSnapshot", func(tx *store.Store, v *fleet.VM, p *fleet.Provider) (asked, error) {
		// Memory is asked for by default; a VM that is off has none.
		r.Memory = r.Memory && v.ObservedStatus != fleet.VMStopped
		switch can := p.Info.Features; {
		case r.Memory && !can.SnapshotMemory:
			return asked{}, fault.Field("memory", "Take it without memory, or of a VM that is off.", "this host cannot keep memory in a snapshot")
		case r.External && !can.SnapshotExternal:
			return asked{}, fault.Field("external", "Take it inside the disks.", "this host cannot keep snapshots in files of their own")
		}
		r.Token = ""
		if ok { // others take snapshots too
			v.Snapshots = int64(len(all))
			if err := tx.SetSnapshots(ctx, fleet.Within(v.TenantID), v.ID, len(all)); err != nil {
				return asked{}, err
			}
		}
		takes := v.Takes()
		takes.Snapshots++
		return asked{fleet.CreateSnapshot, operations.CreateSnapshot{Request: r}, map[string]any{"snapshot": r.Name, "memory": r.Memory, "external": r.External}, &takes}, nil
	})
}

// RestoreSnapshot goes back to a kept state.
func (c *Control) RestoreSnapshot(ctx context.Context, vm uuid.UUID, name string) (*fleet.Operation, error) {
	return c.onSnapshot(ctx, vm, name, "restoreSnapshot", fleet.RestoreSnapshot)
}

// DeleteSnapshot forgets a kept state.
func (c *Control) DeleteSnapshot(ctx context.Context, vm uuid.UUID, name string) (*fleet.Operation, error) {
	return c.onSnapshot(ctx, vm, name, "deleteSnapshot", fleet.DeleteSnapshot)
}

func (c *Control) onSnapshot(ctx context.Context, vm uuid.UUID, name, verb string, kind fleet.OperationKind) (*fleet.Operation, error) {
	if _, err := c.asks(ctx, fleet.Permission(verb)); err != nil {
		return nil, err
	}
	if len(name) == 0 || fleet.CheckText("name", name, 255) != nil { // not CheckName: others name snapshots as they like
		return nil, fault.Field("name", "Name a snapshot that it has.", "this is no snapshot's name")
	}
	if all, ok := c.snapshots(ctx, vm); ok && !named(all, name) {
		return nil, fault.Missing("snapshot", name).At("name")
	}
	return c.onVM(ctx, vm, verb, func(*store.Store, *fleet.VM, *fleet.Provider) (asked, error) {
		return asked{kind: kind, input: operations.Snapshot{Name: name}, detail: map[string]any{"snapshot": name}}, nil
	})
}

func named(all []drivers.Snapshot, name string) bool {
	return slices.ContainsFunc(all, func(s drivers.Snapshot) bool { return s.Name == name })
}
