package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// VMNameTaken reports whether a provider has a VM of this name, or will have one.
func (s *Store) VMNameTaken(ctx context.Context, provider uuid.UUID, name string) (bool, error) {
	taken, err := s.db.NewSelect().Model((*fleet.VM)(nil)).Where("provider_id = ?", provider).Where("name = ?", name).
		Where("missing_since IS NULL").Exists(ctx)
	return taken, broken(err)
}

// ClaimVMName refuses a name that a VM of the provider has or will have (Exists), and keeps it from others until
// the end of the transaction: of several who want it at once one gets it.
func (s *Store) ClaimVMName(ctx context.Context, provider uuid.UUID, name string) error {
	if s.tx == nil {
		return fault.New(fault.Internal, "a name was claimed outside of a transaction")
	}
	if _, err := s.db.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", "VM "+provider.String()+" "+name); err != nil {
		return broken(err)
	}
	taken, err := s.VMNameTaken(ctx, provider, name)
	if err == nil && taken {
		err = (&fault.Error{Kind: fault.Exists, Message: fmt.Sprintf("a VM named %s exists on this host", name)}).At("name").With("Choose another name.")
	}
	return err
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

// VMIDs are the ids of all VMs of a provider.
func (s *Store) VMIDs(ctx context.Context, provider uuid.UUID) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := s.db.NewSelect().Model((*fleet.VM)(nil)).Column("id").Where("provider_id = ?", provider).Scan(ctx, &ids)
	return ids, broken(err)
}
