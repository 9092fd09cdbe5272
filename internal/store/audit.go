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
	if e.Outcome == "" {
		e.Outcome = fleet.AuditAllowed
	}
	_, err := s.db.NewInsert().Model(e).Exec(ctx)
	return broken(err)
}

// AuditEntries are the newest entries that match, newest first, older than the one with the id before (0: from the newest).
func (s *Store) AuditEntries(ctx context.Context, scope fleet.Scope, f fleet.AuditFilter, before int64, first int) ([]*fleet.AuditEntry, error) {
	for field, value := range map[string]string{"filter.actor": f.Actor, "filter.action": f.Action} {
		if err := text(field, value); err != nil {
			return nil, err
		}
	}
	var all []*fleet.AuditEntry
	q := within(s.db.NewSelect().Model(&all), scope).Order("id DESC").Limit(int64(first))
	if before > 0 {
		q.Where("id < ?", before)
	}
	if f.Actor != "" {
		q.Where("actor = ?", f.Actor)
	}
	if f.Action != "" {
		q.Where("action = ?", f.Action)
	}
	if f.Outcome != nil {
		q.Where("outcome = ?", *f.Outcome)
	}
	if f.Target != nil {
		q.Where("target_id = ?", *f.Target)
	}
	if f.Operation != nil {
		q.Where("operation_id = ?", *f.Operation)
	}
	if f.Since != nil {
		q.Where("at >= ?", *f.Since)
	}
	if f.Until != nil {
		q.Where("at < ?", *f.Until)
	}
	return all, broken(q.Scan(ctx))
}
