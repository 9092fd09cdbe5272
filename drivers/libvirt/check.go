package libvirt

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

var (
	machineName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	modelName   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
	bridgeName  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$`)
)

// maxDescription keeps a VM's document small.
const maxDescription = 64 << 10

// checkCreate refuses what would not become a sensible document. What it lets through, the XML
// encoder can write and libvirt reads back the same.
func checkCreate(r drivers.CreateRequest, l drivers.Limits) error {
	if err := checkPlainName("name", "VM", r.Name); err != nil {
		return err
	}
	if err := checkText("description", r.Description); err != nil {
		return err
	}
	switch {
	case r.VCPUs < 1:
		return fault.Field("vcpus", "Ask for at least one.", "a VM cannot have %d vCPUs", r.VCPUs)
	case r.VCPUsMax != 0 && r.VCPUsMax < r.VCPUs:
		return fault.Field("vcpusMax", "Ask for at least as many as it starts with.", "the maximum of %d vCPUs is below the %d asked for", r.VCPUsMax, r.VCPUs)
	case l.MaxVCPUs > 0 && max(r.VCPUs, r.VCPUsMax) > l.MaxVCPUs:
		return fault.Field("vcpus", fmt.Sprintf("Ask for at most %d.", l.MaxVCPUs), "the host gives a VM at most %d vCPUs", l.MaxVCPUs)
	case r.MemoryMiB < 1:
		return fault.Field("memoryMiB", "Ask for at least 1 MiB.", "a VM cannot have %d MiB of memory", r.MemoryMiB)
	case r.MemoryMax != 0 && r.MemoryMax < r.MemoryMiB:
		return fault.Field("memoryMaxMiB", "Ask for at least as much as it starts with.", "the maximum of %d MiB is below the %d MiB asked for", r.MemoryMax, r.MemoryMiB)
	case l.MaxMemoryMiB > 0 && max(r.MemoryMiB, r.MemoryMax) > l.MaxMemoryMiB:
		return fault.Field("memoryMiB", fmt.Sprintf("Ask for at most %d MiB.", l.MaxMemoryMiB), "the host has %d MiB of memory", l.MaxMemoryMiB)
	case r.Machine != "" && !machineName.MatchString(r.Machine):
		return fault.Field("machine", "Choose one of the host's machine types, or none.", "that is not a machine type")
	case len(r.Disks) > maxDrives-1:
		return fault.Field("disks", fmt.Sprintf("Ask for at most %d.", maxDrives-1), "a VM cannot have %d disks here", len(r.Disks))
	}
	switch r.Firmware {
	case "", drivers.FirmwareBIOS, drivers.FirmwareUEFI:
	default:
		return fault.Field("firmware", "Choose BIOS or UEFI.", "there is no such firmware")
	}
	switch r.Accelerator {
	case "", drivers.AcceleratorAuto, drivers.AcceleratorKVM, drivers.AcceleratorQEMU:
	default:
		return fault.Field("accelerator", "Choose AUTO, KVM or QEMU.", "there is no such accelerator")
	}
	for i, k := range r.Disks {
		if err := checkDisk(k); err != nil {
			return inField(err, "disks[%d]", i)
		}
	}
	for i, n := range r.NICs {
		if err := checkNIC(n); err != nil {
			return inField(err, "nics[%d]", i)
		}
	}
	return nil
}

func checkDisk(k drivers.DiskRequest) error {
	switch k.Bus {
	case "", "virtio", "scsi", "sata", "ide", "usb":
	default:
		return fault.Field("bus", "Choose virtio, scsi, sata, ide or usb.", "there is no such bus")
	}
	switch {
	case k.CDROM && k.Bus == "virtio":
		return fault.Field("bus", "Choose sata, or scsi.", "a CD-ROM drive cannot be on the bus virtio")
	case k.CapacityBytes < 0:
		return fault.Field("capacityBytes", "Ask for a positive size.", "a disk cannot have a negative size")
	case k.CapacityBytes == 0 && k.Image == nil && k.Volume == nil && !k.CDROM:
		return fault.Field("capacityBytes", "Say how large the disk shall be.", "an empty disk needs a size")
	case k.Image != nil && k.Volume != nil:
		return fault.Field("volume", "Give an image or a volume, not both.", "a disk is either a copy of an image or a volume itself")
	}
	return nil
}

func checkNIC(n drivers.NICRequest) error {
	switch n.Type {
	case "", "network", "user":
		if err := checkText("network", n.Network); err != nil {
			return err
		}
	case "bridge":
		if !bridgeName.MatchString(n.Network) {
			return fault.Field("network", "Give the name of a bridge of the host.", "that is not the name of a bridge")
		}
	default:
		return fault.Field("type", "Choose network, bridge or user.", "there is no such kind of network")
	}
	if n.Model != "" && !modelName.MatchString(n.Model) {
		return fault.Field("model", "Choose virtio, or e1000e for guests without its driver.", "that is not a model of a NIC")
	}
	if n.MAC != "" {
		if m, err := net.ParseMAC(n.MAC); err != nil || len(m) != 6 || m[0]&1 != 0 || !strings.Contains(n.MAC, ":") {
			return fault.Field("mac", "Give a unicast address like 52:54:00:12:34:56, or none.", "that is not a MAC address that a NIC can have")
		}
	}
	return nil
}

// checkText refuses characters that XML cannot carry.
func checkText(field, s string) error {
	const remedy = "Use printable text."
	switch {
	case len(s) > maxDescription:
		return fault.Field(field, fmt.Sprintf("Use at most %d bytes.", maxDescription), "the text has %d bytes", len(s))
	case !utf8.ValidString(s):
		return fault.Field(field, remedy, "the text is not UTF-8")
	}
	for _, r := range s {
		if r == '\n' || r == '\t' {
			continue
		}
		if unicode.IsControl(r) || r == 0xFFFE || r == 0xFFFF {
			return fault.Field(field, remedy, "the text has a control character in it")
		}
	}
	return nil
}

// inField puts the path of the thing before an error's field.
func inField(err error, format string, a ...any) error {
	f := fault.Of(err)
	prefix := fmt.Sprintf(format, a...)
	if strings.HasPrefix(f.Field, prefix) {
		return f
	}
	if f.Field != "" {
		prefix += "." + f.Field
	}
	return f.At(prefix)
}
