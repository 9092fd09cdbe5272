package libvirt

import (
	"path"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// TestInternalSnapshot shows that a snapshot with memory brings disk and memory back.
func TestInternalSnapshot(t *testing.T) {
	t.Parallel()
	d := testDriver(t)
	pool := scratchPool(t, d)
	ref := linuxGuest(t, d, pool)
	ctx := t.Context()
	s := bootShell(t, d, ref)
	s.write("disk-one")
	s.run("A=memory-one")

	r := drivers.SnapshotRequest{Token: "op-1", Name: "before upgrade", Description: "all is\nwell <&>", Memory: true}
	made, err := d.CreateSnapshot(ctx, ref, r)
	require.NoError(t, err)
	assert.Equal(t, drivers.Snapshot{Name: "before upgrade", Description: "all is\nwell <&>", Current: true, CreatedAt: made.CreatedAt, State: drivers.StateRunning, Memory: true, Disks: []string{"vda"}, Token: "op-1"}, made)
	again, err := d.CreateSnapshot(ctx, ref, r)
	require.NoError(t, err)
	assert.Equal(t, made, again, "adopted")
	r.Token = "op-2"
	_, err = d.CreateSnapshot(ctx, ref, r)
	assert.Equal(t, fault.Exists, fault.KindOf(err), "%v", err)

	for name, c := range map[string]struct {
		r    drivers.SnapshotRequest
		kind fault.Kind
	}{
		"without memory":       {drivers.SnapshotRequest{Name: "b"}, fault.Conflict},
		"external beside it":   {drivers.SnapshotRequest{Name: "b", External: true}, fault.Conflict},
		"a number as its name": {drivers.SnapshotRequest{Name: "1", Memory: true}, fault.Invalid},
		"a path as its name":   {drivers.SnapshotRequest{Name: "../b", Memory: true}, fault.Invalid},
		"control characters":   {drivers.SnapshotRequest{Name: "b", Description: "\x1b[31m", Memory: true}, fault.Invalid},
	} {
		_, err := d.CreateSnapshot(ctx, ref, c.r)
		assert.Equal(t, c.kind, fault.KindOf(err), "%s: %v", name, err)
		assert.NotEmpty(t, fault.Of(err).Remedy, name)
	}

	s.write("disk-two")
	s.run("A=memory-two")
	second, err := d.CreateSnapshot(ctx, ref, drivers.SnapshotRequest{Token: "op-3", Name: "after", Memory: true})
	require.NoError(t, err)
	assert.Equal(t, "before upgrade", second.Parent)
	s.write("disk-three")
	require.NoError(t, s.c.Close())

	_, err = d.RestoreSnapshot(ctx, ref, "before upgrade")
	require.NoError(t, err)
	assert.Equal(t, drivers.StateRunning, state(t, d, ref))
	s = openShell(t, d, ref)
	assert.Equal(t, "memory-one", s.run("echo $A"), "the memory is back")
	assert.Equal(t, "disk-one", s.read())
	require.NoError(t, s.c.Close())

	_, err = d.Power(ctx, ref, drivers.PowerOff)
	require.NoError(t, err)
	_, err = d.RestoreSnapshot(ctx, ref, "after")
	require.NoError(t, err, "from off")
	s = openShell(t, d, ref)
	assert.Equal(t, "memory-two", s.run("echo $A"))
	assert.Equal(t, "disk-two", s.read())
	require.NoError(t, s.c.Close())

	list, err := d.Snapshots(ctx, ref)
	require.NoError(t, err)
	require.Len(t, list, 2)
	assert.Equal(t, "before upgrade", list[0].Name, "parents before children")
	assert.True(t, list[1].Current)

	for range 2 {
		_, err = d.DeleteSnapshot(ctx, ref, "before upgrade")
		require.NoError(t, err)
	}
	list, err = d.Snapshots(ctx, ref)
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.Empty(t, list[0].Parent, "the child moved up")
	_, err = d.RestoreSnapshot(ctx, ref, "before upgrade")
	assert.Equal(t, fault.NotFound, fault.KindOf(err))

	_, err = d.Power(ctx, ref, drivers.PowerOff)
	require.NoError(t, err)
	off, err := d.CreateSnapshot(ctx, ref, drivers.SnapshotRequest{Name: "off", Memory: true})
	require.NoError(t, err, "of a stopped VM: no memory to keep")
	assert.Equal(t, drivers.StateStopped, off.State)
	assert.False(t, off.Memory)
	_, err = d.Power(ctx, ref, drivers.PowerStart)
	require.NoError(t, err)
	_, err = d.RestoreSnapshot(ctx, ref, "off")
	require.NoError(t, err)
	assert.Equal(t, drivers.StateStopped, state(t, d, ref), "one without memory leaves it off")
	_, err = d.DeleteSnapshot(ctx, ref, "off")
	require.NoError(t, err, "of a stopped VM")
}

// TestExternalSnapshot shows that restoring an external snapshot, which libvirt 9.0 cannot, brings
// the old content back, again and again, and does no harm to the others.
func TestExternalSnapshot(t *testing.T) {
	t.Parallel()
	d := testDriver(t)
	pool := scratchPool(t, d)
	ref := linuxGuest(t, d, pool)
	ctx := t.Context()
	take := func(name string) drivers.Snapshot {
		t.Helper()
		made, err := d.CreateSnapshot(ctx, ref, drivers.SnapshotRequest{Token: "op-" + name, Name: name, External: true})
		require.NoError(t, err)
		again, err := d.CreateSnapshot(ctx, ref, drivers.SnapshotRequest{Token: "op-" + name, Name: name, External: true})
		require.NoError(t, err)
		assert.Equal(t, made, again, "adopted")
		return made
	}
	restore := func(name, want string) {
		t.Helper()
		_, err := d.RestoreSnapshot(ctx, ref, name)
		require.NoError(t, err)
		assert.Equal(t, drivers.StateStopped, state(t, d, ref), "one without memory leaves it off")
		s := bootShell(t, d, ref)
		assert.Equal(t, want, s.read(), "restored %s", name)
		s.write("scribble")
		require.NoError(t, s.c.Close())
	}
	s := bootShell(t, d, ref)
	s.write("disk-one")
	first := take("one")
	assert.Equal(t, drivers.Snapshot{Name: "one", Current: true, CreatedAt: first.CreatedAt, State: drivers.StateRunning, External: true, Disks: []string{"vda"}, Token: "op-one"}, first)
	_, err := d.CreateSnapshot(ctx, ref, drivers.SnapshotRequest{Name: "b", Memory: true})
	assert.Equal(t, fault.Conflict, fault.KindOf(err), "no internal one beside it: %v", err)
	s.write("disk-two")
	second := take("two")
	assert.Equal(t, "one", second.Parent)
	s.write("disk-three")
	require.NoError(t, s.c.Close())

	restore("one", "disk-one")
	restore("two", "disk-two")
	restore("one", "disk-one")
	list, err := d.Snapshots(ctx, ref)
	require.NoError(t, err)
	require.Len(t, list, 2)
	assert.Equal(t, []bool{true, false}, []bool{list[0].Current, list[1].Current})
	// the frozen first file, the frozen second one, and what is written to now
	assert.Len(t, visible(poolNames(t, d, pool)), 3, "what was written since the restored ones is gone")

	// "two" and the present both stand on the file of "one": it must stay.
	task, err := d.DeleteSnapshot(ctx, ref, "one")
	require.NoError(t, err)
	assert.Contains(t, task.Note, "stays")
	s = openShell(t, d, ref)
	assert.Equal(t, "scribble", s.read())
	require.NoError(t, s.c.Close())
	restore("two", "disk-two")

	// Nothing stands on it but the present: it is merged, while the VM runs.
	_, err = d.DeleteSnapshot(ctx, ref, "two")
	require.NoError(t, err)
	s = openShell(t, d, ref)
	assert.Equal(t, "scribble", s.read())
	require.NoError(t, s.c.Close())
	_, err = d.Power(ctx, ref, drivers.PowerOff)
	require.NoError(t, err)
	s = bootShell(t, d, ref)
	assert.Equal(t, "scribble", s.read(), "the stored definition has the merged file too")
	require.NoError(t, s.c.Close())
	list, err = d.Snapshots(ctx, ref)
	require.NoError(t, err)
	assert.Empty(t, list)
	_, err = d.Delete(ctx, ref, drivers.DeleteOptions{Disks: map[string]drivers.DiskFate{"vda": drivers.DiskDelete}})
	require.NoError(t, err)
	assert.Empty(t, poolNames(t, d, pool), "with the disk goes the file that had to stay")
}

// TestExternalSnapshotMerge deletes snapshots from a line of them.
func TestExternalSnapshotMerge(t *testing.T) {
	t.Parallel()
	d := testDriver(t)
	pool := scratchPool(t, d)
	ref := linuxGuest(t, d, pool)
	ctx := t.Context()
	s := bootShell(t, d, ref)
	for _, n := range []string{"one", "two", "three"} {
		s.write("disk-" + n)
		_, err := d.CreateSnapshot(ctx, ref, drivers.SnapshotRequest{Token: n, Name: n, External: true})
		require.NoError(t, err)
	}
	s.write("disk-four")
	before := visible(poolNames(t, d, pool))
	require.Len(t, before, 4)

	_, err := d.DeleteSnapshot(ctx, ref, "one") // inner, running
	require.NoError(t, err)
	assert.Len(t, visible(poolNames(t, d, pool)), 3)
	assert.Equal(t, "disk-four", s.read())
	require.NoError(t, s.c.Close())
	_, err = d.Power(ctx, ref, drivers.PowerOff)
	require.NoError(t, err)

	for range 2 {
		_, err = d.DeleteSnapshot(ctx, ref, "two") // inner, off
		require.NoError(t, err)
	}
	assert.Equal(t, drivers.StateStopped, state(t, d, ref))
	assert.Len(t, visible(poolNames(t, d, pool)), 2)

	_, err = d.RestoreSnapshot(ctx, ref, "three") // it stands on merged files now
	require.NoError(t, err)
	s = bootShell(t, d, ref)
	assert.Equal(t, "disk-three", s.read())
	s.write("disk-five")
	require.NoError(t, s.c.Close())
	_, err = d.Power(ctx, ref, drivers.PowerOff)
	require.NoError(t, err)
	_, err = d.DeleteSnapshot(ctx, ref, "three") // the top one, off
	require.NoError(t, err)
	names := visible(poolNames(t, d, pool))
	require.Len(t, names, 1)
	assert.False(t, isOverlay(names[0]), "only the disk's first file is left")
	s = bootShell(t, d, ref)
	assert.Equal(t, "disk-five", s.read())
}

// TestSnapshotRefused has the VMs that cannot have the snapshot that was asked for.
func TestSnapshotRefused(t *testing.T) {
	t.Parallel()
	d := testDriver(t)
	ctx := t.Context()
	for name, c := range map[string]struct {
		change   func(*drivers.CreateRequest)
		power    []drivers.PowerAction
		r        drivers.SnapshotRequest
		kind     fault.Kind
		field    string
		external bool // what can be done instead
	}{
		"UEFI": {func(r *drivers.CreateRequest) { r.Firmware = drivers.FirmwareUEFI }, nil,
			drivers.SnapshotRequest{Name: "a"}, fault.Unsupported, "external", true},
		"raw disk": {func(r *drivers.CreateRequest) { r.Disks[0].Clone, r.Disks[0].Format = drivers.CloneFull, "raw" }, nil,
			drivers.SnapshotRequest{Name: "a"}, fault.Unsupported, "external", true},
		"suspended": {nil, []drivers.PowerAction{drivers.PowerStart, drivers.PowerSuspend},
			drivers.SnapshotRequest{Name: "a"}, fault.Conflict, "", false},
		"external with memory": {nil, []drivers.PowerAction{drivers.PowerStart},
			drivers.SnapshotRequest{Name: "a", External: true, Memory: true}, fault.Unsupported, "memory", true},
		"frozen without agent": {nil, []drivers.PowerAction{drivers.PowerStart},
			drivers.SnapshotRequest{Name: "a", External: true, Quiesce: true}, fault.Conflict, "quiesce", true},
		"no disk": {func(r *drivers.CreateRequest) { r.Disks = nil }, nil,
			drivers.SnapshotRequest{Name: "a"}, fault.Conflict, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			ref := testVM(t, d, c.change)
			for _, a := range c.power {
				_, err := d.Power(ctx, ref, a)
				require.NoError(t, err)
			}
			_, err := d.CreateSnapshot(ctx, ref, c.r)
			assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
			assert.Equal(t, c.field, fault.Of(err).Field)
			assert.NotEmpty(t, fault.Of(err).Remedy)
			list, err := d.Snapshots(ctx, ref)
			require.NoError(t, err)
			assert.Empty(t, list)
			if !c.external {
				return
			}
			for _, n := range []string{"first", "second"} {
				_, err = d.CreateSnapshot(ctx, ref, drivers.SnapshotRequest{Name: n, Token: n, External: true})
				require.NoError(t, err, "what the remedy says")
			}
			for _, n := range []string{"first", "second"} {
				_, err = d.RestoreSnapshot(ctx, ref, n)
				require.NoError(t, err)
				_, err = d.Power(ctx, ref, drivers.PowerStart)
				require.NoError(t, err)
			}
			for _, n := range []string{"second", "first"} {
				_, err = d.DeleteSnapshot(ctx, ref, n)
				require.NoError(t, err)
			}
		})
	}
}

// TestRestoreAfterResize restores what had another size than the VM has now.
func TestRestoreAfterResize(t *testing.T) {
	t.Parallel()
	d := testDriver(t)
	ctx := t.Context()
	for _, external := range []bool{false, true} {
		t.Run(map[bool]string{false: "internal", true: "external"}[external], func(t *testing.T) {
			ref := testVM(t, d, nil)
			_, err := d.Power(ctx, ref, drivers.PowerStart)
			require.NoError(t, err)
			was, err := d.Get(ctx, ref)
			require.NoError(t, err)
			_, err = d.CreateSnapshot(ctx, ref, drivers.SnapshotRequest{Name: "small", Memory: !external, External: external})
			require.NoError(t, err)
			_, err = d.Power(ctx, ref, drivers.PowerOff)
			require.NoError(t, err)
			vcpus, vcpusMax, memory := 2, 4, int64(96)
			_, err = d.Resize(ctx, ref, drivers.Resize{VCPUs: &vcpus, VCPUsMax: &vcpusMax, MemoryMiB: &memory})
			require.NoError(t, err)
			_, err = d.Power(ctx, ref, drivers.PowerStart)
			require.NoError(t, err)
			_, err = d.RestoreSnapshot(ctx, ref, "small")
			require.NoError(t, err)
			vm, err := d.Get(ctx, ref)
			require.NoError(t, err)
			assert.Equal(t, []int{1, 2}, []int{vm.VCPUs, vm.VCPUsMax}, "as it was then")
			assert.Equal(t, was.MemoryMax, vm.MemoryMax)
			assert.Equal(t, t.Name(), vm.Token, "still ours")
			assert.Equal(t, map[bool]drivers.State{false: drivers.StateRunning, true: drivers.StateStopped}[external], vm.State)
		})
	}
}

// TestRestoreAfterHotAdd restores the memory of a VM that was given a vCPU while it ran.
func TestRestoreAfterHotAdd(t *testing.T) {
	t.Parallel()
	d := testDriver(t)
	ctx := t.Context()
	ref := testVM(t, d, func(r *drivers.CreateRequest) { r.VCPUsMax = 4 })
	_, err := d.Power(ctx, ref, drivers.PowerStart)
	require.NoError(t, err)
	vcpus := 2
	_, err = d.Resize(ctx, ref, drivers.Resize{VCPUs: &vcpus})
	require.NoError(t, err)
	_, err = d.CreateSnapshot(ctx, ref, drivers.SnapshotRequest{Name: "two", Memory: true})
	require.NoError(t, err)
	for range 2 { // what was changed for the first time must serve the second one, too
		_, err = d.RestoreSnapshot(ctx, ref, "two")
		require.NoError(t, err)
		vm, err := d.Get(ctx, ref)
		require.NoError(t, err)
		assert.Equal(t, drivers.StateRunning, vm.State)
		assert.Equal(t, []int{2, 4}, []int{vm.VCPUs, vm.VCPUsMax})
	}
	vcpus = 3
	_, err = d.Resize(ctx, ref, drivers.Resize{VCPUs: &vcpus})
	require.NoError(t, err, "and it can still grow")
}

// TestRestoreFails has restores that fail midway: the VM goes on where that is possible, and the error says when not.
func TestRestoreFails(t *testing.T) {
	t.Parallel()
	d := testDriver(t)
	ctx := t.Context()
	on := func(t *testing.T, command ...string) {
		t.Helper()
		out, err := onHost(t, command...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	t.Run("external", func(t *testing.T) {
		pool := scratchPool(t, d)
		ref := testVM(t, d, func(r *drivers.CreateRequest) { r.Disks[0].Pool, r.Start = pool, true })
		_, err := d.CreateSnapshot(ctx, ref, drivers.SnapshotRequest{Name: "small", External: true})
		require.NoError(t, err)
		_, err = d.Power(ctx, ref, drivers.PowerPause) // something that would not come back with a start
		require.NoError(t, err)
		before, err := d.Get(ctx, ref)
		require.NoError(t, err)
		files := poolNames(t, d, pool)

		folder := "/var/lib/libvirt/" + pool
		on(t, "mount", "--bind", folder, folder)
		on(t, "mount", "-o", "remount,bind,ro", folder) // no new file can be made
		_, err = d.RestoreSnapshot(ctx, ref, "small")
		on(t, "umount", folder)
		require.Error(t, err)
		after, got := d.Get(ctx, ref)
		require.NoError(t, got)
		assert.Equal(t, before, after, "it goes on as it was")
		assert.NotContains(t, fault.Of(err).Remedy, "now")
		assert.ElementsMatch(t, files, poolNames(t, d, pool))

		_, err = d.RestoreSnapshot(ctx, ref, "small")
		require.NoError(t, err)
		assert.Equal(t, drivers.StateStopped, state(t, d, ref))
	})
	t.Run("internal", func(t *testing.T) {
		ref := testVM(t, d, func(r *drivers.CreateRequest) { r.Start = true })
		vm, err := d.Get(ctx, ref)
		require.NoError(t, err)
		for _, name := range []string{"broken", "whole"} {
			_, err = d.CreateSnapshot(ctx, ref, drivers.SnapshotRequest{Name: name, Memory: true})
			require.NoError(t, err)
		}
		_, err = d.Power(ctx, ref, drivers.PowerOff)
		require.NoError(t, err)
		on(t, "qemu-img", "snapshot", "-d", "broken", vm.Disks[0].Path) // behind libvirt's back
		_, err = d.Power(ctx, ref, drivers.PowerStart)
		require.NoError(t, err)

		_, err = d.RestoreSnapshot(ctx, ref, "broken")
		require.Error(t, err)
		assert.Equal(t, drivers.StateStopped, state(t, d, ref))
		assert.Contains(t, fault.Of(err).Remedy, "The VM was running and is stopped now")
		_, err = d.RestoreSnapshot(ctx, ref, "whole")
		require.NoError(t, err, "as the remedy says")
		assert.Equal(t, drivers.StateRunning, state(t, d, ref))
	})
}

// TestMixedSnapshots has both kinds, which somebody made on the host: what one needs is not
// destroyed by the other, and newest first all can go.
func TestMixedSnapshots(t *testing.T) {
	t.Parallel()
	d := testDriver(t)
	ctx := t.Context()
	ref := testVM(t, d, nil)
	_, err := d.CreateSnapshot(ctx, ref, drivers.SnapshotRequest{Name: "inside"})
	require.NoError(t, err)
	require.NoError(t, d.do(ctx, about(ref, func(_ *libvirt.Connect, dom *libvirt.Domain) error {
		s, err := dom.CreateSnapshotXML(`<domainsnapshot><name>beside</name><description>by hand</description></domainsnapshot>`,
			libvirt.DOMAIN_SNAPSHOT_CREATE_DISK_ONLY|libvirt.DOMAIN_SNAPSHOT_CREATE_ATOMIC)
		if err != nil {
			return err
		}
		return s.Free()
	})))
	list, err := d.Snapshots(ctx, ref)
	require.NoError(t, err)
	require.Len(t, list, 2)
	assert.Equal(t, drivers.Snapshot{Name: "beside", Description: "by hand", Parent: "inside", Current: true, CreatedAt: list[1].CreatedAt, State: drivers.StateStopped, External: true, Disks: []string{"vda"}}, list[1])
	_, err = d.RestoreSnapshot(ctx, ref, "inside")
	assert.Equal(t, fault.Conflict, fault.KindOf(err), "it would write beneath the overlay: %v", err)
	_, err = d.DeleteSnapshot(ctx, ref, "inside")
	assert.Equal(t, fault.Conflict, fault.KindOf(err), "%v", err)
	assert.Contains(t, fault.Of(err).Message, `"beside"`)
	for _, n := range []string{"beside", "inside"} {
		_, err = d.RestoreSnapshot(ctx, ref, n)
		require.NoError(t, err, n)
		_, err = d.DeleteSnapshot(ctx, ref, n)
		require.NoError(t, err, n)
	}
	list, err = d.Snapshots(ctx, ref)
	require.NoError(t, err)
	assert.Empty(t, list)
	_, err = d.Power(ctx, ref, drivers.PowerStart)
	require.NoError(t, err)
}

// TestLeftOverlay finds the overlay of a call that died before libvirt knew of the snapshot.
func TestLeftOverlay(t *testing.T) {
	t.Parallel()
	d := testDriver(t)
	ctx := t.Context()
	ref := testVM(t, d, nil)
	vm, err := d.Get(ctx, ref)
	require.NoError(t, err)
	name := overlayName(vm.Disks[0].Path, digest("op", "snap"))
	require.NoError(t, d.do(ctx, func(c *libvirt.Connect) error {
		p, err := poolOf(c, vm.Disks[0].Path)
		if err != nil {
			return err
		}
		defer p.free()
		_, err = p.made(p.create(name, formatQcow2, 1<<20, nil))
		return err
	}))
	_, err = d.CreateSnapshot(ctx, ref, drivers.SnapshotRequest{Name: "snap", Token: "op", External: true})
	require.NoError(t, err)
	err = d.DeleteVolume(ctx, drivers.VolumeRef{Volume: path.Base(vm.Disks[0].Path)})
	assert.Equal(t, fault.Conflict, fault.KindOf(err), "the frozen file: %v", err)
}
