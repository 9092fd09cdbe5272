package fake

import (
	"testing"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/drivers/drivertest"
)

func TestConformance(t *testing.T) { conform(t, plant{}) }

func conform(t *testing.T, p plant) {
	w := NewWorld(Options{VMs: 1000, Seed: 1, Pace: 0.02})
	w.plant = p
	drivertest.Run(t, drivertest.Setup{
		Open:     func(t testing.TB) drivers.Driver { return open(t, w, "host") },
		Pool:     vmPool,
		Image:    &drivers.VolumeRef{Pool: imagePool, Volume: "tiny.qcow2"},
		Network:  "default",
		Guest:    true,
		Patience: 10 * time.Second,
	})
}
