package libvirt

import (
	"context"
	"slices"
	"strings"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// remains is what goes with a VM.
type remains struct {
	active bool
	files  []string // volumes to be removed, overlays before what they are overlays of
	made   string   // part of the names of the volumes of an unfinished create; empty for none
}

// Delete removes the disks first and the definition last: a call that dies in between leaves a VM
// that the next one finds, and with it the disks that are still to go.
func (d *Driver) Delete(ctx context.Context, ref drivers.Ref, o drivers.DeleteOptions) (drivers.Task, error) {
	if ref == "" && o.Token != "" {
		ref = refOf(o.Token)
	}
	var rest remains
	err := d.do(ctx, about(ref, func(_ *libvirt.Connect, dom *libvirt.Domain) (err error) {
		rest, err = remainsOf(dom, o)
		return err
	}))
	if fault.Is(err, fault.NotFound) {
		return drivers.Done(ref), nil // already gone
	}
	if err != nil {
		return drivers.Task{}, err
	}
	if rest.active {
		if err := d.forceOff(ctx, ref); err != nil && !fault.Is(err, fault.NotFound) {
			return drivers.Task{}, err
		}
	}
	if rest.made != "" {
		made, err := d.volumesNamed(ctx, rest.made)
		if err != nil {
			return drivers.Task{}, err
		}
		rest.files = append(rest.files, made...)
	}
	if err := d.removeFiles(ctx, ref, rest.files); err != nil {
		return drivers.Task{}, err
	}
	err = d.long(ctx, about(ref, func(_ *libvirt.Connect, dom *libvirt.Domain) error {
		nvram := libvirt.DOMAIN_UNDEFINE_NVRAM
		if o.NVRAM == drivers.DiskKeep {
			nvram = libvirt.DOMAIN_UNDEFINE_KEEP_NVRAM
		}
		return dom.UndefineFlags(nvram | libvirt.DOMAIN_UNDEFINE_MANAGED_SAVE |
			libvirt.DOMAIN_UNDEFINE_SNAPSHOTS_METADATA | libvirt.DOMAIN_UNDEFINE_CHECKPOINTS_METADATA)
	}))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return drivers.Task{}, err
	}
	return drivers.Done(ref), nil
}

// remainsOf decides what goes with a VM.
func remainsOf(dom *libvirt.Domain, o drivers.DeleteOptions) (r remains, err error) {
	if r.active, err = dom.IsActive(); err != nil {
		return r, err
	}
	doc, err := dom.GetXMLDesc(0)
	if err != nil {
		return r, err
	}
	x, err := parseDomain(doc)
	if err != nil {
		return r, err
	}
	layers, err := snapshotLayers(dom, o)
	if err != nil {
		return r, err
	}
	m := markOf(x)
	if m.Part != "" {
		r.made = "-" + digest(m.Token, x.Name) + "-"
	}
	if x.Devices == nil {
		return r, nil
	}
	for i := range x.Devices.Disks {
		k := diskOf(&x.Devices.Disks[i], nil)
		fate, named := o.Disks[k.Name]
		seed := k.Path != "" && k.Path == m.Seed
		if k.Path != "" && (fate == drivers.DiskDelete || seed && !named) {
			r.files = append(r.files, k.Path)
			r.files = append(r.files, layers[k.Name]...)
		}
	}
	return r, nil
}

// snapshotLayers are the files that snapshots say a disk once had, the newest first: with external
// snapshots a disk is a chain of them.
func snapshotLayers(dom *libvirt.Domain, o drivers.DeleteOptions) (map[string][]string, error) {
	snaps, err := dom.ListAllSnapshots(libvirt.DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL)
	if is(err, libvirt.ERR_NO_SUPPORT, libvirt.ERR_OPERATION_UNSUPPORTED) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		for i := range snaps {
			_ = snaps[i].Free()
		}
	}()
	if len(snaps) > 0 && !o.Snapshots {
		return nil, fault.New(fault.Conflict, "the VM has %d snapshots", len(snaps)).With("Say that they shall go too, or delete them first.")
	}
	layers := map[string][]string{}
	add := func(k drivers.Disk) {
		if k.Path != "" && !slices.Contains(layers[k.Name], k.Path) {
			layers[k.Name] = append(layers[k.Name], k.Path)
		}
	}
	for i := len(snaps) - 1; i >= 0; i-- {
		doc, err := snaps[i].GetXMLDesc(0)
		if err != nil {
			return nil, err
		}
		var s libvirtxml.DomainSnapshot
		if err := s.Unmarshal(doc); err != nil {
			continue
		}
		if s.Disks != nil {
			for _, k := range s.Disks.Disks {
				add(drivers.Disk{Name: k.Name, Path: sourcePath(k.Source)})
			}
		}
		if s.Domain != nil && s.Domain.Devices != nil {
			for i := range s.Domain.Devices.Disks {
				add(diskOf(&s.Domain.Devices.Disks[i], nil))
			}
		}
	}
	return layers, nil
}

// removeFiles removes volumes of a VM that has them no more, or is about to. One that another is an overlay of goes after that; so they are
// tried again for as long as any goes.
func (d *Driver) removeFiles(ctx context.Context, owner drivers.Ref, files []string) error {
	var left []string
	for _, f := range files {
		if !slices.Contains(left, f) {
			left = append(left, f)
		}
	}
	for len(left) > 0 {
		var still []string
		var last error
		for _, f := range left {
			err := d.removeDiskOf(ctx, owner, f)
			switch {
			case fault.Is(err, fault.Conflict):
				still, last = append(still, f), err
			case err != nil && !fault.Is(err, fault.NotFound):
				return err
			}
		}
		if len(still) == len(left) {
			return last
		}
		left = still
	}
	return nil
}

// volumesNamed finds volumes by a part of their names, in all active pools.
func (d *Driver) volumesNamed(ctx context.Context, part string) ([]string, error) {
	var paths []string
	err := d.do(ctx, func(c *libvirt.Connect) error {
		paths = nil
		pools, err := c.ListAllStoragePools(libvirt.CONNECT_LIST_STORAGE_POOLS_ACTIVE)
		if err != nil {
			return err
		}
		for i := range pools {
			vols, err := pools[i].ListAllStorageVolumes(0)
			_ = pools[i].Free()
			if err != nil {
				continue // gone meanwhile
			}
			for j := range vols {
				name, err := vols[j].GetName()
				if err == nil && strings.Contains(name, part) {
					if p, err := vols[j].GetPath(); err == nil {
						paths = append(paths, p)
					}
				}
				_ = vols[j].Free()
			}
		}
		return nil
	})
	return paths, err
}
