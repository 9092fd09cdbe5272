package store

import (
	"context"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// AppendEvents adds to the log, in the transaction of what happened: never one without the other.
// The rooms call events.Record.
func (s *Store) AppendEvents(ctx context.Context, all ...fleet.Event) error {
	if s.tx == nil {
		return fault.New(fault.Internal, "an event was recorded outside the transaction of its deed")
	}
	if len(all) == 0 {
		return nil
	}
	_, err := s.db.NewInsert().Model(&all).Returning("NULL").Exec(ctx)
	s.tx.events = true
	return broken(err)
}
