package events_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, storetest.Ignore()...) }

var acme = fleet.Within(uuid.MustParse("00000000-0000-0000-0000-0000000000ac"))

func event(id uuid.UUID, kind fleet.Change) fleet.Event {
	return fleet.Event{TenantID: acme.Tenant(), Topic: fleet.TopicVM, Kind: kind, SubjectID: id}
}

func run(t testing.TB, s *store.Store, bus events.Bus, o events.Options) *events.Log {
	t.Helper()
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	l := events.New(s, bus, o)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { l.Run(ctx) })
	t.Cleanup(func() { cancel(); group.Wait() })
	return l
}

func record(t testing.TB, s *store.Store, all ...fleet.Event) {
	t.Helper()
	require.NoError(t, s.Tx(context.Background(), func(tx *store.Store) error { return events.Record(context.Background(), tx, all...) }))
}

func subscribe(t testing.TB, l *events.Log, scope fleet.Scope, after *fleet.Cursor) <-chan events.Batch {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c, err := l.Subscribe(ctx, scope, []fleet.Topic{fleet.TopicVM}, after)
	require.NoError(t, err)
	t.Cleanup(func() {
		cancel()
		for range c { //nolint:revive // until it is closed
		}
	})
	return c
}

func next(t testing.TB, c <-chan events.Batch) events.Batch {
	t.Helper()
	select {
	case b, ok := <-c:
		require.True(t, ok, "the channel is closed")
		return b
	case <-time.After(5 * time.Second):
		t.Fatal("no batch in 5 s")
		return events.Batch{}
	}
}

// collect takes batches until there are n events.
func collect(t testing.TB, c <-chan events.Batch, n int) (all []fleet.Event) {
	t.Helper()
	for len(all) < n {
		b := next(t, c)
		require.False(t, b.Missed)
		all = append(all, b.Events...)
	}
	return all
}

func TestSubscribersHearWhatIsCommitted(t *testing.T) {
	s := storetest.New(t)
	l := run(t, s, events.NewLocal(), events.Options{})
	c, nobody, other := subscribe(t, l, acme, nil), subscribe(t, l, fleet.Scope{}, nil), subscribe(t, l, fleet.Within(uuid.New()), nil)
	for _, c := range []<-chan events.Batch{c, nobody, other} {
		assert.Empty(t, next(t, c).Events, "the first batch says that the subscription stands")
	}
	a, b, undone := uuid.New(), uuid.New(), uuid.New()
	_ = s.Tx(t.Context(), func(tx *store.Store) error {
		require.NoError(t, events.Record(t.Context(), tx, event(undone, fleet.Added)))
		return assert.AnError
	})
	require.Error(t, events.Record(t.Context(), s, event(undone, fleet.Added)), "outside of a transaction")
	record(t, s, event(a, fleet.Added), event(b, fleet.Added), event(a, fleet.Updated), fleet.Event{TenantID: acme.Tenant(), Topic: fleet.TopicImage, SubjectID: b})
	got := next(t, c)
	require.Len(t, got.Events, 2, "one event for each subject, of the topics asked for")
	assert.Equal(t, b, got.Events[0].SubjectID)
	assert.Equal(t, a, got.Events[1].SubjectID)
	assert.Equal(t, fleet.Added, got.Events[1].Kind, "added and changed is added")
	for _, c := range []<-chan events.Batch{nobody, other} {
		select {
		case b := <-c:
			t.Fatalf("heard of somebody else's: %+v", b)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Committers of all lengths at once, one of them much longer: everybody's events arrive, once, in
// an order that does not depend on when somebody looked.
func TestOrderUnderConcurrency(t *testing.T) {
	s := storetest.New(t)
	l := run(t, s, events.NewLocal(), events.Options{Interval: time.Millisecond, Queue: 10_000})
	c := subscribe(t, l, acme, nil)
	start := next(t, c).Cursor

	const committers, each = 8, 40
	var group sync.WaitGroup
	long := make(chan struct{})
	slow := uuid.New()
	group.Go(func() {
		assert.NoError(t, s.Tx(context.Background(), func(tx *store.Store) error {
			defer close(long)
			if err := events.Record(context.Background(), tx, event(slow, fleet.Added)); err != nil {
				return err
			}
			time.Sleep(700 * time.Millisecond)
			return nil
		}))
	})
	for range committers {
		group.Go(func() {
			for range each {
				assert.NoError(t, s.Tx(context.Background(), func(tx *store.Store) error {
					err := events.Record(context.Background(), tx, event(uuid.New(), fleet.Added))
					time.Sleep(rand.N(5 * time.Millisecond))
					return err
				}))
			}
		})
	}
	var live []fleet.Event
	var cursors []fleet.Cursor
	at := start
	for len(live) < committers*each+1 {
		b := next(t, c)
		require.False(t, b.Missed)
		require.Positive(t, b.Cursor.Compare(at), "cursors grow")
		at = b.Cursor
		live, cursors = append(live, b.Events...), append(cursors, b.Cursor)
	}
	group.Wait()
	assert.True(t, slices.IsSortedFunc(live, func(a, b fleet.Event) int { return a.Cursor().Compare(b.Cursor()) }), "in the log's order")

	for i, cursor := range append([]fleet.Cursor{start}, cursors...) {
		if i%10 != 0 {
			continue
		}
		rest := live[slices.IndexFunc(append(live, fleet.Event{TxID: 1 << 62}), func(e fleet.Event) bool { return e.Cursor().Compare(cursor) > 0 }):]
		again := subscribe(t, l, acme, &cursor)
		b := next(t, again)
		require.False(t, b.Missed)
		require.Equal(t, len(rest), len(b.Events), "resumed from batch %d", i)
		for j := range rest {
			require.Equal(t, rest[j].SubjectID, b.Events[j].SubjectID)
		}
	}
}

// A cursor taken at any moment, given to another replica that may be behind or ahead, loses nothing
// and doubles nothing.
func TestResumeElsewhere(t *testing.T) {
	s := storetest.New(t)
	bus := events.NewLocal()
	a := run(t, s, bus, events.Options{Interval: time.Millisecond})
	b := run(t, s, bus, events.Options{Interval: time.Millisecond})
	stop := make(chan struct{})
	var mu sync.Mutex
	var sent []uuid.UUID
	var counts atomic.Bool // what was sent before the first batch need not be heard
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				id, counted := uuid.New(), counts.Load()
				record(t, s, event(id, fleet.Updated))
				if counted {
					mu.Lock()
					sent = append(sent, id)
					mu.Unlock()
				}
			}
		})
	}
	heard := map[uuid.UUID]int{}
	var cursor *fleet.Cursor
	take := func(l *events.Log, batches int) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		c, err := l.Subscribe(ctx, acme, nil, cursor)
		require.NoError(t, err)
		for range batches {
			batch := next(t, c)
			require.False(t, batch.Missed)
			for _, e := range batch.Events {
				heard[e.SubjectID]++
			}
			cursor = &batch.Cursor
		}
	}
	take(a, 1)
	counts.Store(true)
	for i := range 30 {
		take([]*events.Log{a, b}[i%2], 3)
	}
	close(stop)
	group.Wait()
	all := func() bool { return !slices.ContainsFunc(sent, func(id uuid.UUID) bool { return heard[id] == 0 }) }
	for began := time.Now(); !all() && time.Since(began) < 5*time.Second; time.Sleep(10 * time.Millisecond) {
		take(a, 1)
	}
	for _, id := range sent {
		require.Equal(t, 1, heard[id])
	}
	t.Logf("%d events over 31 connections", len(sent))
}

func TestSlowSubscriberMisses(t *testing.T) {
	s := storetest.New(t)
	l := run(t, s, events.NewLocal(), events.Options{Interval: time.Millisecond, Queue: 50})
	slow, quick := subscribe(t, l, acme, nil), subscribe(t, l, acme, nil)
	next(t, quick)
	next(t, slow)
	heard := 0
	for i := range 20 {
		var all []fleet.Event
		for range 10 {
			all = append(all, event(uuid.New(), fleet.Added))
		}
		record(t, s, all...)
		heard += len(collect(t, quick, 10))
		_ = i
	}
	assert.Equal(t, 200, heard)
	// The batch under way when it fell asleep is still whole.
	first := next(t, slow)
	second := next(t, slow)
	assert.True(t, first.Missed || second.Missed, "%v %v", first, second)
	id := uuid.New()
	record(t, s, event(id, fleet.Added))
	for b := next(t, slow); ; b = next(t, slow) {
		if len(b.Events) > 0 && b.Events[len(b.Events)-1].SubjectID == id {
			assert.False(t, b.Missed, "it goes on as if nothing had been")
			break
		}
	}
}

func TestOldAndForeignCursors(t *testing.T) {
	s := storetest.New(t)
	l := run(t, s, events.NewLocal(), events.Options{Interval: time.Millisecond})
	c := subscribe(t, l, acme, nil)
	old := next(t, c).Cursor
	record(t, s, event(uuid.New(), fleet.Added), event(uuid.New(), fleet.Added))
	current := old
	for n := 0; n < 2; {
		b := next(t, c)
		n += len(b.Events)
		current = b.Cursor
	}
	n, err := s.PurgeEvents(t.Context(), time.Hour)
	require.NoError(t, err)
	assert.Zero(t, n, "young events stay")
	b := next(t, subscribe(t, l, acme, &old))
	assert.Len(t, b.Events, 2)

	time.Sleep(5 * time.Millisecond)
	n, err = s.PurgeEvents(t.Context(), time.Millisecond)
	require.NoError(t, err)
	assert.EqualValues(t, 2, n)
	b = next(t, subscribe(t, l, acme, &old))
	assert.True(t, b.Missed, "its events are purged")
	b = next(t, subscribe(t, l, acme, &current))
	assert.False(t, b.Missed, "nothing was purged that it has not had")

	foreign := fleet.Cursor{TxID: 1 << 60, Seq: 7}
	again := subscribe(t, l, acme, &foreign)
	b = next(t, again)
	assert.True(t, b.Missed, "of another database")
	assert.Equal(t, current, b.Cursor)
	record(t, s, event(uuid.New(), fleet.Added))
	assert.Len(t, collect(t, again, 1), 1, "and it goes on from now")
}

// The promise is 100 ms; one subscriber, one change at a time.
func TestLatency(t *testing.T) {
	s := storetest.New(t)
	l := run(t, s, events.NewLocal(), events.Options{Interval: time.Millisecond})
	c := subscribe(t, l, acme, nil)
	next(t, c)
	var took []time.Duration
	for range 300 {
		id := uuid.New()
		began := time.Now()
		record(t, s, event(id, fleet.Updated))
		got := collect(t, c, 1)
		took = append(took, time.Since(began))
		require.Equal(t, id, got[0].SubjectID)
		time.Sleep(rand.N(4 * time.Millisecond))
	}
	slices.Sort(took)
	t.Logf("commit to subscriber: p50 %v p99 %v max %v", took[150], took[297], took[299])
	assert.Less(t, took[297], 100*time.Millisecond)
}

func TestBatchesAreCoalesced(t *testing.T) {
	s := storetest.New(t)
	l := run(t, s, events.NewLocal(), events.Options{Interval: 100 * time.Millisecond})
	c := subscribe(t, l, acme, nil)
	next(t, c)
	time.Sleep(120 * time.Millisecond)
	id := uuid.New()
	began := time.Now()
	record(t, s, event(id, fleet.Updated))
	next(t, c)
	first := time.Since(began)
	assert.Less(t, first, 90*time.Millisecond, "the first at once")
	for range 50 {
		record(t, s, event(id, fleet.Updated))
	}
	batches := 0
	for deadline := time.After(300 * time.Millisecond); ; {
		select {
		case b := <-c:
			batches++
			assert.Len(t, b.Events, 1)
			continue
		case <-deadline:
		}
		break
	}
	assert.LessOrEqual(t, batches, 4, fmt.Sprint("after ", first))
}

func TestSubscriptionsEndWithTheLog(t *testing.T) {
	s := storetest.New(t)
	l := events.New(s, events.NewLocal(), events.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { l.Run(ctx) })
	c, err := l.Subscribe(context.Background(), acme, nil, nil)
	require.NoError(t, err)
	next(t, c)
	cancel()
	group.Wait()
	_, open := <-c
	assert.False(t, open)
}
