package operations

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/secrets"
	"github.com/novacron/novacron/internal/store"
)

// Options shape an Engine. The zero value is what a server uses.
type Options struct {
	Owner       string        // who holds the leases: unique to this process; default: made up
	Workers     int           // steps under way at once in this process; default 64: they mostly wait for providers
	PerProvider int           // operations under way at once at one provider, of all replicas; default 16
	Lease       time.Duration // default 15 s: a dead replica's work goes on after that
	Heartbeat   time.Duration // default a third of Lease
	Poll        time.Duration // default 1 s: looks for work that nobody was told of
	Retry       time.Duration // default 1 s: the first pause after a fault; it doubles up to a minute
	Patience    time.Duration // default 10 min: how long a fault that may pass is tried again
	Drain       time.Duration // default 20 s: how long steps under way may take to end when Run is stopped

	// Refresh reads one VM again and writes what it sees to the store; may be nil. (Inventory's; this
	// room may not open that door itself.)
	Refresh func(ctx context.Context, provider uuid.UUID, ref drivers.Ref) error
	// Box opens what control has sealed: the seeds of new VMs.
	Box *secrets.Box
	// Images fetches images; its zero value is what a server uses.
	Images Fetcher
}

func (o *Options) fill() {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if o.Owner == "" {
		host, _ := os.Hostname()
		o.Owner = fmt.Sprintf("%s/%d/%s", host, os.Getpid(), uuid.NewString()[:8])
	}
	if o.Workers == 0 {
		o.Workers = 64
	}
	if o.PerProvider == 0 {
		o.PerProvider = 16
	}
	def(&o.Lease, 15*time.Second)
	def(&o.Heartbeat, o.Lease/3)
	def(&o.Poll, time.Second)
	def(&o.Retry, time.Second)
	def(&o.Patience, 10*time.Minute)
	def(&o.Drain, 20*time.Second)
	if o.Refresh == nil {
		o.Refresh = func(context.Context, uuid.UUID, drivers.Ref) error { return nil }
	}
}

// Engine does operations. Any number of processes may run one on the same database.
type Engine struct {
	store *store.Store
	conns *drivers.Conns
	bus   events.Bus
	log   *slog.Logger
	o     Options
	plans map[fleet.OperationKind]*plan

	wake     chan struct{}
	looked   atomic.Int64  // when work was last looked for, Unix milliseconds
	free     chan struct{} // one for each worker that has nothing to do
	draining atomic.Bool

	mu   sync.Mutex
	held map[uuid.UUID]*work
}

// New makes an engine; Run starts it.
func New(s *store.Store, conns *drivers.Conns, bus events.Bus, log *slog.Logger, o Options) *Engine {
	o.fill()
	e := &Engine{store: s, conns: conns, bus: bus, log: log, o: o, plans: plans(), wake: make(chan struct{}, 1),
		free: make(chan struct{}, o.Workers), held: map[uuid.UUID]*work{}}
	for range o.Workers {
		e.free <- struct{}{}
	}
	return e
}

// Wake makes the engine look for work now. Enqueue does it for this process; the bus, for others.
func (e *Engine) Wake() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// hint is Wake, for wake-ups that may be about anything and come in swarms: work is looked for at most
// every hintEvery.
func (e *Engine) hint() {
	const hintEvery = 20
	if since := time.Now().UnixMilli() - e.looked.Load(); since < hintEvery {
		time.AfterFunc((hintEvery-time.Duration(since))*time.Millisecond, e.Wake)
		return
	}
	e.Wake()
}

// Run works until ctx ends. Then it takes nothing new, lets the steps under way end, hands over what
// has not after Options.Drain, and returns nil.
func (e *Engine) Run(ctx context.Context) error {
	e.draining.Store(false)
	e.o.Images.sweep()
	beating, stop := context.WithCancel(context.WithoutCancel(ctx))
	var background, workers sync.WaitGroup
	background.Go(func() { e.heartbeat(beating) })
	background.Go(func() { e.bus.Listen(beating, e.hint) })
	tick := time.NewTicker(e.o.Poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		e.lease(ctx, &workers)
		select {
		case <-ctx.Done():
		case <-e.wake:
			e.noticeCancels(ctx)
		case <-tick.C:
			e.noticeCancels(ctx)
		}
	}
	e.draining.Store(true)
	timer := time.AfterFunc(e.o.Drain, func() {
		for _, w := range e.works() {
			w.stop(errHandOver)
		}
	})
	workers.Wait()
	timer.Stop()
	stop()
	background.Wait()
	return nil
}

// lease takes as much work as there are free workers.
func (e *Engine) lease(ctx context.Context, workers *sync.WaitGroup) {
	for ctx.Err() == nil {
		e.looked.Store(time.Now().UnixMilli())
		n := len(e.free)
		if n == 0 {
			return // whoever gets free wakes us
		}
		ops, err := e.store.LeaseOperations(ctx, e.o.Owner, e.o.Lease, n, e.o.PerProvider)
		if err != nil {
			if ctx.Err() == nil {
				e.log.WarnContext(ctx, "looking for operations to work on", "error", err)
			}
			return
		}
		for _, o := range ops {
			<-e.free
			w := e.take(ctx, o, nil)
			workers.Go(func() {
				defer func() { e.free <- struct{}{}; e.Wake() }()
				w.carry()
			})
		}
		if len(ops) < n {
			return
		}
	}
}

// take makes the work of an operation that this engine has leased a moment ago.
func (e *Engine) take(ctx context.Context, o *fleet.Operation, body io.Reader) *work {
	w := &work{engine: e, op: o, body: body, log: e.log.With("operation", o.ID, "kind", o.Kind)}
	w.ctx, w.stop = context.WithCancelCause(context.WithoutCancel(ctx))
	w.expiry = time.AfterFunc(e.o.Lease, func() { w.stop(errLost) })
	e.mu.Lock()
	e.held[o.ID] = w
	e.mu.Unlock()
	return w
}

// let forgets a work that has ended.
func (e *Engine) let(w *work) {
	w.expiry.Stop()
	w.stop(nil)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.held[w.op.ID] == w {
		delete(e.held, w.op.ID)
	}
}

func (e *Engine) works() []*work {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]*work, 0, len(e.held))
	for _, w := range e.held {
		all = append(all, w)
	}
	return all
}

// heartbeat renews all leases of this process, and stops the work on those that are lost.
func (e *Engine) heartbeat(ctx context.Context) {
	tick := time.NewTicker(e.o.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		works := e.works() // before asking: what is taken meanwhile is missing from the answer by right
		if len(works) == 0 {
			continue
		}
		ids := make([]uuid.UUID, len(works))
		for i, w := range works {
			ids[i] = w.op.ID
		}
		asked, cancel := context.WithTimeout(ctx, e.o.Heartbeat)
		sent := time.Now()
		renewed, err := e.store.RenewOperations(asked, e.o.Owner, e.o.Lease, ids)
		cancel()
		if err != nil {
			e.log.WarnContext(ctx, "renewing leases", "error", err)
			continue // each work's own timer ends it when its lease does
		}
		epochs := make(map[uuid.UUID]store.Renewed, len(renewed))
		for _, r := range renewed {
			epochs[r.ID] = r
		}
		for _, w := range works {
			r, ok := epochs[w.op.ID]
			if !ok || r.LeaseEpoch != w.op.LeaseEpoch {
				w.stop(errLost)
				continue
			}
			w.expiry.Reset(e.o.Lease - time.Since(sent))
			if r.CancelRequested {
				w.cancel()
			}
		}
	}
}

// noticeCancels tells the steps under way here that somebody wants them to stop.
func (e *Engine) noticeCancels(ctx context.Context) {
	if len(e.works()) == 0 {
		return
	}
	ids, err := e.store.CanceledOperations(ctx, e.o.Owner)
	if err != nil {
		return // the next tick asks again
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, id := range ids {
		if w := e.held[id]; w != nil {
			w.cancel()
		}
	}
}

// RunHere works on one operation in this process, with something that only this process has: the body
// of an upload. It returns when the operation has ended, with the fault that it ended with. Run has
// to be running.
func (e *Engine) RunHere(ctx context.Context, id uuid.UUID, body io.Reader) error {
	o, err := e.store.LeaseOperation(ctx, e.o.Owner, e.o.Lease, id)
	if err != nil {
		return err
	}
	w := e.take(ctx, o, body)
	gone := context.AfterFunc(ctx, func() { w.stop(errBroken) })
	defer gone()
	w.carry()
	for {
		o, err := e.store.Operation(ctx, fleet.System(), id)
		switch {
		case err != nil:
			return err
		case o.Status == fleet.OperationSucceeded:
			return nil
		case o.Status.Ended() || o.Status == fleet.OperationStuck:
			if o.Error == nil {
				return fault.New(fault.Internal, "the operation ended without a reason")
			}
			return o.Error
		}
		select {
		case <-ctx.Done():
			return fault.Of(ctx.Err())
		case <-time.After(e.o.Poll / 4):
		}
	}
}

// Why a step's context can end.
var (
	errLost     = errors.New("the lease is lost")
	errHandOver = errors.New("the process is stopping")
	errCancel   = errors.New("somebody asked the operation to stop")
	errBroken   = errors.New("whoever sent this has gone")
)
