package loaders_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/drivers/fake"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
	"github.com/novacron/novacron/loaders"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, storetest.Ignore()...) }

// counted is a simulated host that counts the bulk calls it gets.
type counted struct {
	*fake.Driver
	guests, samples *atomic.Int32
}

func (c counted) Guest(ctx context.Context, refs []drivers.Ref) (map[drivers.Ref]drivers.Guest, error) {
	c.guests.Add(1)
	return c.Driver.Guest(ctx, refs)
}

func (c counted) Sample(ctx context.Context, refs []drivers.Ref) (map[drivers.Ref]drivers.Sample, error) {
	c.samples.Add(1)
	return c.Driver.Sample(ctx, refs)
}

type place struct {
	store           *store.Store
	scope           fleet.Scope
	source          *loaders.Source
	world           *fake.World
	events          *events.Log
	hosts           map[uuid.UUID]string
	guests, samples atomic.Int32
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{store: storetest.New(t), world: fake.NewWorld(fake.Options{VMs: 60, Seed: 1}), hosts: map[uuid.UUID]string{}}
	p.scope = storetest.Tenant(t, p.store, "acme")
	open := func(ctx context.Context, c drivers.Config) (drivers.Driver, error) {
		d, err := p.world.Open(ctx, c)
		if err != nil {
			return nil, err
		}
		return counted{d.(*fake.Driver), &p.guests, &p.samples}, nil
	}
	conns := drivers.NewConns(map[drivers.Kind]drivers.Opener{drivers.KindFake: open}, func(_ context.Context, id uuid.UUID) (drivers.Config, error) {
		return drivers.Config{Kind: drivers.KindFake, Host: p.hosts[id]}, nil
	})
	t.Cleanup(conns.Close)
	cache := loaders.NewCache(nil)
	t.Cleanup(cache.Close)
	p.events = events.New(p.store, events.NewLocal(), events.Options{})
	p.source = loaders.NewSource(p.store, conns, cache, p.events)
	return p
}

// provider adds a host with rows for the VMs that it has.
func (p *place) provider(t *testing.T, host string) []*fleet.VM {
	t.Helper()
	row := &fleet.Provider{ID: fleet.NewID(), TenantID: p.scope.Tenant(), Name: host, Kind: drivers.KindFake, Status: fleet.ProviderConnected, SettingsVersion: 1}
	require.NoError(t, p.store.InsertProvider(t.Context(), row))
	p.hosts[row.ID] = host
	d, err := p.world.Open(t.Context(), drivers.Config{Host: host})
	require.NoError(t, err)
	defer d.Close()
	var all []*fleet.VM
	for vm, err := range d.List(t.Context(), drivers.ListOptions{}) {
		require.NoError(t, err)
		v := &fleet.VM{ID: fleet.NewID(), TenantID: p.scope.Tenant(), ProviderID: row.ID, Ref: vm.Ref, Name: vm.Name,
			ObservedStatus: fleet.VMStatus(vm.State), Management: fleet.Managed}
		require.NoError(t, p.store.InsertVM(t.Context(), v))
		all = append(all, v)
	}
	return all
}

// answer is the context of one answer, as graph makes it.
func (p *place) answer(ctx context.Context) context.Context {
	return p.source.With(access.With(ctx, access.Viewer{TenantID: p.scope.Tenant(), Role: fleet.RoleViewer}))
}

// together asks for something of each VM at once, as the rows of a page do.
func together(vms []*fleet.VM, ask func(*fleet.VM) error) (failed int) {
	var group sync.WaitGroup
	var errs atomic.Int32
	for _, vm := range vms {
		group.Go(func() {
			if ask(vm) != nil {
				errs.Add(1)
			}
		})
	}
	group.Wait()
	return int(errs.Load())
}

func TestLiveDetailsAreOneCallAProvider(t *testing.T) {
	p := newPlace(t)
	vms := append(p.provider(t, "lab-one"), p.provider(t, "lab-two")...)
	ctx := p.answer(t.Context())
	ask := func(what func(*loaders.Loaders, *fleet.VM) error) {
		assert.Zero(t, together(vms, func(vm *fleet.VM) error { return what(loaders.For(ctx), vm) }))
	}
	ask(func(l *loaders.Loaders, vm *fleet.VM) error { _, err := l.Addresses(ctx, vm); return err })
	ask(func(l *loaders.Loaders, vm *fleet.VM) error { _, err := l.Guest(ctx, vm); return err })
	ask(func(l *loaders.Loaders, vm *fleet.VM) error { _, err := l.Usage(ctx, vm); return err })
	// One for each provider; a machine that is slow to ask for the last VM of a page may make it two.
	assert.LessOrEqual(t, p.guests.Load(), int32(4))
	assert.LessOrEqual(t, p.samples.Load(), int32(4))
	require.Greater(t, len(vms), 8)
	samples := p.samples.Load()

	// Another answer within the stated time asks nobody; it has the same figures.
	again := p.answer(t.Context())
	assert.Zero(t, together(vms, func(vm *fleet.VM) error { _, err := loaders.For(again).Usage(again, vm); return err }))
	assert.Equal(t, samples, p.samples.Load())
}

func TestRatesNeedTwoReadings(t *testing.T) {
	p := newPlace(t)
	var vm *fleet.VM
	for _, v := range p.provider(t, "lab-one") {
		if v.ObservedStatus == fleet.VMRunning {
			vm = v
		}
	}
	ctx := p.answer(t.Context())
	first, err := loaders.For(ctx).Usage(ctx, vm)
	require.NoError(t, err)
	assert.Nil(t, first.CPUPercent)
	assert.Positive(t, first.MemoryMiB)
	require.Eventually(t, func() bool {
		ctx := p.answer(t.Context())
		u, err := loaders.For(ctx).Usage(ctx, vm)
		return err == nil && u.CPUPercent != nil && u.AsOf.After(first.AsOf)
	}, 10*time.Second, 200*time.Millisecond)
}

// A provider that does not answer costs its own fields, and not for long.
func TestDeadProviderCostsItsOwn(t *testing.T) {
	p := newPlace(t)
	good, bad := p.provider(t, "lab-one"), p.provider(t, "lab-two")
	p.world.SetDown("lab-two", true)
	ctx, began := p.answer(t.Context()), time.Now()
	running := func(vms []*fleet.VM) (n int) {
		for _, v := range vms {
			if v.ObservedStatus == fleet.VMRunning {
				n++
			}
		}
		return n
	}
	failed := together(append(good, bad...), func(vm *fleet.VM) error { _, err := loaders.For(ctx).Guest(ctx, vm); return err })
	assert.Equal(t, running(bad), failed)
	assert.Less(t, time.Since(began), 6*time.Second)
}

func TestLoadersSeeTheirTenantOnly(t *testing.T) {
	p := newPlace(t)
	vms := p.provider(t, "lab-one")
	other := storetest.Tenant(t, p.store, "other")
	ctx := p.source.With(access.With(t.Context(), access.Viewer{TenantID: other.Tenant(), Role: fleet.RoleAdmin}))
	for _, load := range []func() error{
		func() error { _, err := loaders.For(ctx).VM.Load(ctx, vms[0].ID); return err },
		func() error { _, err := loaders.For(ctx).Provider.Load(ctx, vms[0].ProviderID); return err },
		func() error { _, err := loaders.For(ctx).Guest(ctx, runningOf(vms)); return err },
		func() error { _, err := loaders.For(ctx).Snapshots(ctx, vms[0]); return err },
		func() error { _, err := loaders.For(ctx).Document(ctx, vms[0]); return err },
		func() error { _, err := loaders.For(ctx).Volumes(ctx, vms[0].ProviderID, "default"); return err },
	} {
		assert.True(t, fault.Is(load(), fault.NotFound), "%v", load())
	}
	nobody := p.source.With(t.Context())
	page, err := loaders.For(nobody).VMs(nobody, fleet.VMQuery{First: 10})
	require.NoError(t, err)
	assert.Empty(t, page.VMs)
}

func runningOf(vms []*fleet.VM) *fleet.VM {
	for _, v := range vms {
		if v.ObservedStatus == fleet.VMRunning {
			return v
		}
	}
	return nil
}

// run makes the event log go, and gives what records a change of a VM.
func (p *place) run(t *testing.T) (context.Context, func(vm uuid.UUID)) {
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { p.events.Run(ctx) })
	t.Cleanup(func() { cancel(); group.Wait() })
	return ctx, func(vm uuid.UUID) {
		e := fleet.Event{TenantID: p.scope.Tenant(), Topic: fleet.TopicVM, Kind: fleet.Updated, SubjectID: vm}
		require.NoError(t, p.store.Tx(ctx, func(tx *store.Store) error { return events.Record(ctx, tx, e) }))
	}
}

// What happens after an answer has begun is told to whoever subscribes after its cursor, although the
// answer may have it already.
func TestEventCursorIsOfTheAnswersBeginning(t *testing.T) {
	p := newPlace(t)
	ctx, record := p.run(t)
	before, meanwhile := uuid.New(), uuid.New()
	record(before)
	require.Eventually(t, func() bool { return p.events.Cursor() != fleet.Cursor{} }, 5*time.Second, time.Millisecond)
	answer := p.answer(ctx)
	record(meanwhile)

	after := loaders.For(answer).EventCursor()
	told, err := loaders.Watch(answer, p.source, fleet.TopicVM, &after, func(_ fleet.Cursor, missed bool, changes []fleet.Event) ([]fleet.Event, bool) {
		assert.False(t, missed)
		return changes, len(changes) > 0
	})
	require.NoError(t, err)
	limit := time.After(5 * time.Second)
	for heard := false; !heard; {
		select {
		case changes := <-told:
			heard = slices.ContainsFunc(changes, func(e fleet.Event) bool { return e.SubjectID == meanwhile })
		case <-limit:
			t.Fatal("not told in 5 s")
		}
	}
}

// What many subscribers hear of is read once, and again when it has changed since; strangers learn nothing by it.
func TestWhatManyAreToldIsReadOnce(t *testing.T) {
	p := newPlace(t)
	vm := p.provider(t, "lab-one")[0].ID
	other := storetest.Tenant(t, p.store, "other")
	ctx, record := p.run(t)
	heard, err := loaders.Watch(p.answer(ctx), p.source, fleet.TopicVM, nil, func(_ fleet.Cursor, _ bool, changes []fleet.Event) ([]fleet.Event, bool) {
		return changes, len(changes) > 0
	})
	require.NoError(t, err)
	change := func() []*fleet.Event {
		record(vm)
		select {
		case changes := <-heard:
			require.Len(t, changes, 1)
			return []*fleet.Event{&changes[0]}
		case <-time.After(5 * time.Second):
			t.Fatal("not told in 5 s")
			return nil
		}
	}
	told := func(ctx context.Context, changes []*fleet.Event) (*fleet.VM, error) {
		loaders.For(ctx).Told(ctx, changes)
		return loaders.For(ctx).VM.Load(ctx, vm)
	}
	changes := change()
	first, err := told(p.answer(ctx), changes)
	require.NoError(t, err)
	second, err := told(p.answer(ctx), changes)
	require.NoError(t, err)
	assert.Same(t, first, second)
	third, err := told(p.answer(ctx), change())
	require.NoError(t, err)
	assert.NotSame(t, first, third)
	_, err = told(p.source.With(access.With(ctx, access.Viewer{TenantID: other.Tenant(), Role: fleet.RoleAdmin})), changes)
	assert.True(t, fault.Is(err, fault.NotFound), "%v", err)
}
