package libvirt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

var _ drivers.Consoler = (*Driver)(nil)

// Console is as drivers.Consoler has it.
func (d *Driver) Console(ctx context.Context, ref drivers.Ref, r drivers.ConsoleRequest) (io.ReadWriteCloser, error) {
	switch r.Kind {
	case drivers.ConsoleSerial:
		return d.serial(ctx, ref, r.TakeOver)
	case drivers.ConsoleVNC:
		return d.vnc(ctx, ref)
	}
	return nil, fault.Field("kind", "Use SERIAL or VNC.", "there is no such console")
}

// running finds a VM and its document, or says that it does not run.
func running(c *libvirt.Connect, ref drivers.Ref) (*libvirt.Domain, *libvirtxml.Domain, error) {
	dom, err := domain(c, ref)
	if err != nil {
		return nil, nil, err
	}
	active, err := dom.IsActive()
	if err == nil && !active {
		err = fault.New(fault.Conflict, "the VM is not running").With("Start it first.")
	}
	var doc string
	if err == nil {
		doc, err = dom.GetXMLDesc(0)
	}
	var x *libvirtxml.Domain
	if err == nil {
		x, err = parseDomain(doc)
	}
	if err != nil {
		_ = dom.Free()
		return nil, nil, err
	}
	return dom, x, nil
}

// serial opens the first serial console, on a session of its own.
//
// The stream is non-blocking and is read from libvirt's event loop: a blocking read beside a write
// would be two calls in flight on one session, see pool.
func (d *Driver) serial(ctx context.Context, ref drivers.Ref, takeOver bool) (io.ReadWriteCloser, error) {
	s, err := d.pool.dial(ctx)
	if err != nil {
		return nil, err
	}
	l := newLine(s.end)
	err = s.run(ctx, func(c *libvirt.Connect) error {
		dom, x, err := running(c, ref)
		if err != nil {
			return err
		}
		defer func() { _ = dom.Free() }()
		if x.Devices == nil || len(x.Devices.Serials)+len(x.Devices.Consoles) == 0 {
			return fault.New(fault.Unsupported, "the VM has no serial console").With("Add a serial port to its definition.")
		}
		st, err := c.NewStream(libvirt.STREAM_NONBLOCK)
		if err != nil {
			return err
		}
		var flags libvirt.DomainConsoleFlags
		if takeOver {
			flags = libvirt.DOMAIN_CONSOLE_FORCE
		}
		if err := dom.OpenConsole("", st, flags); err != nil {
			_ = st.Free()
			var e libvirt.Error
			if errors.As(err, &e) && strings.Contains(e.Message, "Active console session") {
				return fault.New(fault.Conflict, "somebody else has this console open").With("Close it there, or take it over.").Because(err)
			}
			return err
		}
		return l.attach(st)
	})
	if err != nil {
		l.end(err)
		s.end()
		return nil, err
	}
	go func() { // the session's end is the line's
		<-s.cut
		l.end(lost(io.EOF))
	}()
	return l, nil
}

// lineBuffer is how much a reader may be behind. A guest that prints faster than its viewer reads
// for longer loses the oldest, and the viewer is told so.
const lineBuffer = 1 << 20

// line is a serial console.
type line struct {
	closed func()

	mu      sync.Mutex
	ready   *sync.Cond // something to read, or the end
	room    *sync.Cond // libvirt takes more
	stream  *libvirt.Stream
	buf     []byte
	dropped int
	err     error // why it ended
	once    sync.Once
}

func newLine(closed func()) *line {
	l := &line{closed: closed}
	l.ready, l.room = sync.NewCond(&l.mu), sync.NewCond(&l.mu)
	return l
}

// attach begins to listen to a stream.
func (l *line) attach(st *libvirt.Stream) error {
	l.mu.Lock()
	l.stream = st
	l.mu.Unlock()
	return st.EventAddCallback(lineEvents, l.event)
}

const lineEvents = libvirt.STREAM_EVENT_READABLE | libvirt.STREAM_EVENT_ERROR | libvirt.STREAM_EVENT_HANGUP

// event runs on libvirt's event loop, which serves all hosts: it takes what is there and returns.
func (l *line) event(_ *libvirt.Stream, events libvirt.StreamEventType) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || l.stream == nil {
		return
	}
	if events&libvirt.STREAM_EVENT_READABLE != 0 {
		chunk := make([]byte, 32<<10)
		for range 32 {
			n, err := l.stream.Recv(chunk)
			if err != nil {
				l.finish(err)
				return
			}
			if n <= 0 {
				break // no more for now
			}
			l.buf = append(l.buf, chunk[:n]...)
		}
		if over := len(l.buf) - lineBuffer; over > 0 {
			l.dropped += over
			l.buf = append(l.buf[:0], l.buf[over:]...)
		}
		l.ready.Broadcast()
	}
	if events&libvirt.STREAM_EVENT_WRITABLE != 0 {
		_ = l.stream.EventUpdateCallback(lineEvents)
		l.room.Broadcast()
	}
	if events&(libvirt.STREAM_EVENT_ERROR|libvirt.STREAM_EVENT_HANGUP) != 0 {
		l.finish(io.EOF)
	}
}

// finish notes the end. The lock is held.
func (l *line) finish(err error) {
	if l.err == nil {
		l.err = err
	}
	l.ready.Broadcast()
	l.room.Broadcast()
}

// Read gives what the guest prints. io.EOF when the VM has stopped.
func (l *line) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.buf) == 0 && l.dropped == 0 {
		if l.err != nil {
			var e libvirt.Error
			if errors.As(l.err, &e) {
				return 0, io.EOF
			}
			return 0, l.err
		}
		l.ready.Wait()
	}
	if l.dropped > 0 {
		note := fmt.Sprintf("\r\n[%d bytes not shown: the viewer was too slow]\r\n", l.dropped)
		l.dropped = 0
		l.buf = append([]byte(note), l.buf...)
	}
	n := copy(p, l.buf)
	l.buf = l.buf[n:]
	return n, nil
}

// Write types into the guest.
func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for done := 0; ; {
		if l.err != nil {
			return done, io.ErrClosedPipe
		}
		if done == len(p) {
			return done, nil
		}
		n, err := l.stream.Send(p[done:min(len(p), done+4096)])
		switch {
		case err != nil:
			l.finish(err)
		case n > 0:
			done += n
		default: // libvirt takes no more at present
			if err := l.stream.EventUpdateCallback(lineEvents | libvirt.STREAM_EVENT_WRITABLE); err != nil {
				l.finish(err)
				continue
			}
			l.room.Wait()
		}
	}
}

// Close ends the console. The VM goes on.
func (l *line) Close() error {
	l.end(io.ErrClosedPipe)
	return nil
}

// end lets go of the stream and its session. Nothing calls into libvirt with the stream afterwards.
func (l *line) end(why error) {
	l.once.Do(func() {
		l.mu.Lock()
		st := l.stream
		l.stream = nil
		l.finish(why)
		l.mu.Unlock()
		// Away from here: with a daemon that hangs these wait until the session is cut.
		go func() {
			if st != nil {
				_ = st.EventRemoveCallback()
				_ = st.Abort()
				_ = st.Free()
			}
			l.closed()
		}()
	})
}
