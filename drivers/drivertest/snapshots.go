package drivertest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

func (x *suite) snap(t *testing.T, ref drivers.Ref, r drivers.SnapshotRequest) drivers.Snapshot {
	t.Helper()
	if r.Token == "" {
		r.Token = random(16)
	}
	s, err := as[drivers.Snapshotter](x).CreateSnapshot(t.Context(), ref, r)
	require.NoError(t, err)
	require.Equal(t, r.Name, s.Name)
	var disks []string
	for _, d := range x.get(t, ref).Disks {
		if d.Device == "disk" && !d.ReadOnly {
			disks = append(disks, d.Name)
		}
	}
	require.ElementsMatch(t, disks, s.Disks, "it says which disks it keeps")
	return s
}

// tree lists a VM's snapshots by name and checks that parents come first.
func (x *suite) tree(t *testing.T, ref drivers.Ref) map[string]drivers.Snapshot {
	t.Helper()
	list, err := as[drivers.Snapshotter](x).Snapshots(t.Context(), ref)
	require.NoError(t, err)
	byName, current := map[string]drivers.Snapshot{}, 0
	for _, s := range list {
		require.NotContains(t, byName, s.Name)
		if s.Parent != "" {
			require.Contains(t, byName, s.Parent, "parents come before children")
		}
		if s.Current {
			current++
		}
		byName[s.Name] = s
	}
	require.LessOrEqual(t, current, 1)
	return byName
}

func (x *suite) restore(t *testing.T, ref drivers.Ref, name string, to drivers.State) {
	t.Helper()
	task, err := as[drivers.Snapshotter](x).RestoreSnapshot(t.Context(), ref, name)
	x.await(t, x.d, task, err)
	require.Equal(t, to, x.get(t, ref).State, "after restoring %q", name)
	require.True(t, x.tree(t, ref)[name].Current, "the state goes on from the restored snapshot")
}

func (x *suite) drop(t *testing.T, ref drivers.Ref, name string) {
	t.Helper()
	for range 2 { // already gone: success
		task, err := as[drivers.Snapshotter](x).DeleteSnapshot(t.Context(), ref, name)
		x.await(t, x.d, task, err)
		require.NotContains(t, x.tree(t, ref), name)
	}
}

// grows is a family of snapshots: a, its child b, and its child c; then b goes.
func (x *suite) grows(t *testing.T, v drivers.VM, kind drivers.SnapshotRequest, after drivers.State) {
	state := x.get(t, v.Ref).State
	for _, name := range []string{"a", "b"} {
		kind.Name, kind.Description = name, "the <"+name+"> of it"
		s := x.snap(t, v.Ref, kind)
		assert.Equal(t, state, s.State)
		assert.Equal(t, kind.Memory, s.Memory)
		assert.Equal(t, kind.External, s.External)
		assert.Equal(t, kind.Description, s.Description)
		assert.False(t, s.CreatedAt.IsZero())
	}
	tree := x.tree(t, v.Ref)
	require.Len(t, tree, 2)
	assert.Empty(t, tree["a"].Parent)
	assert.Equal(t, "a", tree["b"].Parent)
	assert.True(t, tree["b"].Current)
	x.restore(t, v.Ref, "a", after)
	if kind.Memory { // what it is now is not what it was then: the memory makes it so
		x.power(t, v.Ref, drivers.PowerOff)
		x.restore(t, v.Ref, "a", after)
	}
	x.restore(t, v.Ref, "b", after)
	kind.Name = "c"
	x.snap(t, v.Ref, kind)
	require.Equal(t, "b", x.tree(t, v.Ref)["c"].Parent)
	x.drop(t, v.Ref, "b")
	require.Equal(t, "a", x.tree(t, v.Ref)["c"].Parent, "children move to the parent of the deleted one")
	x.drop(t, v.Ref, "a")
	require.Empty(t, x.tree(t, v.Ref)["c"].Parent)
	x.restore(t, v.Ref, "c", after)
	x.drop(t, v.Ref, "c")
	require.Empty(t, x.tree(t, v.Ref))
	if after == drivers.StateStopped {
		x.power(t, v.Ref, drivers.PowerStart) // its disks are whole
	}
}

var snapshotTests = []test{
	{name: "WhileOff", needs: has[drivers.Snapshotter], run: func(t *testing.T, x *suite) {
		x.grows(t, x.vm(t, false), drivers.SnapshotRequest{}, drivers.StateStopped)
	}},
	{name: "WithMemory", needs: func(x *suite) bool { return x.f.SnapshotMemory }, run: func(t *testing.T, x *suite) {
		x.grows(t, x.vm(t, true), drivers.SnapshotRequest{Memory: true}, drivers.StateRunning)
	}},
	{name: "WithMemoryPaused", needs: func(x *suite) bool { return x.f.SnapshotMemory && x.f.Pause }, run: func(t *testing.T, x *suite) {
		v := x.vm(t, true)
		x.power(t, v.Ref, drivers.PowerPause)
		x.snap(t, v.Ref, drivers.SnapshotRequest{Name: "paused", Memory: true})
		x.power(t, v.Ref, drivers.PowerResume)
		x.restore(t, v.Ref, "paused", drivers.StatePaused)
	}},
	{name: "External", needs: func(x *suite) bool { return x.f.SnapshotExternal }, run: func(t *testing.T, x *suite) {
		x.grows(t, x.vm(t, false), drivers.SnapshotRequest{External: true}, drivers.StateStopped)
	}},
	{name: "ExternalWhileRunning", needs: func(x *suite) bool { return x.f.SnapshotExternal }, run: func(t *testing.T, x *suite) {
		v := x.vm(t, true)
		x.snap(t, v.Ref, drivers.SnapshotRequest{Name: "live", External: true})
		require.Equal(t, drivers.StateRunning, x.get(t, v.Ref).State, "a snapshot does not stop its VM")
		x.drop(t, v.Ref, "live")
		require.Equal(t, drivers.StateRunning, x.get(t, v.Ref).State)
	}},
	{name: "AdoptsByToken", needs: has[drivers.Snapshotter], run: func(t *testing.T, x *suite) {
		v, r := x.vm(t, false), drivers.SnapshotRequest{Token: random(16), Name: "once"}
		first := x.snap(t, v.Ref, r)
		again := x.snap(t, v.Ref, r)
		assert.Equal(t, first.Name, again.Name)
		assert.Equal(t, first.CreatedAt.Unix(), again.CreatedAt.Unix(), "the same token took two snapshots")
		tree := x.tree(t, v.Ref)
		require.Len(t, tree, 1)
		assert.Equal(t, r.Token, tree["once"].Token)
		r.Token = random(16)
		_, err := as[drivers.Snapshotter](x).CreateSnapshot(t.Context(), v.Ref, r)
		wants(t, err, fault.Exists)
		require.Len(t, x.tree(t, v.Ref), 1)
	}},
	{name: "DeleteOfTheVM", needs: has[drivers.Snapshotter], run: func(t *testing.T, x *suite) {
		v := x.vm(t, false)
		x.snap(t, v.Ref, drivers.SnapshotRequest{Name: "s"})
		o := x.everything(v)
		o.Snapshots = false
		task, err := x.d.Delete(t.Context(), v.Ref, o)
		_, err = x.outcome(t, x.d, task, err)
		wants(t, err, fault.Conflict)
		require.Len(t, x.tree(t, v.Ref), 1, "what was refused changes nothing")
		same(t, v, x.get(t, v.Ref), "what was refused")
		o.Snapshots = true
		task, err = x.d.Delete(t.Context(), v.Ref, o)
		x.await(t, x.d, task, err)
		_, err = x.d.Get(t.Context(), v.Ref)
		wants(t, err, fault.NotFound)
	}},
	{name: "NotFound", needs: has[drivers.Snapshotter], run: func(t *testing.T, x *suite) {
		d, v := as[drivers.Snapshotter](x), x.vm(t, false)
		_, err := d.RestoreSnapshot(t.Context(), v.Ref, "nothing")
		wants(t, err, fault.NotFound)
		_, err = d.Snapshots(t.Context(), stranger(v.Ref))
		wants(t, err, fault.NotFound)
		_, err = d.CreateSnapshot(t.Context(), stranger(v.Ref), drivers.SnapshotRequest{Token: random(16), Name: "s"})
		wants(t, err, fault.NotFound)
	}},
}
