package store

import (
	"context"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// Policies are an organisation's, by name.
func (s *Store) Policies(ctx context.Context, scope fleet.Scope) ([]*fleet.Policy, error) {
	var all []*fleet.Policy
	return all, broken(within(s.db.NewSelect().Model(&all), scope).Order("name").Scan(ctx))
}

// Policy is one of them.
func (s *Store) Policy(ctx context.Context, scope fleet.Scope, id uuid.UUID) (*fleet.Policy, error) {
	p := new(fleet.Policy)
	if err := within(s.db.NewSelect().Model(p), scope).Where("id = ?", id).Scan(ctx); err != nil {
		return nil, found(err, "policy", id.String())
	}
	return p, nil
}

// InsertPolicy adds one. Exists when the name is taken.
func (s *Store) InsertPolicy(ctx context.Context, p *fleet.Policy) error {
	_, err := s.db.NewInsert().Model(p).Exec(ctx)
	return broken(err)
}

// UpdatePolicy writes name, text and whether it counts. Conflict when somebody else has changed it since it was read.
func (s *Store) UpdatePolicy(ctx context.Context, scope fleet.Scope, p *fleet.Policy) error {
	r, err := within(s.db.NewUpdate().Model(p), scope).Column("name", "text", "enabled", "changed_by").
		Set("version = version + 1").Set("updated_at = now()").Where("id = ?", p.ID).Where("version = ?", p.Version).Returning("version, updated_at").Exec(ctx)
	if err != nil {
		return broken(err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return fault.New(fault.Conflict, "somebody else has changed the policy meanwhile").With("Read it again.").Because(err)
	}
	return nil
}

// DeletePolicy removes one.
func (s *Store) DeletePolicy(ctx context.Context, scope fleet.Scope, id uuid.UUID) error {
	r, err := within(s.db.NewDelete().Model((*fleet.Policy)(nil)), scope).Where("id = ?", id).Exec(ctx)
	return touched(r, err, "policy", id.String())
}
