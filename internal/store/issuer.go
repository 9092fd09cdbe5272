package store

import (
	"context"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// Issuers are all that vouch for people, by name.
func (s *Store) Issuers(ctx context.Context) ([]*fleet.Issuer, error) {
	var all []*fleet.Issuer
	return all, broken(s.db.NewSelect().Model(&all).Order("name").Scan(ctx))
}

// Issuer is one of them.
func (s *Store) Issuer(ctx context.Context, id uuid.UUID) (*fleet.Issuer, error) {
	i := new(fleet.Issuer)
	if err := s.db.NewSelect().Model(i).Where("id = ?", id).Scan(ctx); err != nil {
		return nil, found(err, "issuer", id.String())
	}
	return i, nil
}

// InsertIssuer adds one. Exists when the name or the address is taken.
func (s *Store) InsertIssuer(ctx context.Context, i *fleet.Issuer) error {
	_, err := s.db.NewInsert().Model(i).ExcludeColumn("version").Returning("version").Exec(ctx)
	return broken(err)
}

// UpdateIssuer writes all of it. Conflict when somebody else has changed it since it was read.
func (s *Store) UpdateIssuer(ctx context.Context, i *fleet.Issuer) error {
	r, err := s.db.NewUpdate().Model(i).ExcludeColumn("id", "created_at", "updated_at", "version").
		Set("version = version + 1").Set("updated_at = now()").Where("id = ?", i.ID).Where("version = ?", i.Version).Exec(ctx)
	if err != nil {
		return broken(err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return fault.New(fault.Conflict, "somebody else has changed the issuer meanwhile").With("Read it again.").Because(err)
	}
	i.Version++
	return nil
}

// DeleteIssuer removes one; its people stay, and cannot sign in.
func (s *Store) DeleteIssuer(ctx context.Context, id uuid.UUID) error {
	r, err := s.db.NewDelete().Model((*fleet.Issuer)(nil)).Where("id = ?", id).Exec(ctx)
	return touched(r, err, "issuer", id.String())
}
