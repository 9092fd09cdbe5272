package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fleet"
)

// VMMark is the little of a VM that tells whether what a provider says of it is news.
type VMMark struct {
	ID             uuid.UUID
	Ref            drivers.Ref
	Name           string
	ObservedStatus fleet.VMStatus
	Digest         int64
	SeenAt         time.Time
	MissingSince   *time.Time
}

// VMMarks are the marks of a provider's VMs that have a ref: of those refs, or of all when refs is nil.
func (s *Store) VMMarks(ctx context.Context, scope fleet.Scope, provider uuid.UUID, refs []drivers.Ref) (map[drivers.Ref]VMMark, error) {
	var all []VMMark
	q := within(s.db.NewSelect().Model((*fleet.VM)(nil)), scope).
		Column("id", "ref", "name", "observed_status", "digest", "seen_at", "missing_since").
		Where("provider_id = ?", provider).Where("ref IS NOT NULL")
	if refs != nil {
		q.Where("ref IN (?)", bun.List(refs))
	}
	if err := q.Scan(ctx, &all); err != nil {
		return nil, broken(err)
	}
	marks := make(map[drivers.Ref]VMMark, len(all))
	for _, m := range all {
		marks[m.Ref] = m
	}
	return marks, nil
}

// LockVMsSeen reads a provider's VMs of those refs, and those that one of the operations is making
// and that have no ref yet. Nobody else changes them until the end of the transaction.
func (s *Store) LockVMsSeen(ctx context.Context, scope fleet.Scope, provider uuid.UUID, refs []drivers.Ref, operations []uuid.UUID) ([]*fleet.VM, error) {
	var all []*fleet.VM
	// Everybody locks in the order of ids, so that nobody waits in a circle.
	q := within(s.selectVM(&all), scope).Where("provider_id = ?", provider).OrderExpr("v.id").For("NO KEY UPDATE")
	if len(operations) == 0 {
		q.Where("ref IN (?)", bun.List(refs))
	} else {
		q.Where("ref IN (?) OR ref IS NULL AND operation_id IN (?)", bun.List(refs), bun.List(operations))
	}
	return all, broken(q.Scan(ctx))
}

// RefsElsewhere are those of the refs that VMs of other providers have.
func (s *Store) RefsElsewhere(ctx context.Context, scope fleet.Scope, provider uuid.UUID, refs []drivers.Ref) (all []drivers.Ref, err error) {
	err = within(s.db.NewSelect().Model((*fleet.VM)(nil)).Column("ref"), scope).
		Where("provider_id <> ?", provider).Where("ref IN (?)", bun.List(refs)).Scan(ctx, &all)
	return all, broken(err)
}

// seenColumns are what the inventory writes. Intent, operation, management and labels are not among them.
var seenColumns = []string{
	"host_id", "ref", "name", "description", "observed_status", "status_reason", "provider_state", "problem", "hypervisor_type",
	"hypervisor_host", "hypervisor_config", "vcpus", "vcpus_max", "memory_mib", "memory_wanted_mib", "memory_max_mib", "disks", "nics", "pending",
	"quota_vcpus", "quota_memory_mib", "quota_disk_mib", "addresses", "version", "digest", "seen_at", "missing_since", "missing_lists", "updated_at",
}

// SaveVMsSeen writes what was seen of VMs that LockVMsSeen gave.
func (s *Store) SaveVMsSeen(ctx context.Context, vms []*fleet.VM) error {
	if len(vms) == 0 {
		return nil
	}
	for _, v := range vms {
		whole(v)
	}
	_, err := s.db.NewUpdate().Model(&vms).Column(seenColumns...).Bulk().Exec(ctx)
	return broken(err)
}

// InsertVMsSeen adds VMs that were found, and gives the ids of those that somebody else has not added meanwhile.
func (s *Store) InsertVMsSeen(ctx context.Context, vms []*fleet.VM) (ids []uuid.UUID, err error) {
	if len(vms) == 0 {
		return nil, nil
	}
	for _, v := range vms {
		whole(v)
	}
	_, err = s.db.NewInsert().Model(&vms).On("CONFLICT (provider_id, ref) DO NOTHING").Returning("id").Exec(ctx, &ids)
	return ids, broken(err)
}

// MissVMs counts one more full list that lacked these VMs, unless they have been read by themselves
// since before. It gives those that were not missing until now.
func (s *Store) MissVMs(ctx context.Context, ids []uuid.UUID, before time.Time) (lost []uuid.UUID, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	err = s.db.NewRaw(`WITH old AS (SELECT id, missing_since FROM vms WHERE id IN (?0) AND seen_at < ?1 ORDER BY id FOR NO KEY UPDATE),
		new AS (UPDATE vms v SET missing_lists = missing_lists + 1, missing_since = coalesce(old.missing_since, clock_timestamp()),
			updated_at = CASE WHEN old.missing_since IS NULL THEN clock_timestamp() ELSE v.updated_at END
			FROM old WHERE v.id = old.id RETURNING v.id, old.missing_since)
		SELECT id FROM new WHERE missing_since IS NULL`, bun.List(ids), before).Scan(ctx, &lost)
	return lost, broken(err)
}

// ForgetVMs removes a provider's VMs that so many full lists have lacked, and that have been missing
// for so long, unless an operation is under way on them.
func (s *Store) ForgetVMs(ctx context.Context, provider uuid.UUID, lists int, age time.Duration) (ids []uuid.UUID, err error) {
	err = s.db.NewRaw(`DELETE FROM vms WHERE provider_id = ? AND missing_lists >= ? AND operation_id IS NULL
		AND missing_since < clock_timestamp() - ? * interval '1 ms' RETURNING id`, provider, lists, age.Milliseconds()).Scan(ctx, &ids)
	return ids, broken(err)
}

// GuestMark is a running VM whose guest may be asked for its addresses.
type GuestMark struct {
	ID        uuid.UUID
	Ref       drivers.Ref
	Addresses []string
}

// RunningVMs are a provider's running VMs; fresh: only those without a known address that changed
// within the last few minutes, and may still be booting.
func (s *Store) RunningVMs(ctx context.Context, scope fleet.Scope, provider uuid.UUID, fresh bool) ([]GuestMark, error) {
	var all []*fleet.VM
	q := within(s.db.NewSelect().Model(&all), scope).Column("id", "ref", "addresses").Where("provider_id = ?", provider).
		Where("observed_status = ?", fleet.VMRunning).Where("missing_since IS NULL").Where("ref IS NOT NULL").OrderExpr("v.id")
	if fresh {
		q.Where("addresses = '[]'").Where("updated_at > now() - interval '5 minutes'")
	}
	if err := q.Scan(ctx); err != nil {
		return nil, broken(err)
	}
	marks := make([]GuestMark, len(all))
	for i, v := range all {
		marks[i] = GuestMark{v.ID, v.Ref, v.Addresses}
	}
	return marks, nil
}

// SetAddresses keeps a VM's last known addresses.
func (s *Store) SetAddresses(ctx context.Context, id uuid.UUID, addresses []string) error {
	if addresses == nil {
		addresses = []string{}
	}
	_, err := s.db.NewUpdate().Model(&fleet.VM{ID: id, Addresses: addresses}).Column("addresses").WherePK().
		Set("updated_at = now()").Exec(ctx)
	return broken(err)
}
