package libvirt

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/drivers/drivertest"
)

// eventLoop is libvirt's: a process has one, for ever.
var eventLoop = []goleak.Option{goleak.IgnoreAnyFunction("libvirt.org/go/libvirt.EventRunDefaultImpl")}

// With a guest that does nothing, over the daemon's socket.
func TestDriver(t *testing.T) {
	d := testDriver(t)
	image := tinyImage(t, d)
	drivertest.Run(t, drivertest.Setup{
		Open:        func(t testing.TB) drivers.Driver { return testDriver(t) },
		Pool:        image.Pool,
		Image:       &image,
		Network:     "default",
		Accelerator: drivers.AcceleratorQEMU,
		Leaks:       eventLoop,
	})
}

// With a Linux that answers, over TLS. What needs no guest has been tried by TestDriver.
func TestDriverWithLinux(t *testing.T) {
	t.Parallel()
	c := tlsConfig(t)
	image := linuxImage(t, testDriver(t))
	covered := "tried by TestDriver"
	drivertest.Run(t, drivertest.Setup{
		Open: func(t testing.TB) drivers.Driver {
			d, err := Open(t.Context(), c)
			must(t, err)
			return d
		},
		Pool:        image.Pool,
		Image:       &image,
		Network:     "default",
		Accelerator: drivers.AcceleratorQEMU,
		MemoryMiB:   256,
		Seed:        &drivers.Seed{Hostname: "tiny"},
		Guest:       true,
		Patience:    patience,
		Leaks:       eventLoop,
		Skip: map[string]string{
			"List": covered, "Get": covered, "Create": covered, "Delete": covered, "Watch": covered, "Storage": covered, "Context": covered,
			"Close": covered, "Leak": covered,
		},
	})
}
