package libvirt

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// overTLS connects to the first test host by TLS.
func overTLS(t *testing.T) drivers.Driver {
	t.Helper()
	d, err := Open(t.Context(), tlsConfig(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestConsoles(t *testing.T) {
	t.Parallel()
	d := testDriver(t)
	ref := linuxGuest(t, d, scratchPool(t, d))
	ctx := t.Context()
	for _, k := range []drivers.ConsoleKind{drivers.ConsoleSerial, drivers.ConsoleVNC} {
		_, err := d.Console(ctx, ref, drivers.ConsoleRequest{Kind: k})
		assert.Equal(t, fault.Conflict, fault.KindOf(err), "%s of a VM that is off: %v", k, err)
	}
	s := bootShell(t, d, ref)
	t.Run("serial", func(t *testing.T) {
		assert.Equal(t, "42", s.run("echo $((6*7))"))
		out := s.run("seq 1 20000 | tail -n 20000")
		assert.Len(t, strings.Fields(out), 20000, "nothing of 100 kB is lost")
		_, err := d.Console(ctx, ref, drivers.ConsoleRequest{Kind: drivers.ConsoleSerial})
		assert.Equal(t, fault.Conflict, fault.KindOf(err), "one viewer at a time: %v", err)
		c, err := d.Console(ctx, ref, drivers.ConsoleRequest{Kind: drivers.ConsoleSerial, TakeOver: true})
		require.NoError(t, err)
		eventually(t, "the first viewer is told", func() bool {
			_, err := s.c.Write([]byte("\n"))
			return err != nil
		})
		s = readShell(t, c)
		assert.Equal(t, "42", s.run("echo $((6*7))"))
	})
	t.Run("serial over TLS", func(t *testing.T) {
		require.NoError(t, s.c.Close())
		_, err := s.c.Write([]byte("x"))
		assert.ErrorIs(t, err, io.ErrClosedPipe)
		d := overTLS(t).(*Driver)
		var over *shell
		eventually(t, "the console is free", func() bool { // the daemon notices the end of the first a moment later
			c, err := d.Console(ctx, ref, drivers.ConsoleRequest{Kind: drivers.ConsoleSerial})
			if err == nil {
				over = readShell(t, c)
			}
			return err == nil
		})
		assert.Equal(t, "42", over.run("echo $((6*7))"))
		require.NoError(t, over.c.Close())
	})
	t.Run("VNC", func(t *testing.T) {
		c, err := d.Console(ctx, ref, drivers.ConsoleRequest{Kind: drivers.ConsoleVNC})
		require.NoError(t, err)
		defer func() { _ = c.Close() }()
		hello := make([]byte, 12)
		_, err = io.ReadFull(c, hello)
		require.NoError(t, err)
		assert.Equal(t, "RFB 003.008\n", string(hello))
		_, err = c.Write(hello)
		require.NoError(t, err)
		security := make([]byte, 2)
		_, err = io.ReadFull(c, security)
		require.NoError(t, err)
		assert.Equal(t, []byte{1, 1}, security, "one kind of security: none, although the VM has a VNC password")
	})
	t.Run("VNC over TLS", func(t *testing.T) {
		_, err := overTLS(t).(drivers.Consoler).Console(ctx, ref, drivers.ConsoleRequest{Kind: drivers.ConsoleVNC})
		assert.Equal(t, fault.Unsupported, fault.KindOf(err), "%v", err)
		assert.Contains(t, fault.Of(err).Remedy, "serial")
	})
	t.Run("document", func(t *testing.T) {
		doc, err := d.Document(ctx, ref)
		require.NoError(t, err)
		assert.Contains(t, doc, "<graphics type='vnc'")
		assert.NotContains(t, doc, "secret12")
	})
	t.Run("unknown", func(t *testing.T) {
		_, err := d.Console(ctx, ref, drivers.ConsoleRequest{Kind: "SPICE"})
		assert.Equal(t, fault.Invalid, fault.KindOf(err))
		_, err = d.Console(ctx, "00000000-0000-0000-0000-000000000000", drivers.ConsoleRequest{Kind: drivers.ConsoleSerial})
		assert.Equal(t, fault.NotFound, fault.KindOf(err), "%v", err)
	})
	t.Run("the VM's end is the console's", func(t *testing.T) {
		c, err := d.Console(ctx, ref, drivers.ConsoleRequest{Kind: drivers.ConsoleSerial})
		require.NoError(t, err)
		defer func() { _ = c.Close() }()
		_, err = d.Power(ctx, ref, drivers.PowerOff)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { _, err := io.Copy(io.Discard, c); done <- err }()
		select {
		case err := <-done:
			assert.NoError(t, err)
		case <-time.After(patience):
			t.Error("the console goes on")
		}
	})
}

// leased tells whether a guest's agent knows the address that the network gave it.
func leased(g drivers.Guest) bool {
	return slices.ContainsFunc(g.Addresses, func(a drivers.Address) bool {
		return a.Source == "agent" && strings.HasPrefix(a.Address, "192.168.122.")
	})
}

func TestGuest(t *testing.T) {
	t.Parallel()
	d := testDriver(t)
	pool := scratchPool(t, d)
	a, b := linuxGuest(t, d, pool), linuxGuest(t, d, pool)
	ctx := t.Context()
	off := drivers.Ref("00000000-0000-0000-0000-000000000000")
	bootShell(t, d, a)
	hung := bootShell(t, d, b)
	var g drivers.Guest
	eventually(t, "both guests answer, and have addresses", func() bool {
		all, err := d.Guest(ctx, []drivers.Ref{a, b, off})
		require.NoError(t, err)
		require.Len(t, all, 3)
		assert.False(t, all[off].Agent)
		g = all[a]
		return leased(g) && leased(all[b])
	})
	t.Logf("%+v", g)
	assert.Equal(t, "tiny", g.Hostname)
	assert.Equal(t, "NovaCron Tiny 1", g.OS)
	var v4 drivers.Address
	for _, x := range g.Addresses {
		if strings.HasPrefix(x.Address, "192.168.122.") {
			v4 = x
		}
	}
	assert.Equal(t, "agent", v4.Source)
	assert.Equal(t, 24, v4.Prefix)
	assert.Equal(t, "eth0", v4.Interface)

	eventually(t, "the host has written the lease down, too", func() bool {
		var leases []drivers.Address
		must(t, d.do(ctx, about(b, func(_ *libvirt.Connect, dom *libvirt.Domain) error {
			all, err := dom.ListAllInterfaceAddresses(libvirt.DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE)
			leases = leasesOf(all)
			return err
		})))
		return len(leases) > 0
	})
	hung.run("kill -STOP $(pidof qemu-ga)")
	ask := func(limit time.Duration) {
		t.Helper()
		start := time.Now()
		all, err := d.Guest(ctx, []drivers.Ref{b})
		require.NoError(t, err)
		assert.Less(t, time.Since(start), limit)
		assert.False(t, all[b].Agent)
		require.NotEmpty(t, all[b].Addresses, "the lease is still known")
		assert.Equal(t, "lease", all[b].Addresses[0].Source)
	}
	ask(2 * guestDeadline)
	ask(guestDeadline) // it is not asked again
	eventually(t, "the other one answers", func() bool {
		all, err := d.Guest(ctx, []drivers.Ref{b, a})
		require.NoError(t, err)
		assert.False(t, all[b].Agent)
		return all[a].Agent
	})
	done, cancel := context.WithCancel(ctx)
	cancel()
	_, err := d.Guest(done, []drivers.Ref{a})
	assert.Equal(t, fault.Canceled, fault.KindOf(err))
}
