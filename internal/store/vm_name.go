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
