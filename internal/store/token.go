package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fleet"
)

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
