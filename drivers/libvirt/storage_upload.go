package libvirt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

var _ drivers.ImageStore = (*Driver)(nil)

// contextNone is for cleaning up, which must happen however a call ended.
var contextNone = context.Background()

// refreshPatience is how long a new volume may take to be seen by its pool: while libvirt writes
// another one, a full clone say, it does not look at the pool.
const refreshPatience = time.Minute

// PutVolume is as drivers.ImageStore has it. The image is judged by its first bytes before the pool is
// touched. Until it is whole a marker beside it keeps it from being used.
func (d *Driver) PutVolume(ctx context.Context, ref drivers.VolumeRef, token, format string, size int64, r io.Reader) (drivers.Volume, error) {
	var none drivers.Volume
	if err := checkVolumeName("volume", ref.Volume); err != nil {
		return none, err
	}
	head := make([]byte, min(max(size, 0), headSize))
	if _, err := io.ReadFull(r, head); err != nil {
		return none, endedEarly(err)
	}
	virtual, err := checkContent(format, head, size)
	if err != nil {
		return none, err
	}
	var v drivers.Volume
	created := false
	err = d.long(ctx, func(c *libvirt.Connect) error {
		p, err := findPool(c, ref.Pool, "pool")
		if err != nil {
			return err
		}
		defer p.free()
		if err := p.fits(size, virtual); err != nil {
			return err
		}
		if err := p.claim(ref.Volume, token); err != nil {
			return err
		}
		vol, err := p.create(ref.Volume, formatRaw, size, nil)
		if err != nil {
			_ = p.unmark("", ref.Volume)
			return err
		}
		created = true
		defer func() { _ = vol.Free() }()
		if err := send(c, vol, size, io.MultiReader(bytes.NewReader(head), r)); err != nil {
			return err
		}
		if v, err = p.admit(ctx, ref.Volume, format); err != nil {
			return err
		}
		if err := p.mark(made, ref.Volume, token); err != nil {
			return err
		}
		return p.unmark(making, ref.Volume)
	})
	if err != nil && created {
		d.discard(ref)
	}
	if err != nil {
		return none, err
	}
	return v, nil
}

// fits refuses what the pool has no room for.
func (p *storagePool) fits(size, virtual int64) error {
	if p.CapacityBytes > 0 && virtual > p.CapacityBytes {
		return fault.Field("size", "Use a larger pool or a smaller image.", "the image has %d GiB, the pool %q only %d GiB", virtual>>30, p.Name, p.CapacityBytes>>30)
	}
	if p.CapacityBytes > 0 && size > p.FreeBytes {
		return fault.New(fault.Exhausted, "the pool %q has %d MiB free, %d MiB are needed", p.Name, p.FreeBytes>>20, (size+1<<20-1)>>20).With("Free space in the pool or use another one.")
	}
	return nil
}

// claim takes a name for a token: what the same token left there is removed, anything else stays.
func (p *storagePool) claim(name, token string) error {
	vol, err := p.findVolume(name)
	if err != nil && !is(err, libvirt.ERR_NO_STORAGE_VOL) {
		return err
	}
	if err == nil {
		_ = vol.Free()
		ours := false
		for _, s := range []string{making, made} {
			if token == "" || ours || !fileBacked[p.Type] {
				break
			}
			if ours, err = p.marked(s, name, token); err != nil {
				return err
			}
		}
		if !ours {
			return fault.New(fault.Exists, "the pool %q has a volume %q already", p.Name, name).At("volume").With("Choose another name, or make an image of that volume as it is.")
		}
		if err := p.remove(name); err != nil {
			return err
		}
	}
	if err := p.unmark("", name); err != nil {
		return err
	}
	return p.mark(making, name, token)
}

// create makes a volume; backing is for an overlay.
func (p *storagePool) create(name, format string, capacity int64, backing *libvirtxml.StorageVolumeBackingStore) (*libvirt.StorageVol, error) {
	x := libvirtxml.StorageVolume{Name: name, Capacity: volumeSize(capacity), BackingStore: backing,
		Target: &libvirtxml.StorageVolumeTarget{Format: &libvirtxml.StorageVolumeTargetFormat{Type: format}}}
	if fileBacked[p.Type] {
		x.Allocation = volumeSize(0)
	}
	if format == formatQcow2 {
		x.Target.Compat = "1.1"
	}
	doc, err := x.Marshal()
	if err != nil {
		return nil, err
	}
	return p.handle.StorageVolCreateXML(doc, 0)
}

// sendChunk is what fits into one message of libvirt's protocol.
const sendChunk = 262120

// send fills a volume from r.
func send(c *libvirt.Connect, v *libvirt.StorageVol, size int64, r io.Reader) error {
	s, err := c.NewStream(0)
	if err != nil {
		return err
	}
	defer func() { _ = s.Free() }()
	if err := v.Upload(s, 0, uint64(size), 0); err != nil {
		return err
	}
	buf := make([]byte, sendChunk)
	for left := size; left > 0; {
		n, err := io.ReadFull(r, buf[:min(left, sendChunk)])
		if err != nil {
			_ = s.Abort()
			return endedEarly(err)
		}
		left -= int64(n)
		for b := buf[:n]; len(b) > 0; {
			k, err := s.Send(b)
			if err == nil && k <= 0 {
				err = errors.New("a blocking stream took nothing")
			}
			if err != nil {
				_ = s.Abort()
				return err
			}
			b = b[k:]
		}
	}
	// More than was announced is another image than was judged, or a cut one.
	if n, _ := io.ReadFull(r, buf[:1]); n > 0 {
		_ = s.Abort()
		return fault.Field("size", "Announce the size of the whole file.", "the image is longer than its announced size")
	}
	return s.Finish()
}

// endedEarly is the error of a source that gave fewer bytes than promised.
func endedEarly(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.Field("size", "Send the whole file.", "the image ended before its announced size")
	}
	return fault.New(fault.Canceled, "the sender of the image stopped").With("Send it again.").Because(err)
}

// admit looks at a volume as libvirt now sees it: libvirt must take it for what we took it for,
// since it clones by its own opinion.
func (p *storagePool) admit(ctx context.Context, name, format string) (drivers.Volume, error) {
	var none drivers.Volume
	if err := p.refresh(ctx, refreshPatience); err != nil {
		return none, err
	}
	vol, err := p.handle.LookupStorageVolByName(name)
	if err != nil {
		return none, err
	}
	defer func() { _ = vol.Free() }()
	x, err := volumeXML(vol)
	if err != nil {
		return none, err
	}
	v := volumeOf(p.Name, x)
	if !fileBacked[p.Type] {
		v.Format = format
		return v, nil
	}
	if (v.Format == formatQcow2) != (format == formatQcow2) || v.Backing != "" {
		return none, fault.Field("image", "Make it stand alone: qemu-img convert -O qcow2 FILE image.qcow2", "the host takes the image for something else: %s", or(v.Format, "nothing it knows"))
	}
	if v.Format != formatISO {
		v.Format = format
	}
	return v, nil
}

// discard removes what a failed upload left. It is best effort: the marker stays if it fails, and
// with it the volume stays unusable.
func (d *Driver) discard(ref drivers.VolumeRef) {
	_ = d.do(contextNone, func(c *libvirt.Connect) error {
		p, err := findPool(c, ref.Pool, "pool")
		if err != nil {
			return err
		}
		defer p.free()
		for end := time.Now().Add(callDeadline / 2); ; time.Sleep(50 * time.Millisecond) {
			if err = p.remove(ref.Volume); err == nil || !busy(err) || time.Now().After(end) {
				break
			}
		}
		if err != nil {
			return err
		}
		return p.unmark("", ref.Volume)
	})
}

// putSeed stores a seed. The volume's name has the token in it: one that is there is our own.
func (d *Driver) putSeed(ctx context.Context, pool, name string, image []byte) (string, error) {
	path := ""
	err := d.do(ctx, func(c *libvirt.Connect) error {
		p, err := findPool(c, pool, "pool")
		if err != nil {
			return err
		}
		defer p.free()
		if !fileBacked[p.Type] {
			return fault.New(fault.Unsupported, "a pool of type %q cannot hold a cloud-init seed", p.Type).At("pool").With("Put the VM's first disk into a pool of files.")
		}
		if err := p.remove(name); err != nil {
			return err
		}
		v, err := p.create(name, formatRaw, int64(len(image)), nil)
		if err != nil {
			return err
		}
		defer func() { _ = v.Free() }()
		if err := send(c, v, int64(len(image)), bytes.NewReader(image)); err != nil {
			_ = v.Delete(0)
			return err
		}
		path, err = v.GetPath()
		return err
	})
	return path, err
}

// gone tells that a file is no longer where libvirt thought it was.
func gone(err error) bool {
	var e libvirt.Error
	return errors.As(err, &e) && strings.Contains(e.Message, "No such file or directory")
}
