package store

import (
	"context"

	"github.com/novacron/novacron/internal/fleet"
)

// InsertTicket keeps a ticket until it is used or expires.
func (s *Store) InsertTicket(ctx context.Context, t *fleet.Ticket) error {
	_, err := s.db.NewInsert().Model(t).Exec(ctx)
	return broken(err)
}

// UseTicket takes a ticket, once: whoever asks second, on whichever replica, gets NotFound, and so
// does whoever comes too late or for another purpose. It needs no scope: the secret is the right.
func (s *Store) UseTicket(ctx context.Context, purpose string, hash []byte) (*fleet.Ticket, error) {
	t := new(fleet.Ticket)
	err := s.db.NewRaw("DELETE FROM tickets WHERE hash = ? AND purpose = ? AND expires_at > now() RETURNING *", hash, purpose).Scan(ctx, t)
	if err != nil {
		return nil, found(err, "ticket", "")
	}
	return t, nil
}
