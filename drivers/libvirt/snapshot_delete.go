package libvirt

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// DeleteSnapshot is as drivers.Snapshotter has it.
func (d *Driver) DeleteSnapshot(ctx context.Context, ref drivers.Ref, name string) (drivers.Task, error) {
	note := ""
	err := d.long(ctx, about(ref, func(c *libvirt.Connect, dom *libvirt.Domain) error {
		all, err := readSnaps(dom)
		if err != nil {
			return err
		}
		s, ok := find(all, name)
		switch {
		case !ok:
			return nil // already gone
		case s.External:
			note, err = deleteExternal(ctx, c, dom, s, all)
			return err
		}
		if other := frozenBy(all, s.inside); other != "" {
			return errNeeded(other) // it lies in a file beneath an overlay, which must not change
		}
		return forget(dom, name, 0)
	}))
	if err != nil {
		return drivers.Task{}, err
	}
	t := drivers.Done(ref)
	t.Note = note
	return t, nil
}

// forget removes a snapshot from libvirt, and without METADATA_ONLY from the image.
func forget(dom *libvirt.Domain, name string, flags libvirt.DomainSnapshotDeleteFlags) error {
	h, err := dom.SnapshotLookupByName(name, 0)
	if is(err, libvirt.ERR_NO_DOMAIN_SNAPSHOT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = h.Free() }()
	return h.Delete(flags)
}

// deleteExternal gives the space of a snapshot's files back where it can. A file that one later
// state stands on takes that state in, and its place: the later file is committed into it. A file
// that several states stand on must stay, with the snapshot gone; its space comes back with the VM.
//
// Each disk is finished before the snapshot is forgotten, and a disk that is finished is recognised
// by a second call.
func deleteExternal(ctx context.Context, c *libvirt.Connect, dom *libvirt.Domain, s snap, all []snap) (note string, err error) {
	now, err := currentLayers(dom)
	if err != nil {
		return "", err
	}
	others := slices.DeleteFunc(slices.Clone(all), func(o snap) bool { return o.Name == s.Name })
	var unused, stays []string
	commits := map[string]commit{}
	for disk, l := range s.layers {
		if l.file == "" || l.file == now[disk].file || slices.ContainsFunc(others, func(o snap) bool { return o.layers[disk].file == l.file }) {
			continue // finished by an earlier call
		}
		if p, err := poolOf(c, l.file); err == nil {
			_ = p.refresh(ctx, refreshPatience)
			p.free()
		}
		above, err := overlaysOf(c, l.file)
		if err != nil {
			return "", err
		}
		chain, err := chainOf(c, now[disk])
		if err != nil {
			return "", err
		}
		if len(above) == 1 {
			if other := holds(all, above[0]); other != "" {
				return "", errNeeded(other) // it lies in the file that would be merged
			}
		}
		switch {
		case len(above) == 0 && holds(all, l.file) != "":
			stays = append(stays, path.Base(l.file))
		case len(above) == 0:
			unused = append(unused, l.file)
		case len(above) == 1 && slices.Contains(chain, above[0]) && ours(above[0], disk, now, others):
			commits[disk] = commit{base: l, top: above[0], active: above[0] == now[disk].file}
		default:
			stays = append(stays, path.Base(l.file))
		}
	}
	if len(commits) > 0 {
		if err := runCommits(ctx, dom, commits); err != nil {
			return "", err
		}
		for i := range others {
			if err := moveLayers(dom, &others[i], commits); err != nil {
				return "", err
			}
		}
	}
	if err := forgetExternal(dom, s); err != nil {
		return "", err
	}
	for _, k := range commits {
		unused = append(unused, k.top)
	}
	if s.memory != "" {
		unused = append(unused, s.memory)
	}
	for _, f := range unused {
		if err := dropUnused(c, f); err != nil && !fault.Is(classify(err), fault.Conflict) {
			return "", err
		}
	}
	if len(stays) > 0 {
		slices.Sort(stays)
		return "the file " + stays[0] + " stays, since other states need it", nil
	}
	return "", nil
}

// forgetExternal removes a snapshot from libvirt alone. Even when only its own metadata is to be
// deleted, libvirt 9.0 makes later snapshots that stand on the overlay which this one began stand
// on its frozen file instead, as if the two had been merged: they would come back with the wrong
// content. So the snapshot is first made to name an overlay that nothing stands on.
func forgetExternal(dom *libvirt.Domain, s snap) error {
	if disks := s.tree.child("disks"); disks != nil {
		for _, k := range disks.all("disk") {
			if src := k.child("source"); src != nil && src.attr("file") != "" {
				src.set("file", path.Join(path.Dir(src.attr("file")), markerPrefix+"none"))
			}
		}
	}
	var flags libvirt.DomainSnapshotCreateFlags
	if s.Current {
		flags = libvirt.DOMAIN_SNAPSHOT_CREATE_CURRENT
	}
	if err := redefine(dom, s, flags); err != nil {
		return err
	}
	return forget(dom, s.Name, libvirt.DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)
}

// commit merges a file into the one below it.
type commit struct {
	base   layer
	top    string
	active bool // top is what the VM writes to
}

// ours tells whether a file is known to be a state of the VM's disk.
func ours(file, disk string, now map[string]layer, snaps []snap) bool {
	return now[disk].file == file || slices.ContainsFunc(snaps, func(o snap) bool { return o.layers[disk].file == file })
}

// chainOf follows the overlays from a VM's file down. It believes the header of a file that the VM
// or the header above uses as qcow2, since then QEMU wrote it; any other is the lowest, whatever the
// guest wrote into it.
func chainOf(c *libvirt.Connect, top layer) ([]string, error) {
	var chain []string
	for top.file != "" && len(chain) < 256 {
		chain = append(chain, top.file)
		if top.format != formatQcow2 {
			break
		}
		v, err := c.LookupStorageVolByPath(top.file)
		if is(err, libvirt.ERR_NO_STORAGE_VOL) {
			break
		}
		if err != nil {
			return nil, err
		}
		x, err := volumeXML(v)
		_ = v.Free()
		if err != nil {
			return nil, err
		}
		top = layer{}
		if b := x.BackingStore; b != nil {
			top.file = b.Path
			if b.Format != nil {
				top.format = b.Format.Type
			}
		}
	}
	return chain, nil
}

// runCommits merges files by the VM's own QEMU. One that is off is started for it without its CPUs
// ever running, and ends with our session whatever happens.
func runCommits(ctx context.Context, dom *libvirt.Domain, commits map[string]commit) error {
	active, err := dom.IsActive()
	if err != nil {
		return err
	}
	if !active {
		if saved, err := dom.HasManagedSaveImage(0); err != nil {
			return err
		} else if saved {
			return fault.New(fault.Conflict, "the VM is suspended").With("Resume it or force it off first.")
		}
		if err := dom.CreateWithFlags(libvirt.DOMAIN_START_PAUSED | libvirt.DOMAIN_START_AUTODESTROY); err != nil {
			return err
		}
		defer func() { _ = dom.DestroyFlags(libvirt.DOMAIN_DESTROY_DEFAULT) }()
	}
	for _, disk := range slices.Sorted(maps.Keys(commits)) {
		k := commits[disk]
		var flags libvirt.DomainBlockCommitFlags
		if k.active {
			flags = libvirt.DOMAIN_BLOCK_COMMIT_ACTIVE
		}
		if err := dom.BlockCommit(disk, k.base.file, k.top, 0, flags); err != nil {
			return err
		}
		if err := finishCommit(ctx, dom, disk, k.active); err != nil {
			return err
		}
	}
	return nil
}

// finishCommit waits for a commit, and makes the VM write to the lower file from then on.
func finishCommit(ctx context.Context, dom *libvirt.Domain, disk string, active bool) error {
	wait := 10 * time.Millisecond
	for {
		job, err := dom.GetBlockJobInfo(disk, 0)
		if err != nil {
			return err
		}
		if job.Type == libvirt.DOMAIN_BLOCK_JOB_TYPE_UNKNOWN && !active {
			return nil // it is no more: done
		}
		if job.Type == libvirt.DOMAIN_BLOCK_JOB_TYPE_UNKNOWN {
			return fault.New(fault.Conflict, "merging the disk %s was ended on the host", disk).With("Try again.")
		}
		if active && job.Cur == job.End && job.End > 0 {
			err := dom.BlockJobAbort(disk, libvirt.DOMAIN_BLOCK_JOB_ABORT_PIVOT)
			if err == nil || !is(err, libvirt.ERR_BLOCK_COPY_ACTIVE) && !notReady(err) {
				return err
			}
		}
		select {
		case <-ctx.Done():
			_ = dom.BlockJobAbort(disk, libvirt.DOMAIN_BLOCK_JOB_ABORT_ASYNC)
			return ctx.Err()
		case <-time.After(wait):
			wait = min(2*wait, time.Second)
		}
	}
}

// moveLayers makes a snapshot stand on the files that its own have been merged into.
func moveLayers(dom *libvirt.Domain, s *snap, commits map[string]commit) error {
	moved := false
	for disk, k := range commits {
		if s.layers[disk].file != k.top {
			continue
		}
		for _, d := range []*element{s.tree.child("domain"), s.tree.child("inactiveDomain")} {
			if e := disksOf(d)[disk]; e != nil {
				setLayer(e, k.base)
				moved = true
			}
		}
	}
	if !moved {
		return nil
	}
	var flags libvirt.DomainSnapshotCreateFlags
	if s.Current {
		flags = libvirt.DOMAIN_SNAPSHOT_CREATE_CURRENT
	}
	return redefine(dom, *s, flags)
}

// notReady tells that QEMU has not yet copied the last of a commit.
func notReady(err error) bool {
	var e libvirt.Error
	return errors.As(err, &e) && strings.Contains(e.Message, "not ready for pivot")
}
