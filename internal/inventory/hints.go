package inventory

import (
	"context"
	"sync"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// spacing is the least time between two readings of one VM. The first hint of a storm is followed at
// once, the rest come to one reading each tenth of a second.
const spacing = 100 * time.Millisecond

// patience are the waits before a VM that could not be read is tried again; then the next list will do.
var patience = []time.Duration{200 * time.Millisecond, time.Second, 5 * time.Second}

// quick is how long a VM may take to be read before it goes to the slow lane, where a few workers have
// all the patience that the connection allows: a handful of VMs that hang must not hold up the others.
const quick = 2 * time.Second

// hints are the VMs that have to be read again, each once, however often it was named.
type hints struct {
	mu      sync.Mutex
	entries map[drivers.Ref]*hint
	hung    map[drivers.Ref]bool // they took too long the last time
	fast    lane
	slow    lane
}

type hint struct {
	queued bool // it will be read, so naming it once more says nothing new
	again  bool // it was named while it was being read, or just after
	tries  int  // failed ones
	began  time.Time
}

// lane is a queue with workers of its own.
type lane struct {
	queue []drivers.Ref
	more  chan struct{} // has a token while the queue may have something
}

func newHints() *hints {
	return &hints{
		entries: map[drivers.Ref]*hint{}, hung: map[drivers.Ref]bool{},
		fast: lane{more: make(chan struct{}, 1)}, slow: lane{more: make(chan struct{}, 1)},
	}
}

// add names a VM. It never waits.
func (h *hints) add(ref drivers.Ref) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.entries[ref]; e != nil {
		e.again = !e.queued
		return
	}
	h.entries[ref] = &hint{}
	h.push(ref)
}

func (h *hints) push(ref drivers.Ref) {
	h.entries[ref].queued = true
	l := &h.fast
	if h.hung[ref] {
		l = &h.slow
	}
	l.queue = append(l.queue, ref)
	nudge(l.more)
}

// next is the VM of a lane to read now; false when ctx ends.
func (h *hints) next(ctx context.Context, l *lane) (drivers.Ref, bool) {
	for {
		h.mu.Lock()
		if len(l.queue) > 0 {
			ref := l.queue[0]
			l.queue = l.queue[1:]
			if len(l.queue) > 0 {
				nudge(l.more) // there is work for another worker too
			}
			e := h.entries[ref]
			e.queued, e.again, e.began = false, false, time.Now()
			h.mu.Unlock()
			return ref, true
		}
		h.mu.Unlock()
		select {
		case <-l.more:
		case <-ctx.Done():
			return "", false
		}
	}
}

// done says how reading a VM went.
func (h *hints) done(ref drivers.Ref, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.entries[ref]
	wait := spacing - time.Since(e.began)
	if err == nil {
		e.tries = 0
		delete(h.hung, ref)
	} else {
		if fault.Is(err, fault.Deadline) {
			h.hung[ref] = true
		}
		if e.tries < len(patience) {
			wait = patience[e.tries]
			e.again = true
		}
		e.tries++
	}
	time.AfterFunc(wait, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if e.again {
			h.push(ref)
		} else {
			delete(h.entries, ref)
		}
	})
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
