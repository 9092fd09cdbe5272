package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fleet"
)

// Images are what VMs can be made from, by name; of one provider when it is given.
func (s *Store) Images(ctx context.Context, scope fleet.Scope, provider *uuid.UUID) ([]*fleet.Image, error) {
	var all []*fleet.Image
	q := within(s.db.NewSelect().Model(&all), scope).Order("name", "id")
	if provider != nil {
		q.Where("provider_id = ?", *provider)
	}
	return all, broken(q.Scan(ctx))
}

// Image is one image.
func (s *Store) Image(ctx context.Context, scope fleet.Scope, id uuid.UUID) (*fleet.Image, error) {
	i := new(fleet.Image)
	if err := within(s.db.NewSelect().Model(i), scope).Where("id = ?", id).Scan(ctx); err != nil {
		return nil, found(err, "image", id.String())
	}
	return i, nil
}

// ImageByVolume is the image that a volume of the provider is; nil when it is none.
func (s *Store) ImageByVolume(ctx context.Context, scope fleet.Scope, provider uuid.UUID, v drivers.VolumeRef) (*fleet.Image, error) {
	i := new(fleet.Image)
	err := within(s.db.NewSelect().Model(i), scope).Where("provider_id = ?", provider).Where("pool = ?", v.Pool).Where("volume = ?", v.Volume).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return i, broken(err)
}

// ImagesByID reads many at once; those that are not there or not in the scope are left out.
func (s *Store) ImagesByID(ctx context.Context, scope fleet.Scope, ids []uuid.UUID) (map[uuid.UUID]*fleet.Image, error) {
	var all []*fleet.Image
	err := within(s.db.NewSelect().Model(&all), scope).Where("id IN (?)", bun.List(ids)).Scan(ctx)
	return byID(all, func(i *fleet.Image) uuid.UUID { return i.ID }), broken(err)
}

// InsertImage adds an image. Exists, naming the field, when its name or its volume is taken.
func (s *Store) InsertImage(ctx context.Context, i *fleet.Image) error {
	_, err := s.db.NewInsert().Model(i).Returning("created_at, updated_at").Exec(ctx)
	return broken(err)
}

// UpdateImage writes all of an image.
func (s *Store) UpdateImage(ctx context.Context, i *fleet.Image) error {
	r, err := s.db.NewUpdate().Model(i).WherePK().ExcludeColumn("created_at", "updated_at").Set("updated_at = now()").Exec(ctx)
	return touched(r, err, "image", i.ID.String())
}

// DeleteImage forgets an image.
func (s *Store) DeleteImage(ctx context.Context, scope fleet.Scope, id uuid.UUID) error {
	r, err := within(s.db.NewDelete().Model((*fleet.Image)(nil)), scope).Where("id = ?", id).Exec(ctx)
	return touched(r, err, "image", id.String())
}
