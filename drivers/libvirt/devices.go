package libvirt

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// unplugPatience is how long a guest may take to let go of a device. It does in well under a
// second, or (while it boots, or without the driver) never.
const unplugPatience = 15 * time.Second

// AttachDisk is as drivers.DeviceAttacher has it. The volume's name derives from the token, so that a
// repeated call finds the volume and then the disk.
func (d *Driver) AttachDisk(ctx context.Context, ref drivers.Ref, token string, r drivers.DiskRequest) (drivers.Disk, error) {
	if err := checkDisk(r); err != nil {
		return drivers.Disk{}, err
	}
	if r.CDROM && r.Image == nil && r.Volume == nil {
		return drivers.Disk{}, fault.Field("volume", "Name the volume that the drive shall hold.", "an empty CD-ROM drive cannot be attached")
	}
	vm, err := d.Get(ctx, ref)
	if err != nil {
		return drivers.Disk{}, err
	}
	if vm.State == drivers.StateSuspended {
		return drivers.Disk{}, errSuspended()
	}
	k := drive{DiskRequest: r}
	if k.path, k.format, err = d.makeDisk(ctx, vm.Name, 0, token, r); err != nil {
		return drivers.Disk{}, err
	}
	if disk, ok := diskAt(vm, k.path); ok {
		return disk, nil
	}
	names := namer{}
	for _, disk := range vm.Disks {
		names[disk.Name] = true
	}
	pcie := plan{CreateRequest: drivers.CreateRequest{Machine: vm.Machine}, arch: vm.Architecture}.pcie()
	x := k.xml(names, pcie)
	if x.Target.Dev == "" {
		return drivers.Disk{}, fault.New(fault.Exhausted, "the VM has no free place on the bus %s", x.Target.Bus).With("Detach a disk, or use another bus.")
	}
	doc, err := x.Marshal()
	if err != nil {
		return drivers.Disk{}, fault.New(fault.Internal, "the disk's XML cannot be written").Because(err)
	}
	if err := d.attach(ctx, ref, doc); err != nil {
		if r.Volume == nil && !fault.KindOf(err).Retryable() && ctx.Err() == nil {
			_ = d.removeDisk(ctx, k.path) // what the call made goes with it
		}
		return drivers.Disk{}, err
	}
	if vm, err = d.Get(ctx, ref); err != nil {
		return drivers.Disk{}, err
	}
	if disk, ok := diskAt(vm, k.path); ok {
		return disk, nil
	}
	return drivers.Disk{}, fault.New(fault.Conflict, "the disk was attached and is not there any more").With("Look at the VM again.")
}

func diskAt(vm drivers.VM, path string) (drivers.Disk, bool) {
	for _, k := range vm.Disks {
		if k.Path == path {
			return k, true
		}
	}
	return drivers.Disk{}, false
}

// AttachNIC is as drivers.DeviceAttacher has it.
func (d *Driver) AttachNIC(ctx context.Context, ref drivers.Ref, n drivers.NICRequest) (drivers.NIC, error) {
	if err := checkNIC(n); err != nil {
		return drivers.NIC{}, err
	}
	if n.MAC == "" {
		n.MAC = newMAC()
	}
	vm, err := d.Get(ctx, ref)
	if err != nil {
		return drivers.NIC{}, err
	}
	if nic, ok := nicWith(vm, n.MAC); ok {
		return nic, nil
	}
	if vm.State == drivers.StateSuspended {
		return drivers.NIC{}, errSuspended()
	}
	if err := d.do(ctx, func(c *libvirt.Connect) error { return findNetwork(c, &n) }); err != nil {
		return drivers.NIC{}, err
	}
	x := nicXML(n)
	doc, err := x.Marshal()
	if err != nil {
		return drivers.NIC{}, fault.New(fault.Internal, "the NIC's XML cannot be written").Because(err)
	}
	if err := d.attach(ctx, ref, doc); err != nil {
		return drivers.NIC{}, err
	}
	if vm, err = d.Get(ctx, ref); err != nil {
		return drivers.NIC{}, err
	}
	if nic, ok := nicWith(vm, n.MAC); ok {
		return nic, nil
	}
	return drivers.NIC{}, fault.New(fault.Conflict, "the NIC was attached and is not there any more").With("Look at the VM again.")
}

func nicWith(vm drivers.VM, mac string) (drivers.NIC, bool) {
	for _, n := range vm.NICs {
		if strings.EqualFold(n.MAC, mac) {
			return n, true
		}
	}
	return drivers.NIC{}, false
}

// newMAC makes an address in QEMU's range.
func newMAC() string {
	var b [3]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", b[0], b[1], b[2])
}

func errSuspended() error {
	return fault.New(fault.Conflict, "the VM is suspended: its saved memory knows the devices that it had").With("Resume it or switch it off first.")
}

// attach adds a device to what runs and to what is stored.
func (d *Driver) attach(ctx context.Context, ref drivers.Ref, doc string) error {
	return d.long(ctx, about(ref, func(_ *libvirt.Connect, dom *libvirt.Domain) error {
		where, err := bothSides(dom)
		if err != nil {
			return err
		}
		return dom.AttachDeviceFlags(doc, where)
	}))
}

// bothSides is where a VM's devices are: running, stored, or both.
func bothSides(dom *libvirt.Domain) (libvirt.DomainDeviceModifyFlags, error) {
	active, err := dom.IsActive()
	if err != nil {
		return 0, err
	}
	persistent, err := dom.IsPersistent()
	if err != nil {
		return 0, err
	}
	var where libvirt.DomainDeviceModifyFlags
	if active {
		where |= libvirt.DOMAIN_DEVICE_MODIFY_LIVE
	}
	if persistent {
		where |= libvirt.DOMAIN_DEVICE_MODIFY_CONFIG
	}
	return where, nil
}

// DetachDisk takes the disk out of what runs, then removes the volume, then takes it out of what
// is stored: a call that dies in between is found out by the next one.
func (d *Driver) DetachDisk(ctx context.Context, ref drivers.Ref, name string, fate drivers.DiskFate) error {
	return d.detach(ctx, ref, "disk", fate, func(e *element) bool {
		t := e.child("target")
		return t != nil && t.attr("dev") == name
	})
}

// DetachNIC is as drivers.DeviceAttacher has it.
func (d *Driver) DetachNIC(ctx context.Context, ref drivers.Ref, mac string) error {
	return d.detach(ctx, ref, "interface", drivers.DiskKeep, func(e *element) bool {
		m := e.child("mac")
		return m != nil && strings.EqualFold(m.attr("address"), mac)
	})
}

func (d *Driver) detach(ctx context.Context, ref drivers.Ref, kind string, fate drivers.DiskFate, is func(*element) bool) error {
	vm, err := d.Get(ctx, ref)
	if err != nil {
		return err
	}
	if vm.State == drivers.StateSuspended {
		return errSuspended()
	}
	path := ""
	live := vm.State != drivers.StateStopped
	if live {
		if path, err = d.unplug(ctx, ref, kind, is); err != nil {
			return err
		}
	}
	stored, storedPath, err := d.device(ctx, ref, libvirt.DOMAIN_XML_INACTIVE, kind, is)
	if err != nil && (!live || !fault.Is(err, fault.NotFound)) {
		return err
	}
	if fate == drivers.DiskDelete && kind == "disk" {
		if err := d.removeFiles(ctx, ref, nonEmpty(path, storedPath)); err != nil {
			return err
		}
	}
	if stored == "" {
		return nil
	}
	return d.long(ctx, about(ref, func(_ *libvirt.Connect, dom *libvirt.Domain) error {
		if where, err := bothSides(dom); err != nil || where&libvirt.DOMAIN_DEVICE_MODIFY_CONFIG == 0 {
			return err
		}
		return dom.DetachDeviceFlags(stored, libvirt.DOMAIN_DEVICE_MODIFY_CONFIG)
	}))
}

func nonEmpty(all ...string) []string {
	var some []string
	for _, s := range all {
		if s != "" {
			some = append(some, s)
		}
	}
	return some
}

// unplug takes a device out of the running VM and waits until the guest has let go of it. It
// returns the file of a disk.
func (d *Driver) unplug(ctx context.Context, ref drivers.Ref, kind string, is func(*element) bool) (string, error) {
	doc, path, err := d.device(ctx, ref, 0, kind, is)
	if err != nil || doc == "" {
		return "", err
	}
	err = d.long(ctx, about(ref, func(_ *libvirt.Connect, dom *libvirt.Domain) error {
		return dom.DetachDeviceFlags(doc, libvirt.DOMAIN_DEVICE_MODIFY_LIVE)
	}))
	// An unplug that is under way already is waited for like our own.
	if err != nil && !strings.Contains(fault.Of(err).ProviderText, "in the process of unplug") {
		return "", err
	}
	deadline := time.Now().Add(unplugPatience)
	for {
		left, _, err := d.device(ctx, ref, 0, kind, is)
		if err != nil || left == "" {
			return path, err
		}
		if time.Now().After(deadline) {
			return "", fault.New(fault.Conflict, "the guest does not let go of the device").
				With("Stop using it in the guest and try again, or shut the VM down first. A guest that is still booting lets go of nothing.")
		}
		select {
		case <-ctx.Done():
			return "", waited(ctx)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// device finds a device's part of a document, and a disk's file. Empty when it is not there.
func (d *Driver) device(ctx context.Context, ref drivers.Ref, flags libvirt.DomainXMLFlags, kind string, is func(*element) bool) (doc, path string, err error) {
	err = d.do(ctx, func(c *libvirt.Connect) error {
		doc, path = "", ""
		dom, err := domain(c, ref)
		if err != nil {
			return err
		}
		defer func() { _ = dom.Free() }()
		all, err := dom.GetXMLDesc(flags)
		if err != nil {
			return err
		}
		x, err := parseTree(all)
		if err != nil {
			return err
		}
		devices := x.child("devices")
		if devices == nil {
			return nil
		}
		for _, e := range devices.all(kind) {
			if is(e) {
				doc = e.String()
				if s := e.child("source"); s != nil {
					path = or(s.attr("file"), s.attr("dev"))
				}
				return nil
			}
		}
		return nil
	})
	return doc, path, err
}
