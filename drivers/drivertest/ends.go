package drivertest

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// soon is how long a call may go on once its context, or its connection, has ended: long for a busy machine, and less
// than the deadline of an ordinary call, by which a driver that overlooks its context would end as well.
const soon = 9 * time.Second

// call is a method with arguments that would be good.
type call struct {
	name string
	do   func(context.Context, drivers.Driver) error
}

// calls are all methods that the driver has, on a VM that is off.
func (x *suite) calls(v drivers.VM) []call {
	two, ref := 2, v.Ref
	cs := []call{
		{"Ping", func(ctx context.Context, d drivers.Driver) error { return d.Ping(ctx) }},
		{"Get", func(ctx context.Context, d drivers.Driver) error { _, err := d.Get(ctx, ref); return err }},
		{"Create", func(ctx context.Context, d drivers.Driver) error {
			r := x.request()
			r.Name = x.prefix + "-must-not-be"
			_, err := d.Create(ctx, r)
			return err
		}},
		{"Delete", func(ctx context.Context, d drivers.Driver) error {
			_, err := d.Delete(ctx, ref, drivers.DeleteOptions{})
			return err
		}},
		{"Power", func(ctx context.Context, d drivers.Driver) error {
			_, err := d.Power(ctx, ref, drivers.PowerStart)
			return err
		}},
		{"List", func(ctx context.Context, d drivers.Driver) error {
			for _, err := range d.List(ctx, drivers.ListOptions{}) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
	}
	if has[drivers.Resizer](x) {
		cs = append(cs, call{"Resize", func(ctx context.Context, d drivers.Driver) error {
			_, err := d.(drivers.Resizer).Resize(ctx, ref, drivers.Resize{VCPUs: &two})
			return err
		}})
	}
	if has[drivers.DeviceAttacher](x) {
		cs = append(cs, call{"AttachDisk", func(ctx context.Context, d drivers.Driver) error {
			_, err := d.(drivers.DeviceAttacher).AttachDisk(ctx, ref, random(16), drivers.DiskRequest{Pool: x.Pool, CapacityBytes: 1 << 20})
			return err
		}})
	}
	if has[drivers.Snapshotter](x) {
		cs = append(cs,
			call{"Snapshots", func(ctx context.Context, d drivers.Driver) error {
				_, err := d.(drivers.Snapshotter).Snapshots(ctx, ref)
				return err
			}},
			call{"CreateSnapshot", func(ctx context.Context, d drivers.Driver) error {
				_, err := d.(drivers.Snapshotter).CreateSnapshot(ctx, ref, drivers.SnapshotRequest{Token: random(16), Name: "s"})
				return err
			}})
	}
	if has[drivers.Surveyor](x) {
		cs = append(cs,
			call{"Survey", func(ctx context.Context, d drivers.Driver) error {
				_, err := d.(drivers.Surveyor).Survey(ctx)
				return err
			}},
			call{"Volumes", func(ctx context.Context, d drivers.Driver) error {
				_, err := d.(drivers.Surveyor).Volumes(ctx, x.Pool)
				return err
			}})
	}
	if has[drivers.ImageStore](x) {
		cs = append(cs, call{"PutVolume", func(ctx context.Context, d drivers.Driver) error {
			_, err := d.(drivers.ImageStore).PutVolume(ctx, drivers.VolumeRef{Pool: x.Pool, Volume: x.prefix + "-must-not-be"}, random(16), "raw", 512, strings.NewReader(strings.Repeat("x", 512)))
			return err
		}})
	}
	if has[drivers.Sampler](x) {
		cs = append(cs, call{"Sample", func(ctx context.Context, d drivers.Driver) error {
			_, err := d.(drivers.Sampler).Sample(ctx, nil)
			return err
		}})
	}
	if has[drivers.Guester](x) {
		cs = append(cs, call{"Guest", func(ctx context.Context, d drivers.Driver) error {
			_, err := d.(drivers.Guester).Guest(ctx, []drivers.Ref{ref})
			return err
		}})
	}
	if has[drivers.Documenter](x) {
		cs = append(cs, call{"Document", func(ctx context.Context, d drivers.Driver) error {
			_, err := d.(drivers.Documenter).Document(ctx, ref)
			return err
		}})
	}
	return cs
}

// within runs a call that has to end by itself, soon.
func within(t *testing.T, what string, do func() error) error {
	t.Helper()
	end := make(chan error, 1)
	go func() { end <- do() }()
	select {
	case err := <-end:
		return err
	case <-time.After(soon):
		require.Fail(t, what+" does not end")
		return nil
	}
}

var contextTests = []test{
	{name: "Canceled", run: func(t *testing.T, x *suite) {
		v := x.vm(t, false)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, c := range x.calls(v) {
			err := within(t, c.name, func() error { return c.do(ctx, x.d) })
			if assert.Error(t, err, "%s goes on after its context has ended", c.name) {
				assert.Equal(t, fault.Canceled, fault.KindOf(err), "%s: %v", c.name, err)
			}
		}
		same(t, v, x.get(t, v.Ref), "calls that were canceled before they began")
		assert.Equal(t, 0, x.named(t, x.prefix+"-must-not-be"))
	}},
	{name: "Deadline", run: func(t *testing.T, x *suite) {
		v := x.vm(t, false)
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancel()
		for _, c := range x.calls(v) {
			err := within(t, c.name, func() error { return c.do(ctx, x.d) })
			if assert.Error(t, err, "%s goes on after its deadline", c.name) {
				assert.Equal(t, fault.Deadline, fault.KindOf(err), "%s: %v", c.name, err)
			}
		}
		same(t, v, x.get(t, v.Ref), "calls whose deadline had passed before they began")
	}},
	{name: "PutVolumeCanceledMidway", needs: has[drivers.ImageStore], run: func(t *testing.T, x *suite) {
		ref := drivers.VolumeRef{Pool: x.Pool, Volume: x.name()}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		endless := readerFunc(func(b []byte) (int, error) {
			if ctx.Err() == nil {
				time.AfterFunc(50*time.Millisecond, cancel)
			}
			time.Sleep(time.Millisecond)
			return len(b), nil
		})
		err := within(t, "PutVolume", func() error {
			_, err := as[drivers.ImageStore](x).PutVolume(ctx, ref, random(16), "raw", 64<<30, endless)
			return err
		})
		wants(t, err, fault.Canceled, fault.Exhausted) // the pool may be too small for it
		x.volume(t, ref.Volume, false, "half an image is left behind")
	}},
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

var closeTests = []test{
	{name: "Twice", run: func(t *testing.T, x *suite) {
		d := x.Open(t)
		require.NoError(t, within(t, "Close", d.Close))
		require.NoError(t, within(t, "Close", d.Close))
	}},
	{name: "RefusesLaterCalls", run: func(t *testing.T, x *suite) {
		v, d := x.vm(t, false), x.Open(t)
		require.NoError(t, d.Close())
		for _, c := range x.calls(v) {
			err := within(t, c.name, func() error { return c.do(t.Context(), d) })
			if assert.Error(t, err, "%s works on a closed connection", c.name) {
				assert.Equal(t, fault.Unavailable, fault.KindOf(err), "%s: %v", c.name, err)
			}
		}
		assert.Equal(t, x.d.Info().Kind, d.Info().Kind, "Info needs no connection")
		x.get(t, v.Ref) // other connections go on
	}},
	{name: "EndsWatch", needs: has[drivers.Watcher], run: func(t *testing.T, x *suite) {
		d := x.Open(t)
		_, end := watch(t.Context(), d)
		time.Sleep(100 * time.Millisecond)
		require.NoError(t, d.Close())
		wants(t, within(t, "Watch", func() error { return <-end }), fault.Unavailable)
	}},
	{name: "EndsList", run: func(t *testing.T, x *suite) {
		x.vm(t, false)
		x.vm(t, false)
		before, d := x.all(t, drivers.ListOptions{Brief: true}), x.Open(t)
		defer d.Close()
		seen, last := 0, error(nil)
		for _, err := range d.List(t.Context(), drivers.ListOptions{}) {
			if last = err; err == nil {
				seen++
			}
			d.Close()
		}
		if last != nil {
			wants(t, last, fault.Unavailable, fault.Canceled)
			return
		}
		assert.GreaterOrEqual(t, seen, len(before), "a list that was cut off is short, and did not say so")
	}},
	{name: "EndsConsole", needs: func(x *suite) bool { return x.f.VNC }, run: func(t *testing.T, x *suite) {
		v, d := x.vm(t, true), x.Open(t)
		s, err := d.(drivers.Consoler).Console(t.Context(), v.Ref, drivers.ConsoleRequest{Kind: drivers.ConsoleVNC})
		require.NoError(t, err)
		defer s.Close()
		x.reads(t, s, "RFB 003.")
		x.ends(t, readerOnly{s}, func() { require.NoError(t, d.Close()) })
	}},
}

type readerOnly struct{ io.Reader }
