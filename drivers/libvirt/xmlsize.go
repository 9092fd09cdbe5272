package libvirt

import (
	"fmt"
	"strconv"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/internal/fault"
)

// setSize edits a stored document from one size to another and leaves the rest as it is.
func setSize(doc string, now, next size) (string, error) {
	x, err := parseTree(doc)
	if err != nil {
		return "", err
	}
	if next.vcpus != now.vcpus || next.vcpusMax != now.vcpusMax {
		setVCPUs(x, now, next)
	}
	if next.memory != now.memory || next.memoryMax != now.memoryMax {
		if err := setMemory(x, now, next); err != nil {
			return "", err
		}
	}
	return x.String(), nil
}

func setVCPUs(x *element, now, next size) {
	v := x.child("vcpu")
	if v == nil {
		v = &element{name: "vcpu"}
		x.children = append(x.children, v)
	}
	v.setText(strconv.Itoa(next.vcpusMax))
	v.set("current", strconv.Itoa(next.vcpus))
	// The list of single vCPUs says which are online; libvirt makes it anew.
	x.drop("vcpus")
	if next.vcpusMax == now.vcpusMax {
		return
	}
	// Topology and cells must count up to the new maximum.
	if t := x.child("cpu", "topology"); t != nil {
		threads := max(1, number(t.attr("threads")))
		rest := max(1, number(t.attr("dies"))) * max(1, number(t.attr("sockets"))) * threads
		if next.vcpusMax%rest == 0 {
			t.set("cores", strconv.Itoa(next.vcpusMax/rest))
		} else {
			for k, v := range map[string]string{"sockets": "1", "dies": "1", "threads": "1", "cores": strconv.Itoa(next.vcpusMax)} {
				if k != "dies" || t.attr("dies") != "" {
					t.set(k, v)
				}
			}
		}
	}
	if n := x.child("cpu", "numa"); n != nil {
		if cells := n.all("cell"); len(cells) == 1 {
			cells[0].set("cpus", fmt.Sprintf("0-%d", next.vcpusMax-1))
		}
	}
}

// setMemory changes what the VM boots with (the maximum) and what the balloon leaves of it. With
// virtio-mem the maximum is the room above the boot memory instead.
func setMemory(x *element, now, next size) error {
	boot := x.child("memory")
	current := x.child("currentMemory")
	if boot == nil {
		return fault.New(fault.Internal, "the VM's XML has no memory")
	}
	cells := []*element(nil)
	if n := x.child("cpu", "numa"); n != nil {
		cells = n.all("cell")
	}
	limit := x.child("maxMemory")
	room := limit != nil && number(limit.attr("slots")) > 0 && len(cells) > 0
	bootMiB := next.memoryMax
	if room {
		plugged := pluggedMiB(x)
		bootMiB = mib(uint(number(boot.text())), boot.attr("unit"))
		if next.memory != now.memory {
			bootMiB = max(next.memory, plugged+1)
		}
		if next.memoryMax != now.memoryMax || next.memoryMax < bootMiB {
			setMiB(limit, max(next.memoryMax, bootMiB))
		}
		if len(cells) > 1 && next.memory != now.memory {
			return severalCells()
		}
		if len(cells) == 1 {
			setCell(cells[0], bootMiB-plugged)
		}
	} else if len(cells) > 0 {
		if len(cells) > 1 && next.memoryMax != now.memoryMax {
			return severalCells()
		}
		if len(cells) == 1 {
			setCell(cells[0], bootMiB)
		}
	}
	setMiB(boot, bootMiB)
	if current == nil {
		current = &element{name: "currentMemory"}
		x.children = append(x.children, current)
	}
	setMiB(current, next.memory)
	return nil
}

func severalCells() error {
	return fault.New(fault.Unsupported, "the VM's memory is divided into several NUMA cells").At("memoryMiB").
		With("Say in its definition on the host how much each cell shall have.")
}

// pluggedMiB is the size of the memory devices of a stored document; libvirt counts it as memory.
func pluggedMiB(x *element) int64 {
	var sum int64
	devices := x.child("devices")
	if devices == nil {
		return 0
	}
	for _, m := range devices.all("memory") {
		if s := m.child("target", "size"); s != nil {
			sum += mib(uint(number(s.text())), s.attr("unit"))
		}
	}
	return sum
}

func setMiB(e *element, n int64) {
	e.set("unit", "MiB")
	e.setText(strconv.FormatInt(n, 10))
}

func setCell(c *element, n int64) {
	c.set("memory", strconv.FormatInt(n, 10))
	c.set("unit", "MiB")
}

func number(s string) int { n, _ := strconv.Atoi(s); return n }

// plugMemory brings memory above what the VM booted with: it grows the virtio-mem device there is,
// or adds one. It returns what is left for the balloon to do, which knows only the boot memory.
func plugMemory(dom *libvirt.Domain, x *libvirtxml.Domain, want int64) (int64, error) {
	devices := x.Devices.Memorydevs
	base := mib(x.Memory.Value, x.Memory.Unit)
	for _, m := range devices {
		if m.Target != nil && m.Target.Size != nil {
			base -= mib(m.Target.Size.Value, m.Target.Size.Unit)
		}
	}
	above := max(0, want-base)
	const block = 2 // MiB: the least that x86 plugs
	above = (above + block - 1) / block * block
	for i := range devices {
		m := &devices[i]
		if m.Model != "virtio-mem" || m.Target == nil || m.Target.Size == nil || m.Target.Requested == nil {
			continue
		}
		above = min(above, mib(m.Target.Size.Value, m.Target.Size.Unit))
		m.Target.Requested = &libvirtxml.DomainMemorydevTargetRequested{Value: uint(above), Unit: "MiB"}
		doc, err := m.Marshal()
		if err != nil {
			return 0, err
		}
		return min(want, base), dom.UpdateDeviceFlags(doc, libvirt.DOMAIN_DEVICE_MODIFY_LIVE)
	}
	if above == 0 {
		return want, nil
	}
	// One device as large as the room there is, so that it can go on growing.
	room := mib(x.MaximumMemory.Value, x.MaximumMemory.Unit) - base
	m := libvirtxml.DomainMemorydev{Model: "virtio-mem", Target: &libvirtxml.DomainMemorydevTarget{
		Size:      &libvirtxml.DomainMemorydevTargetSize{Value: uint(room / block * block), Unit: "MiB"},
		Node:      &libvirtxml.DomainMemorydevTargetNode{Value: 0},
		Block:     &libvirtxml.DomainMemorydevTargetBlock{Value: block, Unit: "MiB"},
		Requested: &libvirtxml.DomainMemorydevTargetRequested{Value: uint(above), Unit: "MiB"},
	}}
	doc, err := m.Marshal()
	if err != nil {
		return 0, err
	}
	return base, dom.AttachDeviceFlags(doc, libvirt.DOMAIN_DEVICE_MODIFY_LIVE)
}
