// Package inventory keeps what the providers say in the store. Each provider is read by one replica
// at a time, which holds a lease on it: it lists everything when it connects and every few minutes,
// and looks at single VMs whenever the provider hints at them. Hints wake, the full list decides.
package inventory

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// Options shape an Inventory. The zero value is usable.
type Options struct {
	Logger      *slog.Logger
	LeaseTTL    time.Duration // after which another replica takes over from one that died; 0: 15 s
	ListEvery   time.Duration // full lists; 0: 5 minutes
	SurveyEvery time.Duration // hosts, and the cheap comparison with what is known; 0: 30 s
	PingEvery   time.Duration // 0: 5 s
	GuestsEvery time.Duration // asking guests that have no known address yet; all of them every sixth time; 0: 10 s
	ForgetAfter time.Duration // how long a VM stays missing at least, however fast the lists follow each other; 0: a minute
	Workers     int           // VMs of one provider that are read by themselves at once; 0: 8
}

// Inventory reads the providers that this replica has leased.
type Inventory struct {
	store *store.Store
	log   *events.Log
	conns *drivers.Conns
	o     Options
	owner string
	woken chan struct{}

	readers map[uuid.UUID]*reader // Run's own
	group   sync.WaitGroup
}

// New makes an Inventory. Run makes it go; Refresh works without that.
func New(s *store.Store, log *events.Log, conns *drivers.Conns, o Options) *Inventory {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		of *time.Duration
		or time.Duration
	}{
		{&o.LeaseTTL, 15 * time.Second}, {&o.ListEvery, 5 * time.Minute}, {&o.SurveyEvery, 30 * time.Second},
		{&o.PingEvery, 5 * time.Second}, {&o.GuestsEvery, 10 * time.Second}, {&o.ForgetAfter, time.Minute},
	} {
		if *d.of == 0 {
			*d.of = d.or
		}
	}
	if o.Workers == 0 {
		o.Workers = 8
	}
	host, _ := os.Hostname() // for people who look into the table
	return &Inventory{
		store: s, log: log, conns: conns, o: o, owner: host + "/" + uuid.NewString(),
		woken: make(chan struct{}, 1), readers: map[uuid.UUID]*reader{},
	}
}

// share is how many providers a replica leases at once, so that replicas that start together share them.
const share = 4

// Run reads providers until ctx ends, then gives the leases back.
func (i *Inventory) Run(ctx context.Context) {
	listening, cancel := context.WithCancel(ctx)
	i.group.Go(func() { i.listen(listening) })
	renewed := time.Now()
	for ctx.Err() == nil {
		began := time.Now()
		switch more, err := i.leases(ctx); {
		case err == nil && more:
			renewed = began
			sleep(ctx, time.Duration(20+rand.IntN(80))*time.Millisecond)
			continue
		case err == nil:
			renewed = began
		case ctx.Err() == nil:
			i.o.Logger.Warn("renewing the leases of providers", "error", err)
		}
		if time.Since(renewed) > i.o.LeaseTTL {
			i.stopAll() // others have them by now
		}
		select {
		case <-ctx.Done():
		case <-i.woken:
		case <-time.After(i.o.LeaseTTL / 5):
		}
	}
	cancel()
	i.stopAll()
	i.group.Wait()
	release, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if err := i.store.ReleaseLeases(release, i.owner); err != nil {
		i.o.Logger.Warn("giving back the leases of providers; they run out by themselves", "error", err)
	}
}

// listen wakes Run when a provider is added, changed or to be read again.
func (i *Inventory) listen(ctx context.Context) {
	for ctx.Err() == nil {
		batches, err := i.log.Subscribe(ctx, fleet.System(), []fleet.Topic{fleet.TopicProvider}, nil)
		if err != nil {
			sleep(ctx, time.Second)
			continue
		}
		for range batches {
			nudge(i.woken)
		}
		sleep(ctx, 100*time.Millisecond)
	}
}

// leases renews what we hold, stops what we lost, and takes up what nobody holds; more is true when
// there may be more to take.
func (i *Inventory) leases(ctx context.Context) (more bool, err error) {
	held, err := i.store.RenewLeases(ctx, i.owner, i.o.LeaseTTL)
	if err != nil {
		return false, err
	}
	now := make(map[uuid.UUID]bool, len(held))
	for _, l := range held {
		now[l.Provider] = true
		if r := i.readers[l.Provider]; r != nil {
			r.renewed(l)
		} else {
			i.start(ctx, l) // we lost it and nobody took it
		}
	}
	for id, r := range i.readers {
		if !now[id] {
			r.stop()
			delete(i.readers, id)
		}
	}
	got, err := i.store.AcquireLeases(ctx, i.owner, i.o.LeaseTTL, share)
	if err != nil {
		return false, err
	}
	for _, l := range got {
		if r := i.readers[l.Provider]; r != nil {
			r.stop()
		}
		i.start(ctx, l)
	}
	return len(got) == share, nil
}

func (i *Inventory) start(ctx context.Context, l store.Lease) {
	ctx, stop := context.WithCancel(ctx)
	r := newReader(i, l, stop)
	i.readers[l.Provider] = r
	i.group.Go(func() { r.run(ctx) })
}

func (i *Inventory) stopAll() {
	for id, r := range i.readers {
		r.stop()
		delete(i.readers, id)
	}
}

// Refresh reads one VM and writes what it says at once: operations call it after they changed
// something, on whichever replica. It gives the VM as it is stored then. NotFound when the provider
// has no such VM, which is then marked missing.
func (i *Inventory) Refresh(ctx context.Context, provider uuid.UUID, ref drivers.Ref) (*fleet.VM, error) {
	p, err := i.store.Provider(ctx, fleet.System(), provider)
	if err != nil {
		return nil, err
	}
	conn, err := i.conns.Conn(ctx, p.ID, p.SettingsVersion)
	if err != nil {
		return nil, err
	}
	at, err := i.store.Now(ctx)
	if err != nil {
		return nil, err
	}
	vm, err := conn.Get(ctx, ref)
	gone := fault.Is(err, fault.NotFound)
	if err != nil && !gone {
		return nil, err
	}
	w := &writer{store: i.store, provider: p.ID, tenant: p.TenantID}
	if w.place, err = places(ctx, i.store, p.ID, p.Kind); err != nil {
		return nil, err
	}
	if _, err := w.apply(ctx, []reading{{ref: ref, vm: vm, gone: gone, at: at}}, addNew); err != nil {
		return nil, err
	}
	if gone {
		return nil, fault.Missing("VM", string(ref))
	}
	return i.store.VMByRef(ctx, fleet.System(), p.ID, ref)
}

// places reads which hosts the provider's VMs may be on.
func places(ctx context.Context, s *store.Store, provider uuid.UUID, kind drivers.Kind) (place, error) {
	hosts, err := s.Hosts(ctx, fleet.System(), &provider)
	at := place{kind: kind, hosts: make(map[string]uuid.UUID, len(hosts))}
	for _, h := range hosts {
		at.hosts[h.Name] = h.ID
		if len(hosts) == 1 {
			at.only = h.Name
		}
	}
	return at, err
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
