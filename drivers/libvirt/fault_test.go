package libvirt

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

const (
	// prompt bounds what we end ourselves. It is long for a busy machine, and shorter than the keepalive
	// and a call's own deadline, which would end it otherwise.
	prompt = keepSeconds * keepCount * time.Second
	// patience is for what comes by itself, however busy the machine is: a guest that boots under emulation, say.
	patience = 4 * time.Minute
)

// eventually waits until something is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not so after %v", what, patience)
		}
	}
}

// wire is a way to the daemon that can be made to hang or to break.
type wire struct {
	dial dialFunc

	mu    sync.Mutex
	hung  chan struct{} // closed: bytes flow
	conns []*wireConn
	dials int
	down  error // what a dial gets

	sent atomic.Int64 // writes to the daemon
}

func newWire(t testing.TB) *wire {
	w := &wire{dial: dialLocal([]string{filepath.Join(testHosts(t), "hosta/run/libvirt/libvirt-sock")}), hung: make(chan struct{})}
	close(w.hung)
	return w
}

func (w *wire) open(t testing.TB) *Driver {
	t.Helper()
	d, err := open(t.Context(), drivers.Config{Kind: drivers.KindLibvirt, Accelerator: drivers.AcceleratorQEMU}, func(ctx context.Context) (net.Conn, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.dials++
		if w.down != nil {
			return nil, w.down
		}
		c, err := w.dial(ctx)
		if err != nil {
			return nil, err
		}
		wc := &wireConn{Conn: c, w: w}
		w.conns = append(w.conns, wc)
		return wc, nil
	})
	must(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// hang stops all bytes, and flow lets them go on.
func (w *wire) hang() { w.mu.Lock(); w.hung = make(chan struct{}); w.mu.Unlock() }
func (w *wire) flow() { w.mu.Lock(); close(w.hung); w.mu.Unlock() }

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.broken.Store(true)
		_ = c.Close()
	}
	w.conns = nil
}

// noticed waits until every session knows that its connection is cut.
func (w *wire) noticed(t testing.TB, d *Driver) {
	t.Helper()
	eventually(t, "the cut is noticed", func() bool {
		d.pool.mu.Lock()
		defer d.pool.mu.Unlock()
		for s := range d.pool.all {
			if !s.isCut() {
				return false
			}
		}
		return true
	})
}

// ping starts one on a host that hangs, and returns once it is under way.
func (w *wire) ping(t testing.TB, d *Driver) <-chan error {
	t.Helper()
	before, ended := w.sent.Load(), make(chan error, 1)
	go func() { ended <- d.Ping(t.Context()) }()
	eventually(t, "a ping is under way", func() bool { return len(d.pool.slots) > 0 && w.sent.Load() > before })
	return ended
}

// watching starts a watch, and returns once hints come of what another connection does. Its end comes through the channel.
func watching(ctx context.Context, t testing.TB, d, other *Driver, emit func(drivers.Hint)) <-chan error {
	t.Helper()
	ref := foreign(t, other, fmt.Sprintf(`<domain type='qemu'><name>%s</name><memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>`, unique("nvtest-")))
	var hints atomic.Int64
	ended := make(chan error, 1)
	go func() {
		ended <- d.Watch(ctx, func(h drivers.Hint) {
			if h.Ref == ref {
				hints.Add(1)
			} else if emit != nil {
				emit(h)
			}
		})
	}()
	eventually(t, "a hint comes", func() bool {
		must(t, other.do(t.Context(), about(ref, func(_ *libvirt.Connect, dom *libvirt.Domain) error {
			return dom.SetMetadata(libvirt.DOMAIN_METADATA_TITLE, unique(""), "", "", libvirt.DOMAIN_AFFECT_CONFIG)
		})))
		return hints.Load() > 0
	})
	return ended
}

type wireConn struct {
	net.Conn
	w      *wire
	broken atomic.Bool
}

func (c *wireConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.w.mu.Lock()
	hung := c.w.hung
	c.w.mu.Unlock()
	<-hung
	if c.broken.Load() {
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *wireConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.w.sent.Add(1)
	return n, err
}

// A host that falls silent costs each call its deadline and no more, whatever is in flight.
func TestHostHangs(t *testing.T) {
	w := newWire(t)
	d := w.open(t)
	w.hang()
	var wg sync.WaitGroup
	began := time.Now()
	for range 12 { // more than the pool has sessions
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			if err := d.Ping(ctx); !fault.Is(err, fault.Deadline) && !fault.Is(err, fault.Unavailable) {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	if took := time.Since(began); took > prompt {
		t.Errorf("it took %v", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	began = time.Now()
	// Canceled, or refused at once where a session could not even be opened a moment ago.
	if err := d.Ping(ctx); !fault.Is(err, fault.Canceled) && !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.Deadline) {
		t.Errorf("canceled: %v", err)
	}
	if took := time.Since(began); took > prompt {
		t.Errorf("the cancel took %v", took)
	}
	w.flow()
	recovers(t, d)
}

// recovers waits until the host answers again.
func recovers(t *testing.T, d *Driver) {
	t.Helper()
	eventually(t, "the host answers", func() bool { return d.Ping(t.Context()) == nil })
}

// The keepalive finds a silent host without any call's deadline: the watcher learns of it.
func TestKeepalive(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 8 s")
	}
	w := newWire(t)
	d := w.open(t)
	ended := watching(t.Context(), t, d, testDriver(t), nil)
	w.hang()
	began := time.Now()
	select {
	case err := <-ended:
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("%v", err)
		}
		t.Logf("found after %v", time.Since(began).Round(time.Millisecond))
	case <-time.After(patience):
		t.Error("not found")
	}
	w.flow()
}

// A connection that breaks fails the call in flight at once, and the next one makes a new connection.
func TestHostBreaks(t *testing.T) {
	w := newWire(t)
	d := w.open(t)
	must(t, d.Ping(t.Context()))
	w.hang()
	ended := w.ping(t, d)
	w.cut()
	w.flow()
	began := time.Now()
	if err := <-ended; !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > prompt {
		t.Errorf("it took %v", took)
	}
	must(t, d.Ping(t.Context()))
	w.cut() // between calls
	w.noticed(t, d)
	must(t, d.Ping(t.Context()))
}

// A host that is down is not stormed: calls get the last answer for a while.
func TestReconnectsAreFew(t *testing.T) {
	w := newWire(t)
	d := w.open(t)
	for _, why := range []*fault.Error{
		fault.New(fault.Unavailable, "the host cannot be reached"),
		fault.Field("caCert", "", "the host's certificate is signed by another CA"),
	} {
		w.mu.Lock()
		w.down, w.dials = why, 0
		w.mu.Unlock()
		w.cut()
		w.noticed(t, d)
		var calls int
		for began := time.Now(); time.Since(began) < 2*time.Second; calls++ {
			if err := d.Ping(t.Context()); !fault.Is(err, why.Kind) {
				t.Fatalf("%v", err)
			}
			time.Sleep(time.Millisecond)
		}
		w.mu.Lock()
		dials := w.dials
		w.down = nil
		w.mu.Unlock()
		t.Logf("%d calls, %d dials", calls, dials)
		if dials > 10 {
			t.Errorf("%d dials in 2 s", dials)
		}
		recovers(t, d)
	}
}

// What a rush of calls has opened is closed when nobody has needed it for a while.
func TestUnusedSessionsAreClosed(t *testing.T) {
	d := newWire(t).open(t)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { _ = d.Ping(t.Context()) })
	}
	wg.Wait()
	sessions := func() int {
		d.pool.mu.Lock()
		defer d.pool.mu.Unlock()
		return len(d.pool.all)
	}
	if n := sessions(); n < 2 || n > poolSize {
		t.Fatalf("%d sessions", n)
	}
	d.pool.mu.Lock()
	for _, s := range d.pool.idle {
		s.idleSince = s.idleSince.Add(-2 * idleFor)
	}
	d.pool.mu.Unlock()
	must(t, d.Ping(t.Context()))
	eventually(t, "one is left", func() bool { return sessions() == 1 })
	must(t, d.Ping(t.Context()))
}

// Close ends what is under way, and nothing is left of a connection: no goroutine, thread or socket.
func TestCloseLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // other processes leave and take their own meanwhile
	must(t, runEvents())
	other := testDriver(t)
	first := goleak.IgnoreCurrent()
	_ = newWire(t).open(t).Close()
	nothing(t, first)
	before, descriptors := goleak.IgnoreCurrent(), openFiles(t)
	w := newWire(t)
	d := w.open(t)
	watch := watching(t.Context(), t, d, other, nil)
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() { _ = d.Ping(t.Context()) })
	}
	wg.Wait()
	w.hang()
	ended := w.ping(t, d)
	must(t, d.Close())
	must(t, d.Close())
	for what, end := range map[string]<-chan error{"call": ended, "watch": watch} {
		select {
		case err := <-end:
			if !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s: %v", what, err)
			}
		case <-time.After(prompt):
			t.Errorf("a %s outlives the connection", what)
		}
	}
	w.flow()
	if err := d.Ping(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("after the end: %v", err)
	}
	nothing(t, before)
	for end := time.Now().Add(prompt); openFiles(t) > descriptors && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	if n := openFiles(t); n > descriptors {
		all, _ := filepath.Glob("/proc/self/fd/*")
		for _, f := range all {
			to, _ := os.Readlink(f)
			t.Log(f, to)
		}
		t.Errorf("%d descriptors, before %d", n, descriptors)
	}
	left, _ := filepath.Glob(filepath.Join(socketDir(), socketPrefix+"*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// nothing waits until no goroutine is left but those of before.
func nothing(t testing.TB, before goleak.Option) {
	t.Helper()
	var err error
	for end := time.Now().Add(prompt); time.Now().Before(end); {
		if err = goleak.Find(before); err == nil {
			return
		}
	}
	t.Error(err)
}

// A watch that has ended leaves nothing, however it ended: each once kept a descriptor.
func TestWatchesLeaveNothing(t *testing.T) {
	w := newWire(t)
	d, other := w.open(t), testDriver(t)
	watch := func(end func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := watching(ctx, t, d, other, nil)
		if end != nil {
			end()
		} else {
			cancel()
		}
		<-ended
		cancel()
		// A cut takes the idle connections too, and each may be noticed by the call that takes it first.
		recovers(t, d)
	}
	watch(nil)
	before := openFiles(t)
	for range 6 {
		watch(nil)
		watch(w.cut)
	}
	eventually(t, "12 watches have left less than a descriptor each", func() bool { return openFiles(t) <= before+3 })
}

// openFiles counts them; what another test's clean-up still closes goes away meanwhile.
func openFiles(t *testing.T) int {
	t.Helper()
	runtime.GC()
	all, err := filepath.Glob("/proc/self/fd/*")
	must(t, err)
	return len(all)
}

// A panic in a call is that call's error.
func TestPanicIsAnError(t *testing.T) {
	d := newWire(t).open(t)
	err := d.do(t.Context(), func(*libvirt.Connect) error { panic("a secret") })
	if f := fault.Of(err); f == nil || f.Kind != fault.Internal || strings.Contains(f.Message, "secret") {
		t.Errorf("%v", err)
	}
	must(t, d.Ping(t.Context()))
}

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		err  libvirt.Error
		kind fault.Kind
	}{
		{libvirt.Error{Code: libvirt.ERR_NO_DOMAIN}, fault.NotFound},
		{libvirt.Error{Code: libvirt.ERR_OPERATION_INVALID}, fault.Conflict},
		{libvirt.Error{Code: libvirt.ERR_INTERNAL_ERROR, Message: "x: No space left on device"}, fault.Exhausted},
		{libvirt.Error{Code: libvirt.ERR_INTERNAL_ERROR, Message: `Failed to get "write" lock`}, fault.Conflict},
		{libvirt.Error{Code: libvirt.ERR_INTERNAL_ERROR, Message: "who knows"}, fault.Internal},
		{libvirt.Error{Code: libvirt.ErrorNumber(9999), Message: "new"}, fault.Internal},
	} {
		f := fault.Of(classify(c.err))
		if f.Kind != c.kind || f.Provider == "" || f.ProviderCode == "" || f.Message == "" {
			t.Errorf("%+v became %+v", c.err, f)
		}
	}
	f := fault.Of(classify(libvirt.Error{Code: libvirt.ERR_SYSTEM_ERROR, Message: "Failed to connect socket to '/tmp/" + socketPrefix + "123/s': no\nway"}))
	if strings.Contains(f.ProviderText, "/tmp") || strings.Contains(f.ProviderText, "\n") {
		t.Errorf("%q", f.ProviderText)
	}
	if classify(nil) != nil {
		t.Error("nil is an error")
	}
}
