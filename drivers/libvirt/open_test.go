package libvirt

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
)

// testHosts is the state folder of the hosts that the tests may use; without it they are skipped.
func testHosts(t testing.TB) string {
	t.Helper()
	root := os.Getenv("NOVACRON_TEST_HOSTS")
	if root == "" {
		t.Skip("NOVACRON_TEST_HOSTS is not set: no libvirt hosts to test against")
	}
	return root
}

// testDriver is a connection to the first test host over its own socket.
func testDriver(t testing.TB) *Driver {
	t.Helper()
	socket := filepath.Join(testHosts(t), "hosta/run/libvirt/libvirt-sock")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	d, err := open(ctx, drivers.Config{Kind: drivers.KindLibvirt, Accelerator: drivers.AcceleratorQEMU}, dialLocal([]string{socket}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestOpen(t *testing.T) {
	d := testDriver(t)
	if err := d.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", d.Info())
	if err := d.long(t.Context(), func(c *libvirt.Connect) error { _, err := c.GetHostname(); return err }); err != nil {
		t.Fatal(err)
	}
}
