package fake

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// request is for a small VM.
func request(name string) drivers.CreateRequest {
	return drivers.CreateRequest{Token: "token of " + name, Name: name, VCPUs: 1, VCPUsMax: 2, MemoryMiB: 64, Disks: []drivers.DiskRequest{{CapacityBytes: 1 << 20}}}
}

func made(t testing.TB, d drivers.Driver, name string, start bool) drivers.Ref {
	t.Helper()
	r := request(name)
	r.Start = start
	task, err := d.Create(t.Context(), r)
	ref, err := done(t, d, task, err)
	require.NoError(t, err)
	return ref
}

func state(t testing.TB, d drivers.Driver, ref drivers.Ref) drivers.State {
	t.Helper()
	v, err := d.Get(t.Context(), ref)
	require.NoError(t, err)
	return v.State
}

func power(t testing.TB, d drivers.Driver, ref drivers.Ref, a drivers.PowerAction) error {
	task, err := d.Power(t.Context(), ref, a)
	_, err = done(t, d, task, err)
	return err
}

// doers are calls by the verb that a name may have a fate for, on a VM in the state that they need.
var doers = map[string]func(testing.TB, drivers.Driver, drivers.Ref) error{
	"start": func(t testing.TB, d drivers.Driver, ref drivers.Ref) error {
		return power(t, d, ref, drivers.PowerStart)
	},
	"resize": func(t testing.TB, d drivers.Driver, ref drivers.Ref) error {
		two := 2
		task, err := d.(*Driver).Resize(t.Context(), ref, drivers.Resize{VCPUs: &two})
		_, err = done(t, d, task, err)
		return err
	},
	"attach": func(t testing.TB, d drivers.Driver, ref drivers.Ref) error {
		_, err := d.(*Driver).AttachDisk(t.Context(), ref, "a", drivers.DiskRequest{CapacityBytes: 1 << 20})
		return err
	},
	"snapshot": func(t testing.TB, d drivers.Driver, ref drivers.Ref) error {
		_, err := d.(*Driver).CreateSnapshot(t.Context(), ref, drivers.SnapshotRequest{Token: "s", Name: "s"})
		return err
	},
	"delete": func(t testing.TB, d drivers.Driver, ref drivers.Ref) error {
		task, err := d.Delete(t.Context(), ref, drivers.DeleteOptions{Snapshots: true})
		_, err = done(t, d, task, err)
		return err
	},
	"get": func(t testing.TB, d drivers.Driver, ref drivers.Ref) error {
		_, err := d.Get(t.Context(), ref)
		return err
	},
}

func TestFatesOfVerbs(t *testing.T) {
	for verb, do := range doers {
		t.Run(verb, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t, NewWorld(Options{Pace: 1}), "a")
				for fate, want := range map[string][]fault.Kind{ // of the first call and of the second
					"fail":       {failKind(verb), failKind(verb)},
					"deny":       {fault.Denied, fault.Denied},
					"flaky":      {fault.Unavailable, ""},
					"lose-reply": {fault.Unavailable, ""},
					"slow":       {"", ""},
				} {
					ref := made(t, d, "x-"+fate+"-"+verb, false)
					for i, kind := range want {
						require.Equal(t, kind, fault.KindOf(do(t, d, ref)), "%s-%s, call %d", fate, verb, i+1)
					}
				}
			})
		})
	}
}

func failKind(verb string) fault.Kind { return fault.KindOf(failure("fail-"+verb, verb)) }

func TestFatesOfCreate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, NewWorld(Options{Pace: 1}), "a")
		create := func(name string) (drivers.Ref, error) {
			task, err := d.Create(t.Context(), request(name))
			return done(t, d, task, err)
		}
		_, err := create("x-fail-create")
		assert.Equal(t, fault.Exhausted, fault.KindOf(err))
		assert.Empty(t, list(t, d, drivers.ListOptions{}), "nothing is left behind")

		_, err = create("x-lose-reply-create")
		assert.Equal(t, fault.Unavailable, fault.KindOf(err))
		time.Sleep(time.Second)
		vms := list(t, d, drivers.ListOptions{})
		require.Len(t, vms, 1, "it is there")
		ref, err := create("x-lose-reply-create")
		require.NoError(t, err)
		assert.Contains(t, vms, ref, "and the second call finds it")

		task, err := d.Create(t.Context(), request("x-hang-create"))
		require.NoError(t, err)
		time.Sleep(time.Hour)
		task, err = d.Poll(t.Context(), task)
		require.NoError(t, err)
		assert.False(t, task.Done)
		assert.Equal(t, 0.5, task.Progress)
		task, err = d.Delete(t.Context(), "", drivers.DeleteOptions{Token: "token of x-hang-create"})
		_, err = done(t, d, task, err)
		require.NoError(t, err)
		assert.Len(t, list(t, d, drivers.ListOptions{}), 1)
	})
}

func TestAHangingGuestCanBeForcedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, NewWorld(Options{Pace: 1}), "a")
		ref := made(t, d, "x-hang-stop", true)
		task, err := d.Power(t.Context(), ref, drivers.PowerShutdown)
		require.NoError(t, err)
		time.Sleep(time.Hour)
		again, err := d.Power(t.Context(), ref, drivers.PowerShutdown)
		require.NoError(t, err)
		assert.Equal(t, task.ID, again.ID, "asked again, it is the same task")
		assert.Equal(t, drivers.StateStopping, state(t, d, ref))
		require.NoError(t, power(t, d, ref, drivers.PowerOff))
		assert.Equal(t, drivers.StateStopped, state(t, d, ref))
		_, err = d.Poll(t.Context(), task)
		assert.Equal(t, fault.Conflict, fault.KindOf(err))
	})
}

func TestAHangingCallEndsWithItsContextAndUndoesItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, NewWorld(Options{Pace: 1}), "a").(*Driver)
		ref := made(t, d, "x-hang-attach", false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := d.AttachDisk(ctx, ref, "a", drivers.DiskRequest{CapacityBytes: 1 << 20})
		assert.Equal(t, fault.Deadline, fault.KindOf(err))
		v, err := d.Get(t.Context(), ref)
		require.NoError(t, err)
		assert.Len(t, v.Disks, 1)
		require.NoError(t, power(t, d, ref, drivers.PowerStart), "it is not busy any more")
	})
}

func TestHabits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, NewWorld(Options{Pace: 1}), "a").(*Driver)
		crashes, halts, vanishes := made(t, d, "x-crash-running", true), made(t, d, "x-halt-running", true), made(t, d, "x-vanish-running", true)
		bad := made(t, d, "x-unreadable", true)
		quiet := made(t, d, "x-no-agent", true)
		time.Sleep(runningTime / 2)
		for _, ref := range []drivers.Ref{crashes, halts, vanishes} {
			assert.Equal(t, drivers.StateRunning, state(t, d, ref))
		}
		time.Sleep(runningTime)
		assert.Equal(t, drivers.StateError, state(t, d, crashes))
		assert.Equal(t, drivers.StateStopped, state(t, d, halts))
		_, err := d.Get(t.Context(), vanishes)
		assert.Equal(t, fault.NotFound, fault.KindOf(err))
		require.NoError(t, power(t, d, crashes, drivers.PowerStart))
		assert.Equal(t, drivers.StateRunning, state(t, d, crashes))

		v, err := d.Get(t.Context(), bad)
		require.NoError(t, err)
		assert.NotEmpty(t, v.Problem)
		assert.Equal(t, "x-unreadable", v.Name)
		assert.Contains(t, list(t, d, drivers.ListOptions{}), bad)
		guests, err := d.Guest(t.Context(), []drivers.Ref{quiet})
		require.NoError(t, err)
		assert.False(t, guests[quiet].Agent)
	})
}

func TestHostsByTheirNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(Options{VMs: 10, Pace: 1})
		for name, kind := range map[string]fault.Kind{
			"rack1-down": fault.Unavailable, "rack1-wrong-password": fault.Unauthorized, "rack1-wrong-cert": fault.Invalid, "rack1-hang-open": fault.Deadline,
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			_, err := w.Open(ctx, drivers.Config{Host: name})
			assert.Equal(t, kind, fault.KindOf(err), name)
			cancel()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		assert.Equal(t, fault.Deadline, fault.KindOf(open(t, w, "rack1-hang-ping").Ping(ctx)))
		failures, flaky := 0, open(t, w, "rack1-flaky-host")
		for range 100 {
			if flaky.Ping(t.Context()) != nil {
				failures++
			}
		}
		assert.Equal(t, 10, failures)
		n, last := 0, error(nil)
		for _, err := range open(t, w, "rack1-half-list").List(t.Context(), drivers.ListOptions{}) {
			n, last = n+1, err
		}
		assert.Equal(t, 6, n, "five VMs and the error")
		assert.Equal(t, fault.Unavailable, fault.KindOf(last))
		err := open(t, w, "rack1-lose-watch").(*Driver).Watch(t.Context(), func(drivers.Hint) {})
		assert.Equal(t, fault.Unavailable, fault.KindOf(err))

		d := open(t, w, "rack2")
		end := make(chan error)
		go func() { end <- d.(*Driver).Watch(t.Context(), func(drivers.Hint) {}) }()
		synctest.Wait()
		time.Sleep(time.Second)
		w.SetDown("rack2", true)
		assert.Equal(t, fault.Unavailable, fault.KindOf(<-end))
		assert.Equal(t, fault.Unavailable, fault.KindOf(d.Ping(t.Context())))
		_, err = w.Open(t.Context(), drivers.Config{Host: "rack2"})
		assert.Equal(t, fault.Unavailable, fault.KindOf(err))
		w.SetDown("rack2", false)
		assert.NoError(t, d.Ping(t.Context()))
	})
}

func TestTheShellOnTheSerialLine(t *testing.T) {
	d := open(t, NewWorld(Options{}), "a").(*Driver)
	ref := made(t, d, "x", true)
	line, err := d.Console(t.Context(), ref, drivers.ConsoleRequest{Kind: drivers.ConsoleSerial})
	require.NoError(t, err)
	_, err = line.Write([]byte("nproc\recho hello\rpoweroff\r"))
	require.NoError(t, err)
	text, err := io.ReadAll(line) // the line ends when the guest is off
	require.NoError(t, err)
	assert.Contains(t, string(text), "Linux version")
	assert.Contains(t, string(text), "nproc\r\n1\r\n")
	assert.Contains(t, string(text), "hello\r\n")
	assert.Equal(t, drivers.StateStopped, state(t, d, ref))
}
