package drivers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/novacron/novacron/internal/fault"
)

// class sorts calls by what a provider has to do for them: how long they may take, and where they wait.
type class int

const (
	pinging class = iota // proves that the provider answers; never waits behind other calls
	short                // ordinary calls
	listing              // whole inventories; List counts the time itself
	working              // calls that move memory or disks: suspend, snapshot, full clone
	sending              // images, which take as long as they take
)

// The deadlines, for the time at the provider; waiting for a slot may take the same again. A driver's
// Limits.Deadline replaces the first.
const (
	callDeadline = 10 * time.Second
	listDeadline = 2 * time.Minute // 10,000 VMs take seconds, slow links more
	workDeadline = 30 * time.Minute
	sendDeadline = 24 * time.Hour
)

// grace is how long a driver has to come back by itself once its context has ended, so that its own
// words are heard. Then it is left alone.
const grace = 500 * time.Millisecond

// Why a context of ours ended. That the provider used up its time says something about the provider;
// that a caller lost patience does not.
var (
	errLimit  = errors.New("the time for this call is up")
	errClosed = errors.New("the connection was closed")
)

// limit is a class's deadline; 0 for none.
func (c *Conn) limit(k class) time.Duration {
	switch k {
	case listing:
		return 0
	case working:
		return workDeadline
	case sending:
		return sendDeadline
	case pinging, short:
	}
	if d := c.driver.Info().Limits.Deadline; d > 0 {
		return d
	}
	return callDeadline
}

// Call is what Options.Observe is told of each.
type Call struct {
	What      string        // "reading VM"
	Waited    time.Duration // for a slot
	Took      time.Duration // at the provider
	Err       error         // as the caller sees it
	Abandoned bool          // the driver has not come back; its slot stays taken until it does
}

// run makes one call: a slot, a deadline, the verdict on health, and the error's context.
func run[R any](ctx context.Context, c *Conn, k class, what string, call func(context.Context) (R, error)) (r R, err error) {
	seen, queued := Call{What: what}, time.Now()
	release, err := c.admit(ctx, k)
	begun := time.Now()
	if err == nil {
		r, seen.Abandoned, err = attempt(ctx, c, c.limit(k), release, call)
	}
	if release != nil || k == pinging {
		c.judge(err)
	}
	err = c.context(what, err)
	seen.Waited, seen.Took, seen.Err = begun.Sub(queued), time.Since(begun), err
	c.observe(seen)
	return r, err
}

// attempt makes the call in a goroutine of its own. If the driver does not come back when its context
// ends, the caller goes on without it; the slot is released when it does come back.
func attempt[R any](ctx context.Context, c *Conn, limit time.Duration, release func(), call func(context.Context) (R, error)) (r R, abandoned bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.life, func() { cancel(errClosed) })()
	if limit > 0 {
		defer time.AfterFunc(limit, func() { cancel(errLimit) }).Stop()
	}
	type result struct {
		r   R
		err error
	}
	back, left := make(chan result), make(chan struct{})
	go func() {
		defer release()
		var out result
		out.r, out.err = guard(ctx, call)
		select {
		case back <- out:
		case <-left:
			if s, ok := any(out.r).(io.Closer); ok && out.err == nil {
				_ = s.Close() // a console that nobody waits for any more
			}
		}
	}()
	var out result
	select {
	case out = <-back:
	case <-ctx.Done():
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case out = <-back:
		case <-timer.C:
			close(left)
			return r, true, ended(ctx, nil)
		}
	}
	if out.err != nil && ctx.Err() != nil {
		out.err = ended(ctx, out.err)
	}
	return out.r, false, out.err
}

// guard keeps a panic in a driver from ending the process: it costs one call.
func guard[R any](ctx context.Context, call func(context.Context) (R, error)) (r R, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in the driver: %v\n%s", p, debug.Stack())
		}
	}()
	return call(ctx)
}

// ended is the error of a call whose context ended before it did, whatever the driver made of that
// (said; nil when it said nothing).
func ended(ctx context.Context, said error) error {
	cause := context.Cause(ctx)
	because := errors.Join(cause, said)
	switch {
	case errors.Is(cause, errLimit):
		return fault.New(fault.Deadline, "the provider did not answer in time").With("It is tried again by itself. If it goes on, look at the provider's load.").Because(because)
	case errors.Is(cause, errClosed):
		return fault.New(fault.Unavailable, "the connection was closed").With("It is opened again by itself.").Because(because)
	case said != nil && !fault.Is(said, fault.Internal):
		return said
	}
	return fault.Of(ctx.Err()).Because(because)
}

// admit waits for a slot, in order of arrival (a channel's senders are served so). No function to
// release it, but an error, when there is none to be had.
func (c *Conn) admit(ctx context.Context, k class) (release func(), err error) {
	if c.life.Err() != nil {
		return nil, fault.New(fault.Unavailable, "the connection was closed").Because(errClosed)
	}
	if err := ctx.Err(); err != nil {
		return nil, fault.Of(err)
	}
	var queues []chan struct{}
	switch k {
	case pinging:
		queues = []chan struct{}{c.pings}
	case short, listing:
		queues = []chan struct{}{c.slots}
	case working, sending:
		queues = []chan struct{}{c.long, c.slots}
	}
	if k != pinging {
		if err := c.failFast(); err != nil {
			return nil, err
		}
	}
	var timeout <-chan time.Time
	if limit := c.limit(k); limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		timeout = timer.C
	}
	taken := 0
	release = func() {
		for _, q := range queues[:taken] {
			<-q
		}
	}
	for _, q := range queues {
		select {
		case q <- struct{}{}:
			taken++
			continue
		case <-ctx.Done():
			if err = context.Cause(ctx); !errors.Is(err, errLimit) {
				err = fault.Of(ctx.Err())
			}
		case <-timeout:
			err = errLimit
		case <-c.life.Done():
			err = fault.New(fault.Unavailable, "the connection was closed").Because(errClosed)
		}
		release()
		switch {
		case k == pinging && errors.Is(err, errLimit): // one that was abandoned still has not come back
			return nil, fault.New(fault.Deadline, "the provider still has not answered an earlier ping").Because(errLimit)
		case errors.Is(err, errLimit), fault.Is(err, fault.Deadline):
			return nil, fault.New(fault.Exhausted, "too many calls to this provider are under way").With("Wait for running operations to end.").Because(err)
		}
		return nil, err
	}
	return release, nil
}

// context completes an error with the provider's kind and, for the log only, with what was being done.
// The driver's own error is left as it is: it may be shared.
func (c *Conn) context(what string, err error) error {
	if err == nil {
		return nil
	}
	e := *fault.Of(err)
	if e.Provider == "" {
		e.Provider = string(c.driver.Info().Kind)
	}
	cause := e.Err
	if _, bare := err.(*fault.Error); !bare { //nolint:errorlint // what wraps the fault is what is asked for
		cause = err // somebody has said more about it
	}
	if e.Err = errors.New(what); cause != nil {
		e.Err = fmt.Errorf("%s: %w", what, cause)
	}
	return &e
}
