package fake

import (
	"context"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// Driver is a connection to a host of a World.
type Driver struct {
	host    *host
	closed  chan struct{}
	once    sync.Once
	streams map[io.Closer]struct{} // open consoles, under host.mu
}

var (
	_ drivers.Driver         = (*Driver)(nil)
	_ drivers.Resizer        = (*Driver)(nil)
	_ drivers.DeviceAttacher = (*Driver)(nil)
	_ drivers.Snapshotter    = (*Driver)(nil)
	_ drivers.Watcher        = (*Driver)(nil)
	_ drivers.Surveyor       = (*Driver)(nil)
	_ drivers.ImageStore     = (*Driver)(nil)
	_ drivers.Sampler        = (*Driver)(nil)
	_ drivers.Guester        = (*Driver)(nil)
	_ drivers.Consoler       = (*Driver)(nil)
	_ drivers.Documenter     = (*Driver)(nil)
)

// limits of a fake host.
const (
	maxVCPUs     = 128
	maxMemoryMiB = 1 << 20 // a TiB
	maxName      = 200
)

// Info is as drivers.Driver has it.
func (d *Driver) Info() drivers.Info {
	return drivers.Info{
		Kind:    drivers.KindFake,
		Version: "fake 1.0",
		URI:     "fake://" + d.host.name,
		Features: drivers.Features{
			HotAddCPU: true, Balloon: true, HotAttachDisk: true, HotAttachNIC: true, HotGrowDisk: true,
			SnapshotMemory: true, SnapshotExternal: true, UEFI: true, Pause: true, Suspend: true,
			SerialConsole: true, VNC: true, GuestAgent: true, Upload: true,
			Accelerators: []drivers.Accelerator{drivers.AcceleratorKVM, drivers.AcceleratorQEMU},
		},
		Limits:     drivers.Limits{MaxVCPUs: maxVCPUs, MaxMemoryMiB: maxMemoryMiB, MaxNameLength: maxName, Calls: 64, Deadline: 10 * time.Second},
		Encryption: "none: it is in this process",
	}
}

// Ping is as drivers.Driver has it.
func (d *Driver) Ping(ctx context.Context) error {
	if d.host.says("hang-ping") {
		return d.hang(ctx)
	}
	return d.call(ctx, callTime)
}

// Close is as drivers.Driver has it. What was begun goes on: the host does it, not the connection.
func (d *Driver) Close() error {
	d.once.Do(func() {
		d.host.mu.Lock()
		defer d.host.mu.Unlock()
		close(d.closed)
		for s := range d.streams {
			s.Close()
		}
	})
	return nil
}

// call is what every call begins with: the round trip.
func (d *Driver) call(ctx context.Context, takes time.Duration) error {
	h := d.host
	takes = h.pace(takes)
	if h.says("slow-host") {
		takes += 500 * time.Millisecond
	}
	if err := d.sleep(ctx, takes); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	switch {
	case h.down:
		return h.unavailable("no route to host")
	case h.calls%10 == 0 && h.says("flaky-host"):
		return h.unavailable("connection reset by peer")
	}
	return nil
}

func (d *Driver) sleep(ctx context.Context, takes time.Duration) error {
	timer := time.NewTimer(takes)
	defer timer.Stop()
	select {
	case <-d.closed:
		return errClosed()
	case <-ctx.Done():
		return fault.Of(ctx.Err())
	default:
	}
	select {
	case <-timer.C:
		return nil
	case <-d.closed:
		return errClosed()
	case <-ctx.Done():
		return fault.Of(ctx.Err())
	}
}

// hang waits for the caller to lose patience.
func (d *Driver) hang(ctx context.Context) error {
	select {
	case <-d.closed:
		return errClosed()
	case <-ctx.Done():
		return fault.Of(ctx.Err())
	}
}

// suffer is what a name's fate means for a call that begins no task.
func (d *Driver) suffer(ctx context.Context, name, verb string) error {
	switch fate(name, verb) {
	case "fail":
		return failure(name, verb)
	case "hang":
		return d.hang(ctx)
	case "slow":
		return d.sleep(ctx, d.host.pace(slowness*offTime))
	}
	return nil
}

func errClosed() error {
	return said(fault.New(fault.Unavailable, "the connection is closed").With("Connect again."), "CLOSED")
}

// batch is how many VMs List reads at a time.
const batch = 250

// List is as drivers.Driver has it. The first VMs come in their order, then the created ones in theirs; a VM
// that comes or goes meanwhile may be seen or not, every other one is seen once.
func (d *Driver) List(ctx context.Context, o drivers.ListOptions) iter.Seq2[drivers.VM, error] {
	h := d.host
	return func(yield func(drivers.VM, error) bool) {
		page := make([]drivers.VM, 0, batch)
		for at := 0; ; at += batch {
			if h.world.plant.deafList {
				ctx = context.WithoutCancel(ctx)
			}
			err := d.call(ctx, listTime*batch/1000)
			if err != nil {
				if !h.world.plant.shortList {
					yield(drivers.VM{}, err)
				}
				return
			}
			var more bool
			page, more = h.page(page[:0], at, o)
			if h.says("half-list") {
				page = page[:len(page)/2]
			}
			for _, v := range page {
				if !yield(v, nil) {
					return
				}
			}
			if h.says("half-list") {
				yield(drivers.VM{}, h.unavailable("connection reset by peer"))
				return
			}
			if !more {
				return
			}
		}
	}
}

// page reads the VMs whose places are from at on, and tells whether there are more.
func (h *host) page(vms []drivers.VM, at int, o drivers.ListOptions) ([]drivers.VM, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := at; i < at+batch; i++ {
		var m *vm
		switch {
		case i >= h.count+len(h.made):
			return vms, false
		case i >= h.count:
			m = h.made[i-h.count]
		default:
			changed := false
			if m, changed = h.touched[i]; !changed {
				vms = append(vms, h.first(i, o.Brief))
			}
		}
		if m != nil && !m.hidden {
			vms = append(vms, m.view(o))
		}
	}
	return vms, true
}

// Get is as drivers.Driver has it.
func (d *Driver) Get(ctx context.Context, ref drivers.Ref) (drivers.VM, error) {
	if err := d.call(ctx, callTime); err != nil {
		return drivers.VM{}, err
	}
	h := d.host
	h.mu.Lock()
	v, ok := h.find(ref, drivers.ListOptions{})
	err := error(nil)
	if ok {
		if err = h.admit(v.Name, "get"); err == nil {
			err = h.reply(v.Name, "get")
		}
	} else {
		err = missing(ref)
	}
	h.mu.Unlock()
	if err == nil {
		err = d.suffer(ctx, v.Name, "get")
	}
	if err != nil {
		return drivers.VM{}, err
	}
	return v, nil
}

// Poll is as drivers.Driver has it.
func (d *Driver) Poll(ctx context.Context, t drivers.Task) (drivers.Task, error) {
	if t.Done {
		return t, nil
	}
	if err := d.call(ctx, callTime); err != nil {
		return t, err
	}
	d.host.mu.Lock()
	defer d.host.mu.Unlock()
	known := d.host.tasks[t.ID]
	if known == nil {
		return t, said(fault.Missing("task", t.ID), "NO_TASK")
	}
	return known.view(), known.err
}
