package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fleet"
)

// usedEvery is how exact last_used_at is: to write it with each request would make every read a write.
const usedEvery = "1 minute"

// InsertSession keeps a sign-in.
func (s *Store) InsertSession(ctx context.Context, session *fleet.Session) error {
	_, err := s.db.NewInsert().Model(session).Exec(ctx)
	return broken(err)
}

// UserBySession is whose session has this hash; NotFound when there is none, it has expired, or was not used for idle.
func (s *Store) UserBySession(ctx context.Context, hash []byte, idle time.Duration) (*fleet.User, *fleet.Session, error) {
	session := new(fleet.Session)
	err := s.db.NewSelect().Model(session).Where("hash = ?", hash).Where("expires_at > now()").
		Where("last_used_at > now() - ? * interval '1 ms'", idle.Milliseconds()).Scan(ctx)
	if err != nil {
		return nil, nil, found(err, "session", "")
	}
	u, err := s.User(ctx, fleet.System(), session.UserID)
	if err != nil {
		return nil, nil, err
	}
	if time.Since(session.LastUsedAt) > time.Minute {
		_, err = s.db.NewUpdate().Model(session).WherePK().Where("last_used_at < now() - ?::interval", usedEvery).
			Set("last_used_at = now()").Exec(ctx)
	}
	return u, session, broken(err)
}

// Sessions are somebody's, the newest first.
func (s *Store) Sessions(ctx context.Context, user uuid.UUID) ([]*fleet.Session, error) {
	var all []*fleet.Session
	err := s.db.NewSelect().Model(&all).Where("user_id = ?", user).Where("expires_at > now()").Order("created_at DESC").Scan(ctx)
	return all, broken(err)
}

// SetSessionTenant has a session work for another organisation.
func (s *Store) SetSessionTenant(ctx context.Context, session, tenant uuid.UUID) error {
	r, err := s.db.NewUpdate().Model((*fleet.Session)(nil)).Set("tenant_id = ?", tenant).Where("id = ?", session).Exec(ctx)
	return touched(r, err, "session", session.String())
}

// DeleteSession signs out. Not there: success.
func (s *Store) DeleteSession(ctx context.Context, hash []byte) error {
	_, err := s.db.NewDelete().Model((*fleet.Session)(nil)).Where("hash = ?", hash).Exec(ctx)
	return broken(err)
}

// EndSession ends one of somebody's. NotFound when they have none of that id.
func (s *Store) EndSession(ctx context.Context, user, id uuid.UUID) error {
	r, err := s.db.NewDelete().Model((*fleet.Session)(nil)).Where("user_id = ?", user).Where("id = ?", id).Exec(ctx)
	return touched(r, err, "session", id.String())
}

// EndSessions ends all of somebody's, but the one to keep.
func (s *Store) EndSessions(ctx context.Context, user uuid.UUID, keep *uuid.UUID) error {
	q := s.db.NewDelete().Model((*fleet.Session)(nil)).Where("user_id = ?", user)
	if keep != nil {
		q.Where("id <> ?", *keep)
	}
	_, err := q.Exec(ctx)
	return broken(err)
}

// EndIssuerSessions ends the sessions that an issuer knows by this name or, without one, all of the subject's.
func (s *Store) EndIssuerSessions(ctx context.Context, issuer uuid.UUID, sid, subject string) (int64, error) {
	q := s.db.NewDelete().Model((*fleet.Session)(nil)).Where("issuer_id = ?", issuer)
	if sid != "" {
		q.Where("issuer_sid = ?", sid)
	}
	if subject != "" {
		q.Where("user_id IN (SELECT id FROM users WHERE issuer_id = ? AND subject = ?)", issuer, subject)
	}
	r, err := q.Exec(ctx)
	if err != nil {
		return 0, broken(err)
	}
	return r.RowsAffected()
}

// DeleteExpired removes sessions and tickets whose time is over.
func (s *Store) DeleteExpired(ctx context.Context) error {
	for _, model := range []any{(*fleet.Session)(nil), (*fleet.Ticket)(nil)} {
		if _, err := s.db.NewDelete().Model(model).Where("expires_at <= now()").Exec(ctx); err != nil {
			return broken(err)
		}
	}
	return nil
}
