package drivers

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fault"
)

// Conns keeps one Conn for each provider that somebody has asked for. Whoever needs a provider asks
// it each time and keeps nothing: a connection whose settings have changed, or that was lost,
// is replaced behind the same call.
type Conns struct {
	openers   map[Kind]Opener
	configure func(ctx context.Context, provider uuid.UUID) (Config, error)

	mu    sync.Mutex
	conns map[uuid.UUID]*pooled
	done  bool
}

// pooled is a connection being opened, open, or refused. ready is closed once conn or err is set.
type pooled struct {
	version int
	ready   chan struct{}
	conn    *Conn
	err     error
	retryAt time.Time // with err: not before
}

// retryAfter is how long a failed attempt answers for the ones after it, so that a page that asks
// a dead host for many things waits for it once.
const retryAfter = 2 * time.Second

// NewConns makes an empty set. configure reads a provider's settings, secrets unsealed.
func NewConns(openers map[Kind]Opener, configure func(context.Context, uuid.UUID) (Config, error)) *Conns {
	return &Conns{openers: openers, configure: configure, conns: map[uuid.UUID]*pooled{}}
}

// Open opens a connection that is not kept: for trying settings out.
func (c *Conns) Open(ctx context.Context, config Config) (*Conn, error) {
	open, ok := c.openers[config.Kind]
	if !ok {
		return nil, fault.Field("kind", "Choose a kind that this NovaCron has a driver for.", "no driver for %s", config.Kind)
	}
	d, err := open(ctx, config)
	if err != nil {
		return nil, err
	}
	return NewConn(d, Options{}), nil
}

// Conn gives the provider's connection as of that version of its settings, opening it when there is
// none. Callers that come meanwhile share the attempt, and its failure for retryAfter.
func (c *Conns) Conn(ctx context.Context, provider uuid.UUID, version int) (*Conn, error) {
	c.mu.Lock()
	if c.done {
		c.mu.Unlock()
		return nil, fault.New(fault.Unavailable, "NovaCron is shutting down")
	}
	e, old := c.conns[provider], (*pooled)(nil)
	if e == nil || e.version < version || e.stale() {
		old, e = e, &pooled{version: version, ready: make(chan struct{})}
		c.conns[provider] = e
		// The attempt belongs to all of them, not to the caller who happened to come first.
		go c.open(context.WithoutCancel(ctx), provider, e)
	}
	c.mu.Unlock()
	if old != nil {
		go old.close()
	}
	select {
	case <-e.ready:
		return e.conn, e.err
	case <-ctx.Done():
		return nil, fault.Of(ctx.Err())
	}
}

func (c *Conns) open(ctx context.Context, provider uuid.UUID, e *pooled) {
	defer close(e.ready)
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	config, err := c.configure(ctx, provider)
	if err == nil {
		e.conn, err = c.Open(ctx, config)
	}
	e.err, e.retryAt = err, time.Now().Add(retryAfter)
}

// stale reports whether an attempt failed so long ago that another is due.
func (e *pooled) stale() bool {
	select {
	case <-e.ready:
		return e.err != nil && time.Now().After(e.retryAt)
	default:
		return false
	}
}

// Drop closes the provider's connection; the next Conn opens a new one.
func (c *Conns) Drop(provider uuid.UUID) {
	c.mu.Lock()
	e := c.conns[provider]
	delete(c.conns, provider)
	c.mu.Unlock()
	if e != nil {
		e.close()
	}
}

// Close closes all of them, for good.
func (c *Conns) Close() {
	c.mu.Lock()
	all := c.conns
	c.conns, c.done = map[uuid.UUID]*pooled{}, true
	c.mu.Unlock()
	for _, e := range all {
		e.close()
	}
}

func (e *pooled) close() {
	<-e.ready
	if e.conn != nil {
		_ = e.conn.Close()
	}
}
