package store

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// selectVM reads VMs, generated columns included: bun leaves those out by itself.
func (s *Store) selectVM(model any) *bun.SelectQuery {
	return s.db.NewSelect().Model(model).ColumnExpr("?TableColumns, v.status")
}

// VM is one VM.
func (s *Store) VM(ctx context.Context, scope fleet.Scope, id uuid.UUID) (*fleet.VM, error) {
	v := new(fleet.VM)
	if err := within(s.selectVM(v), scope).Where("id = ?", id).Scan(ctx); err != nil {
		return nil, found(err, "VM", id.String())
	}
	return v, nil
}

// LockVM is VM, and nobody else changes it until the end of the transaction.
func (s *Store) LockVM(ctx context.Context, scope fleet.Scope, id uuid.UUID) (*fleet.VM, error) {
	v := new(fleet.VM)
	if err := within(s.selectVM(v), scope).Where("id = ?", id).For("NO KEY UPDATE").Scan(ctx); err != nil {
		return nil, found(err, "VM", id.String())
	}
	return v, nil
}

// VMsByID reads many at once; those that are not there or not in the scope are left out.
func (s *Store) VMsByID(ctx context.Context, scope fleet.Scope, ids []uuid.UUID) (map[uuid.UUID]*fleet.VM, error) {
	var all []*fleet.VM
	err := within(s.selectVM(&all), scope).Where("id IN (?)", bun.List(ids)).Scan(ctx)
	return byID(all, func(v *fleet.VM) uuid.UUID { return v.ID }), broken(err)
}

// VMByRef is a VM by its provider's own id.
func (s *Store) VMByRef(ctx context.Context, scope fleet.Scope, provider uuid.UUID, ref drivers.Ref) (*fleet.VM, error) {
	if err := text("ref", string(ref)); err != nil {
		return nil, err
	}
	v := new(fleet.VM)
	err := within(s.selectVM(v), scope).Where("provider_id = ?", provider).Where("ref = ?", ref).Scan(ctx)
	if err != nil {
		return nil, found(err, "VM", string(ref))
	}
	return v, nil
}

// InsertVM adds a VM that is about to be made.
func (s *Store) InsertVM(ctx context.Context, v *fleet.VM) error {
	_, err := s.db.NewInsert().Model(whole(v)).Returning("status, created_at, updated_at, seen_at").Exec(ctx)
	return broken(err)
}

// SetIntent says where the operation is taking the VM, or that it is there (intent nil). The first
// call claims the VM: Conflict while another operation has it.
func (s *Store) SetIntent(ctx context.Context, id, operation uuid.UUID, intent *fleet.VMStatus) error {
	return s.claim(ctx, id, operation, func(q *bun.UpdateQuery) *bun.UpdateQuery {
		return q.Set("intent = ?", intent).Set("operation_id = ?", operation)
	})
}

// EndIntent lets the VM go: it has no operation any more, and its status is what is observed.
// A VM that is gone is a success.
func (s *Store) EndIntent(ctx context.Context, id, operation uuid.UUID) error {
	_, err := s.db.NewUpdate().Model((*fleet.VM)(nil)).Where("id = ?", id).Where("operation_id = ?", operation).
		Set("intent = NULL").Set("operation_id = NULL").Set("updated_at = now()").Exec(ctx)
	return broken(err)
}

func (s *Store) claim(ctx context.Context, id, operation uuid.UUID, set func(*bun.UpdateQuery) *bun.UpdateQuery) error {
	q := s.db.NewUpdate().Model((*fleet.VM)(nil)).Where("id = ?", id).
		Where("operation_id IS NULL OR operation_id = ?", operation).Set("updated_at = now()")
	r, err := set(q).Exec(ctx)
	if err := touched(r, err, "VM", id.String()); !fault.Is(err, fault.NotFound) {
		return err
	}
	if _, err := s.VM(ctx, fleet.System(), id); err != nil {
		return err
	}
	return fault.New(fault.Conflict, "another operation is under way on this VM").With("Wait for it to end, or cancel it.")
}

// LabelVM sets a VM's description and labels.
func (s *Store) LabelVM(ctx context.Context, scope fleet.Scope, id uuid.UUID, description string, tags map[string]string) error {
	if tags == nil {
		tags = map[string]string{}
	}
	r, err := within(s.db.NewUpdate().Model(&fleet.VM{ID: id, Description: description, Tags: tags}), scope).
		Column("description", "tags").WherePK().Set("updated_at = now()").Set("version = version + 1").Exec(ctx)
	return touched(r, err, "VM", id.String())
}

// SetManagement adopts a VM or lets it go.
func (s *Store) SetManagement(ctx context.Context, scope fleet.Scope, id uuid.UUID, m fleet.Management) error {
	r, err := within(s.db.NewUpdate().Model((*fleet.VM)(nil)), scope).Where("id = ?", id).
		Set("management = ?", m).Set("updated_at = now()").Exec(ctx)
	return touched(r, err, "VM", id.String())
}

// DeleteVM forgets a VM. Not there: success.
func (s *Store) DeleteVM(ctx context.Context, id uuid.UUID) error {
	_, err := s.db.NewDelete().Model((*fleet.VM)(nil)).Where("id = ?", id).Exec(ctx)
	return broken(err)
}

// whole gives a VM's lists something to be: a column that holds JSON null would be neither empty nor full.
func whole(v *fleet.VM) *fleet.VM {
	if v.Disks == nil {
		v.Disks = []drivers.Disk{}
	}
	if v.NICs == nil {
		v.NICs = []drivers.NIC{}
	}
	if v.Pending == nil {
		v.Pending = []drivers.PendingChange{}
	}
	if v.Addresses == nil {
		v.Addresses = []string{}
	}
	if v.Tags == nil {
		v.Tags = map[string]string{}
	}
	takes := v.Takes()
	v.QuotaVCPUs, v.QuotaMemoryMiB, v.QuotaDiskMiB = takes.VCPUs, takes.MemoryMiB, takes.DiskMiB
	return v
}

// VMsWithVolume are the VMs of the provider that have the volume as a disk.
func (s *Store) VMsWithVolume(ctx context.Context, scope fleet.Scope, provider uuid.UUID, v drivers.VolumeRef) ([]*fleet.VM, error) {
	disk, err := json.Marshal([]map[string]string{{"pool": v.Pool, "volume": v.Volume}})
	if err != nil {
		return nil, broken(err)
	}
	var all []*fleet.VM
	err = within(s.db.NewSelect().Model(&all), scope).Where("provider_id = ?", provider).Where("disks @> ?::text::jsonb", string(disk)).Scan(ctx)
	return all, broken(err)
}
