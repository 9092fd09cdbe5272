package store

import (
	"context"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fleet"
)

// InUse is what the managed VMs of each organisation in the scope take, or will take when the operations on them
// are done. Who has none is not in it.
func (s *Store) InUse(ctx context.Context, scope fleet.Scope) (map[uuid.UUID]fleet.Amount, error) {
	var rows []struct {
		TenantID     uuid.UUID
		fleet.Amount `bun:",embed"`
	}
	// The few that an operation is at are read apart: joined to all of them, they would cost a look at every operation there was.
	all := s.db.NewSelect().TableExpr("vms AS v").ColumnExpr("v.tenant_id, 1 AS vms, v.quota_vcpus AS vcpus, v.quota_memory_mib AS memory_mib, v.quota_disk_mib AS disk_mib, v.snapshots").
		Where("v.management = ?", fleet.Managed)
	more := s.db.NewSelect().TableExpr("vms AS v").Join("JOIN operations o ON o.id = v.operation_id").
		ColumnExpr("v.tenant_id, 0, greatest(0, (o.amount ->> 'vcpus')::bigint - v.quota_vcpus), greatest(0, (o.amount ->> 'memoryMiB')::bigint - v.quota_memory_mib)").
		ColumnExpr("greatest(0, (o.amount ->> 'diskMiB')::bigint - v.quota_disk_mib), greatest(0, (o.amount ->> 'snapshots')::bigint - v.snapshots)").
		Where("v.management = ?", fleet.Managed).Where("v.operation_id IS NOT NULL").Where("o.amount IS NOT NULL").Where("o.finished_at IS NULL")
	q := s.db.NewSelect().TableExpr("(?) AS u", restrict(all, scope, "v.tenant_id").UnionAll(restrict(more, scope, "v.tenant_id"))).
		ColumnExpr("u.tenant_id, sum(vms) AS vms, sum(vcpus) AS vcpus, sum(memory_mib) AS memory_mib, sum(disk_mib) AS disk_mib, sum(snapshots) AS snapshots").GroupExpr("u.tenant_id")
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, broken(err)
	}
	use := make(map[uuid.UUID]fleet.Amount, len(rows))
	for _, r := range rows {
		use[r.TenantID] = r.Amount
	}
	return use, nil
}

// LockLimits are an organisation's, and hold whoever else wants to take something up until the transaction ends:
// two that each fit would not fit together. None and no waiting for one without limits.
func (s *Store) LockLimits(ctx context.Context, scope fleet.Scope, tenant uuid.UUID) (fleet.Limits, error) {
	var all []*fleet.Tenant
	err := restrict(s.db.NewSelect().Model(&all), scope, "?TableAlias.id").Where("id = ?", tenant).Where("limits <> '{}'").For("NO KEY UPDATE").Scan(ctx)
	if err != nil || len(all) == 0 {
		return nil, broken(err)
	}
	return all[0].Limits, nil
}

// SetLimits exchanges an organisation's limits.
func (s *Store) SetLimits(ctx context.Context, scope fleet.Scope, tenant uuid.UUID, limits fleet.Limits) error {
	t := &fleet.Tenant{ID: tenant, Limits: limits}
	r, err := restrict(s.db.NewUpdate().Model(t).Column("limits").WherePK(), scope, "?TableAlias.id").Exec(ctx)
	return touched(r, err, "organisation", tenant.String())
}

// SetSnapshots keeps how many snapshots a VM has, as its provider has just told it. No such VM: success.
func (s *Store) SetSnapshots(ctx context.Context, scope fleet.Scope, vm uuid.UUID, n int) error {
	_, err := within(s.db.NewUpdate().Model((*fleet.VM)(nil)), scope).Set("snapshots = ?", n).Where("id = ?", vm).Where("snapshots <> ?", n).Exec(ctx)
	return broken(err)
}

// AddSnapshots counts a VM's snapshots up or down. No such VM: success.
func (s *Store) AddSnapshots(ctx context.Context, scope fleet.Scope, vm uuid.UUID, n int) error {
	_, err := within(s.db.NewUpdate().Model((*fleet.VM)(nil)), scope).Set("snapshots = greatest(0, snapshots + ?)", n).Where("id = ?", vm).Exec(ctx)
	return broken(err)
}
