package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// Operation is one operation.
func (s *Store) Operation(ctx context.Context, scope fleet.Scope, id uuid.UUID) (*fleet.Operation, error) {
	return s.operation(ctx, within(s.db.NewSelect().Model((*fleet.Operation)(nil)), scope), id)
}

// LockOperation is Operation, and nobody else changes it until the end of the transaction.
func (s *Store) LockOperation(ctx context.Context, scope fleet.Scope, id uuid.UUID) (*fleet.Operation, error) {
	return s.operation(ctx, within(s.db.NewSelect().Model((*fleet.Operation)(nil)), scope).For("NO KEY UPDATE"), id)
}

func (s *Store) operation(ctx context.Context, q *bun.SelectQuery, id uuid.UUID) (*fleet.Operation, error) {
	o := new(fleet.Operation)
	if err := q.Where("id = ?", id).Scan(ctx, o); err != nil {
		return nil, found(err, "operation", id.String())
	}
	return o, nil
}

// OperationsByID reads many at once; those that are not there or not in the scope are left out.
func (s *Store) OperationsByID(ctx context.Context, scope fleet.Scope, ids []uuid.UUID) (map[uuid.UUID]*fleet.Operation, error) {
	var all []*fleet.Operation
	err := within(s.db.NewSelect().Model(&all), scope).Where("id IN (?)", bun.List(ids)).Scan(ctx)
	return byID(all, func(o *fleet.Operation) uuid.UUID { return o.ID }), broken(err)
}

// OperationByKey is the operation that a call with this idempotency key started, at most maxAge ago;
// an older one gives the key up. NotFound when there is none. It belongs in a transaction.
func (s *Store) OperationByKey(ctx context.Context, tenant uuid.UUID, key string, maxAge time.Duration) (*fleet.Operation, error) {
	if err := text("idempotencyKey", key); err != nil {
		return nil, err
	}
	_, err := s.db.NewUpdate().Model((*fleet.Operation)(nil)).Set("idempotency_key = NULL").
		Where("tenant_id = ?", tenant).Where("idempotency_key = ?", key).
		Where("created_at < now() - ? * interval '1 ms'", maxAge.Milliseconds()).Exec(ctx)
	if err != nil {
		return nil, broken(err)
	}
	o := new(fleet.Operation)
	err = s.db.NewSelect().Model(o).Where("tenant_id = ?", tenant).Where("idempotency_key = ?", key).Scan(ctx)
	if err != nil {
		return nil, found(err, "operation with the key", key)
	}
	return o, nil
}

// ActiveOperations are those under way on each target that has one: the one that holds it, not those
// that wait for that.
func (s *Store) ActiveOperations(ctx context.Context, scope fleet.Scope, targets []uuid.UUID) (map[uuid.UUID]*fleet.Operation, error) {
	var all []*fleet.Operation
	err := within(s.db.NewSelect().Model(&all), scope).Where("target_id IN (?)", bun.List(targets)).
		Where("waits_for IS NULL").Where("status IN (?)", bun.List(fleet.ActiveOperationStatuses())).Scan(ctx)
	return byID(all, func(o *fleet.Operation) uuid.UUID { return *o.TargetID }), broken(err)
}

// Operations is one page, newest first.
func (s *Store) Operations(ctx context.Context, scope fleet.Scope, q fleet.OperationQuery) (fleet.OperationPage, error) {
	page := fleet.OperationPage{Operations: []*fleet.Operation{}}
	query := such(within(s.db.NewSelect().Model(&page.Operations), scope), q.Filter).Order("id DESC").Limit(int64(q.First) + 1)
	if q.After != "" {
		after, err := fleet.ParseOperationCursor(q.After)
		if err != nil {
			return page, err
		}
		query.Where("id < ?", after)
		page.HasPrevious = true
	}
	if err := query.Scan(ctx); err != nil {
		return page, broken(err)
	}
	if len(page.Operations) > q.First {
		page.Operations, page.HasNext = page.Operations[:q.First], true
	}
	return page, nil
}

// CountOperations is how many match.
func (s *Store) CountOperations(ctx context.Context, scope fleet.Scope, f fleet.OperationFilter) (int, error) {
	n, err := such(within(s.db.NewSelect().Model((*fleet.Operation)(nil)), scope), f).Count(ctx)
	return int(n), broken(err)
}

func such(q *bun.SelectQuery, f fleet.OperationFilter) *bun.SelectQuery {
	if f.Status != nil {
		q.Where("status IN (?)", bun.List(f.Status))
	}
	if f.Kind != nil {
		q.Where("kind IN (?)", bun.List(f.Kind))
	}
	if f.Target != nil {
		q.Where("target_id = ?", *f.Target)
	}
	if f.Provider != nil {
		q.Where("provider_id = ?", *f.Provider)
	}
	if f.Active != nil && *f.Active {
		q.Where("status IN (?)", bun.List(fleet.ActiveOperationStatuses()))
	} else if f.Active != nil {
		q.Where("status NOT IN (?)", bun.List(fleet.ActiveOperationStatuses()))
	}
	return q
}

// OperationChildren are the parts of many BULK operations, in the order of their targets' names.
func (s *Store) OperationChildren(ctx context.Context, scope fleet.Scope, parents []uuid.UUID) (map[uuid.UUID][]*fleet.Operation, error) {
	var all []*fleet.Operation
	err := within(s.db.NewSelect().Model(&all), scope).Where("parent_id IN (?)", bun.List(parents)).Order("target_name", "id").Scan(ctx)
	of := make(map[uuid.UUID][]*fleet.Operation, len(parents))
	for _, o := range all {
		of[*o.ParentID] = append(of[*o.ParentID], o)
	}
	return of, broken(err)
}

// OperationChildCounts is how many parts of each BULK operation have each status; only those they have.
func (s *Store) OperationChildCounts(ctx context.Context, scope fleet.Scope, parents []uuid.UUID) (map[uuid.UUID][]fleet.OperationStatusCount, error) {
	var rows []struct {
		ParentID uuid.UUID
		fleet.OperationStatusCount
	}
	err := within(s.db.NewSelect().Model((*fleet.Operation)(nil)), scope).Where("parent_id IN (?)", bun.List(parents)).
		Column("parent_id", "status").ColumnExpr("count(*) AS count").Group("parent_id", "status").Order("status").Scan(ctx, &rows)
	of := make(map[uuid.UUID][]fleet.OperationStatusCount, len(parents))
	for _, r := range rows {
		of[r.ParentID] = append(of[r.ParentID], r.OperationStatusCount)
	}
	return of, broken(err)
}

// InsertOperation adds an operation, to be begun at once. Conflict when another one is under way on
// its target, Exists when its idempotency key is taken.
func (s *Store) InsertOperation(ctx context.Context, o *fleet.Operation) error {
	_, err := s.db.NewInsert().Model(full(o)).Returning("created_at, run_at, updated_at").Exec(ctx)
	return broken(err)
}

// InsertOperations adds many, and leaves out those whose target has another one under way. It tells
// which ones it added.
func (s *Store) InsertOperations(ctx context.Context, all []*fleet.Operation) (map[uuid.UUID]bool, error) {
	const batch = 500
	added := make(map[uuid.UUID]bool, len(all))
	for ; len(all) > 0; all = all[min(batch, len(all)):] {
		some := all[:min(batch, len(all))]
		for _, o := range some {
			full(o)
		}
		var ids []uuid.UUID
		_, err := s.db.NewInsert().Model(&some).On("CONFLICT DO NOTHING").Returning("id").Exec(ctx, &ids)
		if err != nil {
			return nil, broken(err)
		}
		for _, id := range ids {
			added[id] = true
		}
	}
	return added, nil
}

func full(o *fleet.Operation) *fleet.Operation {
	if o.Status == "" {
		o.Status = fleet.OperationQueued
	}
	if len(o.Input) == 0 {
		o.Input = []byte("{}")
	}
	if len(o.State) == 0 {
		o.State = []byte("{}")
	}
	if o.Steps == nil {
		o.Steps = []fleet.Step{}
	}
	if o.LeaseUntil.IsZero() {
		o.LeaseUntil = time.Unix(0, 0)
	}
	return o
}

// HandVM gives a VM to an operation, with where that is taking it (intent nil: nowhere). The VM must
// have no operation, or the one that the new one overrules. Conflict otherwise. NotFound when it is gone.
func (s *Store) HandVM(ctx context.Context, vm, operation uuid.UUID, overruled *uuid.UUID, intent *fleet.VMStatus) error {
	q := s.db.NewUpdate().Model((*fleet.VM)(nil)).Where("id = ?", vm).
		Set("intent = ?", intent).Set("operation_id = ?", operation).Set("updated_at = now()")
	if overruled != nil {
		q.Where("operation_id IS NULL OR operation_id IN (?, ?)", operation, *overruled)
	} else {
		q.Where("operation_id IS NULL OR operation_id = ?", operation)
	}
	r, err := q.Exec(ctx)
	if err := touched(r, err, "VM", vm.String()); !fault.Is(err, fault.NotFound) {
		return err
	}
	if _, err := s.VM(ctx, fleet.System(), vm); err != nil {
		return err
	}
	return fault.New(fault.Conflict, "another operation is under way on this VM").With("Wait for it to end, or cancel it.")
}

// HandVMs is HandVM for many operations of one kind, each with its own VM. Conflict when one of the VMs
// has another operation or is gone; then none is handed.
func (s *Store) HandVMs(ctx context.Context, operations []*fleet.Operation, intent *fleet.VMStatus) error {
	const batch = 1000
	type hand struct {
		VM        uuid.UUID  `bun:"vm,type:uuid"`
		Operation uuid.UUID  `bun:"operation,type:uuid"`
		Over      *uuid.UUID `bun:"over,type:uuid"`
	}
	for ; len(operations) > 0; operations = operations[min(batch, len(operations)):] {
		hands := make([]hand, min(batch, len(operations)))
		for i, o := range operations[:len(hands)] {
			hands[i] = hand{*o.TargetID, o.ID, o.WaitsFor}
		}
		r, err := s.db.NewUpdate().With("x", s.db.NewValues(&hands)).Model((*fleet.VM)(nil)).TableExpr("x").Where("v.id = x.vm").
			Where("v.operation_id IS NULL OR v.operation_id IN (x.operation, x.over)").
			Set("intent = ?", intent).Set("operation_id = x.operation").Set("updated_at = now()").Exec(ctx)
		if err != nil {
			return broken(err)
		}
		if n, err := r.RowsAffected(); err != nil || int(n) != len(hands) {
			return fault.New(fault.Conflict, "some of the VMs have got another operation meanwhile").With("Try again.")
		}
	}
	return nil
}

// PlaceVM writes the id that the provider gave to a VM that was made. A record of the same VM that the
// inventory was faster to make, as one that it had found, gives way: it tells which.
func (s *Store) PlaceVM(ctx context.Context, vm *fleet.VM) (gone []uuid.UUID, err error) {
	err = s.Tx(ctx, func(tx *Store) error {
		_, err := tx.db.NewDelete().Model((*fleet.VM)(nil)).Where("provider_id = ?", vm.ProviderID).Where("ref = ?", vm.Ref).
			Where("id <> ?", vm.ID).Where("management = ?", fleet.Discovered).Returning("id").Exec(ctx, &gone)
		if err != nil {
			return broken(err)
		}
		r, err := tx.db.NewUpdate().Model(vm).Column("ref").WherePK().Set("updated_at = now()").Exec(ctx)
		return touched(r, err, "VM", vm.ID.String())
	})
	return gone, err
}

// StopIntent shows what is observed of the VM rather than where its operation, which is stuck, was taking it.
func (s *Store) StopIntent(ctx context.Context, vm, operation uuid.UUID) error {
	_, err := s.db.NewUpdate().Model((*fleet.VM)(nil)).Where("id = ?", vm).Where("operation_id = ?", operation).
		Set("intent = NULL").Set("updated_at = now()").Exec(ctx)
	return broken(err)
}

// purged is how many operations one statement of PurgeOperations removes, their parts not counted.
const purged = 1000

// PurgeOperations removes what ended longer ago than age, each with its parts, and says how many. STUCK
// ones stay: somebody has to look at them.
func (s *Store) PurgeOperations(ctx context.Context, age time.Duration) (n int64, err error) {
	for {
		// Ids grow with time: the oldest are found from the key's beginning, without a look at the others.
		old := s.db.NewSelect().Model((*fleet.Operation)(nil)).Column("id").Where("parent_id IS NULL").
			Where("status NOT IN (?)", bun.List(fleet.ActiveOperationStatuses())).
			Where("finished_at < now() - ? * interval '1 ms'", age.Milliseconds()).
			Where("id < ?", fleet.FirstID(time.Now().Add(-age))).Order("id").Limit(purged)
		r, err := s.db.NewDelete().Model((*fleet.Operation)(nil)).Where("id IN (?)", old).Exec(ctx)
		if err != nil {
			return n, broken(err)
		}
		removed, err := r.RowsAffected()
		if n += removed; err != nil || removed < purged {
			return n, broken(err)
		}
	}
}
