package libvirt

import (
	"context"
	"path"
	"strings"

	"github.com/google/uuid"
	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// RestoreSnapshot is as drivers.Snapshotter has it. The VM's definition is brought back too, as it was then.
func (d *Driver) RestoreSnapshot(ctx context.Context, ref drivers.Ref, name string) (drivers.Task, error) {
	was, err := d.state(ctx, ref)
	if err != nil {
		return drivers.Task{}, err
	}
	err = d.long(ctx, about(ref, func(c *libvirt.Connect, dom *libvirt.Domain) error {
		all, err := readSnaps(dom)
		if err != nil {
			return err
		}
		s, ok := find(all, name)
		switch {
		case !ok:
			return fault.Missing("snapshot", name).With("Look at the VM's snapshots again.")
		case s.External && s.Memory:
			return fault.New(fault.Unsupported, "the snapshot keeps its memory in a file of its own, which cannot be restored here").
				With("Restore it on the host with a libvirt of at least 9.10.")
		case s.External:
			return restoreExternal(c, dom, s, all)
		}
		if other := frozenBy(all, s.inside); other != "" {
			return errNeeded(other) // the VM would write to a file beneath an overlay
		}
		// libvirt ends the VM before it looks for them.
		for _, file := range s.inside {
			if goneFromPool(c, file) {
				return fault.New(fault.Conflict, "the snapshot's disk %s is no longer there", path.Base(file)).With("Put it back, or delete the snapshot.")
			}
		}
		return restoreInternal(dom, s)
	}))
	if err != nil {
		return drivers.Task{}, d.left(ctx, ref, was, err)
	}
	return drivers.Done(ref), nil
}

// left adds to the error of a restore what has become of the VM, when that is not what it was. libvirt ends the running
// QEMU and starts another one with the memory of the snapshot; when that one does not take it, there is none. It is not
// started again by itself: QEMU may have put back some of the disks already.
func (d *Driver) left(ctx context.Context, ref drivers.Ref, was drivers.State, err error) error {
	// The call may have ended because its time was up, which is no reason not to look.
	now, unknown := d.state(context.WithoutCancel(ctx), ref)
	if unknown != nil || now == was {
		return err
	}
	f := fault.Of(err)
	remedy := f.Remedy
	if remedy != "" {
		remedy += " "
	}
	remedy += "The VM was " + strings.ToLower(string(was)) + " and is " + strings.ToLower(string(now)) + " now"
	if now == drivers.StateStopped {
		remedy += ", and what it had in memory is lost: restore another snapshot, or start it"
	}
	return f.With(remedy + ".")
}

// restoreInternal lets libvirt do it.
func restoreInternal(dom *libvirt.Domain, s snap) error {
	if s.Memory && plugVCPUs(s.tree) {
		if err := redefine(dom, s, 0); err != nil {
			return err
		}
	}
	h, err := dom.SnapshotLookupByName(s.Name, 0)
	if err != nil {
		return err
	}
	defer func() { _ = h.Free() }()
	if err := dropManagedSave(dom); err != nil {
		return err
	}
	err = h.RevertToSnapshot(0)
	if is(err, libvirt.ERR_SNAPSHOT_REVERT_RISKY) {
		// The definition has changed since, which is what is to be undone.
		err = h.RevertToSnapshot(libvirt.DOMAIN_SNAPSHOT_REVERT_FORCE)
	}
	return err
}

// plugVCPUs makes the vCPUs that were added while the VM ran part of what it starts with, in a
// snapshot's document, and reports whether there were any. libvirt 9.0 plugs such vCPUs into a QEMU
// that has started, but QEMU loads the memory of a snapshot while it starts, and does not find them.
func plugVCPUs(snapshot *element) bool {
	found := false
	for _, def := range []string{"domain", "inactiveDomain"} {
		vcpus := snapshot.child(def, "vcpus")
		if vcpus == nil {
			continue
		}
		for _, v := range vcpus.all("vcpu") {
			if v.attr("enabled") == "yes" && v.attr("hotpluggable") == "yes" {
				v.set("hotpluggable", "no")
				found = true
			}
		}
	}
	return found
}

// dropManagedSave removes the memory of a suspended VM: it belongs to disks that are about to change.
func dropManagedSave(dom *libvirt.Domain) error {
	saved, err := dom.HasManagedSaveImage(0)
	if err != nil || !saved {
		return err
	}
	return dom.ManagedSaveRemove(0)
}

// restoreExternal puts new overlays on the files that the snapshot froze, and defines the VM as it
// was then upon them. The frozen files are not written to: the snapshot can be restored again. The VM
// goes on until all is ready, so that a restore which fails leaves it as it was.
func restoreExternal(c *libvirt.Connect, dom *libvirt.Domain, s snap, all []snap) error {
	for disk, l := range s.layers {
		if l.file == "" || !inPool(c, l.file) {
			return fault.New(fault.Conflict, "the file of the disk %s that the snapshot needs is not there", disk).With("Put it back on the host, or delete the snapshot.")
		}
	}
	was := s.tree.child("inactiveDomain")
	if was == nil {
		was = s.tree.child("domain")
	}
	if was == nil {
		return fault.New(fault.Conflict, "the snapshot does not tell the VM's definition").With("Delete it.")
	}
	name, err := dom.GetName()
	if err != nil {
		return err
	}
	now, err := currentLayers(dom)
	if err != nil {
		return err
	}
	left := map[string][]string{} // the chains of files that the disks stand on now
	for disk, l := range s.layers {
		if p, err := poolOf(c, l.file); err == nil {
			_ = p.refresh(contextNone, 0)
			p.free()
		}
		if left[disk], err = chainOf(c, now[disk]); err != nil {
			return err
		}
		if other := holds(all, now[disk].file); other != "" {
			return errNeeded(other) // it lies in the file that is about to be left
		}
	}
	before, err := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE | libvirt.DOMAIN_XML_SECURE)
	if err != nil {
		return err
	}
	id := digest(uuid.NewString())
	made := map[string]layer{}
	undo := func() {
		for _, l := range made {
			_ = dropUnused(c, l.file)
		}
	}
	for disk, l := range s.layers {
		o, err := overlay(c, l, id)
		if err != nil {
			undo()
			return err
		}
		made[disk] = o
	}
	x, err := parseTree(was.String()) // a copy: the snapshot keeps its own
	if err != nil {
		undo()
		return err
	}
	x.name = "domain"
	if e := x.child("name"); e != nil {
		e.setText(name) // it may have been renamed since
	}
	for disk, e := range disksOf(x) {
		if o, ok := made[disk]; ok {
			setLayer(e, o)
		}
	}
	if err := store(c, x.String()); err != nil {
		undo()
		return err
	}
	if err := turnOff(dom); err != nil {
		_ = store(c, before)
		undo()
		return err
	}
	if err := setCurrent(dom, s); err != nil {
		return err
	}
	// What was written since is lost, as promised, except what later snapshots stand on.
	for _, files := range left {
		if len(files) > 1 && frozenBy(all, files[:1]) == "" && (isOverlay(files[0]) || frozenBy(all, files[1:]) != "") {
			_ = dropUnused(c, files[0])
		}
	}
	return nil
}

// store stores a VM's definition.
func store(c *libvirt.Connect, doc string) error {
	dom, err := c.DomainDefineXML(doc)
	if err != nil {
		return err
	}
	return dom.Free()
}

// turnOff ends what a VM has in memory or saved of it: it belongs to disks that are no longer its own.
func turnOff(dom *libvirt.Domain) error {
	active, err := dom.IsActive()
	if err != nil {
		return err
	}
	if active {
		if err := dom.DestroyFlags(libvirt.DOMAIN_DESTROY_DEFAULT); err != nil && !is(err, libvirt.ERR_OPERATION_INVALID) {
			return err
		}
	}
	return dropManagedSave(dom)
}

// currentLayers are the files that a VM's disks stand on at present.
func currentLayers(dom *libvirt.Domain) (map[string]layer, error) {
	doc, err := dom.GetXMLDesc(0)
	if err != nil {
		return nil, err
	}
	x, err := parseTree(doc)
	if err != nil {
		return nil, err
	}
	layers := map[string]layer{}
	for disk, e := range disksOf(x) {
		layers[disk] = layerOf(e)
	}
	return layers, nil
}

// setLayer makes a disk of a definition stand on another file.
func setLayer(disk *element, l layer) {
	disk.set("type", "file")
	disk.drop("backingStore")
	disk.drop("mirror")
	if s := disk.child("source"); s != nil {
		s.attrs = nil
		s.set("file", l.file)
	}
	if d := disk.child("driver"); d != nil {
		d.set("type", l.format)
	}
}

// overlay makes a new one on a file, with the file's format written into it.
func overlay(c *libvirt.Connect, l layer, id string) (layer, error) {
	p, err := poolOf(c, l.file)
	if err != nil {
		return layer{}, err
	}
	defer p.free()
	v, err := p.findVolume(path.Base(l.file))
	if err != nil {
		return layer{}, err
	}
	x, err := volumeXML(v)
	_ = v.Free()
	if err != nil {
		return layer{}, err
	}
	capacity := sizeIn(x.Capacity)
	if l.format == formatRaw && x.Physical != nil {
		capacity = sizeIn(x.Physical) // its content, which is the guest's, may claim any other
	}
	backing := &libvirtxml.StorageVolumeBackingStore{Path: l.file, Format: &libvirtxml.StorageVolumeTargetFormat{Type: l.format}}
	file, err := p.made(p.create(overlayName(l.file, id), formatQcow2, capacity, backing))
	return layer{file, formatQcow2}, err
}

// dropUnused removes a file of ours that nothing stands on.
func dropUnused(c *libvirt.Connect, file string) error {
	p, err := poolOf(c, file)
	if err != nil {
		return err
	}
	defer p.free()
	if err := p.refresh(contextNone, 0); err != nil {
		return err
	}
	if err := nobodyUses(c, file, ""); err != nil {
		return err
	}
	return p.drop(path.Base(file))
}

// setCurrent tells libvirt which snapshot the VM goes on from, with its document as it now is.
func setCurrent(dom *libvirt.Domain, s snap) error {
	return redefine(dom, s, libvirt.DOMAIN_SNAPSHOT_CREATE_CURRENT)
}

// redefine writes a snapshot's document back.
func redefine(dom *libvirt.Domain, s snap, flags libvirt.DomainSnapshotCreateFlags) error {
	h, err := dom.CreateSnapshotXML(s.tree.String(), libvirt.DOMAIN_SNAPSHOT_CREATE_REDEFINE|flags)
	if err != nil {
		return err
	}
	return h.Free()
}
