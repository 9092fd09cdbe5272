package libvirt

import (
	"context"
	"encoding/xml"
	"path"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// CreateSnapshot is as drivers.Snapshotter has it.
func (d *Driver) CreateSnapshot(ctx context.Context, ref drivers.Ref, r drivers.SnapshotRequest) (drivers.Snapshot, error) {
	if err := checkSnapshot(r); err != nil {
		return drivers.Snapshot{}, err
	}
	var taken drivers.Snapshot
	err := d.long(ctx, about(ref, func(c *libvirt.Connect, dom *libvirt.Domain) error {
		all, err := readSnaps(dom)
		if err != nil {
			return err
		}
		if s, ok := find(all, r.Name); ok {
			if r.Token == "" || s.Token != r.Token {
				return fault.New(fault.Exists, "the VM has a snapshot %q already", r.Name).At("name").With("Choose another name.")
			}
			taken = s.Snapshot
			return nil
		}
		if mixed(all, r.External) {
			return fault.New(fault.Conflict, "internal and external snapshots of one VM cannot be mixed").At("external").
				With("Take the kind that the VM has already, or delete those first.")
		}
		doc, flags, err := planSnapshot(c, dom, r)
		if err != nil {
			return err
		}
		s, err := dom.CreateSnapshotXML(doc, flags)
		if err != nil {
			return err
		}
		_ = s.Free()
		all, err = readSnaps(dom)
		if err != nil {
			return err
		}
		made, ok := find(all, r.Name)
		if !ok {
			return fault.New(fault.Conflict, "the snapshot %q was deleted as soon as it was taken", r.Name)
		}
		taken = made.Snapshot
		return nil
	}))
	return taken, err
}

// maxSnapshotName: QEMU cuts longer ones off inside an image.
const maxSnapshotName = 100

// checkSnapshot judges the request alone.
func checkSnapshot(r drivers.SnapshotRequest) error {
	const remedy = "Use up to 100 letters, digits, dots, hyphens, underscores and spaces, among them a letter; begin with a letter or digit."
	if err := checkPlainName("name", "snapshot", r.Name); err != nil {
		return fault.Of(err).With(remedy)
	}
	if len(r.Name) > maxSnapshotName {
		return fault.Field("name", remedy, "the name of a snapshot has %d bytes", len(r.Name))
	}
	if !strings.ContainsFunc(r.Name, unicode.IsLetter) {
		// qemu-img takes a number for the id of another snapshot in the same image.
		return fault.Field("name", remedy, "the name of a snapshot cannot be a number")
	}
	if strings.ContainsFunc(r.Token, unicode.IsControl) {
		return fault.Field("token", "Use the operation's id.", "the token has control characters in it")
	}
	return checkText("description", r.Description)
}

// planSnapshot decides how the snapshot is taken, or why it cannot be.
func planSnapshot(c *libvirt.Connect, dom *libvirt.Domain, r drivers.SnapshotRequest) (string, libvirt.DomainSnapshotCreateFlags, error) {
	active, err := dom.IsActive()
	if err != nil {
		return "", 0, err
	}
	if !active {
		if saved, err := dom.HasManagedSaveImage(0); err != nil {
			return "", 0, err
		} else if saved {
			return "", 0, fault.New(fault.Conflict, "the VM is suspended").With("Resume it or force it off first: the memory on disk would no longer fit after a restore.")
		}
	}
	doc, err := dom.GetXMLDesc(0)
	if err != nil {
		return "", 0, err
	}
	x, err := parseDomain(doc)
	if err != nil {
		return "", 0, err
	}
	s := libvirtxml.DomainSnapshot{Name: r.Name, Description: joinDescription(r.Description, r.Token), Disks: &libvirtxml.DomainSnapshotDisks{}}
	var flags libvirt.DomainSnapshotCreateFlags
	switch {
	case r.External && r.Memory && active:
		return "", 0, fault.New(fault.Unsupported, "an external snapshot keeps the disks only").At("memory").
			With("Take an internal snapshot, or one without the memory.")
	case r.External:
		flags = libvirt.DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | libvirt.DOMAIN_SNAPSHOT_CREATE_ATOMIC
	case active && !r.Memory:
		return "", 0, fault.New(fault.Conflict, "an internal snapshot of a running VM must have its memory").At("memory").
			With("Keep the memory too, take an external snapshot, or shut the VM down first.")
	}
	if r.External && active && r.Quiesce {
		if !agentConnected(x) {
			return "", 0, fault.New(fault.Conflict, "the VM's guest agent does not run, so that its file systems cannot be frozen").At("quiesce").
				With("Start qemu-guest-agent in the guest, or take the snapshot without freezing.")
		}
		flags |= libvirt.DOMAIN_SNAPSHOT_CREATE_QUIESCE
	}
	if !r.External && pflash(x) {
		return "", 0, fault.New(fault.Unsupported, "a VM with UEFI cannot have internal snapshots: libvirt cannot keep its firmware's variables in one").At("external").
			With("Take an external snapshot.")
	}
	id := digest(or(r.Token, uuid.NewString()), r.Name)
	if x.Devices == nil {
		x.Devices = &libvirtxml.DomainDeviceList{}
	}
	kept := 0
	for i := range x.Devices.Disks {
		k, err := planDisk(c, &x.Devices.Disks[i], id, r.External)
		if err != nil {
			return "", 0, err
		}
		if k.Snapshot != "no" {
			kept++
		}
		s.Disks.Disks = append(s.Disks.Disks, k)
	}
	if kept == 0 {
		return "", 0, fault.New(fault.Conflict, "the VM has no disk that a snapshot could keep").With("Attach a disk first.")
	}
	b, err := xml.Marshal(&s)
	return string(b), flags, err
}

// pflash tells whether a VM boots by UEFI with variables of its own.
func pflash(x *libvirtxml.Domain) bool {
	return x.OS != nil && (x.OS.Firmware == "efi" || x.OS.Loader != nil && x.OS.Loader.Type == "pflash")
}

// planDisk decides what a snapshot does with one disk.
func planDisk(c *libvirt.Connect, k *libvirtxml.DomainDisk, id string, external bool) (libvirtxml.DomainSnapshotDisk, error) {
	s := libvirtxml.DomainSnapshotDisk{Snapshot: "no"}
	if k.Target != nil {
		s.Name = k.Target.Dev
	}
	if k.Device == "cdrom" || k.Device == "floppy" || k.ReadOnly != nil || sourcePath(k.Source) == "" {
		return s, nil
	}
	format := formatRaw
	if k.Driver != nil {
		format = or(k.Driver.Type, formatRaw)
	}
	if !external {
		if format != formatQcow2 {
			return s, fault.New(fault.Unsupported, "the disk %s is of the format %s, which holds no internal snapshots", s.Name, format).At("external").
				With("Take an external snapshot.")
		}
		s.Snapshot = "internal"
		return s, nil
	}
	if k.Source.File == nil {
		return s, fault.New(fault.Unsupported, "the disk %s is no file, so that there is no place for an overlay", s.Name).At("external").
			With("Take an internal snapshot if its format is qcow2, or detach it first.")
	}
	file := k.Source.File.File
	p, err := poolOf(c, file)
	if err != nil {
		return s, err
	}
	defer p.free()
	overlay := path.Join(path.Dir(file), overlayName(file, id))
	if err := p.clear(c, overlay); err != nil {
		return s, err
	}
	s.Snapshot = "external"
	s.Driver = &libvirtxml.DomainDiskDriver{Type: formatQcow2}
	s.Source = &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{File: overlay}}
	return s, nil
}

// clear removes the overlay that an earlier call of the same token left behind unused.
func (p *storagePool) clear(c *libvirt.Connect, overlay string) error {
	v, err := p.findVolume(path.Base(overlay))
	if is(err, libvirt.ERR_NO_STORAGE_VOL) {
		return nil
	}
	if err != nil {
		return err
	}
	_ = v.Free()
	if err := nobodyUses(c, overlay, ""); err != nil {
		return err
	}
	return p.drop(path.Base(overlay))
}
