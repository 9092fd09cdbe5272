package operations

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// These are omicron's saga tests, without one written per step: every kind, every step, whatever the
// plan has. A new kind joins by a line in kindCases.

// each runs a test for every kind, all at once: they mostly wait.
func each(t *testing.T, test func(t *testing.T, c kindCase)) {
	t.Helper()
	for _, c := range kindCases() {
		t.Run(string(c.kind), func(t *testing.T) { t.Parallel(); test(t, c) })
	}
}

// ended is what is true of every end.
func (r *rig) ended(o *fleet.Operation, v *fleet.VM, c kindCase, want fleet.OperationStatus) {
	r.t.Helper()
	require.Equal(r.t, want, o.Status, "%v %+v", o.Error, o.Steps)
	require.Empty(r.t, o.LeaseOwner, "nobody works on it")
	require.NotNil(r.t, o.FinishedAt)
	if !c.image {
		r.free(v)
	}
	audits := 0
	all, err := r.store.AuditEntries(r.t.Context(), r.scope, fleet.AuditFilter{}, 0, 1000)
	require.NoError(r.t, err)
	for _, a := range all {
		if a.Action == "operationEnded" && *a.OperationID == o.ID {
			audits++
		}
	}
	require.Equal(r.t, 1, audits, "its end is written once")
}

// succeeded does it once, and gives what the others compare with.
func succeeded(r *rig, c kindCase) string {
	r.t.Helper()
	e := r.engine(quick())
	defer e.stop()
	v := c.thing(r, "guest")
	o := r.enqueueCase(e.Engine, c, v)
	r.ended(r.end(o.ID), v, c, fleet.OperationSucceeded)
	return r.digest()
}

// TestStepsTwice: whoever dies after a step and before writing that down makes the next one do it again.
func TestStepsTwice(t *testing.T) {
	each(t, func(t *testing.T, c kindCase) {
		r := newRig(t)
		once := succeeded(r, c)
		r.anew()
		e := r.engineOn(r.store, quick(), func(e *Engine) {
			for i := range e.plans[c.kind].steps {
				wrap(e, c.kind, i, false, func(f work0) work0 {
					return func(ctx context.Context, w *work) (drivers.Task, error) {
						if _, err := whole(ctx, w, f); err != nil {
							return drivers.Task{}, err
						}
						return f(ctx, w)
					}
				})
			}
		})
		v := c.thing(r, "guest")
		o := r.enqueueCase(e.Engine, c, v)
		r.ended(r.end(o.ID), v, c, fleet.OperationSucceeded)
		require.Equal(t, once, r.digest(), "done twice and done once come to the same")
	})
}

// TestEachStepFails: before it did anything and after it did all of it; with undos that run once and twice.
func TestEachStepFails(t *testing.T) {
	each(t, func(t *testing.T, c kindCase) {
		r := newRig(t)
		for i := range plans()[c.kind].steps {
			for _, after := range []bool{false, true} {
				for _, twice := range []bool{false, true} {
					if twice && c.stays {
						continue
					}
					failStep(r, c, i, after, twice)
					r.anew()
				}
			}
		}
	})
}

func failStep(r *rig, c kindCase, i int, after, twice bool) {
	t := r.t
	t.Helper()
	e := r.engineOn(r.store, quick(), func(e *Engine) {
		wrap(e, c.kind, i, false, func(f work0) work0 {
			return func(ctx context.Context, w *work) (drivers.Task, error) {
				if after {
					if _, err := whole(ctx, w, f); err != nil {
						return drivers.Task{}, err
					}
				}
				return drivers.Task{}, fault.New(fault.Conflict, "step %d fails", i)
			}
		})
		for j := range e.plans[c.kind].steps {
			if twice {
				wrap(e, c.kind, j, true, doTwice)
			}
		}
	})
	defer e.stop()
	v := c.thing(r, "guest")
	before := r.digest()
	o := r.end(r.enqueueCase(e.Engine, c, v).ID)
	what := fmt.Sprintf("%s step %d after %t undo twice %t", c.kind, i, after, twice)
	r.ended(o, v, c, fleet.OperationFailed)
	require.Equal(t, fmt.Sprintf("step %d fails", i), o.Error.Message, what)
	require.Equal(t, fleet.StepFailed, o.Steps[i].Status, what)
	for _, s := range o.Steps[i+1:] {
		require.Equal(t, fleet.StepPending, s.Status, what)
	}
	if !c.stays || !after {
		require.Equal(t, before, r.digest(), what)
	}
	if c.unmade {
		_, err := r.store.VM(t.Context(), r.scope, v.ID)
		require.True(t, fault.Is(err, fault.NotFound), "the VM that was not made is no VM: %s", what)
	}
}

func doTwice(f work0) work0 {
	return func(ctx context.Context, w *work) (drivers.Task, error) {
		if _, err := whole(ctx, w, f); err != nil {
			return drivers.Task{}, err
		}
		return f(ctx, w)
	}
}

// TestKilledAtEachStep: the worker vanishes before or after the step's effect, without a word. Another
// goes on when the lease has run out.
func TestKilledAtEachStep(t *testing.T) {
	each(t, func(t *testing.T, c kindCase) {
		r := newRig(t)
		once := succeeded(r, c)
		for i := range plans()[c.kind].steps {
			for _, after := range []bool{false, true} {
				r.anew()
				var killed atomic.Int32
				var when atomic.Int64
				o := quick()
				o.Lease = 300 * time.Millisecond
				e := r.engineOn(r.store, o, func(e *Engine) { wrap(e, c.kind, i, false, killOnce(&killed, &when, after)) })
				v := c.thing(r, "guest")
				op := r.end(r.enqueueCase(e.Engine, c, v).ID)
				r.ended(op, v, c, fleet.OperationSucceeded)
				require.EqualValues(t, 1, killed.Load())
				require.Equal(t, once, r.digest(), "%s killed at step %d, after its effect: %t", c.kind, i, after)
				require.GreaterOrEqual(t, op.LeaseEpoch, int64(2), "another lease went on")
				e.stop()
			}
		}
	})
}

// TestKilledWhileUndoing: the same for the way back.
func TestKilledWhileUndoing(t *testing.T) {
	each(t, func(t *testing.T, c kindCase) {
		if c.stays {
			t.Skip("there is nothing to undo")
		}
		r := newRig(t)
		last := len(plans()[c.kind].steps) - 1
		for i := range last + 1 {
			if plans()[c.kind].steps[i].undo == nil {
				continue
			}
			for _, after := range []bool{false, true} {
				r.anew()
				var killed atomic.Int32
				var when atomic.Int64
				o := quick()
				o.Lease = 300 * time.Millisecond
				e := r.engineOn(r.store, o, func(e *Engine) {
					wrap(e, c.kind, last, false, func(f work0) work0 {
						return func(ctx context.Context, w *work) (drivers.Task, error) {
							if _, err := whole(ctx, w, f); err != nil {
								return drivers.Task{}, err
							}
							return drivers.Task{}, fault.New(fault.Conflict, "the last step fails")
						}
					})
					wrap(e, c.kind, i, true, killOnce(&killed, &when, after))
				})
				v := c.thing(r, "guest")
				before := r.digest()
				r.ended(r.end(r.enqueueCase(e.Engine, c, v).ID), v, c, fleet.OperationFailed)
				require.EqualValues(t, 1, killed.Load())
				require.Equal(t, before, r.digest(), "%s killed while undoing step %d, after its effect: %t", c.kind, i, after)
				e.stop()
			}
		}
	})
}

// killOnce makes the worker vanish in the step the first time: it writes nothing more and its lease runs out.
func killOnce(killed *atomic.Int32, when *atomic.Int64, after bool) func(work0) work0 {
	return func(f work0) work0 {
		return func(ctx context.Context, w *work) (drivers.Task, error) {
			if killed.Load() > 0 {
				return f(ctx, w)
			}
			if after {
				if _, err := whole(ctx, w, f); err != nil {
					return drivers.Task{}, err
				}
			}
			killed.Add(1)
			when.Store(time.Now().UnixNano())
			w.engine.let(w) // so that its heartbeat forgets it too
			w.stop(errLost)
			return drivers.Task{}, context.Canceled
		}
	}
}
