package events

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// subject is what an event is about.
type subject struct {
	topic fleet.Topic
	id    [16]byte
}

// subscriber is one who listens. What it has not taken yet waits here, one event for each subject.
type subscriber struct {
	scope  fleet.Scope
	topics []fleet.Topic
	queue  int
	signal chan struct{}

	mu      sync.Mutex
	from    fleet.Cursor // it has had everything up to here
	cursor  fleet.Cursor // pending goes up to here
	pending []fleet.Event
	place   map[subject]int // in pending
	missed  bool
}

// Subscribe sends what happens to the scope's things of these topics (none: all) until ctx ends or
// the Log does; then the channel is closed. The first batch comes at once, empty as a rule: whatever
// happens after it will be told, so who then reads a list misses nothing. With after, it has what
// happened since that cursor, or Missed when that is too long ago to know. A subscriber who is slow
// holds up nobody: its batches grow, and when they grow too large it gets Missed instead.
func (l *Log) Subscribe(ctx context.Context, scope fleet.Scope, topics []fleet.Topic, after *fleet.Cursor) (<-chan Batch, error) {
	select {
	case <-l.ready:
	case <-l.done:
		return nil, fault.New(fault.Unavailable, "NovaCron is shutting down")
	case <-ctx.Done():
		return nil, fault.Of(ctx.Err())
	}
	s := &subscriber{scope: scope, topics: topics, queue: l.o.Queue, signal: make(chan struct{}, 1), place: map[subject]int{}}
	l.mu.Lock()
	now := l.at
	s.from, s.cursor = now, now
	if after != nil && after.Compare(now) > 0 {
		s.from, s.cursor = *after, *after // another replica was ahead of us
	}
	l.subs[s] = struct{}{}
	l.mu.Unlock()
	first := Batch{Cursor: s.from}
	if after != nil {
		var err error
		if first, err = l.replay(ctx, s, *after, now); err != nil {
			l.leave(s)
			return nil, err
		}
	}
	out := make(chan Batch)
	go l.deliver(ctx, s, first, out)
	return out, nil
}

func (l *Log) leave(s *subscriber) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.subs, s)
}

// replay reads from the log what happened after one place and up to another, which the live events follow.
func (l *Log) replay(ctx context.Context, s *subscriber, after, upTo fleet.Cursor) (Batch, error) {
	past := &subscriber{scope: s.scope, queue: s.queue, from: after, cursor: after, place: map[subject]int{}, signal: make(chan struct{}, 1)}
	for at := after; at.Compare(upTo) < 0 && !past.missed; {
		all, _, err := l.store.EventsAfter(ctx, s.scope, at, page, s.topics...)
		if err != nil {
			return Batch{}, err
		}
		more := len(all) == page
		all = slices.DeleteFunc(all, func(e fleet.Event) bool { return e.Cursor().Compare(upTo) > 0 })
		if len(all) == 0 {
			break
		}
		at = all[len(all)-1].Cursor()
		past.add(all, at)
		if !more {
			break
		}
	}
	// Asked afterwards: what was purged while we read is missed too.
	ends, err := l.store.EventLog(ctx)
	if err != nil {
		return Batch{}, err
	}
	if after.Compare(ends.Floor) < 0 || after.TxID >= ends.Beyond {
		past.missed, past.pending = true, nil
		s.mu.Lock()
		s.from = upTo // a cursor from elsewhere says nothing of what this subscriber has had
		s.mu.Unlock()
		return Batch{Cursor: upTo, Missed: true}, nil
	}
	b, _ := past.take()
	b.Cursor = s.from
	return b, nil
}

// add is called by the reader: it never waits.
func (s *subscriber) add(all []fleet.Event, upTo fleet.Cursor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range all {
		if e.Cursor().Compare(s.from) <= 0 || !s.wants(e) {
			continue
		}
		k := subject{e.Topic, e.SubjectID}
		if i, ok := s.place[k]; ok {
			e.Kind = merge(s.pending[i].Kind, e.Kind)
			s.pending[i] = fleet.Event{} // the later place counts
		} else if len(s.place) >= s.queue {
			s.drop()
			continue
		}
		if len(s.pending) >= 2*s.queue {
			s.squeeze()
		}
		s.place[k] = len(s.pending)
		s.pending = append(s.pending, e)
	}
	if s.cursor.Compare(upTo) < 0 {
		s.cursor = upTo
	}
	if len(s.place) > 0 || s.missed {
		nudge(s.signal)
	}
}

func (s *subscriber) wants(e fleet.Event) bool {
	return (s.scope.All() || e.TenantID == s.scope.Tenant() && s.scope != fleet.Scope{}) &&
		(len(s.topics) == 0 || slices.Contains(s.topics, e.Topic))
}

// merge is what two changes of one thing come to.
func merge(a, b fleet.Change) fleet.Change {
	if a == fleet.Added && b == fleet.Updated {
		return fleet.Added
	}
	return b
}

// squeeze takes out of pending what has a later place: the same few things may change again and again for as long as
// a subscriber takes nothing.
func (s *subscriber) squeeze() {
	s.pending = slices.DeleteFunc(s.pending, replaced)
	for i, e := range s.pending {
		s.place[subject{e.Topic, e.SubjectID}] = i
	}
}

func replaced(e fleet.Event) bool { return e.Topic == "" }

// drop gives up what waits: who is told everything anew needs no single changes.
func (s *subscriber) drop() {
	s.missed, s.pending = true, nil
	clear(s.place)
}

func (s *subscriber) miss(upTo fleet.Cursor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
	s.cursor = upTo
	nudge(s.signal)
}

// take empties the queue. Nothing to tell: false.
func (s *subscriber) take() (Batch, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := Batch{Cursor: s.cursor, Missed: s.missed}
	b.Events = slices.DeleteFunc(s.pending, replaced)
	s.pending, s.missed = nil, false
	clear(s.place)
	return b, b.Missed || len(b.Events) > 0
}

// deliver sends batches as fast as the subscriber takes them, though not faster than the interval.
func (l *Log) deliver(ctx context.Context, s *subscriber, b Batch, out chan<- Batch) {
	defer close(out)
	defer l.leave(s)
	// An empty batch now and then keeps an idle subscriber's cursor younger than the retention.
	idle := time.NewTicker(l.o.Retention / 6)
	defer idle.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case out <- b:
		case <-ctx.Done():
			return
		case <-l.done:
			return
		}
		pause.Reset(l.o.Interval)
		for tell := false; !tell; {
			select {
			case <-s.signal:
				if !wait(ctx, pause, l.done) {
					return
				}
				b, tell = s.take()
			case <-idle.C:
				b, _ = s.take()
				tell = true
			case <-ctx.Done():
				return
			case <-l.done:
				return
			}
		}
	}
}

// wait waits for the timer; a timer that has fired stays passed.
func wait(ctx context.Context, t *time.Timer, done <-chan struct{}) bool {
	select {
	case <-t.C:
		t.Reset(0)
		return true
	case <-ctx.Done():
		return false
	case <-done:
		return false
	}
}
