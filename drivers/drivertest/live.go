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

func background(limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), limit)
}

// reads reads from a stream until it has seen a text, or patience ends.
func (x *suite) reads(t *testing.T, s io.ReadWriteCloser, text string) {
	t.Helper()
	timer := time.AfterFunc(x.Patience, func() { s.Close() })
	defer timer.Stop()
	var seen strings.Builder
	for buf := make([]byte, 4096); !strings.Contains(seen.String(), text); {
		n, err := s.Read(buf)
		seen.Write(buf[:n])
		require.NoError(t, err, "after %q, waiting for %q", seen.String(), text)
	}
}

var liveTests = []test{
	{name: "Sample", needs: has[drivers.Sampler], run: func(t *testing.T, x *suite) {
		d, on, off := as[drivers.Sampler](x), x.vm(t, true), x.vm(t, false)
		samples, err := d.Sample(t.Context(), []drivers.Ref{on.Ref, off.Ref, stranger(on.Ref), "nonsense"})
		require.NoError(t, err)
		require.Contains(t, samples, on.Ref)
		assert.Len(t, samples, 1, "only those that run")
		first := samples[on.Ref]
		assert.Equal(t, 1, first.VCPUs)
		assert.Positive(t, first.MemoryMiB)
		assert.WithinDuration(t, time.Now(), first.At, time.Minute)
		assert.GreaterOrEqual(t, first.MemoryUsedMiB, int64(-1))
		all, err := d.Sample(t.Context(), nil)
		require.NoError(t, err)
		second, there := all[on.Ref]
		require.True(t, there)
		_, there = all[off.Ref]
		assert.False(t, there)
		assert.False(t, second.At.Before(first.At))
		assert.GreaterOrEqual(t, second.CPUTime, first.CPUTime, "counters only grow")
		assert.GreaterOrEqual(t, second.DiskReadBytes, first.DiskReadBytes)
		none, err := d.Sample(t.Context(), []drivers.Ref{})
		require.NoError(t, err)
		assert.Empty(t, none, "none asked for is not all")
	}},
	{name: "GuestThatCannotBeAsked", needs: has[drivers.Guester], run: func(t *testing.T, x *suite) {
		off := x.vm(t, false)
		guests, err := as[drivers.Guester](x).Guest(t.Context(), []drivers.Ref{off.Ref, stranger(off.Ref)})
		require.NoError(t, err, "one that cannot be asked does not spoil the others")
		require.Contains(t, guests, off.Ref)
		assert.False(t, guests[off.Ref].Agent)
	}},
	{name: "GuestThatAnswers", needs: and(has[drivers.Guester], guest), run: func(t *testing.T, x *suite) {
		r := x.request()
		r.NICs, r.Start = []drivers.NICRequest{x.nic()}, true
		v := x.create(t, r)
		g := x.boots(t, v.Ref)
		assert.NotEmpty(t, g.Hostname)
		assert.NotEmpty(t, g.OS)
		x.eventually(t, "it has an address", func() bool {
			g = x.boots(t, v.Ref)
			for _, a := range g.Addresses {
				if a.MAC == r.NICs[0].MAC && a.Address != "" && a.Source != "" {
					return true
				}
			}
			return false
		})
		assert.True(t, x.get(t, v.Ref).GuestAgent)
	}},
	{name: "SerialConsole", needs: func(x *suite) bool { return x.f.SerialConsole }, run: func(t *testing.T, x *suite) {
		v := x.vm(t, true)
		require.True(t, v.SerialConsole)
		s, err := as[drivers.Consoler](x).Console(t.Context(), v.Ref, drivers.ConsoleRequest{Kind: drivers.ConsoleSerial})
		require.NoError(t, err)
		defer s.Close()
		_, err = s.Write([]byte("\r"))
		require.NoError(t, err)
		if x.Guest {
			x.reads(t, s, "\n")
		}
		x.ends(t, s, func() { require.NoError(t, s.Close()) })
	}},
	{name: "VNCConsole", needs: func(x *suite) bool { return x.f.VNC }, run: func(t *testing.T, x *suite) {
		v := x.vm(t, true)
		require.True(t, v.VNC)
		s, err := as[drivers.Consoler](x).Console(t.Context(), v.Ref, drivers.ConsoleRequest{Kind: drivers.ConsoleVNC})
		require.NoError(t, err)
		defer s.Close()
		x.reads(t, s, "RFB 003.")
		x.ends(t, s, func() { x.power(t, v.Ref, drivers.PowerOff) }) // the console ends with its VM
	}},
	{name: "ConsoleOutlivesItsCall", needs: func(x *suite) bool { return x.f.VNC }, run: func(t *testing.T, x *suite) {
		v := x.vm(t, true)
		ctx, cancel := context.WithCancel(t.Context())
		s, err := as[drivers.Consoler](x).Console(ctx, v.Ref, drivers.ConsoleRequest{Kind: drivers.ConsoleVNC})
		require.NoError(t, err)
		defer s.Close()
		cancel()
		x.reads(t, s, "RFB 003.")
	}},
	{name: "ConsoleConflictWhenOff", needs: has[drivers.Consoler], run: func(t *testing.T, x *suite) {
		v := x.vm(t, false)
		for kind, there := range map[drivers.ConsoleKind]bool{drivers.ConsoleSerial: x.f.SerialConsole, drivers.ConsoleVNC: x.f.VNC} {
			if there {
				_, err := as[drivers.Consoler](x).Console(t.Context(), v.Ref, drivers.ConsoleRequest{Kind: kind})
				wants(t, err, fault.Conflict)
			}
		}
	}},
	{name: "Document", needs: has[drivers.Documenter], run: func(t *testing.T, x *suite) {
		v := x.vm(t, false)
		text, err := as[drivers.Documenter](x).Document(t.Context(), v.Ref)
		require.NoError(t, err)
		assert.Contains(t, text, v.Name)
		_, err = as[drivers.Documenter](x).Document(t.Context(), stranger(v.Ref))
		wants(t, err, fault.NotFound)
	}},
}

// ends checks that a stream's reader is released when something happens.
func (x *suite) ends(t *testing.T, s io.Reader, when func()) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, s)
	}()
	when()
	select {
	case <-ended:
	case <-time.After(soon):
		require.Fail(t, "a read of the console still waits")
	}
}
