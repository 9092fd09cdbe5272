package fake

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// Console is as drivers.Consoler has it. The serial line has a boot log and a little shell: echo, hostname,
// nproc, free, uptime, reboot and poweroff do what they say. VNC shows the VM's name and what is typed.
func (d *Driver) Console(ctx context.Context, ref drivers.Ref, r drivers.ConsoleRequest) (io.ReadWriteCloser, error) {
	if err := d.call(ctx, callTime); err != nil {
		return nil, err
	}
	ours, theirs, name, err := d.plug(ref, r.Kind)
	if err != nil {
		return nil, err
	}
	if err := d.suffer(ctx, name, "console"); err != nil {
		d.unplug(ref, ours)
		return nil, err
	}
	go func() {
		defer d.unplug(ref, ours)
		if r.Kind == drivers.ConsoleVNC {
			serveRFB(ours, name)
			return
		}
		(&shell{d.host, ref, name, ours}).serve()
	}()
	return theirs, nil
}

// plug makes the two ends of a console that ends with its VM's run and with the connection.
func (d *Driver) plug(ref drivers.Ref, kind drivers.ConsoleKind) (ours, theirs *pipe, name string, err error) {
	h := d.host
	h.mu.Lock()
	defer h.mu.Unlock()
	m, err := h.take(ref)
	if err != nil {
		return nil, nil, "", err
	}
	if err := h.admit(m.Name, "console"); err != nil {
		return nil, nil, "", err
	}
	switch {
	case kind != drivers.ConsoleSerial && kind != drivers.ConsoleVNC:
		return nil, nil, "", said(fault.Field("kind", "Choose SERIAL or VNC.", "there is no console of kind %q", kind), "BAD_CONSOLE")
	case m.has("no-console"):
		return nil, nil, "", refuse(fault.Unsupported, "NO_CONSOLE", "Use another way into the guest.", "its consoles cannot be reached from here (the VM's name asks for it: no-console)")
	case !on(m.State):
		return nil, nil, "", refuse(fault.Conflict, "BAD_STATE", "Start it.", "VM %q is %s: it has no console", m.Name, word(m.State))
	}
	select {
	case <-d.closed:
		return nil, nil, "", errClosed()
	default:
	}
	ours, theirs = newPipe()
	m.visitors[ours] = struct{}{}
	d.streams[ours] = struct{}{}
	return ours, theirs, m.Name, nil
}

func (d *Driver) unplug(ref drivers.Ref, p *pipe) {
	p.Close()
	d.host.mu.Lock()
	defer d.host.mu.Unlock()
	delete(d.streams, p)
	if m, err := d.host.take(ref); err == nil {
		delete(m.visitors, p)
	}
}

// pipe is one end of a console. Unlike io.Pipe it buffers, as a real line does: neither side waits
// for the other to read.
type pipe struct{ in, out *queue }

func newPipe() (a, b *pipe) {
	x, y := newQueue(), newQueue()
	return &pipe{x, y}, &pipe{y, x}
}

func (p *pipe) Read(b []byte) (int, error)  { return p.in.read(b) }
func (p *pipe) Write(b []byte) (int, error) { return p.out.write(b) }

// Close ends both directions; what is in the buffers can still be read.
func (p *pipe) Close() error {
	p.in.close()
	p.out.close()
	return nil
}

// queueSize is where a reader that does not read loses the line: several screens of VNC.
const queueSize = 4 << 20

type queue struct {
	mu     sync.Mutex
	more   *sync.Cond
	data   []byte
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.more = sync.NewCond(&q.mu)
	return q
}

func (q *queue) read(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.data) == 0 && !q.closed {
		q.more.Wait()
	}
	if len(q.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, q.data)
	q.data = q.data[n:]
	return n, nil
}

func (q *queue) write(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.data)+len(b) > queueSize {
		q.closed = true
	}
	if q.closed {
		return 0, io.ErrClosedPipe
	}
	q.data = append(q.data, b...)
	q.more.Broadcast()
	return len(b), nil
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Broadcast()
}

// shell is what answers on the serial line.
type shell struct {
	host *host
	ref  drivers.Ref
	name string
	line *pipe
}

func (s *shell) serve() {
	v, m := s.look()
	if m == nil {
		return
	}
	fmt.Fprintf(s.line, "[    0.000000] Linux version 6.1.0-fake-amd64\r\n[    0.000000] DMI: NovaCron Fake, BIOS 1.0\r\n"+
		"[    0.104000] smp: Brought up 1 node, %d CPUs\r\n[    0.210000] Memory: %dK available\r\n", v.VCPUs, v.MemoryMiB*1024)
	for _, disk := range v.Disks {
		fmt.Fprintf(s.line, "[    0.%d] %s: %d 512-byte logical blocks\r\n", 300000+len(disk.Name), disk.Name, disk.CapacityBytes/512)
	}
	fmt.Fprintf(s.line, "[    1.020000] Run /sbin/init as init process\r\n\r\nDebian GNU/Linux 12 %s ttyS0\r\n\r\n%s", s.name, s.prompt())
	line, buf := []byte{}, make([]byte, 256)
	for {
		n, err := s.line.Read(buf)
		if err != nil {
			return
		}
		for _, c := range buf[:n] {
			switch {
			case c == '\r' || c == '\n':
				fmt.Fprint(s.line, "\r\n", s.run(strings.Fields(string(line))), s.prompt())
				line = line[:0]
			case (c == 8 || c == 127) && len(line) > 0:
				line = line[:len(line)-1]
				fmt.Fprint(s.line, "\b \b")
			case c >= ' ' && len(line) < 1000:
				line = append(line, c)
				_, _ = s.line.Write([]byte{c})
			}
		}
	}
}

func (s *shell) prompt() string { return "root@" + s.name + ":~# " }

func (s *shell) look() (drivers.VM, *vm) {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	m, err := s.host.take(s.ref)
	if err != nil {
		return drivers.VM{}, nil
	}
	return m.view(drivers.ListOptions{}), m
}

// run does one command and returns what it prints.
func (s *shell) run(words []string) string {
	v, m := s.look()
	if m == nil || len(words) == 0 {
		return ""
	}
	switch words[0] {
	case "echo":
		return strings.Join(words[1:], " ") + "\r\n"
	case "hostname":
		return s.name + "\r\n"
	case "nproc":
		return fmt.Sprintf("%d\r\n", v.VCPUs)
	case "free":
		return fmt.Sprintf("Mem: %d MiB\r\n", v.MemoryMiB)
	case "uptime":
		s.host.mu.Lock()
		defer s.host.mu.Unlock()
		return fmt.Sprintf("up %d seconds\r\n", int(time.Since(m.started).Seconds()))
	case "poweroff", "reboot":
		s.host.mu.Lock()
		defer s.host.mu.Unlock()
		if m.job != nil || m.State != drivers.StateRunning {
			return words[0] + ": busy\r\n"
		}
		s.host.powerOff(m, drivers.StateStopped, "shut down by the guest")
		if words[0] == "reboot" {
			s.host.powerOn(m, "rebooted by the guest")
		}
		return ""
	}
	return "sh: " + words[0] + ": not found\r\n"
}
