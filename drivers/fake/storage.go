package fake

import (
	"context"
	"strconv"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// The pools that every host has.
const (
	vmPool    = "default" // for the VMs' disks; the first, thus the one for requests that name none
	imagePool = "images"
)

// images are the volumes that every host has at first.
var images = [...]struct {
	name, format string
	capacity     int64
	used         int64
}{
	{"debian-12.qcow2", "qcow2", 3 << 30, 340 << 20},
	{"ubuntu-24.04.qcow2", "qcow2", 4 << 30, 600 << 20},
	{"fedora-42.qcow2", "qcow2", 5 << 30, 530 << 20},
	{"alpine-3.22.qcow2", "qcow2", 1 << 30, 180 << 20},
	{"tiny.qcow2", "qcow2", 64 << 20, 12 << 20},
	{"debian-12-netinst.iso", "iso", 660 << 20, 660 << 20},
}

// volume is a file in a pool.
type volume struct {
	drivers.Volume
	token string
}

func poolPath(pool string) string { return "/var/lib/fake/" + pool + "/" }

// stock gives a new host its images.
func (h *host) stock() {
	for _, i := range images {
		h.volumes[drivers.VolumeRef{Pool: imagePool, Volume: i.name}] = &volume{Volume: drivers.Volume{
			Pool: imagePool, Name: i.name, Format: i.format, Path: poolPath(imagePool) + i.name, CapacityBytes: i.capacity, UsedBytes: i.used,
		}}
	}
}

func refOfDisk(d drivers.Disk) drivers.VolumeRef {
	return drivers.VolumeRef{Pool: d.Pool, Volume: d.Volume}
}

func volumeOf(d drivers.Disk) *volume {
	return &volume{Volume: drivers.Volume{Pool: d.Pool, Name: d.Volume, Format: d.Format, Path: d.Path, CapacityBytes: d.CapacityBytes, UsedBytes: d.UsedBytes, Backing: d.Backing}}
}

// occupy makes a disk's volume, unless it is there already. h.mu is held.
func (h *host) occupy(d drivers.Disk) {
	if d.Volume != "" && h.volumes[refOfDisk(d)] == nil {
		h.volumes[refOfDisk(d)] = volumeOf(d)
	}
}

// newDisk works out the disk that a request asks for, under the name that is free on its VM. It makes
// nothing yet. h.mu is held.
func (h *host) newDisk(m *vm, q drivers.DiskRequest, field string) (drivers.Disk, error) {
	d := drivers.Disk{Device: "disk", Bus: q.Bus, Format: q.Format, Pool: q.Pool, CapacityBytes: q.CapacityBytes, ReadOnly: q.ReadOnly}
	if q.CDROM {
		d.Device, d.ReadOnly = "cdrom", true
	}
	if d.Bus == "" {
		d.Bus = "virtio"
		if q.CDROM {
			d.Bus = "sata"
		}
	}
	if d.Format == "" {
		d.Format = "qcow2"
	}
	if d.Pool == "" {
		d.Pool = vmPool
	}
	if diskName(d.Bus, 0) == "" {
		return d, said(fault.Field(field+".bus", "Use virtio, scsi, sata, ide or usb.", "there is no bus %q", d.Bus), "BAD_BUS")
	}
	for k := 0; d.Name == "" || m.disk(d.Name) != nil; k++ {
		if k == 26 { // vda to vdz
			return d, refuse(fault.Exhausted, "NO_SLOT", "Detach a disk, or use another bus.", "there is no slot left on the %s bus", d.Bus).At(field)
		}
		d.Name = diskName(d.Bus, k)
	}
	switch {
	case q.Volume != nil:
		v := h.volume(*q.Volume)
		if v == nil {
			return d, noVolume(*q.Volume, field+".volume")
		}
		if err := h.inUse(*q.Volume, m); err != nil && !d.ReadOnly {
			return d, err
		}
		d.Pool, d.Volume, d.Path, d.Format, d.Backing = v.Pool, v.Name, v.Path, v.Format, v.Backing
		d.CapacityBytes, d.UsedBytes = v.CapacityBytes, v.UsedBytes
		return d, nil
	case q.Image != nil:
		v := h.volume(*q.Image)
		if v == nil {
			return d, noVolume(*q.Image, field+".image")
		}
		if d.CapacityBytes == 0 {
			d.CapacityBytes = v.CapacityBytes
		}
		if d.CapacityBytes < v.CapacityBytes {
			return d, said(fault.Field(field+".capacityBytes", "Ask for at least the image's size.", "the disk would be smaller than its image, which has %d bytes", v.CapacityBytes), "TOO_SMALL")
		}
		if d.UsedBytes = 1 << 20; q.Clone == drivers.CloneFull {
			d.UsedBytes = v.UsedBytes
		} else {
			d.Backing = v.Path
		}
	case d.CapacityBytes <= 0:
		return d, said(fault.Field(field+".capacityBytes", "Ask for at least one byte.", "a disk of %d bytes", d.CapacityBytes), "TOO_SMALL")
	}
	pool := h.pool(d.Pool)
	if pool == nil {
		return d, said(fault.Field(field+".pool", "Choose one of the provider's pools.", "there is no storage pool %q", d.Pool), "NO_POOL")
	}
	if d.CapacityBytes > 1<<50 || d.UsedBytes > pool.FreeBytes {
		return d, refuse(fault.Exhausted, "NO_SPACE", "Ask for less, or choose another pool.", "there is no room for %d bytes in pool %q", d.CapacityBytes, d.Pool).At(field + ".capacityBytes")
	}
	for n := len(m.Disks); d.Volume == "" || h.volume(refOfDisk(d)) != nil || m.holds(d.Volume); n++ {
		d.Volume = m.Name + "-" + strconv.Itoa(n) + "." + d.Format
	}
	d.Path = poolPath(d.Pool) + d.Volume
	return d, nil
}

func (m *vm) holds(volume string) bool {
	for _, d := range m.Disks {
		if d.Volume == volume {
			return true
		}
	}
	return false
}

func noVolume(v drivers.VolumeRef, field string) error {
	return said(fault.Field(field, "Choose one of the pool's volumes.", "there is no volume %q in pool %q", v.Volume, v.Pool), "NO_VOLUME")
}

// volume finds one, be it of a VM that nobody has touched yet. h.mu is held.
func (h *host) volume(r drivers.VolumeRef) *volume {
	if v := h.volumes[r]; v != nil || r.Pool != vmPool {
		return v
	}
	// The first VMs' volumes are called after them: NAME-0.qcow2.
	name := r.Volume
	if len(name) < len("x-0.qcow2") {
		return nil
	}
	i, ok := h.numberOf(name[:len(name)-len("-0.qcow2")])
	if _, touched := h.touched[i]; !ok || touched {
		return nil
	}
	for _, d := range h.first(i, false).Disks {
		if d.Volume == name {
			return volumeOf(d)
		}
	}
	return nil
}

// inUse is a Conflict when a VM other than m, or an overlay, uses the volume. h.mu is held.
func (h *host) inUse(r drivers.VolumeRef, m *vm) error {
	v := h.volume(r)
	if v == nil {
		return nil
	}
	conflict := func(by string) error {
		return refuse(fault.Conflict, "IN_USE", "Detach or delete what uses it first.", "volume %q is used by %s", r.Volume, by)
	}
	by := func(o *vm) bool {
		for _, d := range o.Disks {
			if refOfDisk(d) == r {
				return true
			}
		}
		return false
	}
	for _, o := range h.touched {
		if o != nil && o != m && by(o) {
			return conflict("VM " + o.Name)
		}
	}
	for _, o := range h.refs {
		if o != m && by(o) {
			return conflict("VM " + o.Name)
		}
	}
	if h.volumes[r] == nil {
		return conflict("a VM")
	}
	for _, o := range h.volumes {
		if o.Backing == v.Path {
			return conflict("volume " + o.Name)
		}
	}
	if r.Pool == imagePool && h.count > 0 && v.token == "" {
		return conflict("the disks of VMs")
	}
	return nil
}

// pool describes one pool, nil when there is none of that name. h.mu is held.
func (h *host) pool(name string) *drivers.Pool {
	p := drivers.Pool{Name: name, Type: "dir", Active: true, Path: poolPath(name)}
	switch name {
	case vmPool:
		p.CapacityBytes = 4<<40 + int64(h.count)*60<<30
		p.FreeBytes = p.CapacityBytes - int64(h.count)*20<<30
	case imagePool:
		p.CapacityBytes = 500 << 30
		p.FreeBytes = p.CapacityBytes
	default:
		return nil
	}
	for r, v := range h.volumes {
		if r.Pool == name {
			p.FreeBytes -= v.UsedBytes
		}
	}
	p.FreeBytes = max(p.FreeBytes, 0)
	return &p
}

// Volumes is as drivers.Surveyor has it.
func (d *Driver) Volumes(ctx context.Context, pool string) ([]drivers.Volume, error) {
	if err := d.call(ctx, callTime); err != nil {
		return nil, err
	}
	h := d.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pool(pool) == nil {
		return nil, said(fault.Missing("storage pool", pool), "NO_POOL")
	}
	var vs []drivers.Volume
	for r, v := range h.volumes {
		if r.Pool == pool {
			vs = append(vs, v.Volume)
		}
	}
	for i := 0; i < h.count && pool == vmPool; i++ {
		if _, touched := h.touched[i]; !touched {
			for _, disk := range h.first(i, false).Disks {
				vs = append(vs, volumeOf(disk).Volume)
			}
		}
	}
	return vs, nil
}
