package libvirt

import (
	"context"
	"fmt"
	"slices"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// hostFacts is what we asked the host once, when the connection was opened.
type hostFacts struct {
	arch string // "x86_64"
	kvm  bool   // the host offers it
}

const (
	// maxName leaves room for what libvirt and QEMU append to a VM's name in names of files.
	maxName = 200

	// maxVCPUs is where x86 machines begin to need an IOMMU with extended interrupts.
	maxVCPUs = 255
)

// readHost learns the facts of the connection.
func (d *Driver) readHost(ctx context.Context) error {
	return d.do(ctx, func(c *libvirt.Connect) error {
		lib, err := c.GetLibVersion()
		if err != nil {
			return err
		}
		node, err := c.GetNodeInfo()
		if err != nil {
			return err
		}
		d.host.arch = node.Model
		qemu, err := capabilities(c, d.host.arch, "qemu")
		if err != nil {
			return err
		}
		kvm, err := capabilities(c, d.host.arch, "kvm")
		d.host.kvm = err == nil
		accelerators := []drivers.Accelerator{drivers.AcceleratorQEMU}
		limit := qemu
		if d.host.kvm {
			accelerators = append([]drivers.Accelerator{drivers.AcceleratorKVM}, accelerators...)
			limit = kvm
		}
		version, err := versions(c, lib)
		if err != nil {
			return err
		}
		d.info = drivers.Info{
			Kind: drivers.KindLibvirt, Version: version, URI: shownURI(d.config), Encryption: encryption(d.config),
			Features: drivers.Features{
				HotAddCPU: true, Balloon: true, HotAddMemory: true,
				HotAttachDisk: true, HotAttachNIC: true, HotGrowDisk: true,
				SnapshotMemory: true, SnapshotExternal: true,
				UEFI: hasUEFI(limit), Pause: true, Suspend: true,
				SerialConsole: true, VNC: d.config.Transport != drivers.TransportTLS, GuestAgent: true, Upload: true,
				Accelerators: accelerators,
			},
			Limits: drivers.Limits{
				MaxVCPUs: maxVCPUs, MaxMemoryMiB: int64(node.Memory >> 10), MaxNameLength: maxName,
				Calls: connCalls, Deadline: callDeadline,
			},
		}
		if limit.VCPU != nil && limit.VCPU.Max > 0 {
			d.info.Limits.MaxVCPUs = min(maxVCPUs, int(limit.VCPU.Max))
		}
		return nil
	})
}

// connCalls is more than the pool has sessions: a shutdown that waits for its guest holds none.
const connCalls = 32

// capabilities asks what domains of one type can have. An error when there is no such type.
func capabilities(c *libvirt.Connect, arch, virt string) (*libvirtxml.DomainCaps, error) {
	doc, err := c.GetDomainCapabilities("", arch, plan{arch: arch}.machine(), virt, 0)
	if err != nil {
		return nil, err
	}
	x := &libvirtxml.DomainCaps{}
	if err := x.Unmarshal(doc); err != nil {
		return nil, fault.New(fault.Internal, "the host's capabilities are not what we know").Because(err)
	}
	return x, nil
}

func hasUEFI(x *libvirtxml.DomainCaps) bool {
	if x.OS == nil {
		return false
	}
	return slices.ContainsFunc(x.OS.Enums, func(e libvirtxml.DomainCapsEnum) bool {
		return e.Name == "firmware" && slices.Contains(e.Values, "efi")
	})
}

// versions says what runs there in its own words.
func versions(c *libvirt.Connect, lib uint32) (string, error) {
	qemu, err := c.GetVersion()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("libvirt %s, QEMU %s", version(uint64(lib)), version(uint64(qemu))), nil
}

// version turns libvirt's 9000000 into 9.0.0.
func version(v uint64) string { return fmt.Sprintf("%d.%d.%d", v/1e6, v/1e3%1e3, v%1e3) }
