package operations

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

func TestBeginsAtOnce(t *testing.T) {
	r := newRig(t)
	o := quick()
	o.Poll = time.Hour // only a wake-up can start it
	e := r.engine(o)
	v := r.vm("web-1", false)
	op := r.enqueue(e.Engine, fleet.StartVM, Power{}, v)
	op = r.end(op.ID)
	require.Equal(t, fleet.OperationSucceeded, op.Status, "%+v", op.Error)
	t.Logf("enqueued to begun: %s, to ended: %s", op.StartedAt.Sub(op.CreatedAt), op.FinishedAt.Sub(op.CreatedAt))
	require.EqualValues(t, 1, *op.Progress)
	require.Contains(t, r.digest(), "vm web-1 RUNNING")
}

func TestRolledBackEnqueueLeavesNothing(t *testing.T) {
	r := newRig(t)
	e := r.engine(quick())
	v := r.vm("web-1", false)
	o, err := e.Make(fleet.StartVM, Power{})
	require.NoError(t, err)
	o.TenantID, o.ProviderID, o.TargetType, o.TargetID = r.scope.Tenant(), &r.provider.ID, fleet.TargetVM, &v.ID
	err = r.store.Tx(t.Context(), func(tx *store.Store) error {
		require.NoError(t, e.Enqueue(t.Context(), tx, o, nil))
		return fault.New(fault.Conflict, "no")
	})
	require.Error(t, err)
	_, err = r.store.Operation(t.Context(), r.scope, o.ID)
	require.True(t, fault.Is(err, fault.NotFound))
	r.free(v)
}

func TestOneAtATime(t *testing.T) {
	r := newRig(t)
	e := r.engine(quick())
	v := r.vm("web-slow-start", false)
	first := r.enqueue(e.Engine, fleet.StartVM, Power{}, v)
	_, err := r.try(e.Engine, fleet.UpdateVM, UpdateVM{}, v)
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	require.Equal(t, fleet.OperationSucceeded, r.end(first.ID).Status)
}

func TestRetries(t *testing.T) {
	r := newRig(t)
	e := r.engine(quick())
	v := r.vm("web-flaky-start", false) // the first call answers Unavailable
	o := r.end(r.enqueue(e.Engine, fleet.StartVM, Power{}, v).ID)
	require.Equal(t, fleet.OperationSucceeded, o.Status)
	require.Equal(t, 2, o.Steps[0].Attempts)

	v = r.vm("web-deny-start", false)
	o = r.end(r.enqueue(e.Engine, fleet.StartVM, Power{}, v).ID)
	require.Equal(t, fleet.OperationFailed, o.Status)
	require.Equal(t, 1, o.Steps[0].Attempts, "what would not pass is not tried again")
	require.Equal(t, fault.Denied, o.Error.Kind)

	v = r.vm("web-fail-stop", true) // the guest does not listen: Deadline, which elsewhere is tried again
	o = r.end(r.enqueue(e.Engine, fleet.ShutdownVM, Power{}, v).ID)
	require.Equal(t, fleet.OperationFailed, o.Status)
	require.Equal(t, 1, o.Steps[0].Attempts)
	require.Equal(t, fault.Deadline, o.Error.Kind)
}

func TestPatienceEnds(t *testing.T) {
	r := newRig(t)
	o := quick()
	o.Patience = 200 * time.Millisecond
	e := r.engine(o)
	v := r.vm("web-1", false)
	r.world.SetDown("h1", true)
	op := r.enqueue(e.Engine, fleet.StartVM, Power{}, v)
	r.until(op.ID, "wait", func(o *fleet.Operation) bool { return o.Status == fleet.OperationWaiting && o.Steps[0].Error != nil })
	op = r.end(op.ID)
	require.Equal(t, fleet.OperationFailed, op.Status)
	require.Equal(t, fault.Unavailable, op.Error.Kind)
	require.Greater(t, op.Steps[0].Attempts, 2)
	r.free(v)
}

func TestLostReplyMakesOneVM(t *testing.T) {
	r := newRig(t)
	e := r.engine(quick())
	v := r.row("db-lose-reply-create", "")
	o := r.end(r.enqueue(e.Engine, fleet.CreateVM, CreateVM{Request: request(v.Name), Start: true}, v).ID)
	require.Equal(t, fleet.OperationSucceeded, o.Status)
	n := 0
	for _, err := range r.conn().List(t.Context(), drivers.ListOptions{}) {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 1, n)
	made, err := r.store.VM(t.Context(), r.scope, v.ID)
	require.NoError(t, err)
	require.NotEmpty(t, made.Ref)
}

func TestFailedStartTakesTheNewVMBack(t *testing.T) {
	r := newRig(t)
	e := r.engine(quick())
	before := r.digest()
	v := r.row("db-fail-start", "")
	o := r.end(r.enqueue(e.Engine, fleet.CreateVM, CreateVM{Request: request(v.Name), Start: true}, v).ID)
	require.Equal(t, fleet.OperationFailed, o.Status)
	require.Equal(t, fault.Exhausted, o.Error.Kind)
	require.Equal(t, before, r.digest())
	require.Equal(t, []fleet.StepStatus{fleet.StepUndone, fleet.StepFailed}, []fleet.StepStatus{o.Steps[0].Status, o.Steps[1].Status})
}

func TestUpdateRefusedWhenChangedBehindOurBack(t *testing.T) {
	r := newRig(t)
	e := r.engine(quick())
	v := r.vm("web-1", true)
	in := resizeTo(3, 768)(r, v)
	other := 2
	task, err := r.conn().Resize(t.Context(), v.Ref, drivers.Resize{VCPUs: &other})
	require.NoError(t, err)
	r.wait(r.conn(), task)
	o := r.end(r.enqueue(e.Engine, fleet.UpdateVM, in, v).ID)
	require.Equal(t, fleet.OperationFailed, o.Status)
	require.Equal(t, fault.Conflict, o.Error.Kind)
	require.Contains(t, o.Error.Message, "changed")
	require.Contains(t, r.digest(), "512/2048 MiB", "and nothing was changed")
}

// tooLate has updates fail when all is done.
func tooLate(e *Engine) {
	wrap(e, fleet.UpdateVM, 1, false, func(f work0) work0 {
		return func(ctx context.Context, w *work) (drivers.Task, error) {
			if _, err := whole(ctx, w, f); err != nil {
				return drivers.Task{}, err
			}
			return drivers.Task{}, fault.New(fault.Conflict, "too late")
		}
	})
}

func TestResizeBack(t *testing.T) {
	r := newRig(t)
	e := r.engineOn(r.store, quick(), tooLate)
	v := r.vm("web-1", true)
	o := r.end(r.enqueue(e.Engine, fleet.UpdateVM, resizeTo(3, 768)(r, v), v).ID)
	require.Equal(t, fleet.OperationFailed, o.Status)
	require.Contains(t, r.digest(), "512/2048 MiB", "memory goes back at once")
	require.Contains(t, r.digest(), "pending [{vcpus 3 1}]", "vCPUs of a running VM cannot")
	require.Contains(t, o.Error.Remedy, "Its vcpus goes back to 1 with the next start.")
}

// TestResizeBackToWhatWaited: an update that is undone leaves an earlier one alone, which waits for the next start.
func TestResizeBackToWhatWaited(t *testing.T) {
	r := newRig(t)
	e := r.engineOn(r.store, quick(), tooLate)
	v := r.vm("web-1", true)
	for _, n := range []int{3, 2} { // the second cannot come while it runs
		task, err := r.conn().Resize(t.Context(), v.Ref, drivers.Resize{VCPUs: &n})
		require.NoError(t, err)
		r.wait(r.conn(), task)
	}
	require.Contains(t, r.digest(), "pending [{vcpus 3 2}]")
	o := r.end(r.enqueue(e.Engine, fleet.UpdateVM, resizeTo(1, 512)(r, v), v).ID)
	require.Equal(t, fleet.OperationFailed, o.Status)
	require.Contains(t, r.digest(), "pending [{vcpus 3 2}]")
}

// TestStuck: an undo that cannot be done is shown to somebody, keeps the VM, and can be tried again or given up.
func TestStuck(t *testing.T) {
	r := newRig(t)
	var mended atomic.Bool
	e := r.engineOn(r.store, quick(), func(e *Engine) {
		wrap(e, fleet.CreateVM, 0, true, func(f work0) work0 {
			return func(ctx context.Context, w *work) (drivers.Task, error) {
				if !mended.Load() {
					return drivers.Task{}, fault.New(fault.Denied, "you may not delete")
				}
				return f(ctx, w)
			}
		})
	})
	stuck := func(name string) (*fleet.Operation, *fleet.VM) {
		v := r.row(name, "")
		o := r.end(r.enqueue(e.Engine, fleet.CreateVM, CreateVM{Request: request(v.Name), Start: true}, v).ID)
		require.Equal(t, fleet.OperationStuck, o.Status)
		require.Contains(t, o.Error.Message, "you may not delete")
		_, err := r.try(e.Engine, fleet.StartVM, Power{}, v)
		require.True(t, fault.Is(err, fault.Conflict), "nobody may build on what it left: %v", err)
		return o, v
	}
	decide := func(do func(context.Context, *store.Store, fleet.Scope, uuid.UUID) (*fleet.Operation, error), o *fleet.Operation) {
		require.NoError(t, r.store.Tx(t.Context(), func(tx *store.Store) error {
			_, err := do(t.Context(), tx, r.scope, o.ID)
			return err
		}))
	}
	before := r.digest()
	first, _ := stuck("one-fail-start")
	mended.Store(true)
	decide(func(ctx context.Context, tx *store.Store, s fleet.Scope, id uuid.UUID) (*fleet.Operation, error) {
		return e.Retry(ctx, tx, s, id)
	}, first)
	require.Equal(t, fleet.OperationFailed, r.until(first.ID, "end", func(o *fleet.Operation) bool { return o.Status.Ended() }).Status)
	require.Equal(t, before, r.digest())

	mended.Store(false)
	second, v := stuck("two-fail-start")
	decide(func(ctx context.Context, tx *store.Store, s fleet.Scope, id uuid.UUID) (*fleet.Operation, error) {
		return e.Abandon(ctx, tx, s, id)
	}, second)
	require.Equal(t, fleet.OperationFailed, r.end(second.ID).Status)
	r.free(v)
	kept, err := r.store.VM(t.Context(), r.scope, v.ID)
	require.NoError(t, err)
	require.NotEmpty(t, kept.Ref, "what could not be taken back stays ours")
}

// TestPerProvider: at most so many are under way at one provider, waiting ones included, whoever works on them.
func TestPerProvider(t *testing.T) {
	r := newRig(t)
	o := quick()
	o.PerProvider = 3
	engines := []*running{r.engine(o), r.engineOn(storetest.Open(t, r.url), o, nil)}
	var ids []*fleet.Operation
	for i := range 12 {
		v := r.vm(fmt.Sprintf("web-%d-slow-start", i), false)
		ids = append(ids, r.enqueue(engines[i%2].Engine, fleet.StartVM, Power{}, v))
	}
	most := 0
	for done := 0; done < len(ids); {
		busy := 0
		done = 0
		page, err := r.store.Operations(t.Context(), r.scope, fleet.OperationQuery{First: 50})
		require.NoError(t, err)
		for _, o := range page.Operations {
			switch o.Status {
			case fleet.OperationSucceeded:
				done++
			case fleet.OperationQueued:
			case fleet.OperationRunning, fleet.OperationWaiting:
				busy++
			default:
				require.Fail(t, "unexpected", "%+v", o)
			}
		}
		most = max(most, busy)
		time.Sleep(2 * time.Millisecond)
	}
	require.Equal(t, 3, most)
}

// What a finished task still has to say stays with the operation.
func TestTheLastWordIsKept(t *testing.T) {
	r := newRig(t)
	e := r.engineOn(r.store, quick(), func(e *Engine) {
		wrap(e, fleet.StartVM, 0, false, func(work0) work0 {
			return func(context.Context, *work) (drivers.Task, error) {
				return drivers.Task{Done: true, Note: "the guest has given back 110 of 128 MiB so far"}, nil
			}
		})
	})
	ended := r.end(r.enqueue(e.Engine, fleet.StartVM, Power{}, r.vm("web-1", false)).ID)
	require.Equal(t, fleet.OperationSucceeded, ended.Status)
	require.Equal(t, "the guest has given back 110 of 128 MiB so far", ended.Note)
}
