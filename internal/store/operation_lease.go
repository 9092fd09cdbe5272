package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// leasing is the advisory lock that lets one replica at a time look for work: only so can the limit
// of each provider be counted. It is held for two statements.
const leasing = 0x6e6f7661 // "nova"

// LeaseOperations takes up to n operations that are due and that nobody works on, oldest first, until
// ttl from now by the database's clock. At most perProvider operations of one provider are begun at
// a time, waiting ones included; what has begun always goes on.
func (s *Store) LeaseOperations(ctx context.Context, owner string, ttl time.Duration, n, perProvider int) ([]*fleet.Operation, error) {
	var due int
	err := s.db.NewRaw(`SELECT count(*) FROM (
		(SELECT 1 FROM operations WHERE status IN ('RUNNING', 'WAITING', 'UNDOING')
			AND run_at <= clock_timestamp() AND lease_until < clock_timestamp() AND waits_for IS NULL LIMIT 1)
		UNION ALL
		(SELECT 1 FROM operations WHERE status = 'QUEUED'
			AND run_at <= clock_timestamp() AND lease_until < clock_timestamp() AND waits_for IS NULL LIMIT 1)) AS found`).Scan(ctx, &due)
	if err != nil || due == 0 {
		return nil, broken(err)
	}
	var all []*fleet.Operation
	err = s.Tx(ctx, func(tx *Store) error {
		if _, err := tx.db.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", leasing); err != nil {
			return broken(err)
		}
		// What has begun first. Of what has not, only as many rows of each provider are looked at as
		// it may begin: thousands may be in its queue.
		return broken(tx.db.NewRaw(`
			WITH busy AS (
				SELECT provider_id, count(*) AS n FROM operations
				WHERE status IN ('RUNNING', 'WAITING', 'UNDOING') AND provider_id IS NOT NULL GROUP BY provider_id),
			candidates AS (
				(SELECT id, run_at FROM operations
				WHERE status IN ('RUNNING', 'WAITING', 'UNDOING')
					AND run_at <= clock_timestamp() AND lease_until < clock_timestamp() AND waits_for IS NULL
				ORDER BY run_at, id LIMIT ?2)
				UNION ALL
				(SELECT id, run_at FROM operations
				WHERE status = 'QUEUED' AND provider_id IS NULL
					AND run_at <= clock_timestamp() AND lease_until < clock_timestamp() AND waits_for IS NULL
				ORDER BY run_at, id LIMIT ?2)
				UNION ALL
				SELECT fresh.id, fresh.run_at FROM providers AS p LEFT JOIN busy ON busy.provider_id = p.id,
				LATERAL (SELECT o.id, o.run_at FROM operations AS o
					WHERE o.provider_id = p.id AND o.status = 'QUEUED' AND o.waits_for IS NULL
						AND o.run_at <= clock_timestamp() AND o.lease_until < clock_timestamp()
					ORDER BY o.run_at, o.id LIMIT greatest(?3 - coalesce(busy.n, 0), 0)) AS fresh),
			chosen AS (
				SELECT id FROM operations WHERE id IN (SELECT id FROM candidates ORDER BY run_at, id LIMIT ?2)
				FOR NO KEY UPDATE SKIP LOCKED)
			UPDATE operations SET lease_owner = ?0, lease_until = clock_timestamp() + ?1 * interval '1 ms', lease_epoch = lease_epoch + 1,
				status = CASE status WHEN 'QUEUED' THEN 'RUNNING' ELSE status END, started_at = coalesce(started_at, clock_timestamp())
			WHERE id IN (SELECT id FROM chosen) RETURNING *`, owner, ttl.Milliseconds(), n, perProvider).Scan(ctx, &all))
	})
	return all, err
}

// LeaseOperation takes one operation that nobody works on, whether it is due or not. Conflict when
// somebody works on it or it has ended.
func (s *Store) LeaseOperation(ctx context.Context, owner string, ttl time.Duration, id uuid.UUID) (*fleet.Operation, error) {
	o := new(fleet.Operation)
	err := s.db.NewRaw(`UPDATE operations SET lease_owner = ?0, lease_until = clock_timestamp() + ?1 * interval '1 ms', lease_epoch = lease_epoch + 1,
			status = CASE status WHEN 'QUEUED' THEN 'RUNNING' ELSE status END, started_at = coalesce(started_at, clock_timestamp())
		WHERE id = ?2 AND status IN ('QUEUED', 'RUNNING', 'WAITING') AND lease_until < clock_timestamp() AND waits_for IS NULL RETURNING *`,
		owner, ttl.Milliseconds(), id).Scan(ctx, o)
	if fault.Is(found(err, "operation", id.String()), fault.NotFound) {
		return nil, fault.New(fault.Conflict, "the operation has ended, or is being worked on")
	}
	return o, broken(err)
}

// Renewed is an operation whose lease was prolonged.
type Renewed struct {
	ID              uuid.UUID
	LeaseEpoch      int64
	CancelRequested bool
}

// RenewOperations prolongs those of the leases that the owner still holds, and tells what they are. One
// that is missing from the answer, or has another epoch, is lost.
func (s *Store) RenewOperations(ctx context.Context, owner string, ttl time.Duration, ids []uuid.UUID) ([]Renewed, error) {
	var all []Renewed
	err := s.db.NewRaw(`UPDATE operations SET lease_until = clock_timestamp() + ?1 * interval '1 ms'
		WHERE lease_owner = ?0 AND lease_until >= clock_timestamp() AND id IN (?2) RETURNING id, lease_epoch, cancel_requested`,
		owner, ttl.Milliseconds(), bun.List(ids)).Scan(ctx, &all)
	return all, broken(err)
}

// CanceledOperations are those among the owner's that somebody has asked to stop.
func (s *Store) CanceledOperations(ctx context.Context, owner string) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := s.db.NewSelect().Model((*fleet.Operation)(nil)).Column("id").Where("lease_owner = ?", owner).
		Where("status IN (?)", bun.List([]fleet.OperationStatus{fleet.OperationRunning, fleet.OperationWaiting})).
		Where("cancel_requested").Scan(ctx, &ids)
	return ids, broken(err)
}

// worked is what the worker of an operation writes; the rest of the row belongs to others.
var worked = []string{"status", "state", "steps", "progress", "note", "error"}

// SaveOperation writes how far the operation has come, if the lease that it was read with still
// holds: Fenced otherwise.
func (s *Store) SaveOperation(ctx context.Context, o *fleet.Operation) error {
	return s.fenced(ctx, o, func(q *bun.UpdateQuery) {})
}

// YieldOperation is SaveOperation and gives the lease up; the operation is due again after the pause,
// or at once when somebody has asked it to stop meanwhile and it minds that.
func (s *Store) YieldOperation(ctx context.Context, o *fleet.Operation, pause time.Duration, minds bool) error {
	return s.fenced(ctx, o, func(q *bun.UpdateQuery) {
		q.Set("lease_owner = ''").Set("lease_until = 'epoch'").
			Set("run_at = CASE WHEN cancel_requested AND ? THEN clock_timestamp() ELSE clock_timestamp() + ? * interval '1 ms' END",
				minds, pause.Milliseconds())
	})
}

// EndOperation is SaveOperation with an end: nobody works on it any more, and those that waited for it
// need not do so. STUCK is such an end too.
func (s *Store) EndOperation(ctx context.Context, o *fleet.Operation) error {
	err := s.fenced(ctx, o, func(q *bun.UpdateQuery) {
		q.Set("lease_owner = ''").Set("lease_until = 'epoch'")
		if o.Status.Ended() {
			q.Set("finished_at = clock_timestamp()")
		}
	})
	if err != nil {
		return err
	}
	return s.freed(ctx, o)
}

// freed wakes what waited for the end of an operation.
func (s *Store) freed(ctx context.Context, o *fleet.Operation) error {
	if !o.Status.Ended() {
		return nil
	}
	_, err := s.db.NewUpdate().Model((*fleet.Operation)(nil)).Where("waits_for = ?", o.ID).
		Set("waits_for = NULL").Set("run_at = clock_timestamp()").Exec(ctx)
	if err != nil || o.ParentID == nil {
		return broken(err)
	}
	// The last of a BULK operation's parts wakes it. Two that end in the same moment may both not
	// see that they are the last: then it looks by itself a second later.
	_, err = s.db.ExecContext(ctx, `UPDATE operations SET run_at = clock_timestamp() WHERE id = ?0 AND run_at > clock_timestamp()
		AND NOT EXISTS (SELECT 1 FROM operations WHERE parent_id = ?0 AND status IN ('QUEUED', 'RUNNING', 'WAITING', 'UNDOING'))`, *o.ParentID)
	return broken(err)
}

func (s *Store) fenced(ctx context.Context, o *fleet.Operation, also func(*bun.UpdateQuery)) error {
	q := s.db.NewUpdate().Model(full(o)).Column(worked...).Where("id = ?", o.ID).
		Where("lease_owner = ?", o.LeaseOwner).Where("lease_epoch = ?", o.LeaseEpoch).Where("lease_until >= clock_timestamp()").
		Set("updated_at = now()")
	also(q)
	r, err := q.Returning("cancel_requested, run_at, finished_at, updated_at").Exec(ctx)
	if err != nil {
		return broken(err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return &Fenced{ID: o.ID, Epoch: o.LeaseEpoch}
	}
	return nil
}

// Fenced is the answer to a worker that overslept its lease: another may be working on the operation,
// and nothing was written.
type Fenced struct {
	ID    uuid.UUID
	Epoch int64
}

func (f *Fenced) Error() string { return "the lease of operation " + f.ID.String() + " is lost" }

// RequestCancel asks an operation to stop. One that waits is due at once.
func (s *Store) RequestCancel(ctx context.Context, o *fleet.Operation) error {
	_, err := s.db.NewUpdate().Model(o).WherePK().Set("cancel_requested = true").
		Set("run_at = least(run_at, clock_timestamp())").Set("updated_at = now()").
		Returning("cancel_requested, run_at, updated_at").Exec(ctx)
	return broken(err)
}

// QueuedChildren are the parts of a BULK operation that have not begun.
func (s *Store) QueuedChildren(ctx context.Context, parent uuid.UUID) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := s.db.NewSelect().Model((*fleet.Operation)(nil)).Column("id").Where("parent_id = ?", parent).
		Where("status = ?", fleet.OperationQueued).Order("id").Scan(ctx, &ids)
	return ids, broken(err)
}

// ResumeOperation writes an operation that nobody works on and that somebody has decided upon: retried,
// abandoned or canceled before it began. The caller has locked it.
func (s *Store) ResumeOperation(ctx context.Context, o *fleet.Operation) error {
	q := s.db.NewUpdate().Model(full(o)).Column(worked...).WherePK().Set("run_at = clock_timestamp()").
		// a worker that still holds it must not write over this
		Set("lease_epoch = lease_epoch + 1").Set("lease_owner = ''").Set("lease_until = 'epoch'").Set("updated_at = now()")
	if o.Status.Ended() {
		q.Set("finished_at = clock_timestamp()")
	}
	if _, err := q.Returning("run_at, finished_at, updated_at").Exec(ctx); err != nil {
		return broken(err)
	}
	return s.freed(ctx, o)
}
