package fake

import (
	"context"
	"sync"
	"time"

	"github.com/novacron/novacron/drivers"
)

// watcher is one call of Watch. Hints wait in a buffer; when it is full they are dropped, and the
// watcher is told that it missed something.
type watcher struct {
	hints  chan drivers.Hint
	once   sync.Once
	broken chan struct{}
	missed bool // under host.mu
}

func (w *watcher) cut() { w.once.Do(func() { close(w.broken) }) }

// Watch is as drivers.Watcher has it.
func (d *Driver) Watch(ctx context.Context, emit func(drivers.Hint)) error {
	if err := d.call(ctx, callTime); err != nil {
		return err
	}
	h := d.host
	w := &watcher{hints: make(chan drivers.Hint, 1024), broken: make(chan struct{})}
	h.mu.Lock()
	h.watchers[w] = struct{}{}
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.watchers, w)
	}()
	var lost <-chan time.Time
	if h.says("lose-watch") {
		t := time.NewTimer(h.pace(time.Minute))
		defer t.Stop()
		lost = t.C
	}
	for {
		select {
		case hint := <-w.hints:
			emit(hint)
			h.mu.Lock()
			missed := w.missed && len(w.hints) == 0
			w.missed = w.missed && !missed
			h.mu.Unlock()
			if missed {
				emit(drivers.Hint{Why: "some hints were dropped"})
			}
		case <-ctx.Done():
			return nil
		case <-d.closed:
			return errClosed()
		case <-w.broken:
			return h.unavailable("connection reset by peer")
		case <-lost:
			return h.unavailable("connection reset by peer (the host's name asks for it: lose-watch)")
		}
	}
}

func (h *host) tell(m *vm, why string) { h.hint(drivers.Hint{Ref: m.Ref, Why: why}) }

// hint tells every watcher. h.mu is held.
func (h *host) hint(hint drivers.Hint) {
	for w := range h.watchers {
		select {
		case w.hints <- hint:
		default:
			w.missed = true
		}
	}
}
