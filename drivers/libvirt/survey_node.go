package libvirt

import (
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
)

// nodeAge is for how long the parts of a node that change with new software only are remembered:
// asking libvirt for them takes half a second on a busy host.
const nodeAge = 5 * time.Minute

// readNode describes the host.
func (d *Driver) readNode(c *libvirt.Connect) (drivers.Node, error) {
	d.seen.mu.Lock()
	known, at := d.seen.node, d.seen.nodeAt
	d.seen.mu.Unlock()
	if known == nil || time.Since(at) > nodeAge {
		n, err := d.staticNode(c)
		if err != nil {
			return drivers.Node{}, err
		}
		known = &n
		d.seen.mu.Lock()
		d.seen.node, d.seen.nodeAt = known, time.Now()
		d.seen.mu.Unlock()
	}
	n := *known
	if m, err := c.GetMemoryStats(libvirt.NODE_MEMORY_STATS_ALL_CELLS, 0); err == nil && m.TotalSet {
		// What the kernel holds as cache it gives back when VMs want it.
		n.MemoryMiB, n.MemoryFree = int64(m.Total/1024), int64((m.Free+m.Buffers+m.Cached)/1024)
	} else if free, err := c.GetFreeMemory(); err == nil {
		n.MemoryFree = int64(free >> 20)
	}
	n.CPUPercent = -1
	if s, err := c.GetCPUStats(int(libvirt.NODE_CPU_STATS_ALL_CPUS), 0); err == nil {
		now := cpuTicks{busy: s.Kernel + s.User + s.Intr, all: s.Kernel + s.User + s.Intr + s.Idle + s.Iowait}
		d.seen.mu.Lock()
		n.CPUPercent = now.since(d.seen.busy)
		d.seen.busy = now
		d.seen.mu.Unlock()
	}
	return n, nil
}

// cpuTicks is the time that a host's CPUs have spent.
type cpuTicks struct{ busy, all uint64 }

// since is how busy the CPUs were between two moments, in per cent; -1 when that cannot be said.
func (t cpuTicks) since(was cpuTicks) float64 {
	if was.all == 0 || t.all <= was.all || t.busy < was.busy {
		return -1 // the first survey, or the host has started anew
	}
	return min(100, 100*float64(t.busy-was.busy)/float64(t.all-was.all))
}

// staticNode reads what changes with new hardware or software only.
func (d *Driver) staticNode(c *libvirt.Connect) (drivers.Node, error) {
	var n drivers.Node
	info, err := c.GetNodeInfo()
	if err != nil {
		return n, err
	}
	n = drivers.Node{CPUs: int(info.Cpus), Sockets: int(info.Sockets), Cores: int(info.Cores), Threads: int(info.Threads),
		MHz: int(info.MHz), MemoryMiB: int64(info.Memory / 1024), Architecture: info.Model, CPUModel: info.Model, Versions: map[string]string{}}
	if n.Name, err = c.GetHostname(); err != nil {
		return n, err
	}
	doc, err := c.GetCapabilities()
	if err != nil {
		return n, err
	}
	var caps libvirtxml.Caps
	if err := caps.Unmarshal(doc); err != nil {
		return n, err
	}
	n.UUID = caps.Host.UUID
	if cpu := caps.Host.CPU; cpu != nil {
		n.CPUModel, n.Architecture = or(cpu.Model, n.CPUModel), or(cpu.Arch, n.Architecture)
		if t := cpu.Topology; t != nil && t.Sockets > 0 {
			n.Sockets, n.Cores, n.Threads = t.Sockets, t.Cores*max(1, t.Dies)*max(1, t.Clusters), t.Threads
		}
	}
	n.NUMA = numaOf(&caps)
	n.Machines, n.Accelerators = guestsOf(&caps, n.Architecture)
	n.Firmwares = firmwaresOf(c, n.Architecture, n.Accelerators)
	if v, err := c.GetLibVersion(); err == nil {
		n.Versions["libvirt"] = version(uint64(v))
	}
	if v, err := c.GetVersion(); err == nil {
		n.Versions["QEMU"] = version(uint64(v))
	}
	return n, nil
}

// numaOf lists the memory cells.
func numaOf(caps *libvirtxml.Caps) []drivers.NUMA {
	if caps.Host.NUMA == nil || caps.Host.NUMA.Cells == nil {
		return nil
	}
	var cells []drivers.NUMA
	for _, c := range caps.Host.NUMA.Cells.Cells {
		cell := drivers.NUMA{ID: c.ID}
		if c.Memory != nil {
			cell.MemoryMiB = int64(kib(uint(c.Memory.Size), c.Memory.Unit) / 1024)
		}
		if c.CPUS != nil {
			for _, cpu := range c.CPUS.CPUs {
				cell.CPUs = append(cell.CPUs, cpu.ID)
			}
		}
		cells = append(cells, cell)
	}
	return cells
}

// oddMachine are machine types that no server is made of: they lack PCI or are an emulator's own business.
var oddMachine = regexp.MustCompile(`^(none|x-remote|microvm|isapc|xen(fv|pv).*)$`)

// guestsOf lists the machine types and accelerators for guests of the host's own architecture.
func guestsOf(caps *libvirtxml.Caps, arch string) ([]string, []drivers.Accelerator) {
	var machines []string
	var accelerators []drivers.Accelerator
	for _, g := range caps.Guests {
		if g.OSType != "hvm" || g.Arch.Name != arch {
			continue
		}
		for _, m := range g.Arch.Machines {
			if m.Deprecated != "yes" && !oddMachine.MatchString(m.Name) {
				machines = append(machines, m.Name)
			}
		}
		for _, dom := range g.Arch.Domains {
			switch dom.Type {
			case "kvm":
				accelerators = append(accelerators, drivers.AcceleratorKVM)
			case "qemu":
				accelerators = append(accelerators, drivers.AcceleratorQEMU)
			}
		}
	}
	slices.Sort(accelerators)
	sort.Slice(machines, func(i, j int) bool { return newer(machines[i], machines[j]) })
	return slices.Compact(machines), slices.Compact(accelerators)
}

// newer puts the aliases first ("q35", "pc"), then the newest of each family.
func newer(a, b string) bool {
	family := func(m string) (string, string) {
		i := strings.LastIndexByte(m, '-')
		if i < 0 {
			return "", m
		}
		return m[:i], m[i+1:]
	}
	fa, va := family(a)
	fb, vb := family(b)
	switch {
	case fa != fb:
		return fa == "" || fb != "" && fa > fb // q35 before i440fx
	case len(va) != len(vb) && fa != "":
		return len(va) > len(vb) // 10.0 before 9.2
	}
	return va > vb
}

// firmwaresOf tells whether the host has images for UEFI guests.
func firmwaresOf(c *libvirt.Connect, arch string, accelerators []drivers.Accelerator) []drivers.Firmware {
	firmwares := []drivers.Firmware{drivers.FirmwareBIOS}
	machine, kind := "q35", "qemu"
	if arch != "x86_64" {
		machine = "virt"
		firmwares = nil
	}
	if len(accelerators) == 1 && accelerators[0] == drivers.AcceleratorKVM {
		kind = "kvm"
	}
	doc, err := c.GetDomainCapabilities("", arch, machine, kind, 0)
	if err != nil {
		return firmwares
	}
	var caps libvirtxml.DomainCaps
	if caps.Unmarshal(doc) != nil || caps.OS == nil {
		return firmwares
	}
	for _, e := range caps.OS.Enums {
		if e.Name == "firmware" && slices.Contains(e.Values, "efi") {
			firmwares = append(firmwares, drivers.FirmwareUEFI)
		}
	}
	return firmwares
}
