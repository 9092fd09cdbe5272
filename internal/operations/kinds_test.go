package operations

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// kindCase is a kind of operation as the generic tests try it. Every kind that has steps is here:
// TestEveryKindIsTried looks.
type kindCase struct {
	kind    fleet.OperationKind
	running bool                          // the VM
	prepare func(r *rig, v *fleet.VM)     // what has to be there
	input   func(r *rig, v *fleet.VM) any //
	unmade  bool                          // the VM is not there yet
	image   bool                          // it is about an image, not a VM
	stays   bool                          // it has no undo: what was done before it failed stays done
}

func always(in any) func(*rig, *fleet.VM) any { return func(*rig, *fleet.VM) any { return in } }

func kindCases() []kindCase {
	power := func(k fleet.OperationKind, running bool) kindCase {
		return kindCase{kind: k, running: running, input: always(Power{}), stays: true}
	}
	resume := power(fleet.ResumeVM, true)
	resume.prepare = func(r *rig, v *fleet.VM) { r.power(v, drivers.PowerPause) }
	return []kindCase{
		{kind: fleet.CreateVM, unmade: true, input: newGuest},
		{kind: fleet.UpdateVM, running: true, input: resizeTo(0, 768)}, // vCPUs: see TestResizeBack
		{kind: fleet.DeleteVM, stays: true, input: always(DeleteVM{AllDisks: drivers.DiskDelete})},
		power(fleet.StartVM, false), power(fleet.ShutdownVM, true), power(fleet.PowerOffVM, true), power(fleet.RebootVM, true),
		power(fleet.ResetVM, true), power(fleet.PauseVM, true), resume, power(fleet.SuspendVM, true),
		{kind: fleet.AttachDisk, running: true, input: always(AttachDisk{drivers.DiskRequest{CapacityBytes: 1 << 30}})},
		{kind: fleet.DetachDisk, running: true, stays: true, prepare: withDisk, input: always(DetachDisk{"vdb", drivers.DiskDelete})},
		{kind: fleet.AttachNIC, running: true, input: always(AttachNIC{drivers.NICRequest{MAC: "52:54:00:aa:bb:cc"}})},
		{kind: fleet.DetachNIC, running: true, stays: true, input: func(_ *rig, v *fleet.VM) any { return DetachNIC{v.NICs[0].MAC} }},
		{kind: fleet.CreateSnapshot, running: true, input: always(CreateSnapshot{drivers.SnapshotRequest{Name: "monday", Memory: true}})},
		{kind: fleet.RestoreSnapshot, running: true, stays: true, prepare: withSnapshot, input: always(Snapshot{"sunday"})},
		{kind: fleet.DeleteSnapshot, running: true, stays: true, prepare: withSnapshot, input: always(Snapshot{"sunday"})},
		{kind: fleet.ImportImage, image: true, input: func(r *rig, _ *fleet.VM) any {
			return ImportImage{Volume: drivers.VolumeRef{Pool: "images", Volume: "brought.img"}, File: rawImage(r.t)}
		}},
		{kind: fleet.DeleteImage, image: true, stays: true, input: always(DeleteImage{&drivers.VolumeRef{Pool: "images", Volume: "debian-12-netinst.iso"}})},
	}
}

func TestEveryKindIsTried(t *testing.T) {
	tried := map[fleet.OperationKind]bool{fleet.Bulk: true} // in bulk_test.go: its steps are other operations
	for _, c := range kindCases() {
		tried[c.kind] = true
	}
	for kind := range plans() {
		require.True(t, tried[kind], "no generic test tries %s", kind)
	}
}

func newGuest(_ *rig, v *fleet.VM) any {
	q := request(v.Name)
	q.NICs[0].MAC = "52:54:00:11:22:33" // one that is made up is another in each world
	return CreateVM{Request: q, Start: true}
}

func resizeTo(vcpus int, memory int64) func(*rig, *fleet.VM) any {
	return func(r *rig, v *fleet.VM) any {
		seen, err := r.conn().Get(r.t.Context(), v.Ref)
		require.NoError(r.t, err)
		want := drivers.Resize{MemoryMiB: &memory}
		if vcpus > 0 {
			want.VCPUs = &vcpus
		}
		plan, err := r.conn().PlanResize(seen, want)
		require.NoError(r.t, err)
		return UpdateVM{Want: want, Plan: plan}
	}
}

func withDisk(r *rig, v *fleet.VM) {
	_, err := r.conn().AttachDisk(r.t.Context(), v.Ref, "the-test-"+v.Name, drivers.DiskRequest{CapacityBytes: 2 << 30})
	require.NoError(r.t, err)
}

func withSnapshot(r *rig, v *fleet.VM) {
	_, err := r.conn().CreateSnapshot(r.t.Context(), v.Ref, drivers.SnapshotRequest{Token: "the-test-" + v.Name, Name: "sunday", Memory: true})
	require.NoError(r.t, err)
}

func (r *rig) power(v *fleet.VM, to drivers.PowerAction) {
	r.t.Helper()
	c := r.conn()
	task, err := c.Power(r.t.Context(), v.Ref, to)
	require.NoError(r.t, err)
	r.wait(c, task)
}

// rawImage is a file that looks like a disk.
func rawImage(t testing.TB) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "disk.img")
	content := make([]byte, 1<<20)
	content[510], content[511] = 0x55, 0xaa
	require.NoError(t, os.WriteFile(name, content, 0o600))
	return name
}

// thing is what a case's operation is about.
func (c kindCase) thing(r *rig, name string) *fleet.VM {
	switch {
	case c.image:
		i := &fleet.Image{ID: fleet.NewID(), TenantID: r.scope.Tenant(), ProviderID: r.provider.ID, Name: name, Pool: "images", Volume: name,
			Status: fleet.ImageImporting}
		require.NoError(r.t, r.store.InsertImage(r.t.Context(), i))
		return &fleet.VM{ID: i.ID, Name: name}
	case c.unmade:
		return r.row(name, "")
	}
	v := r.vm(name, c.running)
	if c.prepare != nil {
		c.prepare(r, v)
	}
	return v
}

// enqueueCase asks for the case's operation.
func (r *rig) enqueueCase(e *Engine, c kindCase, v *fleet.VM) *fleet.Operation {
	r.t.Helper()
	in := c.input(r, v)
	if !c.image {
		return r.enqueue(e, c.kind, in, v)
	}
	o, err := e.Make(c.kind, in)
	require.NoError(r.t, err)
	o.TenantID, o.ProviderID, o.RequestedBy = r.scope.Tenant(), &r.provider.ID, "alice"
	o.TargetType, o.TargetID, o.TargetName = fleet.TargetImage, &v.ID, v.Name
	require.NoError(r.t, r.store.Tx(r.t.Context(), func(tx *store.Store) error { return e.Enqueue(r.t.Context(), tx, o, nil) }))
	return o
}

type work0 = func(context.Context, *work) (drivers.Task, error)

// wrap puts something around what a step does or undoes. It is called before the engine runs.
func wrap(e *Engine, kind fleet.OperationKind, i int, undo bool, around func(work0) work0) {
	s := &e.plans[kind].steps[i]
	if undo {
		if s.undo != nil {
			s.undo = around(s.undo)
		}
		return
	}
	s.do = around(s.do)
}

// whole runs a step's function and waits for its task, so that all of its effect is there.
func whole(ctx context.Context, w *work, f work0) (drivers.Task, error) {
	t, err := f(ctx, w)
	for err == nil && !t.Done {
		time.Sleep(time.Millisecond)
		conn, e := w.Conn(ctx)
		if e != nil {
			return t, e
		}
		t, err = conn.Poll(ctx, t)
	}
	return t, err
}
