package inventory_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/inventory"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, storetest.Ignore()...) }

// host is a provider whose every answer the test decides.
type host struct {
	mu      sync.Mutex
	vms     map[drivers.Ref]drivers.VM
	hints   map[chan drivers.Hint]struct{}
	open    error
	ping    error
	slips   int                   // pings that fail before the others go as ping says
	list    error                 // after half of the VMs
	opening func(context.Context) // called while connecting
	opens   int
	gets    int
	lists   int
	asked   func(context.Context, drivers.Ref) // called before Get reads
	getting func(drivers.Ref)                  // called before Get answers
}

func newHost(names ...string) *host {
	h := &host{vms: map[drivers.Ref]drivers.VM{}, hints: map[chan drivers.Hint]struct{}{}}
	for _, n := range names {
		h.put(vm(n))
	}
	return h
}

func vm(name string) drivers.VM {
	return drivers.VM{
		Ref: drivers.Ref("ref-" + name), Name: name, State: drivers.StateRunning, VCPUs: 2, VCPUsMax: 4, MemoryMiB: 512, MemoryMax: 1024,
		Disks: []drivers.Disk{{Name: "vda", Device: "disk", CapacityBytes: 1 << 30, UsedBytes: 1 << 20}}, Accelerator: drivers.AcceleratorKVM,
	}
}

func (h *host) do(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

func (h *host) put(v drivers.VM)        { h.do(func() { h.vms[v.Ref] = v }) }
func (h *host) remove(name string)      { h.do(func() { delete(h.vms, drivers.Ref("ref-"+name)) }) }
func (h *host) count(of *int) (n int)   { h.do(func() { n = *of }); return n }
func (h *host) fail(of *error, e error) { h.do(func() { *of = e }) }

func (h *host) hint(names ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.hints {
		for _, n := range names {
			c <- drivers.Hint{Ref: drivers.Ref("ref-" + n)}
		}
	}
}

func (h *host) Open(ctx context.Context, _ drivers.Config) (drivers.Driver, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.opens++
	if wait := h.opening; wait != nil {
		h.mu.Unlock()
		wait(ctx)
		h.mu.Lock()
	}
	return &driver{host: h}, h.open
}

// driver is a connection to it. What it does not implement is not asked for.
type driver struct {
	*host
	drivers.Driver
}

var (
	_ drivers.Watcher  = (*driver)(nil)
	_ drivers.Surveyor = (*driver)(nil)
	_ io.Closer        = (*driver)(nil)
)

func (d *driver) Info() drivers.Info {
	return drivers.Info{Kind: drivers.KindFake, Version: "1", URI: "test://", Limits: drivers.Limits{Deadline: 2 * time.Second}}
}
func (d *driver) Close() error { return nil }
func (d *driver) Ping(context.Context) (err error) {
	d.do(func() {
		if err = d.ping; d.slips > 0 {
			d.slips--
			err = fault.New(fault.Unavailable, "a packet was lost")
		}
	})
	return err
}

func (d *driver) List(_ context.Context, o drivers.ListOptions) iter.Seq2[drivers.VM, error] {
	return func(yield func(drivers.VM, error) bool) {
		d.mu.Lock()
		all, err := slices.SortedFunc(maps.Values(d.vms), func(a, b drivers.VM) int { return strings.Compare(a.Name, b.Name) }), d.list
		if !o.Brief {
			d.lists++
		}
		d.mu.Unlock()
		if err != nil {
			all = all[:len(all)/2]
		}
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
		if err != nil {
			yield(drivers.VM{}, err)
		}
	}
}

func (d *driver) Get(ctx context.Context, ref drivers.Ref) (drivers.VM, error) {
	d.mu.Lock()
	d.gets++
	asked, getting := d.asked, d.getting
	d.mu.Unlock()
	if asked != nil {
		asked(ctx, ref)
	}
	if ctx.Err() != nil {
		return drivers.VM{}, fault.Of(ctx.Err())
	}
	d.mu.Lock()
	v, ok := d.vms[ref]
	d.mu.Unlock()
	if getting != nil {
		getting(ref)
	}
	if !ok {
		return drivers.VM{}, fault.Missing("VM", string(ref))
	}
	return v, nil
}

func (d *driver) Watch(ctx context.Context, emit func(drivers.Hint)) error {
	c := make(chan drivers.Hint, 100_000)
	d.do(func() { d.hints[c] = struct{}{} })
	defer d.do(func() { delete(d.hints, c) })
	for {
		select {
		case h := <-c:
			emit(h)
		case <-ctx.Done():
			return nil
		}
	}
}

func (d *driver) Survey(context.Context) (drivers.Survey, error) {
	return drivers.Survey{Nodes: []drivers.Node{{Name: "node-1", UUID: "u-1", CPUs: 8, MemoryMiB: 16384}}}, nil
}

func (d *driver) Volumes(context.Context, string) ([]drivers.Volume, error) { return nil, nil }

// house is a database with a log, and as many replicas of the inventory as the test starts.
type house struct {
	t      testing.TB
	url    string
	store  *store.Store
	scope  fleet.Scope
	log    *events.Log
	opener drivers.Opener
}

// quickly is a clock for tests.
var quickly = inventory.Options{
	LeaseTTL: 2 * time.Second, ListEvery: time.Hour, SurveyEvery: time.Hour, PingEvery: 50 * time.Millisecond,
	GuestsEvery: 100 * time.Millisecond, ForgetAfter: time.Millisecond,
}

func newHouse(t testing.TB, opener drivers.Opener) *house {
	t.Helper()
	h := &house{t: t, url: storetest.URL(t), opener: opener}
	h.store = storetest.Open(t, h.url)
	h.scope = storetest.Tenant(t, h.store, "acme")
	h.log = events.New(h.store, events.NewLocal(), events.Options{Interval: time.Millisecond, Queue: 100_000})
	start(t, h.log.Run)
	return h
}

// start runs something until the test ends, or stop is called.
func start(t testing.TB, run func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { run(ctx) })
	stop = func() { cancel(); group.Wait() }
	t.Cleanup(stop)
	return stop
}

func (h *house) replica(s *store.Store, o inventory.Options) (*inventory.Inventory, func()) {
	o.Logger = slog.New(slog.NewTextHandler(h.t.Output(), nil))
	conns := drivers.NewConns(map[drivers.Kind]drivers.Opener{drivers.KindFake: h.opener}, func(ctx context.Context, id uuid.UUID) (drivers.Config, error) {
		p, err := s.Provider(ctx, fleet.System(), id)
		if err != nil {
			return drivers.Config{}, err
		}
		return drivers.Config{Kind: p.Kind, Name: p.Name, Host: p.Host}, nil
	})
	i := inventory.New(s, h.log, conns, o)
	stop := start(h.t, i.Run)
	h.t.Cleanup(conns.Close)
	h.t.Cleanup(stop)
	return i, stop
}

func (h *house) add(name string) *fleet.Provider {
	h.t.Helper()
	p := &fleet.Provider{ID: fleet.NewID(), TenantID: h.scope.Tenant(), Name: name, Host: name, Kind: drivers.KindFake}
	require.NoError(h.t, h.store.Tx(context.Background(), func(tx *store.Store) error {
		if err := tx.InsertProvider(context.Background(), p); err != nil {
			return err
		}
		return events.Record(context.Background(), tx, p.Event(fleet.Added))
	}))
	return p
}

func (h *house) provider(id uuid.UUID) *fleet.Provider {
	h.t.Helper()
	p, err := h.store.Provider(context.Background(), h.scope, id)
	require.NoError(h.t, err)
	return p
}

func (h *house) vms() map[string]*fleet.VM {
	h.t.Helper()
	page, err := h.store.VMPage(context.Background(), h.scope, fleet.VMQuery{First: 100_000})
	require.NoError(h.t, err)
	all := map[string]*fleet.VM{}
	for _, v := range page.VMs {
		require.NotContains(h.t, all, v.Name+v.ProviderID.String(), "twice")
		all[v.Name] = v
	}
	return all
}

func (h *house) subscribe(topics ...fleet.Topic) <-chan events.Batch {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c, err := h.log.Subscribe(ctx, h.scope, topics, nil)
	require.NoError(h.t, err)
	<-c
	h.t.Cleanup(func() {
		cancel()
		for range c { //nolint:revive // until it is closed
		}
	})
	return c
}

func (h *house) eventually(what string, ok func() bool) {
	h.t.Helper()
	for began := time.Now(); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 60*time.Second {
			h.t.Fatal("not within a minute: ", what)
		}
	}
}

func (h *house) synced(id uuid.UUID) {
	h.t.Helper()
	h.eventually("the first full list", func() bool { return h.provider(id).LastSyncAt != nil })
}

// relist has everything read again, and waits for it.
func (h *house) relist(id uuid.UUID) {
	h.t.Helper()
	before := h.provider(id).LastSyncAt
	p := h.provider(id)
	require.NoError(h.t, h.store.Tx(context.Background(), func(tx *store.Store) error {
		if err := tx.RequestRefresh(context.Background(), h.scope, id); err != nil {
			return err
		}
		return events.Record(context.Background(), tx, p.Event(fleet.Updated))
	}))
	h.eventually("another full list", func() bool { return h.provider(id).LastSyncAt.After(*before) })
}

// quiet takes what comes until nothing comes for a while.
func quiet(c <-chan events.Batch) (all []fleet.Event) {
	for {
		select {
		case b := <-c:
			all = append(all, b.Events...)
		case <-time.After(400 * time.Millisecond):
			return all
		}
	}
}

func names(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("vm-%04d", i))
	}
	return all
}
