// Package drivertest is the conformance suite of the driver contract. A driver joins in six lines:
//
//	func TestDriver(t *testing.T) {
//		drivertest.Run(t, drivertest.Setup{
//			Open: func(t testing.TB) drivers.Driver { return open(t) },
//			Pool: "default",
//		})
//	}
//
// Every promise that a doc comment in package drivers makes has a test here, named after the method
// and what it promises. A test for a capability that the driver lacks is skipped; so is one that
// Setup.Skip gives a reason for, which is to be read as a known fault of that driver.
//
// The suite works on VMs and volumes that it makes itself, under names that begin with "dt-", and
// removes them. It leaves everything else at the provider alone, and does not mind it.
//
// To extend it: add a func(*testing.T, *suite) to the table in Run; take a VM from suite.vm; wait for
// tasks by suite.await, for states by suite.eventually, and check errors by wants. See that the planted
// bugs in drivers/fake still fail what they should, and plant one for the new promise.
package drivertest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// Setup says what to test and with what.
type Setup struct {
	// Open connects to the provider: each time anew, always to the same one. The suite closes it.
	Open func(t testing.TB) drivers.Driver

	Pool        string              // where disks go
	Image       *drivers.VolumeRef  // what they are copies of, bootable or not; nil: empty disks
	Network     string              // what NICs are plugged into; empty: NICs of type "user"
	Accelerator drivers.Accelerator // of the VMs
	Firmware    drivers.Firmware    // of the VMs; empty: BIOS
	MemoryMiB   int64               // of a VM; 0: 64
	Seed        *drivers.Seed       // for the VMs; nil: none
	Guest       bool                // Image boots an operating system that answers ACPI, its agent and the balloon
	Patience    time.Duration       // for one task, or for a guest to boot; 0: a minute
	Skip        map[string]string   // reasons by test: "Power/Suspend", or "Power" for all of them
	Leaks       []goleak.Option     // goroutines that outlive a connection by design
}

// suite is one run: the setup, a connection, and names that nobody else uses.
type suite struct {
	Setup
	d      drivers.Driver
	f      drivers.Features
	prefix string
	serial atomic.Int32
}

// test is one promise. It is run when needs (nil: always) says so.
type test struct {
	name  string
	run   func(*testing.T, *suite)
	needs func(*suite) bool
}

// Run tests a driver.
func Run(t *testing.T, s Setup) {
	before := goleak.IgnoreCurrent()
	x := &suite{Setup: s, prefix: "dt-" + random(3)}
	if x.MemoryMiB == 0 {
		x.MemoryMiB = 64
	}
	if x.Patience == 0 {
		x.Patience = time.Minute
	}
	x.d = s.Open(t)
	x.f = x.d.Info().Features
	defer x.sweep(t)
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Info", infoTests},
		{"List", listTests},
		{"Get", getTests},
		{"Create", createTests},
		{"Delete", deleteTests},
		{"Power", powerTests},
		{"Resize", resizeTests},
		{"Devices", deviceTests},
		{"Snapshots", snapshotTests},
		{"Watch", watchTests},
		{"Storage", storageTests},
		{"Live", liveTests},
		{"Context", contextTests},
		{"Close", closeTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) {
					for _, key := range []string{group.name, group.name + "/" + test.name} {
						if reason := x.Skip[key]; reason != "" {
							t.Skip(reason)
						}
					}
					if test.needs != nil && !test.needs(x) {
						t.Skip("the driver, or the setup, does not have what this is about")
					}
					test.run(t, x)
				})
			}
		})
	}
	t.Run("Leak", func(t *testing.T) {
		if reason := s.Skip["Leak"]; reason != "" {
			t.Skip(reason)
		}
		x.sweep(t)
		require.NoError(t, x.d.Close())
		var left error
		for end := time.Now().Add(soon); time.Now().Before(end); {
			if left = goleak.Find(append(x.Leaks, before)...); left == nil {
				break
			}
		}
		assert.NoError(t, left, "goroutines that Close has left behind")
		x.d = s.Open(t) // for the sweep that is still to come
	})
}

// sweep removes what the tests have left, also when they were broken off.
func (x *suite) sweep(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), x.Patience)
	defer cancel()
	for v, err := range x.d.List(ctx, drivers.ListOptions{Brief: true}) {
		if err == nil && strings.HasPrefix(v.Name, x.prefix) {
			x.remove(t, v.Ref)
		}
	}
	surveyor, lists := x.d.(drivers.Surveyor)
	store, deletes := x.d.(drivers.ImageStore)
	if !lists || !deletes {
		return
	}
	volumes, _ := surveyor.Volumes(ctx, x.Pool)
	slices.SortFunc(volumes, func(a, b drivers.Volume) int { return strings.Compare(b.Backing, a.Backing) }) // overlays first
	for _, v := range volumes {
		if strings.HasPrefix(v.Name, x.prefix) {
			_ = store.DeleteVolume(ctx, drivers.VolumeRef{Pool: x.Pool, Volume: v.Name})
		}
	}
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// name makes one up that is free.
func (x *suite) name() string { return fmt.Sprintf("%s-%d", x.prefix, x.serial.Add(1)) }

// request is for the smallest VM that serves: one vCPU that can become two, memory that can double, one disk.
func (x *suite) request() drivers.CreateRequest {
	return drivers.CreateRequest{
		Token: random(16), Owner: "whose <it> is", Name: x.name(), VCPUs: 1, VCPUsMax: 2, MemoryMiB: x.MemoryMiB, MemoryMax: 2 * x.MemoryMiB,
		Accelerator: x.Accelerator, Firmware: x.Firmware, Disks: []drivers.DiskRequest{x.disk()}, Seed: x.Seed,
	}
}

func (x *suite) disk() drivers.DiskRequest {
	if x.Image == nil {
		return drivers.DiskRequest{Pool: x.Pool, CapacityBytes: 16 << 20}
	}
	return drivers.DiskRequest{Pool: x.Pool, Image: x.Image, Clone: drivers.CloneCopyOnWrite}
}

func (x *suite) nic() drivers.NICRequest {
	n := drivers.NICRequest{Network: x.Network, MAC: "52:54:00:" + random(1) + ":" + random(1) + ":" + random(1)}
	if n.Network == "" {
		n.Type = "user"
	}
	return n
}

// create makes a VM that is removed when the test ends, and checks that it came out as asked.
func (x *suite) create(t *testing.T, r drivers.CreateRequest) drivers.VM {
	t.Helper()
	task, err := x.d.Create(t.Context(), r)
	ref := x.await(t, x.d, task, err)
	t.Cleanup(func() { x.remove(t, ref) })
	return x.get(t, ref)
}

// vm makes a VM that is off, or running.
func (x *suite) vm(t *testing.T, start bool) drivers.VM {
	t.Helper()
	r := x.request()
	r.Start = start
	return x.create(t, r)
}

// remove deletes a VM with all that it has.
func (x *suite) remove(t testing.TB, ref drivers.Ref) {
	ctx, cancel := context.WithTimeout(context.Background(), x.Patience)
	defer cancel()
	v, err := x.d.Get(ctx, ref)
	if err != nil {
		return
	}
	task, err := x.d.Delete(ctx, ref, x.everything(v))
	for wait := patience(0); err == nil && !task.Done; {
		wait.pause(ctx)
		task, err = x.d.Poll(ctx, task)
	}
	if err != nil {
		t.Logf("removing VM %s: %v", v.Name, err)
	}
}

func (x *suite) everything(v drivers.VM) drivers.DeleteOptions {
	o := drivers.DeleteOptions{Disks: map[string]drivers.DiskFate{}, Snapshots: true, NVRAM: drivers.DiskDelete}
	for _, d := range v.Disks {
		o.Disks[d.Name] = drivers.DiskDelete
	}
	return o
}

func (x *suite) get(t testing.TB, ref drivers.Ref) drivers.VM {
	t.Helper()
	v, err := x.d.Get(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, ref, v.Ref)
	require.Empty(t, v.Problem)
	return v
}

// await polls a task to its end and returns the VM that it was about.
func (x *suite) await(t testing.TB, d drivers.Driver, task drivers.Task, err error) drivers.Ref {
	t.Helper()
	task, err = x.outcome(t, d, task, err)
	require.NoError(t, err, task.Note)
	return task.Ref
}

// outcome polls a task to its end, good or bad, and checks what a task promises meanwhile.
func (x *suite) outcome(t testing.TB, d drivers.Driver, task drivers.Task, err error) (drivers.Task, error) {
	t.Helper()
	for end, wait := time.Now().Add(x.Patience), patience(0); err == nil && !task.Done; {
		require.NotEmpty(t, task.ID, "a task that is not done can be polled")
		require.True(t, task.Progress >= 0 && task.Progress <= 1, "progress is from 0 to 1, not %v", task.Progress)
		require.True(t, time.Now().Before(end), "%+v takes longer than %s", task, x.Patience)
		wait.pause(t.Context())
		task, err = d.Poll(t.Context(), task)
	}
	if err == nil {
		require.NotEmpty(t, task.Ref, "a task that is done names its VM")
	}
	return task, err
}

// power does one power action and waits for it.
func (x *suite) power(t testing.TB, ref drivers.Ref, to drivers.PowerAction) {
	t.Helper()
	task, err := x.d.Power(t.Context(), ref, to)
	require.Equal(t, ref, x.await(t, x.d, task, err))
}

// eventually waits until something is so.
func (x *suite) eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end, wait := time.Now().Add(x.Patience), patience(0); !so(); wait.pause(t.Context()) {
		require.True(t, time.Now().Before(end), "%s: not so within %s", what, x.Patience)
	}
}

// patience is the time between two polls: it grows, so as to be quick with a fake and no burden to a host.
type patience time.Duration

func (p *patience) pause(ctx context.Context) {
	*p = min(max(2**p, patience(time.Millisecond)), patience(50*time.Millisecond))
	select {
	case <-time.After(time.Duration(*p)):
	case <-ctx.Done():
	}
}

// wants checks that an error is one of the house, of one of these kinds, and says what is wrong.
func wants(t testing.TB, err error, kinds ...fault.Kind) {
	t.Helper()
	var e *fault.Error
	require.Error(t, err)
	require.True(t, errors.As(err, &e), "an error that is not classified: %v", err)
	require.Contains(t, kinds, e.Kind, "%v", err)
	require.NotEmpty(t, e.Message)
}

// as gives the driver's capability T. Tests that use it have a need for it, by has.
func as[T any](x *suite) T { return x.d.(T) }

// has is the need of a capability.
func has[T any](x *suite) bool { _, ok := x.d.(T); return ok }

// and is the need of two things.
func and(a, b func(*suite) bool) func(*suite) bool {
	return func(x *suite) bool { return a(x) && b(x) }
}

func guest(x *suite) bool { return x.Guest }
