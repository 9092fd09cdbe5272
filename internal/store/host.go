package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/novacron/novacron/internal/fleet"
)

// Hosts are the hypervisor hosts in the scope, by name; of one provider when it is given.
func (s *Store) Hosts(ctx context.Context, scope fleet.Scope, provider *uuid.UUID) ([]*fleet.HypervisorHost, error) {
	var all []*fleet.HypervisorHost
	q := within(s.db.NewSelect().Model(&all), scope).Order("name", "id")
	if provider != nil {
		q.Where("provider_id = ?", *provider)
	}
	return all, broken(q.Scan(ctx))
}

// Host is one hypervisor host.
func (s *Store) Host(ctx context.Context, scope fleet.Scope, id uuid.UUID) (*fleet.HypervisorHost, error) {
	h := new(fleet.HypervisorHost)
	if err := within(s.db.NewSelect().Model(h), scope).Where("id = ?", id).Scan(ctx); err != nil {
		return nil, found(err, "host", id.String())
	}
	return h, nil
}

// HostsByID reads many at once; those that are not there or not in the scope are left out.
func (s *Store) HostsByID(ctx context.Context, scope fleet.Scope, ids []uuid.UUID) (map[uuid.UUID]*fleet.HypervisorHost, error) {
	var all []*fleet.HypervisorHost
	err := within(s.db.NewSelect().Model(&all), scope).Where("id IN (?)", bun.List(ids)).Scan(ctx)
	return byID(all, func(h *fleet.HypervisorHost) uuid.UUID { return h.ID }), broken(err)
}

// HostsByProvider are the hosts of many providers, by name.
func (s *Store) HostsByProvider(ctx context.Context, scope fleet.Scope, providers []uuid.UUID) (map[uuid.UUID][]*fleet.HypervisorHost, error) {
	var all []*fleet.HypervisorHost
	err := within(s.db.NewSelect().Model(&all), scope).Where("provider_id IN (?)", bun.List(providers)).Order("name", "id").Scan(ctx)
	of := make(map[uuid.UUID][]*fleet.HypervisorHost, len(providers))
	for _, h := range all {
		of[h.ProviderID] = append(of[h.ProviderID], h)
	}
	return of, broken(err)
}

// up are the states in which a VM takes CPU and memory of its host.
var up = []fleet.VMStatus{fleet.VMRunning, fleet.VMPaused, fleet.VMStarting, fleet.VMStopping, fleet.VMMigrating}

// HostUse is what VMs take of each host. What was last seen counts while a host does not answer: its
// memory is not free because we cannot see it.
func (s *Store) HostUse(ctx context.Context, scope fleet.Scope, hosts []uuid.UUID) (map[uuid.UUID]fleet.HostUse, error) {
	var rows []struct {
		HostID uuid.UUID
		fleet.HostUse
	}
	q := within(s.db.NewSelect().Model((*fleet.VM)(nil)), scope).Where("host_id IN (?)", bun.List(hosts)).
		Where("missing_since IS NULL").
		Column("host_id").
		ColumnExpr("count(*) AS vms").
		ColumnExpr("count(*) FILTER (WHERE observed_status = ?) AS running", fleet.VMRunning).
		ColumnExpr("coalesce(sum(vcpus) FILTER (WHERE observed_status IN (?)), 0) AS vcpus", bun.List(up)).
		ColumnExpr("coalesce(sum(memory_mib) FILTER (WHERE observed_status IN (?)), 0) AS memory_mib", bun.List(up)).
		Group("host_id")
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, broken(err)
	}
	use := make(map[uuid.UUID]fleet.HostUse, len(rows))
	for _, r := range rows {
		use[r.HostID] = r.HostUse
	}
	return use, nil
}

// InsertHost adds a host that a survey found.
func (s *Store) InsertHost(ctx context.Context, h *fleet.HypervisorHost) error {
	_, err := s.db.NewInsert().Model(h).Exec(ctx)
	return broken(err)
}

// UpdateHost writes what a survey saw of a host.
func (s *Store) UpdateHost(ctx context.Context, h *fleet.HypervisorHost) error {
	r, err := s.db.NewUpdate().Model(h).WherePK().ExcludeColumn("created_at").Exec(ctx)
	return touched(r, err, "host", h.ID.String())
}

// DeleteHost removes a host that surveys no longer find.
func (s *Store) DeleteHost(ctx context.Context, id uuid.UUID) error {
	_, err := s.db.NewDelete().Model((*fleet.HypervisorHost)(nil)).Where("id = ?", id).Exec(ctx)
	return broken(err)
}
