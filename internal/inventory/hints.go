package inventory

import (
	"context"
	"sync"
	"time"

	"github.com/novacron/novacron/drivers"
)

// spacing is the least time between two readings of one VM. The first hint of a storm is followed at
// once, the rest come to one reading each tenth of a second.
const spacing = 100 * time.Millisecond

// patience are the waits before a VM that could not be read is tried again; then the next list will do.
var patience = []time.Duration{200 * time.Millisecond, time.Second, 5 * time.Second}

// hints are the VMs that have to be read again, each once, however often it was named.
type hints struct {
	mu      sync.Mutex
	entries map[drivers.Ref]*hint
	queue   []drivers.Ref
	more    chan struct{} // one token while the queue may have something
}

type hint struct {
	running bool // a worker has it
	again   bool // it was named meanwhile
	tries   int  // failed ones
	began   time.Time
}

func newHints() *hints { return &hints{entries: map[drivers.Ref]*hint{}, more: make(chan struct{}, 1)} }

// add names a VM. It never waits.
func (h *hints) add(ref drivers.Ref) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.entries[ref]; e != nil {
		e.again = e.again || e.running
		return
	}
	h.entries[ref] = &hint{}
	h.push(ref)
}

func (h *hints) push(ref drivers.Ref) {
	h.queue = append(h.queue, ref)
	nudge(h.more)
}

// next is the VM to read now; false when ctx ends.
func (h *hints) next(ctx context.Context) (drivers.Ref, bool) {
	for {
		h.mu.Lock()
		if len(h.queue) > 0 {
			ref := h.queue[0]
			h.queue = h.queue[1:]
			if len(h.queue) > 0 {
				nudge(h.more) // there is work for another worker too
			}
			h.entries[ref].running, h.entries[ref].began = true, time.Now()
			h.mu.Unlock()
			return ref, true
		}
		h.mu.Unlock()
		select {
		case <-h.more:
		case <-ctx.Done():
			return "", false
		}
	}
}

// done says that a VM has been read, or could not be.
func (h *hints) done(ref drivers.Ref, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.entries[ref]
	e.running = false
	wait := time.Duration(-1)
	switch {
	case !ok && e.tries < len(patience):
		wait = patience[e.tries]
		e.tries++
	case e.again && ok:
		wait, e.tries = max(0, spacing-time.Since(e.began)), 0
	}
	e.again = false
	if wait < 0 {
		delete(h.entries, ref)
		return
	}
	time.AfterFunc(wait, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.push(ref)
	})
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
