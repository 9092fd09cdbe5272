package drivers

import (
	"errors"
	"sync"
	"time"

	"github.com/novacron/novacron/internal/fault"
)

const (
	suspicion  = 3                // failures in a row after which a ping is to tell
	firstRetry = time.Second      // from a failed ping to the next one; doubled each time
	lastRetry  = 30 * time.Second // up to this
)

// breaker remembers that a provider is down. Failures alone do not convince it (they may be one VM's
// fault): after a few in a row it wants a ping, and only when that fails do calls fail fast. Then it
// wants a ping now and again, as long as there are calls, until one is answered.
type breaker struct {
	mu       sync.Mutex
	failures int
	down     error // what the last ping got; nil when the provider is up
	delay    time.Duration
	next     time.Time // when to ping again
	probing  bool
}

// good notes an answer, whatever it said.
func (b *breaker) good() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.down, b.delay = 0, nil, 0
}

// bad notes a failure, and tells whether to ping.
func (b *breaker) bad() (probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	if b.failures < suspicion || b.down != nil || b.probing {
		return false
	}
	b.probing = true
	return true
}

// state gives the reason to fail fast, if there is one, and tells whether to ping.
func (b *breaker) state() (down error, probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down != nil && !b.probing && !time.Now().Before(b.next) {
		b.probing, probe = true, true
	}
	return b.down, probe
}

// probed notes what a ping brought.
func (b *breaker) probed(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	if unreachable(err) {
		b.delay = min(max(2*b.delay, firstRetry), lastRetry)
		b.down, b.next = err, time.Now().Add(b.delay)
	}
}

// unreachable tells whether an error says that the provider did not answer. A Deadline that is not of
// our making is about some work, a guest that does not shut down say, and came as an answer.
func unreachable(err error) bool {
	return errors.Is(err, errLimit) || fault.Is(err, fault.Unavailable) && !errors.Is(err, errClosed)
}

// judge draws the conclusions from the outcome of a call.
func (c *Conn) judge(err error) {
	if unreachable(err) {
		c.health(err)
		if c.breaker.bad() {
			c.probe()
		}
		return
	}
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.Deadline, fault.Canceled, fault.Unsupported, fault.Internal: // they say nothing
	default:
		c.health(nil)
		c.breaker.good()
	}
}

// failFast refuses a call while the provider is known to be down.
func (c *Conn) failFast() error {
	down, probe := c.breaker.state()
	if probe {
		c.probe()
	}
	if down == nil {
		return nil
	}
	last := fault.Of(down)
	e := fault.New(fault.Unavailable, "the provider cannot be reached at present").With("It is tried again by itself. Check that the host is up.").Because(down)
	e.Provider, e.ProviderCode, e.ProviderText = last.Provider, last.ProviderCode, last.ProviderText
	return e
}

// probe pings in the background, until Close at the latest.
func (c *Conn) probe() {
	go func() { c.breaker.probed(c.Ping(c.life)) }()
}
