package control

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/drivers/fake"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/operations"
	"github.com/novacron/novacron/internal/outside"
	"github.com/novacron/novacron/internal/secrets"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, storetest.Ignore()...) }

// rig is the rooms behind control, at work, with one simulated host.
type rig struct {
	*Control
	t        testing.TB
	ctx      context.Context // of an administrator
	viewer   access.Viewer
	world    *fake.World
	provider *fleet.Provider
	image    *fleet.Image
}

func newRig(t testing.TB) *rig {
	t.Helper()
	s := storetest.New(t)
	r := &rig{t: t, world: fake.NewWorld(fake.Options{Pace: 0.002})}
	acme := storetest.Tenant(t, s, "acme")
	tenant, user := acme.Tenant(), storetest.Person(t, s, acme, &fleet.User{Name: "alice"}, fleet.RoleAdmin)
	r.viewer = access.Viewer{TenantID: tenant, UserID: user.ID, Name: "alice", Role: fleet.RoleAdmin, RequestID: "r1"}
	r.ctx = access.With(t.Context(), r.viewer)
	box, err := secrets.OpenBox(filepath.Join(t.TempDir(), "key.json"))
	require.NoError(t, err)
	conns := drivers.NewConns(map[drivers.Kind]drivers.Opener{drivers.KindFake: r.world.Open}, func(ctx context.Context, id uuid.UUID) (drivers.Config, error) {
		p, err := s.Provider(ctx, fleet.System(), id)
		if err != nil {
			return drivers.Config{}, err
		}
		return drivers.Config{Kind: p.Kind, Name: p.Name, Host: p.Host}, nil
	})
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	engine := operations.New(s, conns, events.NewLocal(), log, operations.Options{Poll: 50 * time.Millisecond, Retry: 5 * time.Millisecond,
		Box: box, Refresh: r.see, Images: operations.Fetcher{Dir: t.TempDir(), Outside: outside.New(netip.MustParsePrefix("127.0.0.0/8"))}})
	r.Control = New(s, conns, engine, box, log, Options{})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); _ = engine.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; conns.Close() })

	r.provider, err = r.AddProvider(r.ctx, fleet.NewProvider{Name: "h1", Kind: drivers.KindFake, Host: "h1"})
	require.NoError(t, err)
	r.connected()
	return r
}

// connected does what the inventory does for a provider that answers.
func (r *rig) connected() {
	r.t.Helper()
	conn, err := r.conns.Conn(r.t.Context(), r.provider.ID, r.provider.SettingsVersion)
	require.NoError(r.t, err)
	leases, err := r.store.AcquireLeases(r.t.Context(), "test", time.Hour, 10)
	require.NoError(r.t, err)
	r.provider.Status, r.provider.Info = fleet.ProviderConnected, conn.Info()
	_, err = r.store.SetProviderSeen(r.t.Context(), leases[0], r.provider, "status", "info")
	require.NoError(r.t, err)
	survey, err := conn.Survey(r.t.Context())
	require.NoError(r.t, err)
	require.NoError(r.t, r.store.InsertHost(r.t.Context(), &fleet.HypervisorHost{ID: fleet.NewID(), TenantID: r.viewer.TenantID, ProviderID: r.provider.ID,
		Name: "h1", Status: fleet.HostActive, Capabilities: survey.Nodes[0], Pools: survey.Pools, Networks: survey.Networks}))
	r.image, err = r.RegisterImage(r.ctx, fleet.VolumeImage{ProviderID: r.provider.ID, Pool: "images", Volume: "tiny.qcow2"})
	require.NoError(r.t, err)
}

// see is a small inventory: it writes what the host says of one VM.
func (r *rig) see(ctx context.Context, provider uuid.UUID, ref drivers.Ref) error {
	p, err := r.store.Provider(ctx, fleet.System(), provider)
	if err != nil {
		return err
	}
	conn, err := r.conn(ctx, p)
	if err != nil {
		return err
	}
	seen, err := conn.Get(ctx, ref)
	if err != nil {
		return err
	}
	return r.store.Tx(ctx, func(tx *store.Store) error {
		v, err := tx.VMByRef(ctx, fleet.System(), provider, ref)
		if err != nil {
			return err
		}
		v.ObservedStatus, v.VCPUs, v.VCPUsMax, v.MemoryMiB, v.MemoryMaxMiB = fleet.VMStatus(seen.State), seen.VCPUs, seen.VCPUsMax, seen.MemoryMiB, seen.MemoryMax
		v.Disks, v.NICs, v.Pending = seen.Disks, seen.NICs, seen.Pending
		v.HypervisorConfig.SerialConsole, v.HypervisorConfig.VNC = seen.SerialConsole, seen.VNC
		v.Version++
		return tx.SaveVMsSeen(ctx, []*fleet.VM{v})
	})
}

// as is a context of somebody else in the same organisation.
func (r *rig) as(role fleet.Role) context.Context {
	v := r.viewer
	v.Role = role
	return access.With(r.t.Context(), v)
}

// stranger is a context of another organisation's administrator.
func (r *rig) stranger() context.Context {
	r.t.Helper()
	scope := storetest.Tenant(r.t, r.store, "other-"+fleet.NewID().String())
	return access.With(r.t.Context(), access.Viewer{TenantID: scope.Tenant(), UserID: fleet.NewID(), Name: "mallory", Role: fleet.RoleAdmin})
}

func (r *rig) newVM(name string) fleet.NewVM {
	return fleet.NewVM{ProviderID: r.provider.ID, Name: name, VCPUs: 1, MemoryMiB: 256, Disks: []fleet.NewDisk{{ImageID: &r.image.ID}}, Start: true}
}

// make makes a VM and waits for it.
func (r *rig) make(name string) *fleet.VM {
	r.t.Helper()
	o, v, err := r.CreateVM(r.ctx, r.newVM(name))
	require.NoError(r.t, err)
	r.ok(o)
	return r.vm(v.ID)
}

func (r *rig) vm(id uuid.UUID) *fleet.VM {
	r.t.Helper()
	v, err := r.store.VM(r.t.Context(), r.viewer.Scope(), id)
	require.NoError(r.t, err)
	return v
}

// end waits for the operation's end.
func (r *rig) end(o *fleet.Operation) *fleet.Operation {
	r.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		now, err := r.store.Operation(r.t.Context(), r.viewer.Scope(), o.ID)
		require.NoError(r.t, err)
		if now.Status.Ended() || now.Status == fleet.OperationStuck {
			return now
		}
	}
	require.FailNow(r.t, "the operation does not end", "%+v", o)
	return nil
}

func (r *rig) ok(o *fleet.Operation) {
	r.t.Helper()
	ended := r.end(o)
	require.Equal(r.t, fleet.OperationSucceeded, ended.Status, "%v", ended.Error)
}

// refused checks the kind and the field of a refusal.
func refused(t testing.TB, err error, kind fault.Kind, field string) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, kind, fault.KindOf(err), "%v", err)
	require.Equal(t, field, fault.Of(err).Field, "%v", err)
}

// kind checks an error's.
func kind(t testing.TB, want fault.Kind, err error) {
	t.Helper()
	require.True(t, fault.Is(err, want), "want %s, got %v", want, err)
}
