package libvirt

import (
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// readVM reads one VM: the document as it runs or as it was saved, and beside it the stored one, from which a
// restart would build it.
func readVM(c *libvirt.Connect, r roll, pools []poolPath) (drivers.VM, error) {
	dom, err := domain(c, r.ref)
	if err != nil {
		return drivers.VM{}, err
	}
	defer func() { _ = dom.Free() }()
	doc, err := dom.GetXMLDesc(0)
	if err != nil {
		return drivers.VM{}, err
	}
	x, err := parseDomain(doc)
	if err != nil {
		return drivers.VM{}, err
	}
	next := x
	if r.managedSave {
		x = savedDocument(dom, x)
	}
	vm := r.vm()
	fill(&vm, x, r, pools)
	switch {
	case r.active() && r.persistent:
		stored, err := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
		if err != nil {
			return drivers.VM{}, err
		}
		y, err := parseDomain(stored)
		if err != nil {
			return drivers.VM{}, err
		}
		vm.Pending = pending(vm, x, y)
		if s := sizeOf(y); s.memory <= vm.MemoryMax {
			vm.MemoryWanted = s.memory // more than it can grow to is pending
		}
	case r.managedSave:
		vm.Pending = pending(vm, x, next)
		readBackings(c, &vm)
	case !r.active():
		readBackings(c, &vm)
	}
	return vm, nil
}

// savedDocument is what goes on when a suspended VM is resumed; the stored one when that cannot be read.
func savedDocument(dom *libvirt.Domain, stored *libvirtxml.Domain) *libvirtxml.Domain {
	doc, err := dom.ManagedSaveGetXMLDesc(0)
	if err != nil {
		return stored
	}
	x, err := parseDomain(doc)
	if err != nil {
		return stored
	}
	return x
}

// parseDomain reads a domain's document.
func parseDomain(doc string) (*libvirtxml.Domain, error) {
	x := &libvirtxml.Domain{}
	if err := x.Unmarshal(doc); err != nil {
		return nil, fault.New(fault.Internal, "the VM's XML is not what we know").Because(err)
	}
	return x, nil
}

// fill takes over what a document says.
func fill(vm *drivers.VM, x *libvirtxml.Domain, r roll, pools []poolPath) {
	m := markOf(x)
	vm.Token, vm.Owner = m.Token, m.Owner
	vm.Description = x.Description
	s := sizeOf(x)
	vm.VCPUs, vm.VCPUsMax, vm.MemoryMiB, vm.MemoryMax = s.vcpus, s.vcpusMax, s.memory, s.memoryMax
	vm.MemoryWanted = s.memory
	if x.OS != nil && x.OS.Type != nil {
		vm.Architecture, vm.Machine = x.OS.Type.Arch, x.OS.Type.Machine
	}
	vm.Firmware = firmwareOf(x)
	switch x.Type {
	case "kvm":
		vm.Accelerator = drivers.AcceleratorKVM
	case "qemu":
		vm.Accelerator = drivers.AcceleratorQEMU
	}
	if x.Devices == nil {
		return
	}
	for i := range x.Devices.Disks {
		disk := diskOf(&x.Devices.Disks[i], pools)
		disk.Seed = disk.Path != "" && disk.Path == m.Seed
		b := r.blocks[disk.Name]
		disk.CapacityBytes, disk.UsedBytes = b.capacity, b.used
		if b.capacity == 0 && disk.Path != "" && r.active() {
			vm.Problem = "the VM is busy with another job or its QEMU does not answer: the sizes of its disks are not known"
		}
		vm.Disks = append(vm.Disks, disk)
	}
	for i := range x.Devices.Interfaces {
		vm.NICs = append(vm.NICs, nicOf(&x.Devices.Interfaces[i]))
	}
	vm.SerialConsole = len(x.Devices.Serials) > 0 || len(x.Devices.Consoles) > 0
	for _, g := range x.Devices.Graphics {
		vm.VNC = vm.VNC || g.VNC != nil
	}
	vm.GuestAgent = r.active() && agentConnected(x)
}

// size is what can be resized, without the disks.
type size struct {
	vcpus, vcpusMax   int
	memory, memoryMax int64 // MiB
}

// sizeOf reads a document's size. Memory that virtio-mem devices have plugged in counts as
// memory, what they could still plug in as maximum.
func sizeOf(x *libvirtxml.Domain) size {
	var s size
	if x.VCPU != nil {
		s.vcpusMax = int(x.VCPU.Value)
		s.vcpus = int(x.VCPU.Current)
		if s.vcpus == 0 {
			s.vcpus = s.vcpusMax
		}
	}
	if x.Memory != nil {
		s.memoryMax = mib(x.Memory.Value, x.Memory.Unit)
		s.memory = s.memoryMax
	}
	if x.CurrentMemory != nil {
		s.memory = mib(x.CurrentMemory.Value, x.CurrentMemory.Unit)
	}
	if x.MaximumMemory != nil && growable(x) {
		s.memoryMax = max(s.memoryMax, mib(x.MaximumMemory.Value, x.MaximumMemory.Unit))
	}
	return s
}

// growable tells whether virtio-mem can add memory above what the VM booted with: the document has
// room for it and says to which cell it belongs.
func growable(x *libvirtxml.Domain) bool {
	return x.MaximumMemory != nil && x.MaximumMemory.Slots > 0 && x.CPU != nil && x.CPU.Numa != nil && len(x.CPU.Numa.Cell) > 0
}

// mib turns a number with libvirt's unit into MiB, rounded.
func mib(v uint, unit string) int64 { return int64((kib(v, unit) + 512) / 1024) }

func kib(v uint, unit string) uint64 {
	n := uint64(v)
	switch unit {
	case "b", "bytes":
		return n / 1024
	case "KB":
		return n * 1000 / 1024
	case "", "k", "KiB":
		return n
	case "MB":
		return n * 1e6 / 1024
	case "M", "MiB":
		return n << 10
	case "GB":
		return n * 1e9 / 1024
	case "G", "GiB":
		return n << 20
	case "TB":
		return n * 1e12 / 1024
	case "T", "TiB":
		return n << 30
	}
	return n
}

func firmwareOf(x *libvirtxml.Domain) drivers.Firmware {
	if x.OS != nil && (x.OS.Firmware == "efi" || x.OS.Loader != nil && x.OS.Loader.Type == "pflash") {
		return drivers.FirmwareUEFI
	}
	return drivers.FirmwareBIOS
}

// diskOf reads a disk.
func diskOf(x *libvirtxml.DomainDisk, pools []poolPath) drivers.Disk {
	d := drivers.Disk{Device: x.Device, ReadOnly: x.ReadOnly != nil}
	if d.Device == "" {
		d.Device = "disk"
	}
	if x.Target != nil {
		d.Name, d.Bus = x.Target.Dev, x.Target.Bus
	}
	if x.Driver != nil {
		d.Format = x.Driver.Type
	}
	if x.Source != nil && x.Source.Volume != nil {
		d.Pool, d.Volume = x.Source.Volume.Pool, x.Source.Volume.Volume
		for _, p := range pools {
			if p.name == d.Pool {
				d.Path = p.path + "/" + d.Volume
			}
		}
		return d
	}
	d.Path = sourcePath(x.Source)
	d.Pool, d.Volume = volumeAt(pools, d.Path)
	if x.BackingStore != nil {
		d.Backing = sourcePath(x.BackingStore.Source)
	}
	return d
}

// sourcePath is where a disk's content lies.
func sourcePath(s *libvirtxml.DomainDiskSource) string {
	switch {
	case s == nil:
		return ""
	case s.File != nil:
		return s.File.File
	case s.Block != nil:
		return s.Block.Dev
	case s.Network != nil:
		return s.Network.Protocol + ":" + s.Network.Name
	case s.Dir != nil:
		return s.Dir.Dir
	}
	return ""
}

// readBackings asks the pools what the disks of a stopped VM are overlays of; the document of a
// running one says it itself.
func readBackings(c *libvirt.Connect, vm *drivers.VM) {
	for i := range vm.Disks {
		k := &vm.Disks[i]
		if k.Pool == "" || k.Format != formatQcow2 || k.Backing != "" {
			continue
		}
		vol, err := c.LookupStorageVolByPath(k.Path)
		if err != nil {
			continue // not known to its pool
		}
		doc, err := vol.GetXMLDesc(0)
		_ = vol.Free()
		var v libvirtxml.StorageVolume
		if err == nil && v.Unmarshal(doc) == nil && v.BackingStore != nil {
			k.Backing = v.BackingStore.Path
		}
	}
}

// nicOf reads a NIC.
func nicOf(x *libvirtxml.DomainInterface) drivers.NIC {
	n := drivers.NIC{LinkUp: x.Link == nil || x.Link.State != "down"}
	if x.MAC != nil {
		n.MAC = strings.ToLower(x.MAC.Address)
	}
	if x.Model != nil {
		n.Model = x.Model.Type
	}
	s := x.Source
	switch {
	case s == nil:
	case s.Network != nil:
		n.Type, n.Network = "network", s.Network.Network
	case s.Bridge != nil:
		n.Type, n.Network = "bridge", s.Bridge.Bridge
	case s.Direct != nil:
		n.Type, n.Network = "direct", s.Direct.Dev
	case s.User != nil:
		n.Type = "user"
	case s.Ethernet != nil:
		n.Type = "ethernet"
	case s.Hostdev != nil:
		n.Type = "hostdev"
	case s.VHostUser != nil:
		n.Type = "vhostuser"
	default:
		n.Type = "other"
	}
	return n
}

const agentChannel = "org.qemu.guest_agent.0"

// agentConnected tells whether the guest has opened its agent's channel.
func agentConnected(x *libvirtxml.Domain) bool {
	if x.Devices == nil {
		return false
	}
	for _, ch := range x.Devices.Channels {
		if ch.Target != nil && ch.Target.VirtIO != nil && ch.Target.VirtIO.Name == agentChannel && ch.Target.VirtIO.State == "connected" {
			return true
		}
	}
	return false
}

// blocksOf picks the disks out of bulk statistics.
func blocksOf(s domainStats) map[string]block {
	blocks := map[string]block{}
	for i := range s.values["block.count"] {
		p := "block." + strconv.FormatInt(i, 10) + "."
		if name := s.names[p+"name"]; name != "" {
			blocks[name] = block{s.values[p+"capacity"], s.values[p+"allocation"]}
		}
	}
	if n, told := s.values["block.count"]; !told || n > 0 && len(blocks) == 0 {
		return nil
	}
	return blocks
}

// pending is what the stored document changes at the next start.
func pending(vm drivers.VM, live, stored *libvirtxml.Domain) []drivers.PendingChange {
	var all []drivers.PendingChange
	add := func(field, current, next string) {
		if current != next {
			all = append(all, drivers.PendingChange{Field: field, Current: current, Next: next})
		}
	}
	a, b := sizeOf(live), sizeOf(stored)
	add("vcpus", strconv.Itoa(a.vcpus), strconv.Itoa(b.vcpus))
	add("vcpusMax", strconv.Itoa(a.vcpusMax), strconv.Itoa(b.vcpusMax))
	// What the guest's balloon can do, or declines to do, needs no restart.
	if b.memory > a.memoryMax || a.memoryMax != b.memoryMax {
		add("memoryMiB", showMiB(a.memory), showMiB(b.memory))
	}
	add("memoryMaxMiB", showMiB(a.memoryMax), showMiB(b.memoryMax))
	if stored.OS != nil && stored.OS.Type != nil {
		add("machine", vm.Machine, stored.OS.Type.Machine)
	}
	add("firmware", string(vm.Firmware), string(firmwareOf(stored)))
	has := func(x *libvirtxml.Domain) (names map[string]string) {
		names = map[string]string{}
		if x.Devices == nil {
			return names
		}
		for i := range x.Devices.Disks {
			k := diskOf(&x.Devices.Disks[i], nil)
			names["disks."+k.Name] = "attached"
		}
		for i := range x.Devices.Interfaces {
			names["nics."+nicOf(&x.Devices.Interfaces[i]).MAC] = "attached"
		}
		return names
	}
	now, next := has(live), has(stored)
	both := maps.Clone(now)
	maps.Copy(both, next)
	for _, k := range slices.Sorted(maps.Keys(both)) {
		add(k, or(now[k], "absent"), or(next[k], "absent"))
	}
	return all
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func showMiB(n int64) string { return fmt.Sprintf("%d MiB", n) }

// mark is what we write into a VM's metadata.
type mark struct {
	XMLName xml.Name `xml:"urn:novacron:vm:1 vm"`
	Token   string   `xml:"token"`
	Owner   string   `xml:"owner"`
	Seed    string   `xml:"seed"` // the path of the cloud-init seed
	Part    string   `xml:"part"` // "yes" while it is being made
}

const markSpace = "urn:novacron:vm:1"

// markOf reads what we once wrote.
func markOf(x *libvirtxml.Domain) mark {
	if x.Metadata == nil {
		return mark{}
	}
	var all struct {
		Marks []mark `xml:"urn:novacron:vm:1 vm"`
	}
	if xml.Unmarshal([]byte("<metadata>"+x.Metadata.XML+"</metadata>"), &all) != nil || len(all.Marks) == 0 {
		return mark{}
	}
	return all.Marks[0]
}
