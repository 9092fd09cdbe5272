package operations

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// begin records that a step is about to be done or undone.
func (w *work) begin(r *fleet.Step, doing fleet.StepStatus) next {
	w.mu.Lock()
	if w.saved.Again && r.Status == doing { // it has begun before, and not failed
		w.saved.Again = false
		w.mu.Unlock()
		return goOn
	}
	now := time.Now()
	if r.StartedAt == nil {
		r.StartedAt = &now
	}
	if doing == fleet.StepRunning {
		r.Attempts++
		w.op.Status = fleet.OperationRunning
		w.op.Progress = w.progress(0)
	}
	r.Status, r.FinishedAt = doing, nil
	w.op.Note = ""
	w.mu.Unlock()
	return w.save(true)
}

// settle records that a step is done or undone, and what there is still to be known of it.
func (w *work) settle(r *fleet.Step, as fleet.StepStatus, note string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	r.Status, r.FinishedAt, r.Progress = as, &now, nil
	if as == fleet.StepDone {
		r.Error = nil
		w.op.Progress = w.progress(0)
	}
	w.op.Note = note
	w.saved.Task, w.saved.Again, w.saved.Tries, w.saved.Tried = nil, false, 0, 0
}

// blame records why an attempt failed.
func (w *work) blame(r *fleet.Step, f *fault.Error, err error) {
	w.log.Info("a step failed", "step", r.Name, "attempt", r.Attempts, "error", err)
	w.mu.Lock()
	defer w.mu.Unlock()
	r.Error = f
	if w.saved.Task != nil && !f.Kind.Retryable() {
		w.saved.Task = nil // the task has failed, not the look at it
	}
}

// remains adds to the operation's error what an undo could not take back, or not at once.
func (w *work) remains(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.saved.Why != nil && !strings.Contains(w.saved.Why.Remedy, what) {
		w.saved.Why = w.saved.Why.With(strings.TrimSpace(w.saved.Why.Remedy + " " + what))
		w.op.Error = w.saved.Why
	}
}

// progress is how much of the operation is done when the present step is done to this part. w.mu is held.
func (w *work) progress(part float64) *float64 {
	whole := part
	for _, s := range w.op.Steps {
		if s.Status == fleet.StepDone {
			whole++
		}
	}
	whole /= float64(max(len(w.op.Steps), 1))
	whole = min(max(whole, 0), 1)
	return &whole
}

// Say tells how far the present step is (0 to 1; negative: nobody knows) and what it is doing. It may be
// called as often as one likes, from anywhere: what is told is written twice a second at most.
func (w *work) Say(part float64, note string) {
	const often = 500 * time.Millisecond
	w.mu.Lock()
	for i := range w.op.Steps {
		if s := &w.op.Steps[i]; s.Status == fleet.StepRunning {
			if part >= 0 {
				s.Progress = &part
				w.op.Progress = w.progress(part)
			} else {
				s.Progress, w.op.Progress = nil, nil
			}
		}
	}
	w.op.Note = note
	due := time.Since(w.told) > often
	w.mu.Unlock()
	if due {
		w.save(false)
	}
}

// save writes the row and tells the world. A database that does not answer is asked again until the
// lease ends; patient false: once.
func (w *work) save(patient bool) next {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.write(patient, func(ctx context.Context, tx *store.Store) error {
		if err := tx.SaveOperation(ctx, w.op); err != nil {
			return err
		}
		return events.Record(ctx, tx, w.op.Event(fleet.Updated))
	})
}

// yield writes the row and gives the lease up; the operation is due again after the pause.
func (w *work) yield(pause time.Duration) next {
	w.mu.Lock()
	defer w.mu.Unlock()
	minds := w.op.Status != fleet.OperationUndoing && !w.op.PastReturn()
	next := w.write(true, func(ctx context.Context, tx *store.Store) error {
		if err := tx.YieldOperation(ctx, w.op, pause, minds); err != nil {
			return err
		}
		return events.Record(ctx, tx, w.op.Event(fleet.Updated))
	})
	if next != goOn {
		return next
	}
	if pause < w.engine.o.Poll {
		time.AfterFunc(pause, w.engine.Wake)
	}
	return letGo
}

// write runs a transaction that writes w.op as it stands. w.mu is held.
func (w *work) write(patient bool, fn func(context.Context, *store.Store) error) next {
	if errors.Is(context.Cause(w.ctx), errLost) {
		return letDie
	}
	if err := w.pack(); err != nil {
		w.log.Error("what the steps remember cannot be stored", "error", err)
	}
	w.told = time.Now()
	// A cancel or the process's end must not keep what was done from being recorded.
	ctx := context.WithoutCancel(w.ctx)
	for try := 1; ; try++ {
		err := w.engine.store.Tx(ctx, func(tx *store.Store) error { return fn(ctx, tx) })
		var fenced *store.Fenced
		switch {
		case err == nil:
			if w.op.CancelRequested {
				w.canceled.Store(true)
			}
			return goOn
		case errors.As(err, &fenced):
			w.log.Warn("a write was refused: the lease was lost", "epoch", fenced.Epoch)
			w.stop(errLost)
			return letDie
		case !patient:
			return goOn
		case try >= 5 && fault.Is(err, fault.Internal):
			w.log.Error("an operation cannot be recorded, it is begun again later", "error", err)
			return letDie
		}
		w.log.Warn("recording an operation", "error", err)
		select {
		case <-w.ctx.Done():
			if errors.Is(context.Cause(w.ctx), errLost) {
				return letDie
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// pack puts what the steps remember into the row.
func (w *work) pack() error {
	if w.remember != nil {
		mem, err := w.remember()
		if err != nil {
			return err
		}
		w.saved.Mem = mem
	}
	state, err := json.Marshal(w.saved)
	if err == nil {
		w.op.State = state
	}
	return err
}

// finish ends the operation, or leaves it stuck: status, VM, events and audit in one transaction.
func (w *work) finish(end fleet.OperationStatus, why *fault.Error) next {
	w.refresh()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.op.Status, w.op.Error, w.saved.Task = end, why, nil
	if end == fleet.OperationSucceeded {
		whole := 1.0
		w.op.Progress = &whole
	}
	next := w.write(true, func(ctx context.Context, tx *store.Store) error {
		return w.engine.end(ctx, tx, w, func() error { return tx.EndOperation(ctx, w.op) })
	})
	if next != goOn {
		return next
	}
	w.log.Info("operation ended", "status", end, "error", why)
	return letGo
}

// refresh has the VM read again, so that the moment its operation ends it is shown as it is.
func (w *work) refresh() {
	if w.op.TargetType != fleet.TargetVM || w.op.ProviderID == nil || w.op.TargetID == nil {
		return
	}
	ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
	defer cancel()
	began := time.Now()
	for pause := 50 * time.Millisecond; ; pause *= 2 { // a host that is busy is not so for long
		v, err := w.engine.store.VM(ctx, fleet.System(), *w.op.TargetID)
		if err == nil && v.Ref != "" {
			err = w.engine.o.Refresh(ctx, v.ProviderID, v.Ref)
		}
		if err == nil || fault.Is(err, fault.NotFound) {
			return
		}
		if !fault.KindOf(err).Retryable() || time.Since(began) > 3*time.Second || ctx.Err() != nil {
			w.log.Info("reading the VM again", "error", err) // the inventory will
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// Conn gives the connection to the operation's provider.
func (w *work) Conn(ctx context.Context) (*drivers.Conn, error) {
	if w.op.ProviderID == nil {
		return nil, fault.New(fault.Internal, "the operation has no provider")
	}
	p, err := w.engine.store.Provider(ctx, fleet.System(), *w.op.ProviderID)
	if err != nil {
		return nil, err
	}
	return w.engine.conns.Conn(ctx, p.ID, p.SettingsVersion)
}

// VM gives the operation's VM as the store has it.
func (w *work) VM(ctx context.Context) (*fleet.VM, error) {
	if w.op.TargetID == nil {
		return nil, fault.New(fault.Internal, "the operation has no VM")
	}
	return w.engine.store.VM(ctx, fleet.System(), *w.op.TargetID)
}

// Token is what providers recognise a repeated call by.
func (w *work) Token() string { return w.op.ID.String() }
