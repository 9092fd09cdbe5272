package libvirt

import (
	"encoding/xml"
	"fmt"
	"strings"

	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

const (
	// sparePorts are PCIe slots for what is attached while the VM runs: one can only add to a
	// running q35 machine what it booted with a port for.
	sparePorts = 10

	// statsPeriod is how often, in seconds, the guest's balloon driver tells what memory it uses.
	statsPeriod = 5

	// maxDrives keeps target names to two letters, "vda" to "vdz".
	maxDrives = 26
)

// drive is a disk of a VM to be built.
type drive struct {
	drivers.DiskRequest
	path, format string
	seed         bool
}

// plan is a VM to be built: the request with what the host has decided.
type plan struct {
	drivers.CreateRequest
	ref         drivers.Ref
	arch        string
	accelerator drivers.Accelerator // KVM or QEMU
	drives      []drive
	mark        mark
}

// build writes a VM's document.
//
// Memory: the machine boots with the maximum and a balloon in the guest holds back what is not
// given, so memory grows and shrinks in the running guest and the guest's own count follows. It
// needs a driver that every Linux has and nothing on the kernel's command line; virtio-mem, the
// other way, wants the guest to bring new memory online, which Debian's does not by itself.
// The price is the page table of the maximum (1.6 %) in the guest, and that a guest without the
// driver keeps the maximum.
func build(p plan) (string, error) {
	vcpus, vcpusMax := p.VCPUs, max(p.VCPUs, p.VCPUsMax)
	memory, memoryMax := p.MemoryMiB, max(p.MemoryMiB, p.MemoryMax)
	x := &libvirtxml.Domain{
		Type: "qemu", Name: p.Name, UUID: string(p.ref), Description: p.Description,
		Metadata:      &libvirtxml.DomainMetadata{XML: p.mark.xml()},
		Memory:        &libvirtxml.DomainMemory{Value: uint(memoryMax), Unit: "MiB"},
		CurrentMemory: &libvirtxml.DomainCurrentMemory{Value: uint(memory), Unit: "MiB"},
		VCPU:          &libvirtxml.DomainVCPU{Placement: "static", Current: uint(vcpus), Value: uint(vcpusMax)},
		OS:            &libvirtxml.DomainOS{Type: &libvirtxml.DomainOSType{Arch: p.arch, Machine: p.machine(), Type: "hvm"}},
		Features:      &libvirtxml.DomainFeatureList{ACPI: &libvirtxml.DomainFeature{}},
		CPU: &libvirtxml.DomainCPU{
			// One socket: desktop Windows uses no more than two.
			Topology: &libvirtxml.DomainCPUTopology{Sockets: 1, Dies: 1, Cores: vcpusMax, Threads: 1},
		},
		Clock:      &libvirtxml.DomainClock{Offset: "utc"},
		OnPoweroff: "destroy", OnReboot: "restart", OnCrash: "destroy",
		Devices: p.devices(),
	}
	switch p.accelerator {
	case drivers.AcceleratorKVM:
		x.Type = "kvm"
		x.CPU.Mode = "host-model"
		x.CPU.Check = "partial"
	default:
		// All that emulation offers: QEMU's default model is too old for today's distributions.
		x.CPU.Mode = "maximum"
	}
	if p.x86() {
		x.Features.APIC = &libvirtxml.DomainFeatureAPIC{}
		x.PM = &libvirtxml.DomainPM{SuspendToMem: &libvirtxml.DomainPMPolicy{Enabled: "no"}, SuspendToDisk: &libvirtxml.DomainPMPolicy{Enabled: "no"}}
		x.Clock.Timer = []libvirtxml.DomainTimer{
			{Name: "rtc", TickPolicy: "catchup"}, {Name: "pit", TickPolicy: "delay"}, {Name: "hpet", Present: "no"},
		}
	}
	if p.Firmware == drivers.FirmwareUEFI {
		x.OS.Firmware = "efi"
		x.OS.FirmwareInfo = &libvirtxml.DomainOSFirmwareInfo{Features: []libvirtxml.DomainOSFirmwareFeature{
			{Name: "secure-boot", Enabled: "no"}, {Name: "enrolled-keys", Enabled: "no"},
		}}
	}
	doc, err := x.Marshal()
	if err != nil {
		return "", fault.New(fault.Internal, "the VM's XML cannot be written").Because(err)
	}
	return doc, nil
}

func (p plan) x86() bool { return p.arch == "x86_64" || p.arch == "i686" }

// machine is the machine type that is asked for; libvirt makes the newest version out of a family.
func (p plan) machine() string {
	switch {
	case p.Machine != "":
		return p.Machine
	case p.x86():
		return "q35"
	}
	return "virt"
}

// pcie tells whether the machine needs a root port for every hotplugged device.
func (p plan) pcie() bool {
	m := p.machine()
	return strings.Contains(m, "q35") || strings.HasPrefix(m, "virt")
}

func (p plan) devices() *libvirtxml.DomainDeviceList {
	zero := uint(0)
	l := &libvirtxml.DomainDeviceList{
		Serials:  []libvirtxml.DomainSerial{{Source: pty(), Target: &libvirtxml.DomainSerialTarget{Port: &zero}}},
		Consoles: []libvirtxml.DomainConsole{{Source: pty(), Target: &libvirtxml.DomainConsoleTarget{Type: "serial", Port: &zero}}},
		Channels: []libvirtxml.DomainChannel{{
			Source: &libvirtxml.DomainChardevSource{UNIX: &libvirtxml.DomainChardevSourceUNIX{Mode: "bind"}},
			Target: &libvirtxml.DomainChannelTarget{VirtIO: &libvirtxml.DomainChannelTargetVirtIO{Name: agentChannel}},
		}},
		Inputs: []libvirtxml.DomainInput{{Type: "tablet", Bus: "usb"}},
		Graphics: []libvirtxml.DomainGraphic{{VNC: &libvirtxml.DomainGraphicVNC{
			Port: -1, AutoPort: "yes", Listen: "127.0.0.1",
			Listeners: []libvirtxml.DomainGraphicListener{{Address: &libvirtxml.DomainGraphicListenerAddress{Address: "127.0.0.1"}}},
		}}},
		Videos:     []libvirtxml.DomainVideo{{Model: libvirtxml.DomainVideoModel{Type: p.video()}}},
		MemBalloon: &libvirtxml.DomainMemBalloon{Model: "virtio", FreePageReporting: "on", Stats: &libvirtxml.DomainMemBalloonStats{Period: statsPeriod}},
		RNGs:       []libvirtxml.DomainRNG{{Model: "virtio", Backend: &libvirtxml.DomainRNGBackend{Random: &libvirtxml.DomainRNGBackendRandom{Device: "/dev/urandom"}}}},
		Controllers: []libvirtxml.DomainController{
			{Type: "usb", Index: &zero, Model: "qemu-xhci"},
			{Type: "virtio-serial", Index: &zero},
		},
	}
	names := namer{}
	order := uint(0)
	ports := 4 // USB, serial channel, balloon, RNG
	scsi := false
	for _, k := range p.drives {
		disk := k.xml(names, p.pcie())
		if !k.seed {
			order++
			disk.Boot = &libvirtxml.DomainDeviceBoot{Order: order}
		}
		switch disk.Target.Bus {
		case "virtio":
			ports++
		case "scsi":
			scsi = true
		}
		l.Disks = append(l.Disks, disk)
	}
	if scsi {
		ports++
		scsiQueues := diskQueues
		l.Controllers = append(l.Controllers, libvirtxml.DomainController{Type: "scsi", Index: &zero, Model: "virtio-scsi", Driver: &libvirtxml.DomainControllerDriver{Queues: &scsiQueues}})
	}
	for _, n := range p.NICs {
		ports++
		l.Interfaces = append(l.Interfaces, nicXML(n))
	}
	if p.pcie() {
		l.Controllers = append(l.Controllers, libvirtxml.DomainController{Type: "pci", Index: &zero, Model: "pcie-root"})
		for range ports + sparePorts {
			l.Controllers = append(l.Controllers, libvirtxml.DomainController{Type: "pci", Model: "pcie-root-port"})
		}
	}
	return l
}

func (p plan) video() string {
	if p.x86() {
		return "vga"
	}
	return "virtio"
}

func pty() *libvirtxml.DomainChardevSource {
	return &libvirtxml.DomainChardevSource{Pty: &libvirtxml.DomainChardevSourcePty{}}
}

// namer gives out target names, by the prefix of their bus.
type namer map[string]bool

func (n namer) next(bus string) string {
	prefix := map[string]string{"virtio": "vd", "ide": "hd"}[bus]
	if prefix == "" {
		prefix = "sd"
	}
	for c := 'a'; c <= 'z'; c++ {
		if name := prefix + string(c); !n[name] {
			n[name] = true
			return name
		}
	}
	return ""
}

// bus is what a drive hangs on when the request does not say.
func (k drive) bus(pcie bool) string {
	switch {
	case k.Bus != "":
		return k.Bus
	case k.CDROM && !pcie:
		return "ide"
	case k.CDROM:
		return "sata"
	}
	return "virtio"
}

// diskQueues is said outright: left to itself QEMU makes one queue for each vCPU that a VM boots
// with, and then a memory snapshot taken after vCPUs were added fits no VM that boots with them.
const diskQueues uint = 4

// xml writes a drive. The format is always given: QEMU must never guess it from content that a
// guest can write.
func (k drive) xml(names namer, pcie bool) libvirtxml.DomainDisk {
	bus := k.bus(pcie)
	x := libvirtxml.DomainDisk{
		Device: "disk",
		Driver: &libvirtxml.DomainDiskDriver{Name: "qemu", Type: k.format},
		Target: &libvirtxml.DomainDiskTarget{Dev: names.next(bus), Bus: bus},
	}
	if bus == "virtio" {
		queues := diskQueues
		x.Driver.Queues = &queues
	}
	if k.CDROM {
		x.Device = "cdrom"
	}
	if k.CDROM || k.ReadOnly {
		x.ReadOnly = &libvirtxml.DomainDiskReadOnly{}
	} else if bus != "usb" {
		x.Driver.Discard = "unmap"
	}
	switch {
	case k.path == "":
		x.Driver.Type = formatRaw
		x.Source = &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{}}
	case strings.HasPrefix(k.path, "/dev/"):
		x.Source = &libvirtxml.DomainDiskSource{Block: &libvirtxml.DomainDiskSourceBlock{Dev: k.path}}
	default:
		x.Source = &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{File: k.path}}
	}
	return x
}

// nicXML writes a NIC.
func nicXML(n drivers.NICRequest) libvirtxml.DomainInterface {
	x := libvirtxml.DomainInterface{Model: &libvirtxml.DomainInterfaceModel{Type: or(n.Model, "virtio")}, Source: &libvirtxml.DomainInterfaceSource{}}
	switch n.Type {
	case "bridge":
		x.Source.Bridge = &libvirtxml.DomainInterfaceSourceBridge{Bridge: n.Network}
	case "user":
		x.Source.User = &libvirtxml.DomainInterfaceSourceUser{}
	default:
		x.Source.Network = &libvirtxml.DomainInterfaceSourceNetwork{Network: n.Network}
	}
	if n.MAC != "" {
		x.MAC = &libvirtxml.DomainInterfaceMAC{Address: strings.ToLower(n.MAC)}
	}
	return x
}

// xml writes the mark, in its own namespace, which libvirt keeps as it is.
func (m mark) xml() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<novacron:vm xmlns:novacron="%s">`, markSpace)
	for _, f := range []struct{ name, text string }{{"token", m.Token}, {"owner", m.Owner}, {"seed", m.Seed}, {"part", m.Part}} {
		if f.text != "" {
			b.WriteString("<novacron:" + f.name + ">")
			_ = xml.EscapeText(&b, []byte(f.text))
			b.WriteString("</novacron:" + f.name + ">")
		}
	}
	b.WriteString("</novacron:vm>")
	return b.String()
}
