package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// ClaimVMName refuses a name that a VM of the provider has or will have (Exists), and keeps it from others until
// the end of the transaction: of several who want it at once one gets it.
func (s *Store) ClaimVMName(ctx context.Context, provider uuid.UUID, name string) error {
	if s.tx == nil {
		return fault.New(fault.Internal, "a name was claimed outside of a transaction")
	}
	if _, err := s.db.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", "VM "+provider.String()+" "+name); err != nil {
		return broken(err)
	}
	taken, err := s.db.NewSelect().Model((*fleet.VM)(nil)).Where("provider_id = ?", provider).Where("name = ?", name).
		Where("missing_since IS NULL").Exists(ctx)
	if err == nil && taken {
		return (&fault.Error{Kind: fault.Exists, Message: fmt.Sprintf("a VM named %s exists on this host", name)}).At("name").With("Choose another name.")
	}
	return broken(err)
}

// VMIDs are the ids of all VMs of a provider.
func (s *Store) VMIDs(ctx context.Context, provider uuid.UUID) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := s.db.NewSelect().Model((*fleet.VM)(nil)).Column("id").Where("provider_id = ?", provider).Scan(ctx, &ids)
	return ids, broken(err)
}
