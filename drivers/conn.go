package drivers

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/novacron/novacron/internal/fault"
)

// Conn is what callers hold. It wraps a Driver with what every call needs and no driver should
// have to write: a deadline, a bound on calls in flight, health, and errors that say what was
// being done and at which provider. A capability the driver lacks answers fault.Unsupported.
type Conn struct {
	driver Driver
	slots  chan struct{}
	health func(error)
}

// Options shape a Conn. The zero value is usable.
type Options struct {
	// Health is told the outcome of every call that says something about the connection:
	// nil when the provider answered (be it with a refusal), the error when it did not.
	Health func(error)
}

// The deadlines of calls, by what a provider has to do for them. A driver's Limits.Deadline
// replaces the first.
const (
	callDeadline = 10 * time.Second // ordinary calls
	listDeadline = 2 * time.Minute  // whole inventories: 10,000 VMs take seconds, slow links more
	workDeadline = 30 * time.Minute // calls that move memory or disks: suspend, snapshot, full clone
)

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
	return &Conn{driver: d, slots: make(chan struct{}, calls), health: o.Health}
}

// do runs one call: a slot, a deadline, the verdict on health, and the error's context.
func (c *Conn) do(ctx context.Context, what string, limit time.Duration, call func(context.Context) error) error {
	if d := c.driver.Info().Limits.Deadline; limit == callDeadline && d > 0 {
		limit = d
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return c.context(what, fault.New(fault.Exhausted, "too many calls to this provider are under way").
			With("Wait for running operations to end.").Because(ctx.Err()))
	}
	err := call(ctx)
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.Deadline:
		c.health(err)
	case fault.Canceled, fault.Unsupported:
	default:
		c.health(nil)
	}
	return c.context(what, err)
}

// context completes an error with the provider's kind. What was being done goes to the log only.
func (c *Conn) context(what string, err error) error {
	if err == nil {
		return nil
	}
	e := *fault.Of(err)
	if e.Provider == "" {
		e.Provider = string(c.driver.Info().Kind)
	}
	cause := e.Err
	if cause == nil {
		cause = errors.New(e.Message)
	}
	e.Err = &callError{what, cause}
	return &e
}

type callError struct {
	what string
	err  error
}

func (e *callError) Error() string { return e.what + ": " + e.err.Error() }
func (e *callError) Unwrap() error { return e.err }

// capability finds one of the optional interfaces, or says that the provider has it not.
func capability[T any](c *Conn, what string) (T, error) {
	t, ok := c.driver.(T)
	if !ok {
		return t, fault.New(fault.Unsupported, "%s is not something a %s provider can do", what, c.driver.Info().Kind)
	}
	return t, nil
}

// with runs one call of an optional interface that returns a value.
func with[T, R any](ctx context.Context, c *Conn, what string, limit time.Duration, call func(context.Context, T) (R, error)) (R, error) {
	var r R
	t, err := capability[T](c, what)
	if err != nil {
		return r, err
	}
	err = c.do(ctx, what, limit, func(ctx context.Context) (err error) { r, err = call(ctx, t); return err })
	return r, err
}

// Info tells the facts of the connection.
func (c *Conn) Info() Info { return c.driver.Info() }

// Close ends the connection.
func (c *Conn) Close() error { return c.driver.Close() }

// Ping: see Driver.
func (c *Conn) Ping(ctx context.Context) error {
	return c.do(ctx, "pinging", callDeadline, c.driver.Ping)
}

// List: see Driver. The deadline is of the whole list.
func (c *Conn) List(ctx context.Context, o ListOptions) iter.Seq2[VM, error] {
	return func(yield func(VM, error) bool) {
		stopped := false
		err := c.do(ctx, "listing VMs", listDeadline, func(ctx context.Context) error {
			for vm, err := range c.driver.List(ctx, o) {
				if err != nil {
					return err
				}
				if !yield(vm, nil) {
					stopped = true
					return nil
				}
			}
			// A driver that overlooks the end of ctx would make an unfinished list look whole.
			return ctx.Err()
		})
		if err != nil && !stopped {
			yield(VM{}, err)
		}
	}
}

// Get: see Driver.
func (c *Conn) Get(ctx context.Context, ref Ref) (vm VM, err error) {
	err = c.do(ctx, "reading VM", callDeadline, func(ctx context.Context) error { vm, err = c.driver.Get(ctx, ref); return err })
	return vm, err
}

// Create: see Driver.
func (c *Conn) Create(ctx context.Context, r CreateRequest) (t Task, err error) {
	err = c.do(ctx, "creating VM", workDeadline, func(ctx context.Context) error { t, err = c.driver.Create(ctx, r); return err })
	return t, err
}

// Delete: see Driver.
func (c *Conn) Delete(ctx context.Context, ref Ref, o DeleteOptions) (t Task, err error) {
	err = c.do(ctx, "deleting VM", workDeadline, func(ctx context.Context) error { t, err = c.driver.Delete(ctx, ref, o); return err })
	return t, err
}

// Power: see Driver.
func (c *Conn) Power(ctx context.Context, ref Ref, to PowerAction) (t Task, err error) {
	err = c.do(ctx, "changing power to "+string(to), workDeadline, func(ctx context.Context) error { t, err = c.driver.Power(ctx, ref, to); return err })
	return t, err
}

// Poll: see Driver.
func (c *Conn) Poll(ctx context.Context, t Task) (r Task, err error) {
	err = c.do(ctx, "polling task", callDeadline, func(ctx context.Context) error { r, err = c.driver.Poll(ctx, t); return err })
	return r, err
}

// PlanResize: see Resizer. It does no I/O.
func (c *Conn) PlanResize(vm VM, want Resize) ([]Verdict, error) {
	r, err := capability[Resizer](c, "resizing")
	if err != nil {
		return nil, c.context("planning", err)
	}
	return r.PlanResize(vm, want), nil
}

// Resize: see Resizer.
func (c *Conn) Resize(ctx context.Context, ref Ref, want Resize) (Task, error) {
	return with(ctx, c, "resizing", workDeadline, func(ctx context.Context, d Resizer) (Task, error) { return d.Resize(ctx, ref, want) })
}

// AttachDisk: see DeviceAttacher.
func (c *Conn) AttachDisk(ctx context.Context, ref Ref, token string, r DiskRequest) (Disk, error) {
	return with(ctx, c, "attaching a disk", workDeadline, func(ctx context.Context, d DeviceAttacher) (Disk, error) {
		return d.AttachDisk(ctx, ref, token, r)
	})
}

// DetachDisk: see DeviceAttacher.
func (c *Conn) DetachDisk(ctx context.Context, ref Ref, name string, fate DiskFate) error {
	_, err := with(ctx, c, "detaching a disk", workDeadline, func(ctx context.Context, d DeviceAttacher) (struct{}, error) {
		return struct{}{}, d.DetachDisk(ctx, ref, name, fate)
	})
	return err
}

// AttachNIC: see DeviceAttacher.
func (c *Conn) AttachNIC(ctx context.Context, ref Ref, n NICRequest) (NIC, error) {
	return with(ctx, c, "attaching a NIC", workDeadline, func(ctx context.Context, d DeviceAttacher) (NIC, error) { return d.AttachNIC(ctx, ref, n) })
}

// DetachNIC: see DeviceAttacher.
func (c *Conn) DetachNIC(ctx context.Context, ref Ref, mac string) error {
	_, err := with(ctx, c, "detaching a NIC", workDeadline, func(ctx context.Context, d DeviceAttacher) (struct{}, error) {
		return struct{}{}, d.DetachNIC(ctx, ref, mac)
	})
	return err
}

// Snapshots: see Snapshotter.
func (c *Conn) Snapshots(ctx context.Context, ref Ref) ([]Snapshot, error) {
	return with(ctx, c, "listing snapshots", callDeadline, func(ctx context.Context, d Snapshotter) ([]Snapshot, error) { return d.Snapshots(ctx, ref) })
}

// CreateSnapshot: see Snapshotter.
func (c *Conn) CreateSnapshot(ctx context.Context, ref Ref, r SnapshotRequest) (Snapshot, error) {
	return with(ctx, c, "taking a snapshot", workDeadline, func(ctx context.Context, d Snapshotter) (Snapshot, error) {
		return d.CreateSnapshot(ctx, ref, r)
	})
}

// RestoreSnapshot: see Snapshotter.
func (c *Conn) RestoreSnapshot(ctx context.Context, ref Ref, name string) (Task, error) {
	return with(ctx, c, "restoring a snapshot", workDeadline, func(ctx context.Context, d Snapshotter) (Task, error) {
		return d.RestoreSnapshot(ctx, ref, name)
	})
}

// DeleteSnapshot: see Snapshotter.
func (c *Conn) DeleteSnapshot(ctx context.Context, ref Ref, name string) (Task, error) {
	return with(ctx, c, "deleting a snapshot", workDeadline, func(ctx context.Context, d Snapshotter) (Task, error) {
		return d.DeleteSnapshot(ctx, ref, name)
	})
}

// Watch: see Watcher. It has no deadline and takes no slot: it lasts as long as ctx.
func (c *Conn) Watch(ctx context.Context, emit func(Hint)) error {
	w, err := capability[Watcher](c, "watching")
	if err == nil {
		err = w.Watch(ctx, emit)
	}
	return c.context("watching", err)
}

// Survey: see Surveyor.
func (c *Conn) Survey(ctx context.Context) (Survey, error) {
	return with(ctx, c, "surveying the host", callDeadline, func(ctx context.Context, d Surveyor) (Survey, error) { return d.Survey(ctx) })
}

// Volumes: see Surveyor.
func (c *Conn) Volumes(ctx context.Context, pool string) ([]Volume, error) {
	return with(ctx, c, "listing volumes", callDeadline, func(ctx context.Context, d Surveyor) ([]Volume, error) { return d.Volumes(ctx, pool) })
}

// PutVolume: see ImageStore. Its deadline is the caller's: a large image takes as long as it takes.
func (c *Conn) PutVolume(ctx context.Context, v VolumeRef, token, format string, size int64, r io.Reader) (Volume, error) {
	return with(ctx, c, "sending an image", 24*time.Hour, func(ctx context.Context, d ImageStore) (Volume, error) {
		return d.PutVolume(ctx, v, token, format, size, r)
	})
}

// DeleteVolume: see ImageStore.
func (c *Conn) DeleteVolume(ctx context.Context, v VolumeRef) error {
	_, err := with(ctx, c, "deleting a volume", callDeadline, func(ctx context.Context, d ImageStore) (struct{}, error) {
		return struct{}{}, d.DeleteVolume(ctx, v)
	})
	return err
}

// Sample: see Sampler.
func (c *Conn) Sample(ctx context.Context, refs []Ref) (map[Ref]Sample, error) {
	return with(ctx, c, "sampling usage", callDeadline, func(ctx context.Context, d Sampler) (map[Ref]Sample, error) { return d.Sample(ctx, refs) })
}

// Guest: see Guester.
func (c *Conn) Guest(ctx context.Context, refs []Ref) (map[Ref]Guest, error) {
	return with(ctx, c, "asking guests", callDeadline, func(ctx context.Context, d Guester) (map[Ref]Guest, error) { return d.Guest(ctx, refs) })
}

// Console: see Consoler. The stream outlives the call; closing it is the caller's.
func (c *Conn) Console(ctx context.Context, ref Ref, kind ConsoleKind) (io.ReadWriteCloser, error) {
	d, err := capability[Consoler](c, "opening a console")
	if err != nil {
		return nil, c.context("opening a console", err)
	}
	s, err := d.Console(ctx, ref, kind)
	return s, c.context("opening a console", err)
}

// Document: see Documenter.
func (c *Conn) Document(ctx context.Context, ref Ref) (string, error) {
	return with(ctx, c, "reading the VM's document", callDeadline, func(ctx context.Context, d Documenter) (string, error) { return d.Document(ctx, ref) })
}
