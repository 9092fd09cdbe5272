package drivers_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/drivers/drivertest"
	"github.com/novacron/novacron/drivers/fake"
	"github.com/novacron/novacron/internal/fault"
)

// odd is a fake driver with some methods of its own: one that breaks the contract.
type odd struct {
	*fake.Driver
	calls int // Limits.Calls
	ping  func(context.Context) error
	get   func(context.Context, drivers.Ref) (drivers.VM, error)
	list  func(context.Context) iter.Seq2[drivers.VM, error]
}

func (o *odd) Info() drivers.Info {
	i := o.Driver.Info()
	i.Limits.Calls = o.calls
	return i
}

func (o *odd) Ping(ctx context.Context) error {
	if o.ping == nil {
		return o.Driver.Ping(ctx)
	}
	return o.ping(ctx)
}

func (o *odd) Get(ctx context.Context, ref drivers.Ref) (drivers.VM, error) {
	if o.get == nil {
		return o.Driver.Get(ctx, ref)
	}
	return o.get(ctx, ref)
}

func (o *odd) List(ctx context.Context, l drivers.ListOptions) iter.Seq2[drivers.VM, error] {
	if o.list == nil {
		return o.Driver.List(ctx, l)
	}
	return o.list(ctx)
}

// world gives a fake driver with ten VMs.
func world(t *testing.T) *fake.Driver {
	d, err := fake.NewWorld(fake.Options{VMs: 10}).Open(t.Context(), drivers.Config{})
	require.NoError(t, err)
	return d.(*fake.Driver)
}

// diary is what a Conn has said through its options.
type diary struct {
	mu     sync.Mutex
	health []error
	calls  []drivers.Call
}

func (d *diary) options() drivers.Options {
	return drivers.Options{
		Health:  func(err error) { d.mu.Lock(); defer d.mu.Unlock(); d.health = append(d.health, err) },
		Observe: func(c drivers.Call) { d.mu.Lock(); defer d.mu.Unlock(); d.calls = append(d.calls, c) },
	}
}

// bubble runs a test in which time passes as fast as it can.
func bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func unavailable() *fault.Error { return fault.New(fault.Unavailable, "connection refused") }

func TestConnAbandonsADriverThatIgnoresItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate, said := make(chan struct{}), diary{}
		d := &odd{Driver: world(t), calls: 1, get: func(context.Context, drivers.Ref) (drivers.VM, error) { <-gate; return drivers.VM{}, nil }}
		c := drivers.NewConn(d, said.options())
		begun := time.Now()
		_, err := c.Get(t.Context(), "x")
		assert.Equal(t, fault.Deadline, fault.KindOf(err))
		assert.Equal(t, 10500*time.Millisecond, time.Since(begun), "the deadline, and the grace")
		require.Len(t, said.calls, 1)
		assert.True(t, said.calls[0].Abandoned)
		assert.Len(t, said.health, 1)
		assert.Error(t, said.health[0])

		_, err = c.Survey(t.Context())
		assert.Equal(t, fault.Exhausted, fault.KindOf(err), "the abandoned call keeps its slot")
		assert.NoError(t, c.Ping(t.Context()), "pings have their own")
		close(gate)
		synctest.Wait()
		_, err = c.Survey(t.Context())
		assert.NoError(t, err, "the slot comes back with the call")
		require.NoError(t, c.Close())
	})
}

func TestConnTellsACallersImpatienceFromASilentProvider(t *testing.T) {
	bubble(t, func(t *testing.T) {
		said := diary{}
		d := &odd{Driver: world(t), get: func(ctx context.Context, _ drivers.Ref) (drivers.VM, error) {
			<-ctx.Done()
			return drivers.VM{}, errors.New("some library's own words for it")
		}}
		c := drivers.NewConn(d, said.options())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Get(ctx, "x")
		assert.Equal(t, fault.Deadline, fault.KindOf(err))
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err = c.Get(ctx, "x")
		assert.Equal(t, fault.Canceled, fault.KindOf(err))
		assert.Empty(t, said.health, "it says nothing of the provider")
		_, err = c.Get(t.Context(), "x")
		assert.Equal(t, fault.Deadline, fault.KindOf(err))
		assert.Len(t, said.health, 1, "this does")
		require.NoError(t, c.Close())
	})
}

func TestConnBoundsCallsInFlightAndServesInOrder(t *testing.T) {
	for _, calls := range []int{1, 3} {
		bubble(t, func(t *testing.T) {
			var now, most atomic.Int32
			var mu sync.Mutex
			var order []drivers.Ref
			d := &odd{Driver: world(t), calls: calls, get: func(_ context.Context, ref drivers.Ref) (drivers.VM, error) {
				mu.Lock()
				most.Store(max(most.Load(), now.Add(1)))
				order = append(order, ref)
				mu.Unlock()
				time.Sleep(time.Millisecond)
				now.Add(-1)
				return drivers.VM{}, nil
			}}
			c := drivers.NewConn(d, drivers.Options{})
			var wait sync.WaitGroup
			for i := range 20 {
				wait.Go(func() {
					_, err := c.Get(t.Context(), drivers.Ref(rune('a'+i)))
					assert.NoError(t, err)
				})
				synctest.Wait()
			}
			wait.Wait()
			assert.Equal(t, int32(calls), most.Load())
			if calls == 1 {
				assert.True(t, slices.IsSorted(order), "%v", order)
			}
			require.NoError(t, c.Close())
		})
	}
}

func TestConnLongCallsLeaveRoomForShortOnes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &odd{Driver: world(t), calls: 4}
		c := drivers.NewConn(d, drivers.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		for range 10 {
			wait.Go(func() {
				pr, pw := io.Pipe()
				defer context.AfterFunc(ctx, func() { pw.Close() })()
				_, _ = c.PutVolume(ctx, drivers.VolumeRef{Pool: "images", Volume: "x"}, "t", "raw", 1<<30, pr)
			})
		}
		synctest.Wait()
		begun := time.Now()
		_, err := c.Survey(t.Context())
		assert.NoError(t, err)
		assert.Less(t, time.Since(begun), time.Second)
		cancel()
		wait.Wait()
		require.NoError(t, c.Close())
	})
}

func TestConnErrorsAreCopiesWithContext(t *testing.T) {
	shared := fault.New(fault.Conflict, "VM is running")
	d := &odd{Driver: world(t), get: func(context.Context, drivers.Ref) (drivers.VM, error) { return drivers.VM{}, shared }}
	c := drivers.NewConn(d, drivers.Options{})
	defer c.Close()
	_, err := c.Get(t.Context(), "x")
	assert.EqualError(t, err, "VM is running: reading VM")
	assert.Equal(t, "FAKE", fault.Of(err).Provider)
	assert.Empty(t, shared.Provider)
	assert.NoError(t, shared.Err)

	d.get = func(context.Context, drivers.Ref) (drivers.VM, error) { panic("nil map") }
	_, err = c.Get(t.Context(), "x")
	assert.Equal(t, fault.Internal, fault.KindOf(err), "a panic costs one call")
	assert.ErrorContains(t, err, "nil map")
	assert.NotContains(t, fault.Of(err).Message, "nil map")
}

func TestConnListYieldsAtMostOneErrorAndLast(t *testing.T) {
	forever := func(ctx context.Context) iter.Seq2[drivers.VM, error] {
		return func(yield func(drivers.VM, error) bool) {
			for yield(drivers.VM{Ref: "x"}, nil) {
			}
		}
	}
	for name, c := range map[string]struct {
		list func(context.Context) iter.Seq2[drivers.VM, error]
		vms  int
		kind fault.Kind
	}{
		"whole": {nil, 10, ""},
		"two errors": {func(context.Context) iter.Seq2[drivers.VM, error] {
			return func(yield func(drivers.VM, error) bool) {
				_ = yield(drivers.VM{}, nil) && yield(drivers.VM{}, unavailable()) && yield(drivers.VM{}, nil) && yield(drivers.VM{}, unavailable())
			}
		}, 1, fault.Unavailable},
		"deaf to ctx, and short": {func(ctx context.Context) iter.Seq2[drivers.VM, error] {
			return func(yield func(drivers.VM, error) bool) {
				yield(drivers.VM{}, nil)
				<-ctx.Done()
			}
		}, 1, fault.Deadline},
		"deaf to ctx, and stuck": {func(context.Context) iter.Seq2[drivers.VM, error] {
			return func(yield func(drivers.VM, error) bool) { time.Sleep(time.Hour) }
		}, 0, fault.Deadline},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				conn := drivers.NewConn(&odd{Driver: world(t), list: c.list}, drivers.Options{})
				n, last := 0, error(nil)
				for _, err := range conn.List(t.Context(), drivers.ListOptions{}) {
					require.NoError(t, last)
					if last = err; err == nil {
						n++
					}
				}
				assert.Equal(t, c.vms, n)
				assert.Equal(t, c.kind, fault.KindOf(last))
				require.NoError(t, conn.Close())
				time.Sleep(2 * time.Hour) // let the stuck one go
			})
		})
	}
	t.Run("left", func(t *testing.T) {
		defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
		conn := drivers.NewConn(&odd{Driver: world(t), list: forever}, drivers.Options{})
		defer conn.Close()
		n := 0
		for range conn.List(t.Context(), drivers.ListOptions{}) {
			if n++; n == 100 {
				break
			}
		}
	})
	t.Run("a slow reader is not a slow provider", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			conn := drivers.NewConn(&odd{Driver: world(t)}, drivers.Options{})
			n := 0
			for _, err := range conn.List(t.Context(), drivers.ListOptions{}) {
				require.NoError(t, err)
				time.Sleep(time.Minute)
				n++
			}
			assert.Equal(t, 10, n)
			require.NoError(t, conn.Close())
		})
	})
}

func TestConnCloseEndsCallsOfADeafDriver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		said := diary{}
		d := &odd{Driver: world(t), get: func(context.Context, drivers.Ref) (drivers.VM, error) {
			time.Sleep(time.Hour)
			return drivers.VM{}, nil
		}}
		c := drivers.NewConn(d, said.options())
		time.AfterFunc(time.Second, func() { c.Close() })
		begun := time.Now()
		_, err := c.Get(t.Context(), "x")
		assert.Equal(t, fault.Unavailable, fault.KindOf(err))
		assert.Less(t, time.Since(begun), 2*time.Second)
		_, err = c.Survey(t.Context())
		assert.Equal(t, fault.Unavailable, fault.KindOf(err))
		assert.Empty(t, said.health, "a connection that we close is not a provider that is down")
		time.Sleep(2 * time.Hour)
	})
}

// bare has the core and no capability.
type bare struct{ drivers.Driver }

func TestConnAnswersUnsupported(t *testing.T) {
	c := drivers.NewConn(bare{world(t)}, drivers.Options{})
	defer c.Close()
	_, err := c.PlanResize(drivers.VM{}, drivers.Resize{})
	assert.Equal(t, fault.Unsupported, fault.KindOf(err))
	_, err = c.Snapshots(t.Context(), "x")
	assert.Equal(t, fault.Unsupported, fault.KindOf(err))
	_, err = c.Console(t.Context(), "x", drivers.ConsoleRequest{Kind: drivers.ConsoleVNC})
	assert.Equal(t, fault.Unsupported, fault.KindOf(err))
	assert.Equal(t, fault.Unsupported, fault.KindOf(c.Watch(t.Context(), func(drivers.Hint) {})))
}

// TestConnConforms: a Conn keeps all promises of the driver that it wraps.
func TestConnConforms(t *testing.T) {
	w := fake.NewWorld(fake.Options{VMs: 300, Pace: 0.02})
	drivertest.Run(t, drivertest.Setup{
		Open: func(t testing.TB) drivers.Driver {
			d, err := w.Open(context.Background(), drivers.Config{})
			require.NoError(t, err)
			return planner{drivers.NewConn(d, drivers.Options{})}
		},
		Pool: "default", Network: "default", Guest: true, Patience: time.Minute,
		Image: &drivers.VolumeRef{Pool: "images", Volume: "tiny.qcow2"},
	})
}

// planner is a Conn as a Driver: they differ in one method only.
type planner struct{ *drivers.Conn }

func (p planner) PlanResize(vm drivers.VM, want drivers.Resize) []drivers.Verdict {
	v, _ := p.Conn.PlanResize(vm, want)
	return v
}
