package operations

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/drivers/fake"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/outside"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if url := os.Getenv("NOVACRON_TEST_WORKER"); url != "" {
		workUntilKilled(url)
	}
	goleak.VerifyTestMain(m, storetest.Ignore()...)
}

// rig is a database, a provider with a simulated host, and as many engines as a test starts.
type rig struct {
	t        testing.TB
	url      string
	store    *store.Store
	scope    fleet.Scope
	world    *fake.World
	provider *fleet.Provider
}

func newRig(t testing.TB) *rig {
	t.Helper()
	url := storetest.URL(t)
	r := &rig{t: t, url: url, store: storetest.Open(t, url), world: fake.NewWorld(fake.Options{Pace: 0.002})}
	r.scope = storetest.Tenant(t, r.store, "acme")
	r.provider = &fleet.Provider{ID: fleet.NewID(), TenantID: r.scope.Tenant(), Name: "h1", Kind: drivers.KindFake, Host: "h1", Status: fleet.ProviderConnected}
	require.NoError(t, r.store.InsertProvider(t.Context(), r.provider))
	return r
}

// anew gives the rig another world and forgets the things of the last one: cheaper than another database.
func (r *rig) anew() {
	r.t.Helper()
	r.world = fake.NewWorld(fake.Options{Pace: 0.002})
	vms, err := r.store.VMIDs(r.t.Context(), r.provider.ID)
	require.NoError(r.t, err)
	for _, id := range vms {
		require.NoError(r.t, r.store.DeleteVM(r.t.Context(), id))
	}
	images, err := r.store.Images(r.t.Context(), r.scope, nil)
	require.NoError(r.t, err)
	for _, i := range images {
		require.NoError(r.t, r.store.DeleteImage(r.t.Context(), r.scope, i.ID))
	}
}

func fakeConns(world *fake.World) *drivers.Conns {
	return drivers.NewConns(map[drivers.Kind]drivers.Opener{drivers.KindFake: world.Open}, func(context.Context, uuid.UUID) (drivers.Config, error) {
		return drivers.Config{Kind: drivers.KindFake, Name: "h1", Host: "h1"}, nil
	})
}

func discard() *slog.Logger {
	if os.Getenv("NOVACRON_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

// quick are options with which nothing takes long.
func quick() Options {
	return Options{Lease: 600 * time.Millisecond, Poll: 50 * time.Millisecond, Retry: 5 * time.Millisecond, Patience: 2 * time.Second, Drain: time.Second}
}

// running is an engine at work. stop is SIGTERM.
type running struct {
	*Engine
	cancel context.CancelFunc
	ended  chan struct{}
}

func (r *rig) engine(o Options) *running {
	r.t.Helper()
	return r.engineOn(r.store, o, nil)
}

func (r *rig) engineOn(s *store.Store, o Options, before func(*Engine)) *running {
	log := discard()
	conns := fakeConns(r.world)
	o.Images.Outside = outside.New(thisMachine)
	o.Images.Dir = r.t.TempDir()
	e := &running{Engine: New(s, conns, events.NewLocal(), log, o), ended: make(chan struct{})}
	if before != nil {
		before(e.Engine)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	e.cancel = cancel
	go func() {
		defer close(e.ended)
		defer conns.Close()
		_ = e.Run(ctx)
	}()
	r.t.Cleanup(e.stop)
	return e
}

func (e *running) stop() {
	e.cancel()
	<-e.ended
}

// conn is a connection of the test's own.
func (r *rig) conn() *drivers.Conn {
	r.t.Helper()
	d, err := r.world.Open(r.t.Context(), drivers.Config{Kind: drivers.KindFake, Host: "h1"})
	require.NoError(r.t, err)
	c := drivers.NewConn(d, drivers.Options{})
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

// request asks for a VM with one disk from an image and one NIC.
func request(name string) drivers.CreateRequest {
	return drivers.CreateRequest{Name: name, VCPUs: 1, VCPUsMax: 4, MemoryMiB: 512, MemoryMax: 2048, Firmware: drivers.FirmwareBIOS,
		Disks: []drivers.DiskRequest{{Image: &drivers.VolumeRef{Pool: "images", Volume: "tiny.qcow2"}, Clone: drivers.CloneCopyOnWrite}},
		NICs:  []drivers.NICRequest{{Type: "network"}}}
}

// vm makes a managed VM on the host and in the store.
func (r *rig) vm(name string, running bool) *fleet.VM {
	r.t.Helper()
	c := r.conn()
	q := request(name)
	q.Token = "made-by-the-test-" + name
	task, err := c.Create(r.t.Context(), q)
	require.NoError(r.t, err)
	r.wait(c, task)
	if running {
		task, err := c.Power(r.t.Context(), task.Ref, drivers.PowerStart)
		require.NoError(r.t, err)
		r.wait(c, task)
	}
	return r.row(name, task.Ref)
}

func (r *rig) row(name string, ref drivers.Ref) *fleet.VM {
	r.t.Helper()
	v := &fleet.VM{ID: fleet.NewID(), TenantID: r.scope.Tenant(), ProviderID: r.provider.ID, Name: name, Ref: ref, Management: fleet.Managed,
		ObservedStatus: fleet.VMStopped}
	if ref != "" {
		seen, err := r.conn().Get(r.t.Context(), ref)
		require.NoError(r.t, err)
		v.ObservedStatus, v.Disks, v.NICs = fleet.VMStatus(seen.State), seen.Disks, seen.NICs
	} else {
		v.ObservedStatus = fleet.VMUnknown
	}
	require.NoError(r.t, r.store.InsertVM(r.t.Context(), v))
	return v
}

func (r *rig) wait(c *drivers.Conn, t drivers.Task) {
	r.t.Helper()
	for !t.Done {
		time.Sleep(time.Millisecond)
		var err error
		t, err = c.Poll(r.t.Context(), t)
		require.NoError(r.t, err)
	}
}

// enqueue asks for an operation on a VM.
func (r *rig) enqueue(e *Engine, kind fleet.OperationKind, input any, v *fleet.VM) *fleet.Operation {
	r.t.Helper()
	o, err := r.try(e, kind, input, v)
	require.NoError(r.t, err)
	return o
}

func (r *rig) try(e *Engine, kind fleet.OperationKind, input any, v *fleet.VM) (*fleet.Operation, error) {
	r.t.Helper()
	o, err := e.Make(kind, input)
	require.NoError(r.t, err)
	o.TenantID, o.ProviderID, o.RequestedBy = r.scope.Tenant(), &r.provider.ID, "alice"
	o.TargetType, o.TargetID, o.TargetName = fleet.TargetVM, &v.ID, v.Name
	return o, r.store.Tx(r.t.Context(), func(tx *store.Store) error { return e.Enqueue(r.t.Context(), tx, o, nil) })
}

// end waits until the operation has ended or is stuck.
func (r *rig) end(id uuid.UUID) *fleet.Operation {
	r.t.Helper()
	return r.until(id, "end", func(o *fleet.Operation) bool { return o.Status.Ended() || o.Status == fleet.OperationStuck })
}

func (r *rig) until(id uuid.UUID, what string, is func(*fleet.Operation) bool) *fleet.Operation {
	r.t.Helper()
	var o *fleet.Operation
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		var err error
		o, err = r.store.Operation(r.t.Context(), r.scope, id)
		require.NoError(r.t, err)
		if is(o) {
			return o
		}
	}
	require.FailNow(r.t, "the operation does not "+what, "%s %s %s %+v", o.Kind, o.Status, o.Note, o.Steps)
	return nil
}

// digest is all that can be seen of the host, without what differs from one world to the next.
func (r *rig) digest() string {
	r.t.Helper()
	var lines []string
	c := r.conn()
	for v, err := range c.List(r.t.Context(), drivers.ListOptions{}) {
		require.NoError(r.t, err)
		line := fmt.Sprintf("vm %s %s %d/%d vCPUs %d/%d MiB pending %v", v.Name, v.State, v.VCPUs, v.VCPUsMax, v.MemoryMiB, v.MemoryMax, v.Pending)
		for _, d := range v.Disks {
			line += fmt.Sprintf(" disk %s %s %s %d", d.Name, d.Bus, d.Backing, d.CapacityBytes)
		}
		for _, n := range v.NICs {
			line += " nic " + n.MAC
		}
		snapshots, err := c.Snapshots(r.t.Context(), v.Ref)
		require.NoError(r.t, err)
		for _, s := range snapshots {
			line += fmt.Sprintf(" snapshot %s of %q current %t", s.Name, s.Parent, s.Current)
		}
		lines = append(lines, line)
	}
	for _, pool := range []string{"default", "images"} {
		volumes, err := c.Volumes(r.t.Context(), pool)
		require.NoError(r.t, err)
		for _, v := range volumes {
			lines = append(lines, fmt.Sprintf("volume %s/%s %s %d", v.Pool, v.Name, v.Format, v.CapacityBytes))
		}
	}
	slices.SortFunc(lines, cmp.Compare)
	return strings.Join(lines, "\n")
}

// free checks that nobody holds the VM any more.
func (r *rig) free(v *fleet.VM) {
	r.t.Helper()
	now, err := r.store.VM(r.t.Context(), r.scope, v.ID)
	if fault.Is(err, fault.NotFound) {
		return
	}
	require.NoError(r.t, err)
	require.Nil(r.t, now.OperationID, "the VM is free")
	require.Nil(r.t, now.Intent, "the VM is shown as observed")
}
