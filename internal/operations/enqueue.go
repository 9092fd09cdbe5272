package operations

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// Make makes an operation of a kind, its input one of this package's types for that. Who, where and
// what it is about is for the caller to fill in.
func (e *Engine) Make(kind fleet.OperationKind, input any) (*fleet.Operation, error) {
	p, ok := e.plans[kind]
	if !ok {
		return nil, fault.New(fault.Internal, "there is no plan for operations of the kind %s", kind)
	}
	in, err := json.Marshal(input)
	if err != nil {
		return nil, fault.New(fault.Internal, "what was asked for cannot be stored").Because(err)
	}
	return &fleet.Operation{ID: fleet.NewID(), Kind: kind, Status: fleet.OperationQueued, Input: in, Steps: p.record()}, nil
}

// Enqueue adds an operation that Make made, in the transaction of its intent; it is begun right after
// that commits. Its VM is the operation's from then on: Conflict, naming the other operation, when it
// is another's. over is an operation that this one overrules: it is asked to stop, and waited for.
func (e *Engine) Enqueue(ctx context.Context, tx *store.Store, o, over *fleet.Operation) error {
	if over != nil {
		if err := e.overrule(ctx, tx, o, over.ID); err != nil {
			return err
		}
	}
	if err := tx.InsertOperation(ctx, o); err != nil {
		return err
	}
	if err := events.Record(ctx, tx, o.Event(fleet.Added)); err != nil {
		return err
	}
	tx.AfterCommit(e.Wake)
	if o.TargetType != fleet.TargetVM {
		return nil
	}
	if err := tx.HandVM(ctx, *o.TargetID, o.ID, o.WaitsFor, e.intent(o.Kind)); err != nil {
		return err
	}
	v, err := tx.VM(ctx, fleet.System(), *o.TargetID)
	if err != nil {
		return err
	}
	return events.Record(ctx, tx, v.Event(fleet.Updated))
}

// EnqueueAll adds a BULK operation and its parts, all of one kind. Parts whose VM another operation has got in between
// are left out; it tells how many were not.
func (e *Engine) EnqueueAll(ctx context.Context, tx *store.Store, parent *fleet.Operation, parts []*fleet.Operation) (int, error) {
	if err := tx.InsertOperation(ctx, parent); err != nil {
		return 0, err
	}
	for _, o := range parts {
		o.ParentID = &parent.ID
		if o.WaitsFor == nil {
			continue
		}
		if err := e.overrule(ctx, tx, o, *o.WaitsFor); err != nil {
			return 0, err
		}
	}
	added, err := tx.InsertOperations(ctx, parts)
	if err != nil {
		return 0, err
	}
	log := []fleet.Event{parent.Event(fleet.Added)}
	parts = slices.DeleteFunc(parts, func(o *fleet.Operation) bool { return !added[o.ID] })
	if len(parts) > 0 {
		if err := tx.HandVMs(ctx, parts, e.intent(parts[0].Kind)); err != nil {
			return 0, err
		}
	}
	for _, o := range parts {
		vm := fleet.VM{ID: *o.TargetID, TenantID: o.TenantID, ProviderID: *o.ProviderID}
		log = append(log, o.Event(fleet.Added), vm.Event(fleet.Updated))
	}
	tx.AfterCommit(e.Wake)
	return len(added), events.Record(ctx, tx, log...)
}

func (e *Engine) overrule(ctx context.Context, tx *store.Store, o *fleet.Operation, id uuid.UUID) error {
	other, err := e.Cancel(ctx, tx, fleet.System(), id)
	if err != nil {
		return err
	}
	o.WaitsFor = nil
	if !other.Status.Ended() {
		o.WaitsFor = &other.ID
	}
	return nil
}

func (e *Engine) intent(kind fleet.OperationKind) *fleet.VMStatus {
	if p := e.plans[kind]; p != nil && p.intent != "" {
		return &p.intent
	}
	return nil
}

// Cancel asks an operation to stop. One that has not begun ends here and now; one that is past its
// point of no return, is being undone or has ended stays as it is.
func (e *Engine) Cancel(ctx context.Context, tx *store.Store, scope fleet.Scope, id uuid.UUID) (*fleet.Operation, error) {
	o, err := e.lock(ctx, tx, scope, id)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Status == fleet.OperationQueued && o.LeaseOwner == "":
		o.CancelRequested = true
		if err := tx.RequestCancel(ctx, o); err != nil {
			return nil, err
		}
		return o, e.decide(ctx, tx, o, fleet.OperationCanceled, fault.New(fault.Canceled, "it was stopped before it began"))
	case o.Status.Ended(), o.Status == fleet.OperationUndoing, o.Status == fleet.OperationStuck, o.CancelRequested:
		return o, nil
	}
	if err := tx.RequestCancel(ctx, o); err != nil {
		return nil, err
	}
	tx.AfterCommit(e.Wake)
	return o, events.Record(ctx, tx, o.Event(fleet.Updated))
}

// Retry has a STUCK operation undone again. Conflict for any other.
func (e *Engine) Retry(ctx context.Context, tx *store.Store, scope fleet.Scope, id uuid.UUID) (*fleet.Operation, error) {
	o, err := e.lock(ctx, tx, scope, id)
	if err != nil {
		return nil, err
	}
	w, err := e.stuck(o)
	if err != nil {
		return nil, err
	}
	w.saved.Tries, w.saved.Tried, w.saved.Task = 0, 0, nil
	o.Status, o.Error, o.Note = fleet.OperationUndoing, w.saved.Why, ""
	if err := w.pack(); err != nil {
		return nil, fault.Of(err)
	}
	if err := tx.ResumeOperation(ctx, o); err != nil {
		return nil, err
	}
	tx.AfterCommit(e.Wake)
	return o, events.Record(ctx, tx, o.Event(fleet.Updated))
}

// Abandon gives a STUCK operation up: it is FAILED, and what it could not undo stays. Conflict for any other.
func (e *Engine) Abandon(ctx context.Context, tx *store.Store, scope fleet.Scope, id uuid.UUID) (*fleet.Operation, error) {
	o, err := e.lock(ctx, tx, scope, id)
	if err != nil {
		return nil, err
	}
	if _, err := e.stuck(o); err != nil {
		return nil, err
	}
	o.Note = "Given up; what could not be undone is still there."
	return o, e.decide(ctx, tx, o, fleet.OperationFailed, o.Error)
}

func (e *Engine) stuck(o *fleet.Operation) (*work, error) {
	if o.Status != fleet.OperationStuck {
		return nil, fault.New(fault.Conflict, "the operation is not stuck, it is %s", o.Status).With("Look again.")
	}
	w := &work{engine: e, op: o, log: e.log}
	return w, w.open()
}

// lock locks an operation, its VM first: that is the order of all who need both.
func (e *Engine) lock(ctx context.Context, tx *store.Store, scope fleet.Scope, id uuid.UUID) (*fleet.Operation, error) {
	o, err := tx.Operation(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	if err := lockVM(ctx, tx, o); err != nil {
		return nil, err
	}
	return tx.LockOperation(ctx, scope, id)
}

func lockVM(ctx context.Context, tx *store.Store, o *fleet.Operation) error {
	if o.TargetType != fleet.TargetVM || o.TargetID == nil {
		return nil
	}
	_, err := tx.LockVM(ctx, fleet.System(), *o.TargetID)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// decide ends an operation that nobody works on.
func (e *Engine) decide(ctx context.Context, tx *store.Store, o *fleet.Operation, end fleet.OperationStatus, why *fault.Error) error {
	w := &work{engine: e, op: o, log: e.log}
	if err := w.open(); err != nil {
		e.log.ErrorContext(ctx, "an operation cannot be read", "operation", o.ID, "error", err)
	}
	o.Status, o.Error = end, why
	if err := w.pack(); err != nil {
		return fault.Of(err)
	}
	tx.AfterCommit(e.Wake)
	return e.end(ctx, tx, w, func() error { return tx.ResumeOperation(ctx, o) })
}

// end is what is true of every end: the VM is free, the world is told, and it is written who asked for
// what came of it.
func (e *Engine) end(ctx context.Context, tx *store.Store, w *work, write func() error) error {
	o := w.op
	if err := lockVM(ctx, tx, o); err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	if w.plan != nil && w.plan.end != nil && w.run != nil {
		if err := w.plan.end(ctx, tx, w, o.Status); err != nil {
			return err
		}
	}
	log := []fleet.Event{o.Event(fleet.Updated)}
	if o.TargetType == fleet.TargetVM && o.TargetID != nil {
		free := tx.EndIntent
		if o.Status == fleet.OperationStuck {
			free = tx.StopIntent
		}
		if err := free(ctx, *o.TargetID, o.ID); err != nil {
			return err
		}
		vm, change := fleet.VM{ID: *o.TargetID, TenantID: o.TenantID, ProviderID: *o.ProviderID}, fleet.Updated
		if _, err := tx.VM(ctx, fleet.System(), vm.ID); fault.Is(err, fault.NotFound) {
			change = fleet.Removed
		} else if err != nil {
			return err
		}
		log = append(log, vm.Event(change))
	}
	if err := events.Record(ctx, tx, log...); err != nil {
		return err
	}
	detail := map[string]any{"kind": o.Kind, "status": o.Status}
	if o.Error != nil {
		detail["code"], detail["message"] = o.Error.Kind, o.Error.Message
	}
	return tx.Audit(ctx, &fleet.AuditEntry{TenantID: o.TenantID, Actor: o.RequestedBy, UserID: o.UserID, Action: "operationEnded",
		TargetType: o.TargetType, TargetID: o.TargetID, TargetName: o.TargetName, OperationID: &o.ID, Detail: detail})
}
