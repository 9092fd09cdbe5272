package control

import (
	"context"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fleet"
)

// CreateVM asks for a VM. It answers with the operation and the VM, PROVISIONING for now.
// The same IdempotencyKey again gives the same two; Conflict when what is asked for differs.
func (c *Control) CreateVM(ctx context.Context, n fleet.NewVM) (*fleet.Operation, *fleet.VM, error) {
	return nil, nil, unbuilt()
}

// PlanUpdateVM says what an update would mean: one verdict for each changed field. Changes nothing.
func (c *Control) PlanUpdateVM(ctx context.Context, vm uuid.UUID, change fleet.VMChange) (fleet.VMPlan, error) {
	return fleet.VMPlan{}, unbuilt()
}

// UpdateVM changes a VM: text and labels at once, size by an operation, which is nil when no size changes.
// Conflict when the VM is no longer of IfVersion, or a change needs a restart that AllowRestart does not
// accept; Invalid with the field and the reason for what is impossible.
func (c *Control) UpdateVM(ctx context.Context, vm uuid.UUID, change fleet.VMChange) (*fleet.Operation, *fleet.VM, fleet.VMPlan, error) {
	return nil, nil, fleet.VMPlan{}, unbuilt()
}

// Power changes a VM's power state.
func (c *Control) Power(ctx context.Context, vm uuid.UUID, to drivers.PowerAction) (*fleet.Operation, error) {
	return nil, unbuilt()
}

// DeleteVM removes a VM; disks that fates does not name are kept. Conflict for one with snapshots
// unless snapshots is set, and for one that runs unless force is.
func (c *Control) DeleteVM(ctx context.Context, vm uuid.UUID, fates map[string]drivers.DiskFate, snapshots, force bool) (*fleet.Operation, error) {
	return nil, unbuilt()
}

// AdoptVM takes a discovered VM into management. Managed already: success.
func (c *Control) AdoptVM(ctx context.Context, vm uuid.UUID) (*fleet.VM, error) {
	return nil, unbuilt()
}

// ReleaseVM lets a VM go from management. Discovered already: success.
func (c *Control) ReleaseVM(ctx context.Context, vm uuid.UUID) (*fleet.VM, error) {
	return nil, unbuilt()
}

// AttachDisk plugs a disk into a VM.
func (c *Control) AttachDisk(ctx context.Context, vm uuid.UUID, d fleet.NewDisk) (*fleet.Operation, error) {
	return nil, unbuilt()
}

// DetachDisk unplugs a disk by its name.
func (c *Control) DetachDisk(ctx context.Context, vm uuid.UUID, name string, fate drivers.DiskFate) (*fleet.Operation, error) {
	return nil, unbuilt()
}

// AttachNIC plugs a NIC into a VM.
func (c *Control) AttachNIC(ctx context.Context, vm uuid.UUID, n drivers.NICRequest) (*fleet.Operation, error) {
	return nil, unbuilt()
}

// DetachNIC unplugs a NIC by its MAC.
func (c *Control) DetachNIC(ctx context.Context, vm uuid.UUID, mac string) (*fleet.Operation, error) {
	return nil, unbuilt()
}

// CreateSnapshot keeps a VM's present state. The request's Token is set here.
func (c *Control) CreateSnapshot(ctx context.Context, vm uuid.UUID, r drivers.SnapshotRequest) (*fleet.Operation, error) {
	return nil, unbuilt()
}

// RestoreSnapshot goes back to a kept state.
func (c *Control) RestoreSnapshot(ctx context.Context, vm uuid.UUID, name string) (*fleet.Operation, error) {
	return nil, unbuilt()
}

// DeleteSnapshot forgets a kept state.
func (c *Control) DeleteSnapshot(ctx context.Context, vm uuid.UUID, name string) (*fleet.Operation, error) {
	return nil, unbuilt()
}

// PlanBulk says on which VMs a bulk action would act and which it would leave. Changes nothing.
func (c *Control) PlanBulk(ctx context.Context, r fleet.BulkRequest) (fleet.BulkPlan, error) {
	return fleet.BulkPlan{}, unbuilt()
}

// Bulk does one action to many VMs: one operation whose children are the VMs' own.
func (c *Control) Bulk(ctx context.Context, r fleet.BulkRequest) (*fleet.Operation, error) {
	return nil, unbuilt()
}
