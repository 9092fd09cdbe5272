package drivertest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
)

// watch starts a Watch. Its hints come through the channel, its end through the other.
func watch(ctx context.Context, d drivers.Driver) (<-chan drivers.Hint, <-chan error) {
	hints, end := make(chan drivers.Hint, 4096), make(chan error, 1)
	go func() {
		end <- d.(drivers.Watcher).Watch(ctx, func(h drivers.Hint) {
			select {
			case hints <- h:
			default: // emit returns quickly
			}
		})
	}()
	return hints, end
}

// sees reads hints until one is about the VM, for a while.
func sees(hints <-chan drivers.Hint, ref drivers.Ref, patience time.Duration) bool {
	for timeout := time.After(patience); ; {
		select {
		case h := <-hints:
			if h.Ref == ref {
				return true
			}
		case <-timeout:
			return false
		}
	}
}

var watchTests = []test{
	{name: "HintsOfOutsideChanges", needs: has[drivers.Watcher], run: func(t *testing.T, x *suite) {
		v := x.vm(t, false)
		other := x.Open(t) // whoever it is that changes something, it is not us
		defer other.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		hints, end := watch(ctx, x.d)
		for _, a := range []drivers.PowerAction{drivers.PowerStart, drivers.PowerOff} {
			x.eventually(t, "a hint comes of "+string(a), func() bool {
				task, err := other.Power(t.Context(), v.Ref, a)
				x.await(t, other, task, err)
				if sees(hints, v.Ref, time.Second) {
					return true
				}
				// Watch may not have been listening yet: change something else and try again.
				undo := map[drivers.PowerAction]drivers.PowerAction{drivers.PowerStart: drivers.PowerOff, drivers.PowerOff: drivers.PowerStart}[a]
				task, err = other.Power(t.Context(), v.Ref, undo)
				x.await(t, other, task, err)
				return false
			})
		}
		task, err := other.Delete(t.Context(), v.Ref, x.everything(v))
		x.await(t, other, task, err)
		require.True(t, sees(hints, v.Ref, x.Patience), "no hint of a deletion")
		cancel()
		select {
		case err := <-end:
			require.NoError(t, err, "Watch ends without an error when its context does")
		case <-time.After(soon):
			require.Fail(t, "Watch does not end with its context")
		}
	}},
	{name: "TwoAtOnce", needs: has[drivers.Watcher], run: func(t *testing.T, x *suite) {
		v := x.vm(t, false)
		ctx, cancel := context.WithCancel(t.Context())
		a, endA := watch(ctx, x.d)
		b, endB := watch(ctx, x.d)
		x.eventually(t, "both get hints", func() bool {
			x.power(t, v.Ref, drivers.PowerStart)
			x.power(t, v.Ref, drivers.PowerOff)
			return sees(a, v.Ref, time.Second) && sees(b, v.Ref, time.Second)
		})
		cancel()
		require.NoError(t, <-endA)
		require.NoError(t, <-endB)
	}},
}
