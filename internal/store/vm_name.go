package store

import (
	"context"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fleet"
)

// VMNameTaken reports whether a provider has a VM of this name, or will have one.
func (s *Store) VMNameTaken(ctx context.Context, provider uuid.UUID, name string) (bool, error) {
	taken, err := s.db.NewSelect().Model((*fleet.VM)(nil)).Where("provider_id = ?", provider).Where("name = ?", name).
		Where("missing_since IS NULL").Exists(ctx)
	return taken, broken(err)
}

// VMIDs are the ids of all VMs of a provider.
func (s *Store) VMIDs(ctx context.Context, provider uuid.UUID) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := s.db.NewSelect().Model((*fleet.VM)(nil)).Column("id").Where("provider_id = ?", provider).Scan(ctx, &ids)
	return ids, broken(err)
}
