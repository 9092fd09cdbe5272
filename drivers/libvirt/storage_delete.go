package libvirt

import (
	"context"
	"path"
	"strings"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// DeleteVolume is as drivers.ImageStore has it.
func (d *Driver) DeleteVolume(ctx context.Context, ref drivers.VolumeRef) error {
	if err := checkVolumeName("volume", ref.Volume); err != nil {
		return err
	}
	return d.do(ctx, func(c *libvirt.Connect) error {
		p, err := findPool(c, ref.Pool, "pool")
		if err != nil {
			return err
		}
		defer p.free()
		v, err := p.findVolume(ref.Volume)
		if is(err, libvirt.ERR_NO_STORAGE_VOL) {
			return p.unmark("", ref.Volume)
		}
		if err != nil {
			return err
		}
		file, err := v.GetPath()
		_ = v.Free()
		if err != nil {
			return err
		}
		if err := nobodyUses(c, file, ""); err != nil {
			return err
		}
		if err := noSnapshotNeeds(c, file); err != nil {
			return err
		}
		return p.drop(ref.Volume)
	})
}

// drop removes a volume and its markers.
func (p *storagePool) drop(name string) error {
	err := p.remove(name)
	if err != nil && busy(err) {
		return fault.New(fault.Conflict, "the volume %q is still being written", name).With("Wait until that is done.").Because(err)
	}
	if err != nil {
		return err
	}
	return p.unmark("", name)
}

// removeDisk removes the volume of a VM's disk that is no longer wanted, see removeDiskOf.
func (d *Driver) removeDisk(ctx context.Context, file string) error {
	return d.removeDiskOf(ctx, "", file)
}

// removeDiskOf removes the volume of a disk of owner, a VM that is off (or empty, when nothing has
// the disk any more). Lower layers of the same disk that no snapshot needs any more go with it.
// Already gone: success. Conflict when another VM or an overlay needs it, or when it lies outside all active
// pools, where nothing is ours to remove.
func (d *Driver) removeDiskOf(ctx context.Context, owner drivers.Ref, file string) error {
	return d.do(ctx, func(c *libvirt.Connect) error {
		for file != "" {
			below, err := removeFile(c, owner, file)
			if err != nil {
				return err
			}
			file = below
		}
		return nil
	})
}

// removeFile removes one file of a disk and names the next below it, if that belongs to the same disk.
func removeFile(c *libvirt.Connect, owner drivers.Ref, file string) (below string, err error) {
	p, err := poolOf(c, file)
	if err != nil {
		return "", err
	}
	defer p.free()
	name := path.Base(file)
	v, err := p.findVolume(name)
	if is(err, libvirt.ERR_NO_STORAGE_VOL) {
		return "", p.unmark("", name)
	}
	if err != nil {
		return "", err
	}
	x, err := volumeXML(v)
	_ = v.Free()
	if err != nil {
		return "", err
	}
	if isOverlay(file) && x.BackingStore != nil && path.Dir(x.BackingStore.Path) == path.Dir(file) && stem(x.BackingStore.Path) == stem(file) {
		below = x.BackingStore.Path
	}
	if err := nobodyUses(c, file, owner); err != nil {
		return "", err
	}
	if err := p.drop(name); err != nil {
		return "", err
	}
	if below != "" && (nobodyUses(c, below, owner) != nil || noSnapshotNeeds(c, below) != nil) {
		return "", nil // something else stands on the lower layers
	}
	return below, nil
}

// poolOf finds the active pool that a file lies in.
func poolOf(c *libvirt.Connect, file string) (*storagePool, error) {
	pools, err := readPools(c)
	if err != nil {
		return nil, err
	}
	for _, p := range pools {
		if p.Active && p.Path != "" && path.IsAbs(file) && path.Dir(path.Clean(file)) == path.Clean(p.Path) {
			return findPool(c, p.Name, "pool")
		}
	}
	for _, p := range pools {
		if !p.Active && p.Path != "" && strings.HasPrefix(file, p.Path+"/") {
			return nil, fault.New(fault.Conflict, "the storage pool %q is not active", p.Name).With("Start it on the host: virsh pool-start")
		}
	}
	return nil, fault.New(fault.Conflict, "the file %q lies outside the storage pools of the host", path.Base(file)).
		With("Keep the disk, and remove its file by hand if it is not needed.")
}
