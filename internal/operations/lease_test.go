package operations

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
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

// TestOversleptWorkerIsRefused: a worker that was paused for longer than its lease wakes, and writes.
func TestOversleptWorkerIsRefused(t *testing.T) {
	r := newRig(t)
	v := r.vm("web-1", false)
	e := New(r.store, fakeConns(r.world), nil, discard(), quick()) // makes operations, works on none
	o := r.enqueue(e, fleet.StartVM, Power{}, v)
	lease := func(owner string) *fleet.Operation {
		all, err := r.store.LeaseOperations(t.Context(), owner, 150*time.Millisecond, 10, 10)
		require.NoError(t, err)
		require.Len(t, all, 1)
		return all[0]
	}
	sleeper := lease("sleeper")
	require.NoError(t, r.store.SaveOperation(t.Context(), sleeper))
	none, err := r.store.LeaseOperations(t.Context(), "other", time.Second, 10, 10)
	require.NoError(t, err)
	require.Empty(t, none, "one lease at a time")

	time.Sleep(200 * time.Millisecond)
	sleeper.Note = "written in its sleep"
	var fenced *store.Fenced
	require.ErrorAs(t, r.store.SaveOperation(t.Context(), sleeper), &fenced, "expired, though nobody has taken over")
	other := lease("other")
	require.Greater(t, other.LeaseEpoch, sleeper.LeaseEpoch)
	for _, write := range []func() error{
		func() error { return r.store.SaveOperation(t.Context(), sleeper) },
		func() error { return r.store.YieldOperation(t.Context(), sleeper, 0, true) },
		func() error { return r.store.EndOperation(t.Context(), sleeper) },
	} {
		require.ErrorAs(t, write(), &fenced)
	}
	renewed, err := r.store.RenewOperations(t.Context(), "sleeper", time.Hour, []uuid.UUID{o.ID})
	require.NoError(t, err)
	require.Empty(t, renewed)
	now, err := r.store.Operation(t.Context(), r.scope, o.ID)
	require.NoError(t, err)
	require.Equal(t, "other", now.LeaseOwner)
	require.Empty(t, now.Note)
}

// TestPausedReplica: one of two replicas stops renewing in the middle of a step, the other goes on;
// the first wakes, finishes its step, and may not write what came of it.
func TestPausedReplica(t *testing.T) {
	r := newRig(t)
	var wakes = make(chan struct{})
	var times atomic.Int32
	o := quick()
	o.Lease = 300 * time.Millisecond
	first := r.engineOn(r.store, o, func(e *Engine) {
		wrap(e, fleet.StartVM, 0, false, func(f work0) work0 {
			return func(ctx context.Context, w *work) (drivers.Task, error) {
				if times.Add(1) == 1 {
					w.expiry.Stop() // as in a process that is stopped: no timer goes off
					w.engine.mu.Lock()
					delete(w.engine.held, w.op.ID) // and no heartbeat
					w.engine.mu.Unlock()
					w.engine.draining.Store(true)
					<-wakes
				}
				return f(context.WithoutCancel(ctx), w)
			}
		})
	})
	second := r.engineOn(storetest.Open(t, r.url), o, nil)
	_ = second
	v := r.vm("web-1", false)
	op := r.enqueue(first.Engine, fleet.StartVM, Power{}, v)
	first.cancel() // takes nothing new
	ended := r.end(op.ID)
	require.Equal(t, fleet.OperationSucceeded, ended.Status)
	close(wakes)
	<-first.ended
	now, err := r.store.Operation(t.Context(), r.scope, op.ID)
	require.NoError(t, err)
	require.Equal(t, ended.UpdatedAt, now.UpdatedAt, "nothing was written after the end")
	all, err := r.store.AuditEntries(t.Context(), r.scope, fleet.AuditFilter{}, 0, 100)
	require.NoError(t, err)
	require.Len(t, all, 1, "it ended once")
}

// TestTwoReplicas: every operation is done by one of them, once.
func TestTwoReplicas(t *testing.T) {
	r := newRig(t)
	const n = 40
	var begun [n]atomic.Int32
	count := func(e *Engine) {
		wrap(e, fleet.StartVM, 0, false, func(f work0) work0 {
			return func(ctx context.Context, w *work) (drivers.Task, error) {
				var i int
				_, _ = fmt.Sscanf(w.op.TargetName, "web-%d", &i)
				begun[i].Add(1)
				return f(ctx, w)
			}
		})
	}
	a := r.engineOn(r.store, quick(), count)
	r.engineOn(storetest.Open(t, r.url), quick(), count)
	var ops []*fleet.Operation
	for i := range n {
		ops = append(ops, r.enqueue(a.Engine, fleet.StartVM, Power{}, r.vm(fmt.Sprintf("web-%d", i), false)))
	}
	for i, o := range ops {
		require.Equal(t, fleet.OperationSucceeded, r.end(o.ID).Status)
		require.EqualValues(t, 1, begun[i].Load())
	}
}

// TestSIGTERM: what is under way ends or is handed over at once, without waiting for a lease to run out.
func TestSIGTERM(t *testing.T) {
	r := newRig(t)
	o := quick()
	o.Lease, o.Drain = time.Hour, 100*time.Millisecond
	first := r.engineOn(r.store, o, func(e *Engine) {
		wrap(e, fleet.StartVM, 0, false, func(f work0) work0 {
			return func(ctx context.Context, _ *work) (drivers.Task, error) {
				<-ctx.Done()
				return drivers.Task{}, ctx.Err()
			}
		})
	})
	v := r.vm("web-1", false)
	op := r.enqueue(first.Engine, fleet.StartVM, Power{}, v)
	r.until(op.ID, "begin", func(o *fleet.Operation) bool { return o.Steps[0].Status == fleet.StepRunning })
	began := time.Now()
	first.stop()
	require.Less(t, time.Since(began), 2*time.Second)
	left, err := r.store.Operation(t.Context(), r.scope, op.ID)
	require.NoError(t, err)
	require.Empty(t, left.LeaseOwner, "handed over")
	require.False(t, left.Status.Ended())
	r.engine(o)
	require.Equal(t, fleet.OperationSucceeded, r.end(op.ID).Status)
}

// TestKill9 runs a worker in a process of its own, kills it in the middle of a step, and sees another go on.
func TestKill9(t *testing.T) {
	r := newRig(t)
	e := New(r.store, fakeConns(r.world), nil, discard(), quick())
	v := r.vm("web-1", false)
	op := r.enqueue(e, fleet.StartVM, Power{}, v)
	worker := exec.CommandContext(t.Context(), os.Args[0])
	worker.Env = append(os.Environ(), "NOVACRON_TEST_WORKER="+r.url)
	var out strings.Builder
	worker.Stdout, worker.Stderr = &out, &out
	require.NoError(t, worker.Start())
	r.until(op.ID, "begin in the other process: "+out.String(), func(o *fleet.Operation) bool { return o.Steps[0].Status == fleet.StepRunning })
	time.Sleep(3 * killedLease) // its heartbeat works: nobody else may have it
	require.NoError(t, worker.Process.Kill())
	killed := time.Now()
	require.Error(t, worker.Wait())
	held, err := r.store.Operation(t.Context(), r.scope, op.ID)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(held.LeaseOwner, "killed"), "the dead still hold it: %q", held.LeaseOwner)
	require.EqualValues(t, 1, held.LeaseEpoch)
	r.engine(quick())
	ended := r.end(op.ID)
	require.Equal(t, fleet.OperationSucceeded, ended.Status, "%+v", ended.Error)
	require.EqualValues(t, 2, ended.LeaseEpoch)
	require.Equal(t, 2, ended.Steps[0].Attempts)
	t.Logf("lease %s: taken over and ended %s after kill -9", killedLease, time.Since(killed))
}

const killedLease = 700 * time.Millisecond

// workUntilKilled is the other process: it begins a step and never ends it.
func workUntilKilled(url string) {
	ctx := context.Background()
	s, err := store.Open(ctx, url)
	if err != nil {
		panic(err)
	}
	conns := drivers.NewConns(nil, nil)
	e := New(s, conns, silence{}, discard(), Options{Owner: "killed", Lease: killedLease, Poll: 20 * time.Millisecond})
	wrap(e, fleet.StartVM, 0, false, func(work0) work0 {
		return func(context.Context, *work) (drivers.Task, error) { select {} }
	})
	_ = e.Run(ctx)
	os.Exit(0)
}

// silence is a bus that carries nothing.
type silence struct{}

func (silence) Wake(context.Context) error              { return nil }
func (silence) Listen(ctx context.Context, wake func()) { <-ctx.Done() }

func TestPanicIsAFault(t *testing.T) {
	r := newRig(t)
	e := r.engineOn(r.store, quick(), func(e *Engine) {
		wrap(e, fleet.StartVM, 0, false, func(work0) work0 {
			return func(context.Context, *work) (drivers.Task, error) { panic("a driver's bug") }
		})
	})
	v := r.vm("web-1", false)
	o := r.end(r.enqueue(e.Engine, fleet.StartVM, Power{}, v).ID)
	require.Equal(t, fleet.OperationFailed, o.Status)
	require.Equal(t, fault.Internal, o.Error.Kind)
	r.free(v)
}
