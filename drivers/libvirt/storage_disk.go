package libvirt

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// makeDisk makes the volume of a VM's disk, or finds the one that r names, and gives its path and
// the format to open it with. Fields of errors are those of r. The same token and index again
// adopt what the first call made.
func (d *Driver) makeDisk(ctx context.Context, vmName string, index int, token string, r drivers.DiskRequest) (file, format string, err error) {
	format = or(r.Format, formatQcow2)
	if format != formatQcow2 && format != formatRaw {
		return "", "", fault.Field("format", "Use qcow2 or raw.", "a disk cannot be of the format %q", clean(format))
	}
	if r.CapacityBytes < 0 || r.CapacityBytes > maxVirtual {
		return "", "", fault.Field("capacityBytes", "Give a size from 1 MiB to 64 TiB.", "a disk cannot have %d bytes", r.CapacityBytes)
	}
	switch {
	case r.Volume != nil:
		err = d.do(ctx, func(c *libvirt.Connect) (err error) { file, format, err = useVolume(c, r); return err })
	case r.CDROM:
		return "", "", fault.Field("volume", "Choose an ISO that is in a pool.", "a CD-ROM takes a volume as it is")
	case r.Image == nil && r.CapacityBytes < 1<<20:
		return "", "", fault.Field("capacityBytes", "Give a size from 1 MiB to 64 TiB.", "an empty disk needs a size")
	default:
		name := ownName(vmName, token, strconv.Itoa(index)) + "." + format
		call := d.do
		if r.Image != nil && r.Clone == drivers.CloneFull {
			call = d.long
		}
		err = call(ctx, func(c *libvirt.Connect) (err error) { file, err = newDisk(ctx, c, name, format, r); return err })
	}
	if err != nil {
		return "", "", err
	}
	return file, format, nil
}

// useVolume finds an existing volume and decides by what format it may be opened. The content of
// a disk belongs to its guest, which can write any header it likes: a raw disk opened as what it
// then claims to be would show the guest every file of the host. So a name that says raw counts
// more than the content, and content that leads elsewhere is believed only where QEMU wrote it.
func useVolume(c *libvirt.Connect, r drivers.DiskRequest) (file, format string, err error) {
	p, v, x, err := openVolume(c, *r.Volume, "volume")
	if err != nil {
		return "", "", err
	}
	defer p.free()
	defer func() { _ = v.Free() }()
	file = x.Target.Path
	head, err := readHead(c, v, headSize)
	if err != nil {
		return "", "", err
	}
	format = formatRaw
	if !r.CDROM && isQcow2(head) && fileBacked[p.Type] && path.Ext(file) != ".raw" {
		format = formatQcow2
		h, err := parseQcow2(head, maxVirtual)
		if err != nil {
			return "", "", atField(err, "volume")
		}
		if h.backing != "" && (path.Ext(file) != ".qcow2" || h.backingFormat == "" || !inPool(c, h.backing)) || h.external || h.encrypted {
			return "", "", fault.Field("volume", "Make it stand alone: qemu-img convert -O qcow2", "the volume %q refers to files outside the pools, or does not say of what format they are", x.Name)
		}
	} else if what := recognise(head); strings.HasSuffix(what, " image") && path.Ext(file) != ".raw" && what != "a qcow2 image" {
		return "", "", fault.Field("volume", "Convert it to qcow2 first.", "the volume %q is %s", x.Name, what)
	}
	if r.Format != "" && r.Format != format {
		return "", "", fault.Field("format", "Leave the format empty.", "the volume %q is of the format %s", x.Name, format)
	}
	if !r.CDROM && !r.ReadOnly {
		overlays, err := overlaysOf(c, file)
		if err != nil {
			return "", "", err
		}
		if len(overlays) > 0 {
			return "", "", fault.New(fault.Conflict, "other disks are overlays of the volume %q and would break if it were written to", x.Name).
				At("volume").With("Use it as an image, or read-only.")
		}
		if err := noSnapshotNeeds(c, file); err != nil {
			return "", "", fault.Of(classify(err)).At("volume")
		}
	}
	return file, format, nil
}

// inPool tells whether a file is a volume of an active pool.
func inPool(c *libvirt.Connect, file string) bool {
	p, err := poolOf(c, file)
	if err != nil {
		return false
	}
	defer p.free()
	v, err := p.findVolume(path.Base(file))
	if err != nil {
		return false
	}
	_ = v.Free()
	return true
}

// goneFromPool tells that a file lies where a pool is, and that the pool has no such volume. Of files elsewhere nothing is known.
func goneFromPool(c *libvirt.Connect, file string) bool {
	p, err := poolOf(c, file)
	if err != nil {
		return false
	}
	defer p.free()
	v, err := p.findVolume(path.Base(file))
	if err == nil {
		_ = v.Free()
	}
	return is(err, libvirt.ERR_NO_STORAGE_VOL)
}

// openVolume finds a volume that a user named, whole and readable. Field is the input's.
func openVolume(c *libvirt.Connect, ref drivers.VolumeRef, field string) (*storagePool, *libvirt.StorageVol, *libvirtxml.StorageVolume, error) {
	if err := checkVolumeName(field+".volume", ref.Volume); err != nil {
		return nil, nil, nil, err
	}
	p, err := findPool(c, ref.Pool, field+".pool")
	if err != nil {
		return nil, nil, nil, err
	}
	v, err := p.findVolume(ref.Volume)
	if is(err, libvirt.ERR_NO_STORAGE_VOL) {
		err = fault.Missing("volume", ref.Volume).At(field + ".volume").With("Choose a volume of the pool.")
	}
	var partial bool
	if err == nil {
		partial, err = p.marked(making, ref.Volume, "")
	}
	if err == nil && partial {
		err = fault.New(fault.Conflict, "the volume %q is not whole: it is still being written, or that broke off", ref.Volume).
			At(field + ".volume").With("Wait until it is done; if nothing is under way, delete it.")
	}
	var x *libvirtxml.StorageVolume
	if err == nil {
		x, err = volumeXML(v)
	}
	if err != nil {
		if v != nil {
			_ = v.Free()
		}
		p.free()
		return nil, nil, nil, err
	}
	return p, v, x, nil
}

// image is a volume that disks may be made from.
type image struct {
	vol     *libvirt.StorageVol
	file    string
	format  string // never a guess: content, name and libvirt agree
	virtual int64
	used    int64
}

// openImage finds an image and judges it as an upload is judged: it may have come to the pool by
// other ways, or be the disk of a VM whose guest wrote what it liked.
func openImage(c *libvirt.Connect, r drivers.DiskRequest) (*image, error) {
	p, v, x, err := openVolume(c, *r.Image, "image")
	if err != nil {
		return nil, err
	}
	defer p.free()
	im := &image{vol: v, file: x.Target.Path, format: formatRaw, virtual: sizeIn(x.Capacity), used: sizeIn(x.Allocation)}
	if err := im.judge(c, p, x, r.Clone); err != nil {
		_ = v.Free()
		return nil, err
	}
	return im, nil
}

func (im *image) judge(c *libvirt.Connect, p *storagePool, x *libvirtxml.StorageVolume, mode drivers.CloneMode) error {
	head, err := readHead(c, im.vol, headSize)
	if err != nil {
		return err
	}
	seen := volumeOf(p.Name, x)
	if isQcow2(head) {
		im.format = formatQcow2
	}
	physical := im.virtual
	if x.Physical != nil {
		physical = sizeIn(x.Physical)
	}
	virtual, err := checkContent(im.format, head, max(physical, 1))
	if err != nil {
		return atField(err, "image")
	}
	if im.format == formatQcow2 {
		im.virtual = virtual
	}
	// libvirt clones by its own opinion of the format: a different one is not to be trusted.
	if fileBacked[p.Type] && ((seen.Format == formatQcow2) != (im.format == formatQcow2) || seen.Backing != "") {
		return fault.Field("image", "Convert it to a qcow2 image that stands alone.", "the host takes the volume %q for something else than it is", x.Name)
	}
	users, err := usersOf(c, im.file)
	if err != nil {
		return err
	}
	for _, u := range users {
		if u.readOnly || mode == drivers.CloneFull && !u.active {
			continue
		}
		e := fault.New(fault.Conflict, "the volume %q is a disk of the VM %q, which may write to it", x.Name, u.name).At("image")
		if u.active {
			return e.With("Shut that VM down and make a full copy.")
		}
		return e.With("Make a full copy.")
	}
	return nil
}

// newDisk makes a volume of its own for a disk.
func newDisk(ctx context.Context, c *libvirt.Connect, name, format string, r drivers.DiskRequest) (string, error) {
	p, err := findPool(c, r.Pool, "pool")
	if err != nil {
		return "", err
	}
	defer p.free()
	if !fileBacked[p.Type] {
		switch {
		case format != formatRaw:
			return "", fault.Field("format", "Use the format raw.", "a pool of type %q holds raw volumes only", p.Type)
		case r.Image != nil && r.Clone != drivers.CloneFull:
			return "", fault.Field("clone", "Make a full copy.", "a pool of type %q holds no overlays", p.Type)
		}
	}
	full := r.Image != nil && r.Clone == drivers.CloneFull
	if file, err := p.adopt(ctx, name, full); err != nil || file != "" {
		return file, err
	}
	if r.Image == nil {
		return p.made(p.create(name, format, r.CapacityBytes, nil))
	}
	im, err := openImage(c, r)
	if err != nil {
		return "", err
	}
	defer func() { _ = im.vol.Free() }()
	capacity := max(r.CapacityBytes, im.virtual)
	if r.CapacityBytes != 0 && r.CapacityBytes < im.virtual {
		return "", fault.Field("capacityBytes", fmt.Sprintf("Give at least %d MiB, or nothing for the image's own size.", (im.virtual+1<<20-1)>>20),
			"the disk would be smaller than its image, which has %d MiB", (im.virtual+1<<20-1)>>20)
	}
	if full {
		return p.copyImage(name, format, capacity, im)
	}
	if format != formatQcow2 {
		return "", fault.Field("format", "Use qcow2, or make a full copy.", "a raw disk cannot be an overlay of an image")
	}
	backing := &libvirtxml.StorageVolumeBackingStore{Path: im.file, Format: &libvirtxml.StorageVolumeTargetFormat{Type: im.format}}
	return p.made(p.create(name, format, capacity, backing))
}

// made gives a new volume's path.
func (p *storagePool) made(v *libvirt.StorageVol, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer func() { _ = v.Free() }()
	return v.GetPath()
}

// adopt finds what an earlier call made under a name that only the same token makes. A copy that
// broke off is removed; one that libvirt is still making, though nobody waits for it, is waited for.
func (p *storagePool) adopt(ctx context.Context, name string, full bool) (string, error) {
	for {
		v, err := p.findVolume(name)
		if is(err, libvirt.ERR_NO_STORAGE_VOL) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		partial := false
		if full {
			if partial, err = p.marked(making, name, ""); err != nil {
				_ = v.Free()
				return "", err
			}
		}
		if !partial {
			return p.made(v, nil)
		}
		_ = v.Free()
		if err := p.remove(name); err == nil || !busy(err) {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// copyImage makes a full copy. libvirt copies by qemu-img with both formats given.
func (p *storagePool) copyImage(name, format string, capacity int64, im *image) (string, error) {
	need := im.used
	if format == formatRaw && !fileBacked[p.Type] {
		need = capacity
	}
	if p.CapacityBytes > 0 && need > p.FreeBytes {
		return "", fault.New(fault.Exhausted, "the pool %q has %d MiB free, the copy needs %d MiB", p.Name, p.FreeBytes>>20, need>>20).
			At("pool").With("Free space in the pool or use another one.")
	}
	if err := p.mark(making, name, name); err != nil {
		return "", err
	}
	x := libvirtxml.StorageVolume{Name: name, Capacity: volumeSize(im.virtual),
		Target: &libvirtxml.StorageVolumeTarget{Format: &libvirtxml.StorageVolumeTargetFormat{Type: format}}}
	if fileBacked[p.Type] {
		x.Allocation = volumeSize(0)
	} else {
		x.Capacity = volumeSize(capacity)
	}
	doc, err := x.Marshal()
	if err != nil {
		return "", err
	}
	v, err := p.handle.StorageVolCreateXMLFrom(doc, im.vol, 0)
	if err != nil {
		_ = p.unmark(making, name) // libvirt has removed what there was
		return "", err
	}
	if capacity > im.virtual && fileBacked[p.Type] {
		if err := v.Resize(uint64(capacity), 0); err != nil {
			_ = v.Free()
			return "", err
		}
	}
	file, err := p.made(v, nil)
	if err != nil {
		return "", err
	}
	return file, p.unmark(making, name)
}

// atField says that an error is about a field of the input, whatever part of it was looked at.
func atField(err error, field string) error {
	if !fault.Is(err, fault.Invalid) {
		return err
	}
	return fault.Of(err).At(field)
}
