package libvirt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// fileBacked are the kinds of pools whose volumes are files: only they take images of any format,
// overlays and markers.
var fileBacked = map[string]bool{"dir": true, "fs": true, "netfs": true}

// storagePool is an active pool and what we need to know of it.
type storagePool struct {
	drivers.Pool
	handle *libvirt.StoragePool
}

func (p *storagePool) free() { _ = p.handle.Free() }

// findPool opens a pool by its name, the default one without. Field is the input's, for errors.
func findPool(c *libvirt.Connect, name, field string) (*storagePool, error) {
	if name == "" {
		var err error
		if name, err = firstPool(c); err != nil {
			return nil, err
		}
	}
	if len(name) > maxVolumeName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '/' }) {
		return nil, fault.Missing("storage pool", name[:min(len(name), 40)]).At(field)
	}
	h, err := c.LookupStoragePoolByName(name)
	if is(err, libvirt.ERR_NO_STORAGE_POOL) {
		return nil, fault.Missing("storage pool", name).At(field).With("Choose one of the host's pools.")
	}
	if err != nil {
		return nil, err
	}
	p, err := readPool(h)
	if err == nil && !p.Active {
		err = fault.New(fault.Conflict, "the storage pool %q is not active", name).At(field).With("Start it on the host: virsh pool-start")
	}
	if err != nil {
		_ = h.Free()
		return nil, err
	}
	return &storagePool{p, h}, nil
}

// firstPool is the pool called default, or else the first by name that takes files.
func firstPool(c *libvirt.Connect) (string, error) {
	pools, err := readPools(c)
	if err != nil {
		return "", err
	}
	best := ""
	for _, p := range pools {
		if p.Active && fileBacked[p.Type] && (best == "" || p.Name == "default") {
			best = p.Name
		}
	}
	if best == "" {
		return "", fault.New(fault.Conflict, "the host has no active storage pool").At("pool").
			With("Make one on the host: virsh pool-define-as default dir --target /var/lib/libvirt/images && virsh pool-start default && virsh pool-autostart default")
	}
	return best, nil
}

// findVolume opens a volume of a pool. Files that somebody put there by other means are found too.
func (p *storagePool) findVolume(name string) (*libvirt.StorageVol, error) {
	v, err := p.handle.LookupStorageVolByName(name)
	if is(err, libvirt.ERR_NO_STORAGE_VOL) {
		if err := p.refresh(context.Background(), 0); err != nil {
			return nil, err
		}
		v, err = p.handle.LookupStorageVolByName(name)
	}
	return v, err
}

// refresh makes libvirt look at the pool's folder again. While a volume is being written there it
// refuses; for up to patience that is waited for, and then left be.
func (p *storagePool) refresh(ctx context.Context, patience time.Duration) error {
	for end := time.Now().Add(patience); ; {
		err := p.handle.Refresh(0)
		if err == nil || !busy(err) {
			return err
		}
		if time.Now().After(end) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// busy tells that libvirt is still writing a volume of the pool, or the volume itself.
func busy(err error) bool {
	var e libvirt.Error
	return errors.As(err, &e) && (strings.Contains(e.Message, "asynchronous jobs running") || strings.Contains(e.Message, "still being allocated") || strings.Contains(e.Message, "is still in use"))
}

// volumeXML reads a volume's document.
func volumeXML(v *libvirt.StorageVol) (*libvirtxml.StorageVolume, error) {
	doc, err := v.GetXMLDesc(0)
	if err != nil {
		return nil, err
	}
	x := &libvirtxml.StorageVolume{}
	if err := x.Unmarshal(doc); err != nil {
		return nil, err
	}
	if x.Target == nil {
		x.Target = &libvirtxml.StorageVolumeTarget{}
	}
	return x, nil
}

// volumeOf turns a volume's document into ours. The format in it is libvirt's guess from the
// content, good to be shown; nothing is opened by it.
func volumeOf(pool string, x *libvirtxml.StorageVolume) drivers.Volume {
	v := drivers.Volume{Pool: pool, Name: x.Name, Path: x.Target.Path, CapacityBytes: sizeIn(x.Capacity), UsedBytes: sizeIn(x.Allocation)}
	if x.Target.Format != nil {
		v.Format = x.Target.Format.Type
	}
	if x.BackingStore != nil {
		v.Backing = x.BackingStore.Path
	}
	return v
}

func sizeIn(s *libvirtxml.StorageVolumeSize) int64 {
	if s == nil {
		return 0
	}
	return int64(s.Value) // libvirt answers in bytes
}

func volumeSize(n int64) *libvirtxml.StorageVolumeSize {
	return &libvirtxml.StorageVolumeSize{Unit: "bytes", Value: uint64(n)}
}

// Volumes is as drivers.Surveyor has it.
func (d *Driver) Volumes(ctx context.Context, pool string) ([]drivers.Volume, error) {
	var all []drivers.Volume
	err := d.do(ctx, func(c *libvirt.Connect) error {
		p, err := findPool(c, pool, "pool")
		if err != nil {
			return err
		}
		defer p.free()
		if d.seen.due("refresh "+p.Name, 10*time.Second) {
			_ = p.refresh(ctx, 0) // a pool that cannot be read anew is shown as it was
		}
		handles, err := p.handle.ListAllStorageVolumes(0)
		if err != nil {
			return err
		}
		for i := range handles {
			x, err := volumeXML(&handles[i])
			_ = handles[i].Free()
			if is(err, libvirt.ERR_NO_STORAGE_VOL) {
				continue // gone meanwhile
			}
			if err != nil {
				return err
			}
			if !strings.HasPrefix(x.Name, markerPrefix) {
				all = append(all, volumeOf(p.Name, x))
			}
		}
		return nil
	})
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all, err
}

// readHead gives the first bytes of a volume.
func readHead(c *libvirt.Connect, v *libvirt.StorageVol, n int) ([]byte, error) {
	s, err := c.NewStream(0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Free() }()
	if err := v.Download(s, 0, uint64(n), 0); err != nil {
		return nil, err
	}
	head := make([]byte, n)
	got := 0
	for got < n {
		k, err := s.Recv(head[got:])
		if errors.Is(err, io.EOF) || err == nil && k == 0 {
			break
		}
		if err == nil && k < 0 {
			err = fmt.Errorf("a blocking stream answered %d", k)
		}
		if err != nil {
			_ = s.Abort()
			return nil, err
		}
		got += k
	}
	return head[:got], s.Finish()
}
