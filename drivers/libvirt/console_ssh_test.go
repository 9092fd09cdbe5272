package libvirt

import (
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
)

func TestConsolesBySSH(t *testing.T) {
	t.Parallel()
	local := testDriver(t)
	ref := linuxGuest(t, local, scratchPool(t, local))
	bootShell(t, local, ref).c.Close()
	ctx := t.Context()

	d, err := Open(ctx, sshHost(t, ""))
	require.NoError(t, err)
	defer func() { _ = d.Close() }()
	c, err := d.(*Driver).Console(ctx, ref, drivers.ConsoleRequest{Kind: drivers.ConsoleVNC})
	require.NoError(t, err)
	hello := make([]byte, 12)
	_, err = io.ReadFull(c, hello)
	require.NoError(t, err)
	assert.Equal(t, "RFB 003.008\n", string(hello))
	require.NoError(t, c.Close())
	s := openShell(t, d.(*Driver), ref)
	assert.Equal(t, "42", s.run("echo $((6*7))"))
}
