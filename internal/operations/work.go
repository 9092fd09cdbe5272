package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// work is one operation in the hands of one worker, from its lease until that is given up.
type work struct {
	engine *Engine
	plan   *plan
	body   io.Reader // what RunHere was called with
	log    *slog.Logger

	ctx    context.Context // ends with the lease, or when the process stops
	stop   context.CancelCauseFunc
	expiry *time.Timer

	mu       sync.Mutex // over these, which a step's progress may touch from anywhere; held while writing
	op       *fleet.Operation
	saved    saved
	run      any
	remember func() (json.RawMessage, error)
	told     time.Time // when progress was last written
	began    time.Time // the present attempt

	canceled atomic.Bool             // somebody wants it to stop
	cutting  sync.Mutex              // over cut; never held for long
	cut      context.CancelCauseFunc // ends the step under way; nil when it may not be ended
}

// next is what a worker does after a step.
type next int

const (
	goOn   next = iota
	letGo       // the row says what comes next, and the lease is given up
	letDie      // the lease is lost: write nothing
)

// carry takes the operation as far as it can go now.
func (w *work) carry() {
	defer w.engine.let(w)
	if err := w.open(); err != nil {
		w.log.Error("an operation cannot be read", "error", err)
		w.finish(fleet.OperationFailed, fault.Of(err))
		return
	}
	for w.advance() == goOn {
		if w.ctx.Err() != nil {
			w.leave()
			return
		}
		if w.engine.draining.Load() && w.body == nil {
			w.yield(0)
			return
		}
	}
}

// open reads the row.
func (w *work) open() error {
	p, ok := w.engine.plans[w.op.Kind]
	if !ok {
		return fault.New(fault.Internal, "this version of NovaCron does not know operations of the kind %s", w.op.Kind)
	}
	w.plan = p
	if w.op.CancelRequested {
		w.canceled.Store(true)
	}
	if len(w.op.Steps) == 0 {
		w.op.Steps = p.record()
	}
	if len(w.op.State) > 0 {
		if err := json.Unmarshal(w.op.State, &w.saved); err != nil {
			return fault.New(fault.Internal, "what was done so far cannot be read").Because(err)
		}
	}
	return p.load(w)
}

// advance does what comes next: the first step that is not done, or the last that is not undone.
func (w *work) advance() next {
	if w.op.Status == fleet.OperationUndoing {
		if w.saved.Undo == 0 {
			return w.finish(w.saved.End, w.saved.Why)
		}
		return w.undo(w.saved.Undo - 1)
	}
	for i := range w.op.Steps {
		if w.op.Steps[i].Status == fleet.StepDone {
			continue
		}
		if w.canceled.Load() && !w.op.PastReturn() {
			return w.turn(fault.New(fault.Canceled, "it was stopped on request"))
		}
		return w.do(i)
	}
	return w.finish(fleet.OperationSucceeded, nil)
}

// do does a step, or goes on waiting for what it began.
func (w *work) do(i int) next {
	r := &w.op.Steps[i]
	s, err := w.plan.step(r.Name)
	if err != nil {
		return w.turn(fault.Of(err))
	}
	t, next, err := w.attempt(i, s, s.do, fleet.StepRunning)
	if next != goOn {
		return next
	}
	switch {
	case err == nil && !t.Done:
		return w.await(r, t)
	case err == nil && s.then != nil:
		err = w.guarded(s, func(ctx context.Context) error { return s.then(ctx, w, t) })
		if next, over := w.over(err); over {
			return next
		}
	}
	if err == nil {
		w.settle(r, fleet.StepDone, t.Note)
		return w.save(true)
	}
	return w.failed(r, s, err)
}

// failed decides what becomes of a step's failure.
func (w *work) failed(r *fleet.Step, s step, err error) next {
	var again Again
	switch {
	case errors.As(err, &again):
		w.op.Status, w.saved.Again = fleet.OperationWaiting, true
		return w.yield(again.Pause)
	case w.canceled.Load() && !w.op.PastReturn():
		// Whatever it says, it may be because we stopped it.
		return w.turn(fault.New(fault.Canceled, "it was stopped on request"))
	}
	f := fault.Of(err)
	w.blame(r, f, err)
	if pause, ok := w.again(f, s, false); ok {
		w.op.Status = fleet.OperationWaiting
		w.op.Note = f.Message + "; trying again"
		return w.yield(pause)
	}
	return w.turn(f)
}

// turn begins the undoing of all that was begun since the last point of no return.
func (w *work) turn(why *fault.Error) next {
	w.mu.Lock()
	w.saved.Task, w.saved.Again, w.saved.Tries, w.saved.Tried = nil, false, 0, 0
	w.saved.End, w.saved.Why, w.saved.Undo, w.saved.Failed = fleet.OperationFailed, why, 0, 0
	if why.Kind == fault.Canceled {
		w.saved.End = fleet.OperationCanceled
	}
	for i := range w.op.Steps {
		switch s := &w.op.Steps[i]; {
		case s.Status == fleet.StepPending:
			continue
		case s.Point:
			w.saved.Undo = 0
		default:
			w.saved.Undo = i + 1
		}
		if s := &w.op.Steps[i]; s.Status == fleet.StepRunning {
			now := time.Now()
			s.Status, s.FinishedAt, s.Progress, s.Error = fleet.StepFailed, &now, nil, why
			w.saved.Failed = i + 1
		}
	}
	w.op.Status, w.op.Error, w.op.Progress, w.op.Note = fleet.OperationUndoing, why, nil, ""
	w.mu.Unlock()
	return w.save(true)
}

// undo takes a step back, or goes on waiting for that.
func (w *work) undo(i int) next {
	r := &w.op.Steps[i]
	s, err := w.plan.step(r.Name)
	if err == nil && s.undo == nil || r.Point {
		return w.undone(i)
	}
	var t drivers.Task
	if err == nil {
		var next next
		if t, next, err = w.attempt(i, s, s.undo, fleet.StepUndoing); next != goOn {
			return next
		}
	}
	var again Again
	switch {
	case err == nil && !t.Done:
		return w.await(r, t)
	case errors.As(err, &again):
		w.saved.Again = true
		return w.yield(again.Pause)
	case err == nil:
		if w.settle(r, fleet.StepUndone, ""); w.saved.Failed == i+1 {
			r.Status, r.Error = fleet.StepFailed, w.saved.Why
		}
		return w.undone(i)
	}
	f := fault.Of(err)
	w.blame(r, f, err)
	if pause, ok := w.again(f, s, true); ok {
		w.op.Note = f.Message + "; trying again"
		return w.yield(pause)
	}
	stuck := *f
	stuck.Message = fmt.Sprintf("undoing %q: %s", r.Name, f.Message)
	if w.saved.Why != nil {
		w.op.Note = "It was being undone because: " + w.saved.Why.Message
	}
	return w.finish(fleet.OperationStuck, &stuck)
}

// undone goes on with the step before, up to the last point of no return.
func (w *work) undone(i int) next {
	w.mu.Lock()
	w.saved.Undo = i
	if i > 0 && w.op.Steps[i-1].Point {
		w.saved.Undo = 0
	}
	w.saved.Task, w.saved.Again, w.saved.Tries, w.saved.Tried = nil, false, 0, 0
	w.mu.Unlock()
	return w.save(true)
}

// attempt calls a step's function, or polls the task that an earlier call began. A task that the
// provider has forgotten is begun again. The task and the error mean something when next is goOn.
func (w *work) attempt(i int, s step, f func(context.Context, *work) (drivers.Task, error), doing fleet.StepStatus) (t drivers.Task, _ next, err error) {
	w.began = time.Now()
	if task := w.saved.Task; task != nil {
		err = w.guarded(s, func(ctx context.Context) error {
			conn, err := w.Conn(ctx)
			if err == nil {
				t, err = conn.Poll(ctx, *task)
			}
			return err
		})
		if next, over := w.over(err); over {
			return t, next, err
		}
		if !fault.Is(err, fault.NotFound) || w.saved.Tries >= forgotten {
			return t, goOn, err
		}
		w.mu.Lock()
		w.saved.Task = nil
		w.saved.Tries++
		w.mu.Unlock()
	}
	r := &w.op.Steps[i]
	if next := w.begin(r, doing); next != goOn {
		return t, next, nil
	}
	err = w.guarded(s, func(ctx context.Context) error { t, err = f(ctx, w); return err })
	next, _ := w.over(err)
	return t, next, err
}

// over tells that there is nobody left to judge a step's outcome: the lease is lost, or goes to others.
// A step that has ended well after all is judged first.
func (w *work) over(err error) (next, bool) {
	if w.ctx.Err() == nil || err == nil && !errors.Is(context.Cause(w.ctx), errLost) {
		return goOn, false
	}
	return w.leave(), true
}

// leave ends the work whose context has ended.
func (w *work) leave() next {
	if errors.Is(context.Cause(w.ctx), errLost) {
		w.log.Warn("the lease was lost, others go on", "epoch", w.op.LeaseEpoch)
		return letDie
	}
	return w.yield(0)
}

// guarded runs one call of a step: it can be cut short by a cancel, if the step can, and its panic is a fault.
func (w *work) guarded(s step, call func(context.Context) error) (err error) {
	ctx, cut := context.WithCancelCause(w.ctx)
	defer cut(nil)
	if !s.point && !s.whole && w.op.Status != fleet.OperationUndoing {
		w.cutting.Lock()
		w.cut = cut
		w.cutting.Unlock()
		if w.canceled.Load() {
			cut(errCancel)
		}
	}
	defer func() {
		w.cutting.Lock()
		w.cut = nil
		w.cutting.Unlock()
		if p := recover(); p != nil {
			w.log.Error("a step panicked", "panic", p, "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "something went wrong on our side")
		}
	}()
	return call(ctx)
}

// cancel makes the step under way end, if it may.
func (w *work) cancel() {
	w.canceled.Store(true)
	w.cutting.Lock()
	defer w.cutting.Unlock()
	if w.cut != nil {
		w.cut(errCancel)
	}
}
