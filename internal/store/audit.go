package store

import (
	"context"

	"github.com/novacron/novacron/internal/fleet"
)

// Audit writes down who did what, in the transaction of the deed.
func (s *Store) Audit(ctx context.Context, e *fleet.AuditEntry) error {
	if e.Detail == nil {
		e.Detail = map[string]any{}
	}
	_, err := s.db.NewInsert().Model(e).Exec(ctx)
	return broken(err)
}

// AuditEntries are the newest entries, newest first, older than the one with the id before (0: from the newest).
func (s *Store) AuditEntries(ctx context.Context, scope fleet.Scope, before int64, first int) ([]*fleet.AuditEntry, error) {
	var all []*fleet.AuditEntry
	q := within(s.db.NewSelect().Model(&all), scope).Order("id DESC").Limit(int64(first))
	if before > 0 {
		q.Where("id < ?", before)
	}
	return all, broken(q.Scan(ctx))
}
