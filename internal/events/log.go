package events

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// Options shape a Log. The zero value is usable.
type Options struct {
	Logger    *slog.Logger
	Retention time.Duration // how long events can be replayed; 0: an hour
	Poll      time.Duration // the log is read so often even when nobody says that it has grown; 0: half a second
	Interval  time.Duration // between two batches to one subscriber; 0: a tenth of a second
	Queue     int           // subjects that may wait for one slow subscriber before it misses them; 0: 1,000
}

// Log reads the event log, once for the whole process, and fans out.
type Log struct {
	store *store.Store
	bus   Bus
	o     Options

	woken   chan struct{}
	publish chan struct{}
	ready   chan struct{} // closed once at is known
	done    chan struct{} // closed when Run ends

	mu   sync.Mutex
	at   fleet.Cursor // read up to here
	subs map[*subscriber]struct{}
}

// New makes a Log, and has the store wake it after each commit that added to the log. Run makes it go.
func New(s *store.Store, bus Bus, o Options) *Log {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Retention = orDefault(o.Retention, time.Hour)
	o.Poll = orDefault(o.Poll, 500*time.Millisecond)
	o.Interval = orDefault(o.Interval, 100*time.Millisecond)
	o.Queue = orDefault(o.Queue, 1000)
	l := &Log{
		store: s, bus: bus, o: o, subs: map[*subscriber]struct{}{},
		woken: make(chan struct{}, 1), publish: make(chan struct{}, 1), ready: make(chan struct{}), done: make(chan struct{}),
	}
	s.OnEvents(func() { nudge(l.woken); nudge(l.publish) })
	return l
}

func orDefault[T ~int | ~int64](v, or T) T {
	if v == 0 {
		return or
	}
	return v
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Cursor is the place up to which the log has been read: everything before it is committed. Before the
// log has been read at all it is the zero one, after which a subscriber gets all that is still known.
func (l *Log) Cursor() fleet.Cursor {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at
}

// Run reads and fans out until ctx ends, then ends all subscriptions. It is called once.
func (l *Log) Run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { l.bus.Listen(ctx, func() { nudge(l.woken) }) })
	group.Go(func() { l.tell(ctx) })
	group.Go(func() { l.purge(ctx) })
	if l.begin(ctx) {
		l.read(ctx)
	}
	close(l.done)
	group.Wait()
}

// begin finds the end of the log: what is before it concerns only who comes with a cursor.
func (l *Log) begin(ctx context.Context) bool {
	for {
		ends, err := l.store.EventLog(ctx)
		if err == nil {
			l.mu.Lock()
			l.at = ends.Head
			l.mu.Unlock()
			close(l.ready)
			return true
		}
		if !l.rest(ctx, err) {
			return false
		}
	}
}

// rest waits after an error; false when ctx is over.
func (l *Log) rest(ctx context.Context, err error) bool {
	if ctx.Err() == nil {
		l.o.Logger.Warn("reading the event log", "error", err)
	}
	return sleep(ctx, time.Second)
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

// page is how many events are read at once.
const page = 1000

// heldMost is the longest wait before asking again for events that an older transaction holds up.
const heldMost = 50 * time.Millisecond

func (l *Log) read(ctx context.Context) {
	wait, last := l.o.Poll, time.Now()
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-l.woken:
			timer.Stop()
		case <-timer.C:
		}
		all, held, err := l.store.EventsAfter(ctx, fleet.System(), l.at, page)
		if err != nil {
			if !l.rest(ctx, err) {
				return
			}
			nudge(l.woken)
			continue
		}
		if time.Since(last) > l.o.Retention/2 && l.overslept(ctx) {
			all = nil // everybody reads everything anew
		}
		last = time.Now()
		l.fanOut(all)
		switch {
		case len(all) == page:
			wait = 0
		case held && (len(all) > 0 || wait == l.o.Poll):
			wait = time.Millisecond
		case held:
			wait = min(2*wait+time.Millisecond, heldMost)
		default:
			wait = l.o.Poll
		}
	}
}

// overslept handles a reader that could not reach the database for so long that events may have been
// purged unread: everybody has missed something. True when so.
func (l *Log) overslept(ctx context.Context) bool {
	ends, err := l.store.EventLog(ctx)
	if err != nil || l.at.Compare(ends.Floor) >= 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = ends.Head
	for s := range l.subs {
		s.miss(l.at)
	}
	return true
}

func (l *Log) fanOut(all []fleet.Event) {
	if len(all) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = all[len(all)-1].Cursor()
	for s := range l.subs {
		s.add(all, l.at)
	}
}

// tell passes the wake-up on, without holding up the commit that it comes from.
func (l *Log) tell(ctx context.Context) {
	for sad := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-l.publish:
		}
		err := l.bus.Wake(ctx)
		if err != nil && !sad && ctx.Err() == nil {
			l.o.Logger.Warn("waking other replicas; they will notice by themselves", "error", err)
		}
		sad = err != nil
	}
}

func (l *Log) purge(ctx context.Context) {
	for sleep(ctx, min(l.o.Retention/20, time.Minute)) {
		if _, err := l.store.PurgeEvents(ctx, l.o.Retention); err != nil && !fault.Is(err, fault.Canceled) {
			l.o.Logger.Warn("purging the event log", "error", err)
		}
	}
}
