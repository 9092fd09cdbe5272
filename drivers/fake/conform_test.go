package fake

import (
	"testing"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/drivers/drivertest"
)

func TestConformance(t *testing.T) { conform(t, bug{}) }

func conform(t *testing.T, b bug) {
	w := NewWorld(Options{VMs: 1000, Seed: 1, Pace: 0.005})
	w.plant = b.plant
	drivertest.Run(t, drivertest.Setup{
		Open: func(t testing.TB) drivers.Driver {
			d := open(t, w, "host").(*Driver)
			if b.wrap != nil {
				return b.wrap(d)
			}
			return d
		},
		Pool:     vmPool,
		Image:    &drivers.VolumeRef{Pool: imagePool, Volume: "tiny.qcow2"},
		Network:  "default",
		Guest:    true,
		Patience: 15 * time.Second,
	})
}
