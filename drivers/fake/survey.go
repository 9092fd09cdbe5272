package fake

import (
	"context"
	"fmt"
	"time"

	"github.com/novacron/novacron/drivers"
)

const (
	nodeCPUs      = 128
	nodeMemoryMiB = 1 << 20
)

func (h *host) nodeName(i int) string {
	name := h.name
	if name == "" {
		name = "fake"
	}
	if h.nodes > 1 {
		name += fmt.Sprintf("-node%02d", i+1)
	}
	return name
}

func (h *host) nodeNames() []string {
	names := make([]string, h.nodes)
	for i := range names {
		names[i] = h.nodeName(i)
	}
	return names
}

// Survey is as drivers.Surveyor has it.
func (d *Driver) Survey(ctx context.Context) (drivers.Survey, error) {
	if err := d.call(ctx, callTime); err != nil {
		return drivers.Survey{}, err
	}
	h := d.host
	h.mu.Lock()
	defer h.mu.Unlock()
	s := drivers.Survey{Pools: []drivers.Pool{*h.pool(vmPool), *h.pool(imagePool)}, Networks: h.networks()}
	minute := float64(time.Now().UnixMilli()) / 60_000
	for _, name := range h.nodeNames() {
		s.Nodes = append(s.Nodes, h.node(name, minute))
	}
	return s, nil
}

func (h *host) node(name string, minute float64) drivers.Node {
	id := hash(h.seed, "node", name)
	each := (h.count + len(h.made)) / h.nodes // VMs, about 6 GiB each
	n := drivers.Node{
		Name: name, UUID: string(uuid(uint32(id>>32), id)), CPUModel: "Fake EPYC 9554", CPUs: nodeCPUs, Sockets: 2, Cores: 32, Threads: 2, MHz: 3100,
		MemoryMiB: nodeMemoryMiB, MemoryFree: max(nodeMemoryMiB/50, nodeMemoryMiB-int64(each)*6*1024*7/10-16*1024),
		CPUPercent:   min(95, float64(each)*0.2) + 4*wave(id, minute),
		Architecture: "x86_64", Machines: []string{"pc-q35-9.0", "pc-q35-8.2", "pc-i440fx-9.0"},
		Firmwares:    []drivers.Firmware{drivers.FirmwareBIOS, drivers.FirmwareUEFI},
		Accelerators: []drivers.Accelerator{drivers.AcceleratorKVM, drivers.AcceleratorQEMU},
		Versions:     map[string]string{"fake": "1.0"},
	}
	for cell := range 2 {
		m := drivers.NUMA{ID: cell, MemoryMiB: nodeMemoryMiB / 2}
		for c := range nodeCPUs / 2 {
			m.CPUs = append(m.CPUs, cell*nodeCPUs/2+c)
		}
		n.NUMA = append(n.NUMA, m)
	}
	return n
}

func (h *host) networks() []drivers.Network {
	return []drivers.Network{
		{Name: "default", Type: "network", Mode: "nat", Active: true, Bridge: "virbr0", CIDR: "10.20.0.0/16"},
		{Name: "lan", Type: "bridge", Mode: "bridge", Active: true, Bridge: "br0"},
		{Name: "dmz", Type: "network", Mode: "isolated", Active: true, Bridge: "virbr1", CIDR: "10.30.0.0/16"},
	}
}

func (h *host) network(name string) *drivers.Network {
	for _, n := range h.networks() {
		if n.Name == name {
			return &n
		}
	}
	return nil
}
