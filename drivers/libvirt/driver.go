// Package libvirt drives KVM and QEMU hosts through libvirt.
//
// The way to a host is ours from end to end (transport.go): the daemon's socket, TLS 1.3 or SSH is
// dialled by Go and handed to libvirt's client as a private socket, so that a session that hangs
// can be cut, and so that no URI of libvirt, which can name programs to run, ever comes from a
// user. Calls go through a pool (pool.go) of sessions with one call in flight each: libvirt's
// client ends the whole process when a keepalive expires with several.
package libvirt

import (
	"context"
	"sync"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// What the driver can do.
var (
	_ drivers.Driver         = (*Driver)(nil)
	_ drivers.Resizer        = (*Driver)(nil)
	_ drivers.DeviceAttacher = (*Driver)(nil)
	_ drivers.Watcher        = (*Driver)(nil)
	_ drivers.Sampler        = (*Driver)(nil)

	_ drivers.Opener = Open
)

// Driver is a connection to one libvirt host.
type Driver struct {
	config drivers.Config
	pool   *pool
	info   drivers.Info
	host   hostFacts
	seen   remembered

	making sync.Map // tokens of creates under way in this process, to their end (chan struct{})

	closed context.CancelFunc // ends whatever is under way
	close  sync.Once
}

// Open connects to a host.
func Open(ctx context.Context, c drivers.Config) (drivers.Driver, error) {
	dial, err := dialer(c)
	if err != nil {
		return nil, err
	}
	d, err := open(ctx, c, dial)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// open is Open with a way to the daemon.
func open(ctx context.Context, c drivers.Config, dial dialFunc) (*Driver, error) {
	life, closed := context.WithCancel(context.Background())
	d := &Driver{config: c, pool: newPool(life, dial), closed: closed}
	if err := d.readHost(ctx); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// Info is as drivers.Driver has it.
func (d *Driver) Info() drivers.Info { return d.info }

// Ping is as drivers.Driver has it.
func (d *Driver) Ping(ctx context.Context) error {
	return d.do(ctx, func(c *libvirt.Connect) error { _, err := c.GetLibVersion(); return err })
}

// Close is as drivers.Driver has it.
func (d *Driver) Close() error {
	d.close.Do(func() { d.closed(); d.pool.close() })
	return nil
}

// Poll is as drivers.Driver has it. Our calls have finished when they return, but for what the guest has to do.
func (d *Driver) Poll(ctx context.Context, t drivers.Task) (drivers.Task, error) {
	if t.ID == "" {
		t.Done, t.Progress = true, 1
		return t, nil
	}
	b, err := balloonOf(t)
	if err != nil {
		return drivers.Task{}, err
	}
	return d.look(ctx, b)
}

// callDeadline bounds an ordinary call, whatever the caller's own patience.
const callDeadline = 10 * time.Second

// do makes an ordinary call on a session of the pool. It ends by ctx's deadline and after
// callDeadline at the latest: then the session is cut, which frees the call within milliseconds.
// What call has written may be read only when do returns nil.
func (d *Driver) do(ctx context.Context, call func(*libvirt.Connect) error) error {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	s, err := d.pool.get(ctx)
	if err != nil {
		return err
	}
	defer d.pool.put(s)
	return s.run(ctx, call)
}

// long makes a call that may take minutes, on a session of its own. It ends by ctx's deadline.
// What call has written may be read only when long returns nil.
func (d *Driver) long(ctx context.Context, call func(*libvirt.Connect) error) error {
	s, err := d.pool.dial(ctx)
	if err != nil {
		return err
	}
	defer s.end()
	return s.run(ctx, call)
}

// domain finds a VM. The caller frees it.
func domain(c *libvirt.Connect, ref drivers.Ref) (*libvirt.Domain, error) {
	dom, err := c.LookupDomainByUUIDString(string(ref))
	if err != nil {
		if is(err, libvirt.ERR_INVALID_ARG) {
			return nil, fault.Missing("VM", string(ref)) // not a UUID: nothing can have it
		}
		return nil, err
	}
	return dom, nil
}

// about is a call on one VM, for do and long.
func about(ref drivers.Ref, call func(*libvirt.Connect, *libvirt.Domain) error) func(*libvirt.Connect) error {
	return func(c *libvirt.Connect) error {
		dom, err := domain(c, ref)
		if err != nil {
			return err
		}
		defer func() { _ = dom.Free() }()
		return call(c, dom)
	}
}
