package events

import (
	"context"
	"sync"
)

// Local is a Bus within one process: for a single replica without Redis.
type Local struct {
	mu        sync.Mutex
	listeners map[*func()]struct{}
}

// NewLocal makes one.
func NewLocal() *Local { return &Local{listeners: map[*func()]struct{}{}} }

// Wake implements Bus.
func (b *Local) Wake(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range b.listeners {
		(*l)()
	}
	return nil
}

// Listen implements Bus.
func (b *Local) Listen(ctx context.Context, wake func()) {
	b.mu.Lock()
	b.listeners[&wake] = struct{}{}
	b.mu.Unlock()
	<-ctx.Done()
	b.mu.Lock()
	delete(b.listeners, &wake)
	b.mu.Unlock()
}
