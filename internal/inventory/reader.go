package inventory

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// Bounds of the wait between two attempts to connect. It doubles, with jitter, so that a hundred
// hosts behind one broken switch are not all tried at the same moment. The longest, and an attempt after it that
// takes its time, are within the half minute in which a host that is back is to be seen.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 20 * time.Second
)

// A provider that went away often of late is believed to be back only once it has stayed for a while: whoever
// looks on would otherwise be told of each coming and going.
const (
	often  = 2  // times it went away
	late   = 12 // pings' time in which
	stayed = 2  // pings' time
)

// enough failures in a row, and a provider is UNREACHABLE. One is too few: a packet may be lost.
const enough = 2

// reader reads one provider while this replica has the lease.
type reader struct {
	store  *store.Store
	conns  *drivers.Conns
	o      Options
	logger *slog.Logger
	id     uuid.UUID
	tenant uuid.UUID
	stop   context.CancelFunc

	current atomic.Pointer[store.Lease]
	changed chan struct{} // the lease has news
	failed  int           // pings and attempts in a row
	left    []time.Time   // when it went away, of late

	// of the session under way
	hints *hints
	place atomic.Pointer[place]
	kind  drivers.Kind
}

func newReader(i *Inventory, l store.Lease, stop context.CancelFunc) *reader {
	r := &reader{
		store: i.store, conns: i.conns, o: i.o, logger: i.o.Logger.With("provider", l.Provider),
		id: l.Provider, tenant: l.TenantID, stop: stop, changed: make(chan struct{}, 1), hints: newHints(),
	}
	r.current.Store(&l)
	return r
}

func (r *reader) lease() store.Lease { return *r.current.Load() }

// renewed takes a prolonged lease: with other settings or a wish to be read again it is news.
func (r *reader) renewed(l store.Lease) {
	was := r.current.Swap(&l)
	if was.SettingsVersion != l.SettingsVersion || !same(was.RefreshRequestedAt, l.RefreshRequestedAt) {
		nudge(r.changed)
	}
}

func same(a, b *time.Time) bool { return a == b || a != nil && b != nil && a.Equal(*b) }

// errAnew ends a session whose settings have changed.
var errAnew = errors.New("the settings have changed")

// run connects, reads for as long as the connection lives, and connects again.
func (r *reader) run(ctx context.Context) {
	defer r.stop()
	retry := firstRetry
	for ctx.Err() == nil {
		version := r.lease().SettingsVersion
		conn, err := r.conns.Conn(ctx, r.id, version)
		if err == nil {
			err = r.stay(ctx, conn)
		}
		if err == nil {
			began := time.Now()
			err = r.session(ctx, conn, version)
			if time.Since(began) > lastRetry {
				retry = firstRetry
			}
			if r.failed >= enough && ctx.Err() == nil {
				r.refused(ctx, err) // now, and not after the six seconds in which the next attempt finds nobody
			}
		} else if ctx.Err() == nil {
			r.failed++
			r.refused(ctx, err)
		}
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errAnew):
			r.failed, retry = 0, firstRetry
			continue
		case fault.Is(err, fault.NotFound):
			if _, err := r.store.Provider(ctx, fleet.System(), r.id); fault.Is(err, fault.NotFound) {
				return // it was removed
			}
		}
		// The failure must not answer for our next attempt, nor a lost connection for anybody's.
		r.conns.Drop(r.id)
		wait := retry/2 + rand.N(retry/2)
		retry = min(2*retry, lastRetry)
		timer := time.NewTimer(wait)
	waiting:
		for {
			select {
			case <-timer.C:
				break waiting
			case <-r.changed:
				if r.lease().SettingsVersion != version {
					retry = firstRetry
					break waiting
				}
			case <-ctx.Done():
				break waiting
			}
		}
		timer.Stop()
	}
}

// session reads through one connection until it is lost (the error), or ctx or the settings end it.
func (r *reader) session(ctx context.Context, conn *drivers.Conn, version int) error {
	r.hints = newHints()
	if err := r.connected(ctx, conn); err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var group sync.WaitGroup
	readings := make(chan reading, r.o.Workers)
	look, list := make(chan struct{}, 1), make(chan struct{}, 1)
	nudge(list)
	group.Go(func() { end(r.ping(ctx, conn)) })
	group.Go(func() { r.watch(ctx, conn, look) })
	group.Go(func() { end(r.chores(ctx, conn, look, list)) })
	group.Go(func() { r.askGuests(ctx, conn) })
	group.Go(func() { end(r.write(ctx, readings)) })
	for range r.o.Workers {
		group.Go(func() { r.readHints(ctx, conn, &r.hints.fast, quick, readings) })
	}
	for range 2 {
		group.Go(func() { r.readHints(ctx, conn, &r.hints.slow, 0, readings) })
	}
	asked := r.lease().RefreshRequestedAt
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-r.changed:
			l := r.lease()
			if l.SettingsVersion != version {
				end(errAnew)
			} else if !same(asked, l.RefreshRequestedAt) {
				asked = l.RefreshRequestedAt
				nudge(list)
			}
		}
	}
	group.Wait()
	return context.Cause(ctx)
}

// ping proves every few seconds that the provider answers. It returns once it does not any more.
func (r *reader) ping(ctx context.Context, conn *drivers.Conn) error {
	for pause := jitter(r.o.PingEvery); sleep(ctx, pause); {
		once, cancel := context.WithTimeout(ctx, r.o.PingEvery)
		err := conn.Ping(once)
		cancel()
		pause = jitter(r.o.PingEvery)
		switch {
		case ctx.Err() != nil:
		case err == nil:
			r.failed = 0
			if err := r.alive(ctx); err != nil {
				return err
			}
		default:
			if r.failed++; r.failed >= enough {
				return err
			}
			pause = r.o.PingEvery / 5 // to be sure soon
		}
	}
	return nil
}

// stay returns once a provider that comes and goes has stayed; the others it takes at their word.
func (r *reader) stay(ctx context.Context, conn *drivers.Conn) error {
	now := time.Now()
	r.left = slices.DeleteFunc(r.left, func(t time.Time) bool { return now.Sub(t) > late*r.o.PingEvery })
	if len(r.left) < often {
		return nil
	}
	for time.Since(now) < stayed*r.o.PingEvery && sleep(ctx, jitter(r.o.PingEvery/5)) {
		once, cancel := context.WithTimeout(ctx, r.o.PingEvery)
		err := conn.Ping(once)
		cancel()
		if err != nil {
			r.left = append(r.left, time.Now())
			return err
		}
	}
	return context.Cause(ctx)
}

func jitter(d time.Duration) time.Duration { return d*9/10 + rand.N(d/5) }

// connected writes that the provider answers, and what it is.
func (r *reader) connected(ctx context.Context, conn *drivers.Conn) error {
	r.failed = 0
	p, err := r.store.Provider(ctx, fleet.System(), r.id)
	if err != nil {
		return err
	}
	r.kind = p.Kind
	at, err := places(ctx, r.store, r.id, p.Kind)
	if err != nil {
		return err
	}
	r.place.Store(&at)
	now, err := r.store.Now(ctx)
	if err != nil {
		return err
	}
	var news []fleet.Event
	if p.Status != fleet.ProviderConnected || p.Problem != nil || !equal(p.Info, conn.Info()) {
		news = append(news, p.Event(fleet.Updated))
	}
	if !p.Reachable() {
		if p.LastSeenAt != nil { // a new one has none yet
			news = append(news, p.VMsEvent())
		}
		p.StatusSince = now
	}
	p.Status, p.Problem, p.Info, p.LastSeenAt = fleet.ProviderConnected, nil, conn.Info(), &now
	return r.saveProvider(ctx, p, news, "status", "status_since", "problem", "info", "last_seen_at")
}

// alive writes that the provider has just answered.
func (r *reader) alive(ctx context.Context) error {
	now, err := r.store.Now(ctx)
	if err != nil {
		return nil //nolint:nilerr // the database's trouble is not the provider's
	}
	err = r.saveProvider(ctx, &fleet.Provider{ID: r.id, TenantID: r.tenant, LastSeenAt: &now}, nil, "last_seen_at")
	if fault.Is(err, fault.Conflict) || fault.Is(err, fault.NotFound) {
		return err
	}
	return nil
}

// refused writes why there is no connection. A provider that was there a moment ago gets a second chance first.
func (r *reader) refused(ctx context.Context, err error) {
	p, gone := r.store.Provider(ctx, fleet.System(), r.id)
	if gone != nil {
		return
	}
	problem, status := fault.Of(err), fleet.ProviderError
	if k := problem.Kind; k.Retryable() || k == fault.Internal || k == fault.Canceled || k == fault.Exhausted {
		status = fleet.ProviderUnreachable
	}
	if status == fleet.ProviderUnreachable && p.Status == fleet.ProviderConnected && r.failed < enough {
		return
	}
	if p.Status == status && p.Problem != nil && p.Problem.Kind == problem.Kind && p.Problem.Message == problem.Message {
		return
	}
	news := []fleet.Event{p.Event(fleet.Updated)}
	if p.Reachable() {
		news = append(news, p.VMsEvent())
		r.left = append(r.left, time.Now())
	}
	if p.Status != status {
		if now, err := r.store.Now(ctx); err == nil {
			p.StatusSince = now
		}
	}
	p.Status, p.Problem = status, problem
	r.logger.Warn("no connection to the provider", "status", status, "error", err)
	if err := r.saveProvider(ctx, p, news, "status", "status_since", "problem"); err != nil && ctx.Err() == nil {
		r.logger.Warn("writing the provider's status", "error", err)
	}
}

// saveProvider writes columns that the inventory owns, with what of it is news to people.
// Conflict when the lease or the settings are no longer ours.
func (r *reader) saveProvider(ctx context.Context, p *fleet.Provider, news []fleet.Event, columns ...string) error {
	lease := r.lease()
	return r.store.Tx(ctx, func(tx *store.Store) error {
		ok, err := tx.SetProviderSeen(ctx, lease, p, columns...)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.Conflict, "the provider has other settings or another reader now")
		}
		return events.Record(ctx, tx, news...)
	})
}
