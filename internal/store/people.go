package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fleet"
)

// InsertTenant adds an organisation. Exists when the name is taken.
func (s *Store) InsertTenant(ctx context.Context, t *fleet.Tenant) error {
	_, err := s.db.NewInsert().Model(t).Exec(ctx)
	return broken(err)
}

// Tenants are all organisations in the scope, by name.
func (s *Store) Tenants(ctx context.Context, scope fleet.Scope) ([]*fleet.Tenant, error) {
	var all []*fleet.Tenant
	err := restrict(s.db.NewSelect().Model(&all), scope, "?TableAlias.id").Order("name").Scan(ctx)
	return all, broken(err)
}

// Tenant is one organisation.
func (s *Store) Tenant(ctx context.Context, scope fleet.Scope, id uuid.UUID) (*fleet.Tenant, error) {
	t := new(fleet.Tenant)
	err := restrict(s.db.NewSelect().Model(t), scope, "?TableAlias.id").Where("id = ?", id).Scan(ctx)
	if err != nil {
		return nil, found(err, "organisation", id.String())
	}
	return t, nil
}

// InsertUser adds somebody. Exists when the name is taken.
func (s *Store) InsertUser(ctx context.Context, u *fleet.User) error {
	_, err := s.db.NewInsert().Model(u).Exec(ctx)
	return broken(err)
}

// User is somebody by id.
func (s *Store) User(ctx context.Context, scope fleet.Scope, id uuid.UUID) (*fleet.User, error) {
	u := new(fleet.User)
	if err := within(s.db.NewSelect().Model(u), scope).Where("id = ?", id).Scan(ctx); err != nil {
		return nil, found(err, "user", id.String())
	}
	return u, nil
}

// UserByName is somebody by the name they sign in with.
func (s *Store) UserByName(ctx context.Context, scope fleet.Scope, name string) (*fleet.User, error) {
	if err := text("name", name); err != nil {
		return nil, err
	}
	u := new(fleet.User)
	if err := within(s.db.NewSelect().Model(u), scope).Where("name = ?", name).Scan(ctx); err != nil {
		return nil, found(err, "user", name)
	}
	return u, nil
}

// SetPassword replaces somebody's password hash and ends their sessions.
func (s *Store) SetPassword(ctx context.Context, scope fleet.Scope, user uuid.UUID, hash string) error {
	return s.Tx(ctx, func(tx *Store) error {
		r, err := within(tx.db.NewUpdate().Model((*fleet.User)(nil)), scope).Set("password_hash = ?", hash).Where("id = ?", user).Exec(ctx)
		if err := touched(r, err, "user", user.String()); err != nil {
			return err
		}
		_, err = tx.db.NewDelete().Model((*fleet.Session)(nil)).Where("user_id = ?", user).Exec(ctx)
		return broken(err)
	})
}

// usedEvery is how exact last_used_at is: to write it with each request would make every read a write.
const usedEvery = "1 minute"

// InsertSession keeps a sign-in.
func (s *Store) InsertSession(ctx context.Context, session *fleet.Session) error {
	_, err := s.db.NewInsert().Model(session).Exec(ctx)
	return broken(err)
}

// UserBySession is whose session has this hash; NotFound when there is none or it has expired.
func (s *Store) UserBySession(ctx context.Context, hash []byte) (*fleet.User, *fleet.Session, error) {
	session := new(fleet.Session)
	err := s.db.NewSelect().Model(session).Where("hash = ?", hash).Where("expires_at > now()").Scan(ctx)
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

// DeleteSession signs out. Not there: success.
func (s *Store) DeleteSession(ctx context.Context, hash []byte) error {
	_, err := s.db.NewDelete().Model((*fleet.Session)(nil)).Where("hash = ?", hash).Exec(ctx)
	return broken(err)
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

// InsertToken keeps an API token.
func (s *Store) InsertToken(ctx context.Context, t *fleet.APIToken) error {
	_, err := s.db.NewInsert().Model(t).Exec(ctx)
	return broken(err)
}

// UserByToken is whose API token has this hash; NotFound when there is none or it has expired.
func (s *Store) UserByToken(ctx context.Context, hash []byte) (*fleet.User, *fleet.APIToken, error) {
	t := new(fleet.APIToken)
	err := s.db.NewSelect().Model(t).Where("hash = ?", hash).Where("expires_at IS NULL OR expires_at > now()").Scan(ctx)
	if err != nil {
		return nil, nil, found(err, "API token", "")
	}
	u, err := s.User(ctx, fleet.System(), t.UserID)
	if err != nil {
		return nil, nil, err
	}
	if t.LastUsedAt == nil || time.Since(*t.LastUsedAt) > time.Minute {
		_, err = s.db.NewUpdate().Model((*fleet.APIToken)(nil)).Where("id = ?", t.ID).
			Where("last_used_at IS NULL OR last_used_at < now() - ?::interval", usedEvery).Set("last_used_at = now()").Exec(ctx)
	}
	return u, t, broken(err)
}

// Tokens are somebody's API tokens, newest first.
func (s *Store) Tokens(ctx context.Context, scope fleet.Scope, user uuid.UUID) ([]*fleet.APIToken, error) {
	var all []*fleet.APIToken
	err := within(s.db.NewSelect().Model(&all), scope).Where("user_id = ?", user).Order("id DESC").Scan(ctx)
	return all, broken(err)
}

// DeleteToken ends somebody's API token at once. NotFound when they have none of that id.
func (s *Store) DeleteToken(ctx context.Context, scope fleet.Scope, user, id uuid.UUID) error {
	r, err := within(s.db.NewDelete().Model((*fleet.APIToken)(nil)), scope).Where("id = ?", id).Where("user_id = ?", user).Exec(ctx)
	return touched(r, err, "API token", id.String())
}
