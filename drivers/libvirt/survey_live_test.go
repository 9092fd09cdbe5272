package libvirt

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
)

func TestSurvey(t *testing.T) {
	d := testDriver(t)
	pool := scratchPool(t, d)
	s, err := d.Survey(t.Context())
	require.NoError(t, err)
	require.Len(t, s.Nodes, 1)
	n := s.Nodes[0]
	t.Logf("%+v", s)
	assert.Equal(t, "hosta", n.Name)
	assert.NotEmpty(t, n.UUID)
	assert.Positive(t, n.CPUs)
	assert.Equal(t, n.CPUs, n.Sockets*n.Cores*n.Threads*max(1, len(n.NUMA))/max(1, len(n.NUMA)))
	assert.Greater(t, n.MemoryMiB, n.MemoryFree)
	assert.Positive(t, n.MemoryFree)
	assert.EqualValues(t, -1, n.CPUPercent, "not known yet")
	assert.Contains(t, n.Machines, "q35")
	assert.Contains(t, n.Firmwares, drivers.FirmwareUEFI)
	assert.Contains(t, n.Accelerators, drivers.AcceleratorQEMU)
	assert.NotEmpty(t, n.NUMA)
	assert.Contains(t, n.Versions, "QEMU")
	var pools, networks []string
	for _, p := range s.Pools {
		pools = append(pools, p.Name)
		if p.Name == pool {
			assert.True(t, p.Active)
			assert.Positive(t, p.FreeBytes)
			assert.Equal(t, "dir", p.Type)
		}
	}
	for _, w := range s.Networks {
		networks = append(networks, w.Name)
	}
	assert.Contains(t, pools, pool)
	assert.Contains(t, networks, "default")
	assert.NotContains(t, networks, "virbr0", "it belongs to the network default")
	eventually(t, "the host has counted some time", func() bool {
		s, err = d.Survey(t.Context())
		require.NoError(t, err)
		return s.Nodes[0].CPUPercent >= 0
	})
	assert.LessOrEqual(t, s.Nodes[0].CPUPercent, 100.0)
}
