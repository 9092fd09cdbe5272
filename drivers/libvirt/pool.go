package libvirt

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/fault"
)

const (
	poolSize     = 8               // sessions for ordinary calls; libvirtd has 20 workers by default
	keepSeconds  = 2               // keepalive: a silent host is noticed after
	keepCount    = 3               // 2 s × (3+1) = 8 s, inside callDeadline
	idleFor      = time.Minute     // sessions that a rush has left are closed after
	dialDeadline = 6 * time.Second // shorter than callDeadline, so that the host is blamed and not the call
	cutPatience  = 5 * time.Second // a cut call was seen to return within 7 ms
	backoffMin   = 200 * time.Millisecond
	backoffMax   = 5 * time.Second
)

// pool keeps sessions with one host. A session has one call in flight: with more, an expired
// keepalive leaves calls blocked for ever and then ends the process inside libvirt's client.
type pool struct {
	life  context.Context
	open  dialFunc
	slots chan struct{} // a token for each session in use

	mu   sync.Mutex
	idle []*session
	all  map[*session]struct{} // every open session, to be cut when the pool closes

	gate    chan struct{} // held while dialling: one at a time, so that a returning host is not stormed
	fails   int
	retryAt time.Time
	lastErr error
}

func newPool(life context.Context, open dialFunc) *pool {
	return &pool{life: life, open: open, slots: make(chan struct{}, poolSize), all: map[*session]struct{}{}, gate: make(chan struct{}, 1)}
}

// get takes a session for one call.
func (p *pool) get(ctx context.Context) (*session, error) {
	if p.life.Err() != nil {
		return nil, errClosed()
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, waited(ctx)
	case <-p.life.Done():
		return nil, errClosed()
	}
	p.mu.Lock()
	for len(p.idle) > 0 {
		s := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if !s.isCut() {
			p.mu.Unlock()
			return s, nil
		}
		go s.end()
	}
	p.mu.Unlock()
	s, err := p.dial(ctx)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return s, nil
}

// put gives a session back.
func (p *pool) put(s *session) {
	defer func() { <-p.slots }()
	p.mu.Lock()
	if s.isCut() || p.life.Err() != nil {
		p.mu.Unlock()
		s.end()
		return
	}
	s.idleSince = time.Now()
	p.idle = append(p.idle, s)
	old := p.unused()
	p.mu.Unlock()
	for _, s := range old {
		s.end()
	}
}

// unused takes the sessions out that nobody has needed for a while: the last one given back is the first one taken.
// One stays. The lock is held.
func (p *pool) unused() (old []*session) {
	for len(p.idle) > 1 && time.Since(p.idle[0].idleSince) > idleFor {
		old = append(old, p.idle[0])
		p.idle = p.idle[1:]
	}
	return old
}

// dial opens a session that belongs to the caller. After a failure the same answer is given for a
// while, longer each time, without bothering the host.
func (p *pool) dial(ctx context.Context) (*session, error) { return p.dialWith(ctx, true) }

func (p *pool) dialWith(ctx context.Context, keepalive bool) (*session, error) {
	select {
	case p.gate <- struct{}{}:
		defer func() { <-p.gate }()
	case <-ctx.Done():
		return nil, waited(ctx)
	case <-p.life.Done():
		return nil, errClosed()
	}
	if ctx.Err() != nil {
		return nil, waited(ctx)
	}
	if p.lastErr != nil && time.Now().Before(p.retryAt) {
		return nil, p.lastErr
	}
	s, err := p.connect(ctx, keepalive)
	switch {
	case p.life.Err() != nil:
		return nil, errClosed()
	case err != nil && ctx.Err() != nil:
		return nil, waited(ctx) // the caller's impatience says nothing about the host
	case err == nil:
		p.fails, p.lastErr = 0, nil
	default: // a host that we do not trust is not asked more often than one that is down
		wait := min(backoffMax, backoffMin<<min(p.fails, 10))
		p.fails++
		p.retryAt = time.Now().Add(wait/2 + rand.N(wait)/2)
		p.lastErr = err
	}
	return s, err
}

func (p *pool) connect(ctx context.Context, keepalive bool) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, dialDeadline)
	defer cancel()
	defer context.AfterFunc(p.life, cancel)()
	if err := runEvents(); err != nil {
		return nil, fault.New(fault.Internal, "libvirt's event loop does not start").Because(err)
	}
	remote, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{pool: p, cut: make(chan struct{}), remote: remote}
	err = s.run(ctx, func(*libvirt.Connect) error {
		c, err := s.attach(ctx)
		if err != nil {
			return err
		}
		s.conn = c
		if keepalive {
			return c.SetKeepAlive(keepSeconds, keepCount)
		}
		return nil
	})
	if err != nil {
		s.end()
		return nil, err
	}
	p.mu.Lock()
	if p.life.Err() != nil { // dial says so
		p.mu.Unlock()
		s.end()
		return nil, errClosed()
	}
	p.all[s] = struct{}{}
	p.mu.Unlock()
	return s, nil
}

// close cuts every session. Calls under way return at once.
func (p *pool) close() {
	p.mu.Lock()
	all, idle := p.all, p.idle
	p.idle = nil
	for s := range all {
		s.sever()
	}
	p.mu.Unlock()
	for _, s := range idle {
		s.end()
	}
}

// session is one connection of libvirt's client over a stream that we own.
type session struct {
	pool   *pool
	conn   *libvirt.Connect
	remote net.Conn // to the daemon

	idleSince time.Time // as the pool has it

	mu    sync.Mutex
	local net.Conn // to libvirt's client in this process
	cut   chan struct{}
	busy  sync.WaitGroup // the call and the forwarders
	ended sync.Once
}

// attach makes libvirt's client speak through s. The socket exists for the moment of connecting
// only, in a folder that nobody else may enter.
func (s *session) attach(ctx context.Context) (*libvirt.Connect, error) {
	dir, err := os.MkdirTemp(socketDir(), socketPrefix)
	if err != nil {
		return nil, fault.New(fault.Internal, "no place for a private socket").Because(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fault.New(fault.Internal, "no private socket").Because(err)
	}
	defer l.Close()
	s.busy.Add(1)
	go func() {
		defer s.busy.Done()
		local, err := l.Accept()
		if err != nil {
			s.sever()
			return
		}
		s.forward(local)
	}()
	return libvirt.NewConnect("qemu+unix:///system?socket=" + path)
}

// socketDir is short: a socket's path has at most 107 bytes.
func socketDir() string {
	if d := os.TempDir(); len(d) < 64 {
		return d
	}
	return "/tmp"
}

const socketPrefix = "novacron-lv-"

// forward copies both ways until either side ends, and then ends both.
func (s *session) forward(local net.Conn) {
	s.mu.Lock()
	s.local = local
	gone := s.isCut()
	s.mu.Unlock()
	if gone {
		_ = local.Close()
		return
	}
	s.busy.Add(1)
	go func() {
		defer s.busy.Done()
		pipe(local, s.remote)
		s.sever()
	}()
	pipe(s.remote, local)
	s.sever()
}

// sever cuts the stream. Whatever call is in flight returns at once with an error.
func (s *session) sever() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isCut() {
		return
	}
	close(s.cut)
	_ = s.remote.Close()
	if s.local != nil {
		_ = s.local.Close()
	}
}

// isCut tells whether the stream has ended, by us or by the daemon.
func (s *session) isCut() bool {
	select {
	case <-s.cut:
		return true
	default:
		return false
	}
}

// run makes one call and cuts the session if it outlives ctx.
func (s *session) run(ctx context.Context, call func(*libvirt.Connect) error) error {
	if err := ctx.Err(); err != nil {
		return waited(ctx)
	}
	var err error
	done := make(chan struct{})
	s.busy.Add(1)
	go func() {
		defer s.busy.Done()
		defer close(done)
		defer func() {
			if r := recover(); r != nil {
				err = fault.New(fault.Internal, "something went wrong on our side").Because(fmt.Errorf("panic: %v\n%s", r, debug.Stack()))
			}
		}()
		err = call(s.conn)
	}()
	select {
	case <-done:
		if err != nil && s.isCut() {
			return lost(err)
		}
		return classify(err)
	case <-ctx.Done():
	}
	s.sever()
	select {
	case <-done:
	case <-time.After(cutPatience):
	}
	return waited(ctx)
}

// end closes the session once its call has returned.
func (s *session) end() {
	s.ended.Do(func() {
		s.pool.mu.Lock()
		delete(s.pool.all, s)
		s.pool.mu.Unlock()
		go func() {
			if !s.isCut() && s.conn != nil {
				t := time.AfterFunc(cutPatience, s.sever)
				_, _ = s.conn.Close() // says good-bye, so that the daemon's log stays clean
				t.Stop()
				s.sever()
				s.busy.Wait()
				return
			}
			s.sever()
			s.busy.Wait()
			if s.conn != nil {
				_, _ = s.conn.Close()
			}
		}()
	})
}

// runEvents starts libvirt's event loop, which keepalive and events need. There is one in a
// process, and it never ends.
var runEvents = sync.OnceValue(func() error {
	if err := libvirt.EventRegisterDefaultImpl(); err != nil {
		return err
	}
	go func() {
		for {
			_ = libvirt.EventRunDefaultImpl()
		}
	}()
	return nil
})

func errClosed() error { return fault.New(fault.Unavailable, "the connection has been closed") }
