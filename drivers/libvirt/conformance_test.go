package libvirt

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/drivers/drivertest"
)

func TestDriver(t *testing.T) {
	d := testDriver(t)
	image := tinyImage(t, d)
	drivertest.Run(t, drivertest.Setup{
		Open:        func(t testing.TB) drivers.Driver { return testDriver(t) },
		Pool:        image.Pool,
		Image:       &image,
		Network:     "default",
		Accelerator: drivers.AcceleratorQEMU,
		Patience:    time.Minute,
		Leaks:       []goleak.Option{goleak.IgnoreAnyFunction("libvirt.org/go/libvirt.EventRunDefaultImpl")},
	})
}
