package drivers_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

func TestConnFailsFastWhileTheProviderIsDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var down atomic.Bool
		var gets, pings atomic.Int32
		answer := func(n *atomic.Int32) error {
			n.Add(1)
			if down.Load() {
				return unavailable()
			}
			return nil
		}
		said := diary{}
		d := &odd{
			Driver: world(t),
			ping:   func(context.Context) error { return answer(&pings) },
			get:    func(context.Context, drivers.Ref) (drivers.VM, error) { return drivers.VM{}, answer(&gets) },
		}
		c := drivers.NewConn(d, said.options())
		get := func() error { _, err := c.Get(t.Context(), "x"); synctest.Wait(); return err }
		down.Store(true)
		for range 3 {
			require.Equal(t, fault.Unavailable, fault.KindOf(get()))
		}
		assert.Equal(t, int32(1), pings.Load(), "after three failures a ping tells")
		for range 100 {
			require.Equal(t, fault.Unavailable, fault.KindOf(get()))
		}
		assert.Equal(t, int32(3), gets.Load(), "known to be down: not even asked")
		assert.Equal(t, int32(1), pings.Load())

		time.Sleep(time.Minute)
		require.Error(t, get())
		assert.Equal(t, int32(2), pings.Load(), "a call after a while brings another ping")
		down.Store(false)
		time.Sleep(time.Minute)
		require.Error(t, get(), "it does not wait for the ping")
		require.NoError(t, get())
		assert.NoError(t, said.health[len(said.health)-1])

		down.Store(true)
		for range 3 {
			require.Error(t, get())
		}
		down.Store(false)
		require.NoError(t, c.Ping(t.Context()), "anybody's ping will do")
		require.NoError(t, get())
		require.NoError(t, c.Close())
	})
}

func TestConnOneSickVMDoesNotCloseTheDoor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &odd{Driver: world(t), get: func(ctx context.Context, ref drivers.Ref) (drivers.VM, error) {
			if ref == "sick" {
				<-ctx.Done()
				return drivers.VM{}, ctx.Err()
			}
			return drivers.VM{}, nil
		}}
		c := drivers.NewConn(d, drivers.Options{})
		for range 10 {
			_, err := c.Get(t.Context(), "sick")
			require.Equal(t, fault.Deadline, fault.KindOf(err))
			synctest.Wait()
		}
		_, err := c.Get(t.Context(), "sound")
		require.NoError(t, err)
		require.NoError(t, c.Close())
	})
}
