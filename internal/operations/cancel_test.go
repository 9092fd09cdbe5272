package operations

import (
	"context"
	"fmt"
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

func (r *rig) cancel(e *Engine, id uuid.UUID) *fleet.Operation {
	r.t.Helper()
	var o *fleet.Operation
	require.NoError(r.t, r.store.Tx(r.t.Context(), func(tx *store.Store) (err error) {
		o, err = e.Cancel(r.t.Context(), tx, r.scope, id)
		return err
	}))
	return o
}

// TestCancelReachesTheStep: the running step's context ends within a second, on whichever replica it runs
// and without any wake-up, and what was done is undone.
func TestCancelReachesTheStep(t *testing.T) {
	r := newRig(t)
	o := quick()
	o.Lease, o.Poll = time.Minute, 200*time.Millisecond
	noticed := make(chan time.Time, 1)
	r.engineOn(storetest.Open(t, r.url), o, func(e *Engine) {
		wrap(e, fleet.CreateVM, 0, false, func(f work0) work0 {
			return func(ctx context.Context, _ *work) (drivers.Task, error) {
				<-ctx.Done()
				noticed <- time.Now()
				return drivers.Task{}, ctx.Err()
			}
		})
	})
	asker := New(r.store, fakeConns(r.world), silence{}, discard(), o) // another replica, which works on nothing
	before := r.digest()
	v := r.row("web-1", "")
	op := r.enqueue(asker, fleet.CreateVM, CreateVM{Request: request(v.Name), Start: true}, v)
	r.until(op.ID, "begun with it", func(o *fleet.Operation) bool { return o.Steps[0].Status == fleet.StepRunning })
	asked := time.Now()
	require.True(t, r.cancel(asker, op.ID).CancelRequested)
	took := (<-noticed).Sub(asked)
	require.Less(t, took, time.Second)
	t.Logf("the step's context ended %s after the cancel", took)
	ended := r.end(op.ID)
	require.Equal(t, fleet.OperationCanceled, ended.Status)
	require.Equal(t, before, r.digest())
	require.Equal(t, fleet.OperationCanceled, r.cancel(asker, op.ID).Status, "one that has ended stays as it is")
}

// TestCancelInTheMiddleOfPower: the host starts the VM whether we wait for its answer or not, and so we do, and say so.
func TestCancelInTheMiddleOfPower(t *testing.T) {
	r := newRig(t)
	called, release := make(chan struct{}), make(chan struct{})
	e := r.engineOn(r.store, quick(), func(e *Engine) {
		wrap(e, fleet.StartVM, 0, false, func(f work0) work0 {
			return func(ctx context.Context, w *work) (drivers.Task, error) {
				close(called)
				<-release
				if ctx.Err() != nil {
					return drivers.Task{}, ctx.Err()
				}
				return whole(ctx, w, f)
			}
		})
	})
	v := r.vm("web-1", false)
	op := r.enqueue(e.Engine, fleet.StartVM, Power{}, v)
	<-called
	require.True(t, r.cancel(e.Engine, op.ID).CancelRequested)
	r.until(op.ID, "hear of it", func(*fleet.Operation) bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.held[op.ID].canceled.Load()
	})
	close(release)
	require.Equal(t, fleet.OperationSucceeded, r.end(op.ID).Status)
	r.free(v)
}

func TestCancelWhileWaitingForTheProvider(t *testing.T) {
	r := newRig(t)
	e := r.engine(quick())
	before := r.digest()
	v := r.row("web-hang-create", "")
	op := r.enqueue(e.Engine, fleet.CreateVM, CreateVM{Request: request(v.Name)}, v)
	r.until(op.ID, "wait", func(o *fleet.Operation) bool { return o.Status == fleet.OperationWaiting && o.LeaseOwner == "" })
	r.cancel(e.Engine, op.ID)
	require.Equal(t, fleet.OperationCanceled, r.end(op.ID).Status)
	require.Equal(t, before, r.digest())
	_, err := r.store.VM(t.Context(), r.scope, v.ID)
	require.True(t, fault.Is(err, fault.NotFound))
}

func TestCancelBeforeItBegins(t *testing.T) {
	r := newRig(t)
	e := New(r.store, fakeConns(r.world), silence{}, discard(), quick())
	v := r.vm("web-1", false)
	op := r.enqueue(e, fleet.StartVM, Power{}, v)
	require.Equal(t, fleet.OperationCanceled, r.cancel(e, op.ID).Status, "here and now")
	r.free(v)
	v = r.row("web-2", "")
	op = r.enqueue(e, fleet.CreateVM, CreateVM{Request: request("web-2")}, v)
	r.cancel(e, op.ID)
	_, err := r.store.VM(t.Context(), r.scope, v.ID)
	require.True(t, fault.Is(err, fault.NotFound), "a VM that was never begun is no VM")
}

func TestNoCancelPastTheReturn(t *testing.T) {
	r := newRig(t)
	e := r.engine(quick())
	v := r.vm("web-slow-delete", false)
	op := r.enqueue(e.Engine, fleet.DeleteVM, DeleteVM{}, v)
	r.until(op.ID, "come to the point", func(o *fleet.Operation) bool { return o.PastReturn() })
	r.cancel(e.Engine, op.ID)
	require.Equal(t, fleet.OperationSucceeded, r.end(op.ID).Status)
}

// TestOverrule: pulling the plug does not wait for the guest's answer to a shutdown.
func TestOverrule(t *testing.T) {
	r := newRig(t)
	e := r.engine(quick())
	v := r.vm("web-hang-stop", true)
	ask := r.enqueue(e.Engine, fleet.ShutdownVM, Power{}, v)
	r.until(ask.ID, "wait", func(o *fleet.Operation) bool { return o.Status == fleet.OperationWaiting })
	off, err := e.Make(fleet.PowerOffVM, Power{})
	require.NoError(t, err)
	off.TenantID, off.ProviderID, off.TargetType, off.TargetID, off.TargetName = r.scope.Tenant(), &r.provider.ID, fleet.TargetVM, &v.ID, v.Name
	require.NoError(t, r.store.Tx(t.Context(), func(tx *store.Store) error { return e.Enqueue(t.Context(), tx, off, ask) }))
	require.Equal(t, fleet.OperationCanceled, r.end(ask.ID).Status)
	require.Equal(t, fleet.OperationSucceeded, r.end(off.ID).Status)
	r.free(v)
	require.Contains(t, r.digest(), "vm web-hang-stop STOPPED")
}

// bulkOf asks for one action on all of the VMs.
func (r *rig) bulkOf(e *Engine, kind fleet.OperationKind, vms []*fleet.VM) *fleet.Operation {
	r.t.Helper()
	parent, err := e.Make(fleet.Bulk, Bulk{Count: len(vms)})
	require.NoError(r.t, err)
	parent.TenantID, parent.TargetName = r.scope.Tenant(), "some VMs"
	var parts []*fleet.Operation
	for _, v := range vms {
		o, err := e.Make(kind, Power{})
		require.NoError(r.t, err)
		o.TenantID, o.ProviderID, o.TargetType, o.TargetID, o.TargetName = r.scope.Tenant(), &r.provider.ID, fleet.TargetVM, &v.ID, v.Name
		parts = append(parts, o)
	}
	require.NoError(r.t, r.store.Tx(r.t.Context(), func(tx *store.Store) error {
		n, err := e.EnqueueAll(r.t.Context(), tx, parent, parts)
		require.Equal(r.t, len(parts), n)
		return err
	}))
	return parent
}

func (r *rig) counts(parent *fleet.Operation) map[fleet.OperationStatus]int {
	r.t.Helper()
	all, err := r.store.OperationChildCounts(r.t.Context(), r.scope, []uuid.UUID{parent.ID})
	require.NoError(r.t, err)
	counts := map[fleet.OperationStatus]int{}
	for _, c := range all[parent.ID] {
		counts[c.Status] = c.Count
	}
	return counts
}

func TestBulk(t *testing.T) {
	r := newRig(t)
	e := r.engine(quick())
	var vms []*fleet.VM
	for i := range 20 {
		vms = append(vms, r.vm(fmt.Sprintf("web-%d", i), false))
	}
	o := r.end(r.bulkOf(e.Engine, fleet.StartVM, vms).ID)
	require.Equal(t, fleet.OperationSucceeded, o.Status)
	require.Equal(t, map[fleet.OperationStatus]int{fleet.OperationSucceeded: 20}, r.counts(o))

	bad := r.vm("web-deny-start", false)
	o = r.end(r.bulkOf(e.Engine, fleet.StartVM, []*fleet.VM{bad, vms[0]}).ID)
	require.Equal(t, fleet.OperationFailed, o.Status)
	require.Equal(t, "1 of 2 failed", o.Error.Message)
}

func TestBulkCancel(t *testing.T) {
	r := newRig(t)
	o := quick()
	o.PerProvider = 2
	e := r.engine(o)
	const many = 40 // more than a busy machine begins before it hears of the cancel
	var vms []*fleet.VM
	for i := range many {
		vms = append(vms, r.vm(fmt.Sprintf("web-%d-slow-start", i), false))
	}
	parent := r.bulkOf(e.Engine, fleet.StartVM, vms)
	r.until(parent.ID, "begin", func(*fleet.Operation) bool { return r.counts(parent)[fleet.OperationWaiting] > 0 })
	r.cancel(e.Engine, parent.ID)
	require.Equal(t, fleet.OperationCanceled, r.end(parent.ID).Status)
	counts := r.counts(parent)
	require.Equal(t, many, counts[fleet.OperationCanceled]+counts[fleet.OperationSucceeded], "%v", counts)
	require.Positive(t, counts[fleet.OperationCanceled], "those that had not begun")
	require.Positive(t, counts[fleet.OperationSucceeded], "those that had")
	for _, v := range vms {
		r.free(v)
	}
}
