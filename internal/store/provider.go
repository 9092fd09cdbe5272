package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// Providers are all connections in the scope, by name.
func (s *Store) Providers(ctx context.Context, scope fleet.Scope) ([]*fleet.Provider, error) {
	var all []*fleet.Provider
	err := within(s.db.NewSelect().Model(&all), scope).Order("name", "id").Scan(ctx)
	return all, broken(err)
}

// Provider is one connection.
func (s *Store) Provider(ctx context.Context, scope fleet.Scope, id uuid.UUID) (*fleet.Provider, error) {
	p := new(fleet.Provider)
	if err := within(s.db.NewSelect().Model(p), scope).Where("id = ?", id).Scan(ctx); err != nil {
		return nil, found(err, "connection", id.String())
	}
	return p, nil
}

// ProvidersByID reads many at once; those that are not there or not in the scope are left out.
func (s *Store) ProvidersByID(ctx context.Context, scope fleet.Scope, ids []uuid.UUID) (map[uuid.UUID]*fleet.Provider, error) {
	var all []*fleet.Provider
	err := within(s.db.NewSelect().Model(&all), scope).Where("id IN (?)", bun.List(ids)).Scan(ctx)
	return byID(all, func(p *fleet.Provider) uuid.UUID { return p.ID }), broken(err)
}

// InsertProvider adds a connection. Exists when the name is taken.
func (s *Store) InsertProvider(ctx context.Context, p *fleet.Provider) error {
	if p.SettingsVersion == 0 {
		p.SettingsVersion = 1
	}
	if p.Status == "" {
		p.Status = fleet.ProviderConnecting
	}
	_, err := s.db.NewInsert().Model(p).Returning("created_at, updated_at, status_since").Exec(ctx)
	return broken(err)
}

// settings are the columns that somebody sets; all others are seen or leased.
var settings = []string{"name", "transport", "host", "port", "username", "accelerator", "credentials"}

// UpdateProvider writes the settings if they still have p.SettingsVersion, and counts that up.
// Conflict when somebody else was faster, Exists when the name is taken. The connection is
// CONNECTING again: what was known of it was known of the old settings.
func (s *Store) UpdateProvider(ctx context.Context, scope fleet.Scope, p *fleet.Provider) error {
	return s.Tx(ctx, func(tx *Store) error {
		old := new(fleet.Provider)
		err := within(tx.db.NewSelect().Model(old), scope).Where("id = ?", p.ID).For("NO KEY UPDATE").Scan(ctx)
		if err != nil {
			return found(err, "connection", p.ID.String())
		}
		if old.SettingsVersion != p.SettingsVersion {
			return fault.New(fault.Conflict, "the settings have changed since you looked").With("Look again and repeat your change.")
		}
		q := tx.db.NewUpdate().Model(p).Column(settings...).WherePK().
			Set("settings_version = settings_version + 1").Set("updated_at = now()").
			Set("status = ?", fleet.ProviderConnecting).Set("status_since = now()").Set("problem = NULL")
		_, err = q.Returning("settings_version, updated_at, status, status_since, problem").Exec(ctx)
		return broken(err)
	})
}

// RequestRefresh asks whoever reads the provider's inventory to read all of it now.
func (s *Store) RequestRefresh(ctx context.Context, scope fleet.Scope, id uuid.UUID) error {
	r, err := within(s.db.NewUpdate().Model((*fleet.Provider)(nil)), scope).Where("id = ?", id).
		Set("refresh_requested_at = clock_timestamp()").Exec(ctx)
	return touched(r, err, "connection", id.String())
}

// DeleteProvider forgets a connection with its hosts, VMs and images. Conflict while an operation
// is under way there.
func (s *Store) DeleteProvider(ctx context.Context, scope fleet.Scope, id uuid.UUID) error {
	return s.Tx(ctx, func(tx *Store) error {
		p := new(fleet.Provider)
		if err := within(tx.db.NewSelect().Model(p), scope).Where("id = ?", id).For("UPDATE").Scan(ctx); err != nil {
			return found(err, "connection", id.String())
		}
		busy, err := tx.db.NewSelect().Model((*fleet.Operation)(nil)).Where("provider_id = ?", id).
			Where("status NOT IN (?)", bun.List([]fleet.OperationStatus{fleet.OperationSucceeded, fleet.OperationFailed, fleet.OperationCanceled})).
			Exists(ctx)
		if err != nil {
			return broken(err)
		}
		if busy {
			return fault.New(fault.Conflict, "operations are under way there").With("Wait for them to end, or cancel them.")
		}
		_, err = tx.db.NewDelete().Model(p).WherePK().Exec(ctx)
		return broken(err)
	})
}

// Lease is the right to read a provider's inventory, until a time by the database's clock. Its epoch
// grows with each new owner, and fences the writes of one that overslept.
type Lease struct {
	Provider           uuid.UUID  `bun:"id"`
	TenantID           uuid.UUID  `bun:"tenant_id"`
	Epoch              int64      `bun:"lease_epoch"`
	SettingsVersion    int        `bun:"settings_version"`
	RefreshRequestedAt *time.Time `bun:"refresh_requested_at"`
}

// AcquireLeases takes up to n leases that nobody holds.
func (s *Store) AcquireLeases(ctx context.Context, owner string, ttl time.Duration, n int) ([]Lease, error) {
	var got []Lease
	err := s.db.NewRaw(`UPDATE providers SET lease_owner = ?0, lease_until = clock_timestamp() + ?1 * interval '1 ms', lease_epoch = lease_epoch + 1
		WHERE id IN (SELECT id FROM providers WHERE lease_until < clock_timestamp() ORDER BY lease_until LIMIT ?2 FOR NO KEY UPDATE SKIP LOCKED)
		RETURNING id, tenant_id, lease_epoch, settings_version, refresh_requested_at`, owner, ttl.Milliseconds(), n).Scan(ctx, &got)
	return got, broken(err)
}

// RenewLeases prolongs the leases that the owner still holds, and tells what they are. One that is
// missing from the answer is lost.
func (s *Store) RenewLeases(ctx context.Context, owner string, ttl time.Duration) ([]Lease, error) {
	var got []Lease
	err := s.db.NewRaw(`UPDATE providers SET lease_until = clock_timestamp() + ?1 * interval '1 ms'
		WHERE lease_owner = ?0 AND lease_until > clock_timestamp()
		RETURNING id, tenant_id, lease_epoch, settings_version, refresh_requested_at`, owner, ttl.Milliseconds()).Scan(ctx, &got)
	return got, broken(err)
}

// ReleaseLeases gives back what the owner holds, so that others need not wait.
func (s *Store) ReleaseLeases(ctx context.Context, owner string) error {
	_, err := s.db.ExecContext(ctx, `UPDATE providers SET lease_owner = '', lease_until = 'epoch' WHERE lease_owner = ?`, owner)
	return broken(err)
}

// Fence holds the lease still until the end of the transaction: nobody can take it over meanwhile.
// Conflict when it is lost already.
func (s *Store) Fence(ctx context.Context, l Lease) error {
	var n int
	err := s.db.NewRaw("SELECT 1 FROM providers WHERE id = ? AND lease_epoch = ? FOR SHARE", l.Provider, l.Epoch).Scan(ctx, &n)
	if fault.Is(found(err, "lease", ""), fault.NotFound) {
		return fault.New(fault.Conflict, "another replica reads this provider's inventory now")
	}
	return broken(err)
}

// SetProviderSeen writes what the inventory saw: the named columns, if the lease still holds and the
// settings are still those that were seen with. False when they are not.
func (s *Store) SetProviderSeen(ctx context.Context, l Lease, p *fleet.Provider, columns ...string) (bool, error) {
	r, err := s.db.NewUpdate().Model(p).Column(columns...).WherePK().
		Where("lease_epoch = ?", l.Epoch).Where("settings_version = ?", l.SettingsVersion).Exec(ctx)
	if err != nil {
		return false, broken(err)
	}
	n, err := r.RowsAffected()
	return n > 0, broken(err)
}

func byID[T any](all []T, id func(T) uuid.UUID) map[uuid.UUID]T {
	m := make(map[uuid.UUID]T, len(all))
	for _, t := range all {
		m[id(t)] = t
	}
	return m
}
