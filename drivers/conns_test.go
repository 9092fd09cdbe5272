package drivers_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/drivers/fake"
	"github.com/novacron/novacron/internal/fault"
)

func TestConns(t *testing.T) {
	var opened atomic.Int32
	world := fake.NewWorld(fake.Options{})
	open := func(ctx context.Context, c drivers.Config) (drivers.Driver, error) {
		opened.Add(1)
		return world.Open(ctx, c)
	}
	conns := drivers.NewConns(map[drivers.Kind]drivers.Opener{drivers.KindFake: open}, func(context.Context, uuid.UUID) (drivers.Config, error) {
		return drivers.Config{Kind: drivers.KindFake, Host: "a"}, nil
	})
	defer conns.Close()
	ctx, id := t.Context(), uuid.New()

	t.Run("callers share one connection", func(t *testing.T) {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				c, err := conns.Conn(ctx, id, 1)
				assert.NoError(t, err)
				assert.NoError(t, c.Ping(ctx))
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, opened.Load())
	})
	t.Run("new settings replace it, old ones do not", func(t *testing.T) {
		first, err := conns.Conn(ctx, id, 1)
		require.NoError(t, err)
		second, err := conns.Conn(ctx, id, 2)
		require.NoError(t, err)
		assert.NotSame(t, first, second)
		third, err := conns.Conn(ctx, id, 1)
		require.NoError(t, err)
		assert.Same(t, second, third)
	})
	t.Run("a caller may leave", func(t *testing.T) {
		gone, cancel := context.WithCancel(ctx)
		cancel()
		_, err := conns.Conn(gone, uuid.New(), 1)
		assert.Error(t, err)
	})
	t.Run("kinds without a driver", func(t *testing.T) {
		_, err := conns.Open(ctx, drivers.Config{Kind: "ABACUS"})
		assert.Equal(t, "kind", fault.Of(err).Field)
	})
	t.Run("closed for good", func(t *testing.T) {
		conns.Close()
		_, err := conns.Conn(ctx, uuid.New(), 1)
		assert.True(t, fault.Is(err, fault.Unavailable))
	})
}

// Whoever asks for a provider that cannot be opened gets the same answer for a while, whatever it is; then it is tried again.
func TestConnsAFailureAnswersForTheNextOnes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, why := range []*fault.Error{fault.New(fault.Unavailable, "down"), fault.Field("caCert", "", "another CA")} {
			var opened atomic.Int32
			open := func(context.Context, drivers.Config) (drivers.Driver, error) {
				opened.Add(1)
				return nil, why
			}
			conns := drivers.NewConns(map[drivers.Kind]drivers.Opener{drivers.KindFake: open}, func(context.Context, uuid.UUID) (drivers.Config, error) {
				return drivers.Config{Kind: drivers.KindFake}, nil
			})
			id := uuid.New()
			for range 5 {
				_, err := conns.Conn(t.Context(), id, 1)
				assert.True(t, fault.Is(err, why.Kind))
			}
			assert.EqualValues(t, 1, opened.Load())
			time.Sleep(time.Minute)
			_, err := conns.Conn(t.Context(), id, 1)
			assert.True(t, fault.Is(err, why.Kind))
			assert.EqualValues(t, 2, opened.Load())
			conns.Close()
		}
	})
}
