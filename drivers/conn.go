package drivers

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/novacron/novacron/internal/fault"
)

// Conn is what callers hold. It wraps a Driver with what every call needs and no driver should
// have to write: a deadline that holds even if the driver overlooks it, a bound on calls in flight,
// health, quick refusals while the provider is down, and errors that say what was being done and at
// which provider. A capability the driver lacks answers fault.Unsupported.
type Conn struct {
	driver  Driver
	health  func(error)
	observe func(Call)
	breaker breaker

	slots chan struct{} // calls in flight
	long  chan struct{} // those among them that may take minutes: they leave room for the others
	pings chan struct{} // one at a time, besides

	life context.Context // ends with Close
	end  context.CancelFunc
}

// Options shape a Conn. The zero value is usable. Its functions are called by whoever makes a call, from
// many goroutines, and return quickly.
type Options struct {
	// Health is told the outcome of every call that says something about the connection:
	// nil when the provider answered (be it with a refusal), the error when it did not.
	Health func(error)
	// Observe is told of every call once the caller has its answer.
	Observe func(Call)
}

// defaultCalls bounds calls in flight where the driver sets no limit.
const defaultCalls = 16

// NewConn wraps a driver.
func NewConn(d Driver, o Options) *Conn {
	calls := d.Info().Limits.Calls
	if calls <= 0 {
		calls = defaultCalls
	}
	if o.Health == nil {
		o.Health = func(error) {}
	}
	if o.Observe == nil {
		o.Observe = func(Call) {}
	}
	c := &Conn{
		driver: d, health: o.Health, observe: o.Observe,
		slots: make(chan struct{}, calls), long: make(chan struct{}, max(1, calls*3/4)), pings: make(chan struct{}, 1),
	}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// capability finds one of the optional interfaces, or says that the provider has it not.
func capability[T any](c *Conn, what string) (T, error) {
	t, ok := c.driver.(T)
	if !ok {
		return t, fault.New(fault.Unsupported, "%s is not something a %s provider can do", what, c.driver.Info().Kind)
	}
	return t, nil
}

// with runs one call of an optional interface.
func with[T, R any](ctx context.Context, c *Conn, what string, k class, call func(context.Context, T) (R, error)) (r R, err error) {
	t, err := capability[T](c, what)
	if err != nil {
		return r, err
	}
	return run(ctx, c, k, what, func(ctx context.Context) (R, error) { return call(ctx, t) })
}

// nothing is the result of calls that have none.
type nothing struct{}

// Info tells the facts of the connection.
func (c *Conn) Info() Info { return c.driver.Info() }

// Close ends the connection, and with it every call that is under way.
func (c *Conn) Close() error {
	c.end()
	ended := make(chan error, 1)
	go func() { ended <- c.driver.Close() }()
	select {
	case err := <-ended:
		return c.context("closing", err)
	case <-time.After(callDeadline):
		return c.context("closing", errLimit)
	}
}

// Ping is as Driver has it.
func (c *Conn) Ping(ctx context.Context) error {
	_, err := run(ctx, c, pinging, "pinging", func(ctx context.Context) (nothing, error) { return nothing{}, c.driver.Ping(ctx) })
	return err
}

// List is as Driver has it. It ends with an error once the provider has taken listDeadline in all; the time that
// the caller takes for the VMs does not count.
func (c *Conn) List(ctx context.Context, o ListOptions) iter.Seq2[VM, error] {
	return func(yield func(VM, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		vms, end := make(chan VM), make(chan error, 1)
		go func() {
			_, err := run(ctx, c, listing, "listing VMs", func(ctx context.Context) (nothing, error) {
				return nothing{}, forward(ctx, c.driver.List(ctx, o), vms)
			})
			end <- err
		}()
		left, begun := listDeadline, time.Now()
		clock := time.AfterFunc(left, func() { cancel(errLimit) })
		defer clock.Stop()
		for {
			select {
			case vm := <-vms:
				clock.Stop()
				left -= time.Since(begun)
				if !yield(vm, nil) {
					return
				}
				begun = time.Now()
				clock.Reset(left)
			case err := <-end:
				if err != nil {
					yield(VM{}, err)
				}
				return
			}
		}
	}
}

// forward sends what a driver yields to a channel without a buffer: when it returns, all has been received.
func forward(ctx context.Context, list iter.Seq2[VM, error], vms chan<- VM) error {
	for vm, err := range list {
		if err != nil {
			return err
		}
		select {
		case vms <- vm:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err() // a driver that overlooks the end of ctx would make an unfinished list look whole
}

// Get is as Driver has it.
func (c *Conn) Get(ctx context.Context, ref Ref) (VM, error) {
	return run(ctx, c, short, "reading VM", func(ctx context.Context) (VM, error) { return c.driver.Get(ctx, ref) })
}

// Create is as Driver has it.
func (c *Conn) Create(ctx context.Context, r CreateRequest) (Task, error) {
	return run(ctx, c, working, "creating VM", func(ctx context.Context) (Task, error) { return c.driver.Create(ctx, r) })
}

// Delete is as Driver has it.
func (c *Conn) Delete(ctx context.Context, ref Ref, o DeleteOptions) (Task, error) {
	return run(ctx, c, working, "deleting VM", func(ctx context.Context) (Task, error) { return c.driver.Delete(ctx, ref, o) })
}

// Power is as Driver has it.
func (c *Conn) Power(ctx context.Context, ref Ref, to PowerAction) (Task, error) {
	return run(ctx, c, working, "changing power to "+string(to), func(ctx context.Context) (Task, error) { return c.driver.Power(ctx, ref, to) })
}

// Poll is as Driver has it.
func (c *Conn) Poll(ctx context.Context, t Task) (Task, error) {
	return run(ctx, c, short, "polling task", func(ctx context.Context) (Task, error) { return c.driver.Poll(ctx, t) })
}

// PlanResize is as Resizer has it. It does no I/O.
func (c *Conn) PlanResize(vm VM, want Resize) ([]Verdict, error) {
	r, err := capability[Resizer](c, "resizing")
	if err != nil {
		return nil, err
	}
	return r.PlanResize(vm, want), nil
}

// Resize is as Resizer has it.
func (c *Conn) Resize(ctx context.Context, ref Ref, want Resize) (Task, error) {
	return with(ctx, c, "resizing", working, func(ctx context.Context, d Resizer) (Task, error) { return d.Resize(ctx, ref, want) })
}

// AttachDisk is as DeviceAttacher has it.
func (c *Conn) AttachDisk(ctx context.Context, ref Ref, token string, r DiskRequest) (Disk, error) {
	return with(ctx, c, "attaching a disk", working, func(ctx context.Context, d DeviceAttacher) (Disk, error) {
		return d.AttachDisk(ctx, ref, token, r)
	})
}

// DetachDisk is as DeviceAttacher has it.
func (c *Conn) DetachDisk(ctx context.Context, ref Ref, name string, fate DiskFate) error {
	_, err := with(ctx, c, "detaching a disk", working, func(ctx context.Context, d DeviceAttacher) (nothing, error) {
		return nothing{}, d.DetachDisk(ctx, ref, name, fate)
	})
	return err
}

// AttachNIC is as DeviceAttacher has it.
func (c *Conn) AttachNIC(ctx context.Context, ref Ref, n NICRequest) (NIC, error) {
	return with(ctx, c, "attaching a NIC", working, func(ctx context.Context, d DeviceAttacher) (NIC, error) { return d.AttachNIC(ctx, ref, n) })
}

// DetachNIC is as DeviceAttacher has it.
func (c *Conn) DetachNIC(ctx context.Context, ref Ref, mac string) error {
	_, err := with(ctx, c, "detaching a NIC", working, func(ctx context.Context, d DeviceAttacher) (nothing, error) {
		return nothing{}, d.DetachNIC(ctx, ref, mac)
	})
	return err
}

// Snapshots is as Snapshotter has it.
func (c *Conn) Snapshots(ctx context.Context, ref Ref) ([]Snapshot, error) {
	return with(ctx, c, "listing snapshots", short, func(ctx context.Context, d Snapshotter) ([]Snapshot, error) { return d.Snapshots(ctx, ref) })
}

// CreateSnapshot is as Snapshotter has it.
func (c *Conn) CreateSnapshot(ctx context.Context, ref Ref, r SnapshotRequest) (Snapshot, error) {
	return with(ctx, c, "taking a snapshot", working, func(ctx context.Context, d Snapshotter) (Snapshot, error) {
		return d.CreateSnapshot(ctx, ref, r)
	})
}

// RestoreSnapshot is as Snapshotter has it.
func (c *Conn) RestoreSnapshot(ctx context.Context, ref Ref, name string) (Task, error) {
	return with(ctx, c, "restoring a snapshot", working, func(ctx context.Context, d Snapshotter) (Task, error) {
		return d.RestoreSnapshot(ctx, ref, name)
	})
}

// DeleteSnapshot is as Snapshotter has it.
func (c *Conn) DeleteSnapshot(ctx context.Context, ref Ref, name string) (Task, error) {
	return with(ctx, c, "deleting a snapshot", working, func(ctx context.Context, d Snapshotter) (Task, error) {
		return d.DeleteSnapshot(ctx, ref, name)
	})
}

// Watch is as Watcher has it. It has no deadline and takes no slot: it lasts as long as ctx.
func (c *Conn) Watch(ctx context.Context, emit func(Hint)) error {
	w, err := capability[Watcher](c, "watching")
	if err != nil {
		return err
	}
	_, _, err = attempt(ctx, c, 0, func() {}, func(inner context.Context) (nothing, error) {
		return nothing{}, w.Watch(inner, func(h Hint) {
			if inner.Err() == nil {
				emit(h)
			}
		})
	})
	switch {
	case ctx.Err() != nil:
		return nil //nolint:nilerr // a watch lasts until its caller ends it, which is no error
	case err == nil: // it may end by itself for one reason only
		err = fault.New(fault.Unavailable, "the connection was closed").Because(errClosed)
	}
	c.judge(err)
	return c.context("watching", err)
}

// Survey is as Surveyor has it.
func (c *Conn) Survey(ctx context.Context) (Survey, error) {
	return with(ctx, c, "surveying the host", short, func(ctx context.Context, d Surveyor) (Survey, error) { return d.Survey(ctx) })
}

// Volumes is as Surveyor has it.
func (c *Conn) Volumes(ctx context.Context, pool string) ([]Volume, error) {
	return with(ctx, c, "listing volumes", short, func(ctx context.Context, d Surveyor) ([]Volume, error) { return d.Volumes(ctx, pool) })
}

// PutVolume is as ImageStore has it. Its deadline is the caller's: a large image takes as long as it takes.
func (c *Conn) PutVolume(ctx context.Context, v VolumeRef, token, format string, size int64, r io.Reader) (Volume, error) {
	return with(ctx, c, "sending an image", sending, func(ctx context.Context, d ImageStore) (Volume, error) {
		return d.PutVolume(ctx, v, token, format, size, reader{ctx, r})
	})
}

// DeleteVolume is as ImageStore has it.
func (c *Conn) DeleteVolume(ctx context.Context, v VolumeRef) error {
	_, err := with(ctx, c, "deleting a volume", short, func(ctx context.Context, d ImageStore) (nothing, error) {
		return nothing{}, d.DeleteVolume(ctx, v)
	})
	return err
}

// Sample is as Sampler has it.
func (c *Conn) Sample(ctx context.Context, refs []Ref) (map[Ref]Sample, error) {
	return with(ctx, c, "sampling usage", short, func(ctx context.Context, d Sampler) (map[Ref]Sample, error) { return d.Sample(ctx, refs) })
}

// Guest is as Guester has it.
func (c *Conn) Guest(ctx context.Context, refs []Ref) (map[Ref]Guest, error) {
	return with(ctx, c, "asking guests", short, func(ctx context.Context, d Guester) (map[Ref]Guest, error) { return d.Guest(ctx, refs) })
}

// Console is as Consoler has it. The stream outlives the call; closing it is the caller's.
func (c *Conn) Console(ctx context.Context, ref Ref, r ConsoleRequest) (io.ReadWriteCloser, error) {
	return with(ctx, c, "opening a console", short, func(ctx context.Context, d Consoler) (io.ReadWriteCloser, error) {
		return d.Console(ctx, ref, r)
	})
}

// Document is as Documenter has it.
func (c *Conn) Document(ctx context.Context, ref Ref) (string, error) {
	return with(ctx, c, "reading the VM's document", short, func(ctx context.Context, d Documenter) (string, error) { return d.Document(ctx, ref) })
}

// reader keeps a driver that was left behind from reading on.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}
