package drivertest

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

var createTests = []test{
	{name: "AsAsked", run: func(t *testing.T, x *suite) {
		r := x.request()
		r.Description = `less < more & "quotes" ü`
		r.NICs = []drivers.NICRequest{x.nic()}
		r.Disks = append(r.Disks, drivers.DiskRequest{Pool: x.Pool, CapacityBytes: 8 << 20, Format: "raw"})
		v := x.create(t, r)
		assert.Equal(t, r.Name, v.Name)
		assert.Equal(t, r.Token, v.Token)
		assert.Equal(t, r.Owner, v.Owner)
		assert.Equal(t, r.Description, v.Description)
		assert.Equal(t, drivers.StateStopped, v.State)
		assert.Equal(t, r.VCPUs, v.VCPUs)
		assert.Equal(t, r.VCPUsMax, v.VCPUsMax)
		assert.Equal(t, r.MemoryMiB, v.MemoryMiB)
		assert.Equal(t, r.MemoryMiB, v.MemoryWanted)
		assert.Equal(t, r.MemoryMax, v.MemoryMax)
		assert.Empty(t, v.Pending)
		disks := x.disks(v)
		require.Len(t, disks, 2)
		assert.NotEqual(t, disks[0].Name, disks[1].Name)
		assert.Equal(t, x.Pool, disks[0].Pool)
		assert.NotEmpty(t, disks[0].Volume)
		assert.Positive(t, disks[0].CapacityBytes)
		assert.Equal(t, "raw", disks[1].Format)
		assert.Equal(t, int64(8<<20), disks[1].CapacityBytes)
		require.Len(t, v.NICs, 1)
		assert.Equal(t, r.NICs[0].MAC, v.NICs[0].MAC)
	}},
	{name: "Starts", run: func(t *testing.T, x *suite) {
		assert.Equal(t, drivers.StateRunning, x.vm(t, true).State)
	}},
	{name: "AdoptsByToken", run: func(t *testing.T, x *suite) {
		r := x.request()
		first := x.create(t, r)
		task, err := x.d.Create(t.Context(), r)
		assert.Equal(t, first.Ref, x.await(t, x.d, task, err), "the same token made two VMs")
		assert.Equal(t, 1, x.named(t, r.Name))
		other := x.Open(t)
		defer other.Close()
		task, err = other.Create(t.Context(), r)
		assert.Equal(t, first.Ref, x.await(t, other, task, err), "the same token made two VMs over two connections")
		assert.Equal(t, 1, x.named(t, r.Name))
		assert.Len(t, x.get(t, first.Ref).Disks, len(first.Disks))
	}},
	{name: "AdoptsByTokenAtOnce", run: func(t *testing.T, x *suite) {
		r := x.request()
		const n = 6
		refs, errs := make([]drivers.Ref, n), make([]error, n)
		var wait sync.WaitGroup
		for i := range n {
			wait.Go(func() {
				task, err := x.d.Create(t.Context(), r)
				for wait := patience(0); err == nil && !task.Done && t.Context().Err() == nil; {
					wait.pause(t.Context())
					task, err = x.d.Poll(t.Context(), task)
				}
				refs[i], errs[i] = task.Ref, err
			})
		}
		wait.Wait()
		t.Cleanup(func() { x.remove(t, refs[0]) })
		for i := range n {
			require.NoError(t, errs[i])
			require.Equal(t, refs[0], refs[i], "the same token made several VMs")
		}
		assert.Equal(t, 1, x.named(t, r.Name))
	}},
	{name: "ExistsForAnotherToken", run: func(t *testing.T, x *suite) {
		r := x.request()
		first := x.create(t, r)
		r.Token = random(16)
		task, err := x.d.Create(t.Context(), r)
		_, err = x.outcome(t, x.d, task, err)
		wants(t, err, fault.Exists)
		after := x.get(t, first.Ref)
		assert.Equal(t, first.Token, after.Token)
		assert.Equal(t, 1, x.named(t, r.Name))
		x.volume(t, x.disks(after)[0].Volume, true, "a refused create must not clean up what is another's")
	}},
	{name: "FailureLeavesNothing", run: func(t *testing.T, x *suite) {
		nowhere := &drivers.VolumeRef{Pool: x.Pool, Volume: x.name()}
		for what, spoil := range map[string]func(*drivers.CreateRequest){
			"unknown image": func(r *drivers.CreateRequest) {
				r.Disks = append(r.Disks, drivers.DiskRequest{Pool: x.Pool, Image: nowhere})
			},
			"unknown volume": func(r *drivers.CreateRequest) { r.Disks = append(r.Disks, drivers.DiskRequest{Volume: nowhere}) },
			"unknown pool": func(r *drivers.CreateRequest) {
				r.Disks = append(r.Disks, drivers.DiskRequest{Pool: x.name(), CapacityBytes: 1 << 20})
			},
			"unknown network": func(r *drivers.CreateRequest) {
				r.NICs = append(r.NICs, drivers.NICRequest{Type: "network", Network: x.name()})
			},
		} {
			before := x.volumes(t)
			good := x.request()
			bad := good
			bad.Disks = append([]drivers.DiskRequest(nil), good.Disks...)
			spoil(&bad)
			bad.Start = true // some providers find out no earlier
			task, err := x.d.Create(t.Context(), bad)
			_, err = x.outcome(t, x.d, task, err)
			require.Error(t, err, what)
			wants(t, err, fault.Invalid, fault.NotFound)
			for _, v := range x.all(t, drivers.ListOptions{}) {
				if v.Token == bad.Token {
					x.remove(t, v.Ref)
				}
			}
			require.Equal(t, 0, x.named(t, bad.Name), what)
			for name := range x.volumes(t) {
				_, old := before[name]
				require.True(t, old, "%s: volume %s is left behind", what, name)
			}
			x.remove(t, x.create(t, good).Ref)
		}
	}},
	{name: "UsesAVolumeItself", run: func(t *testing.T, x *suite) {
		r := x.request()
		v := x.create(t, r)
		kept := drivers.VolumeRef{Pool: x.disks(v)[0].Pool, Volume: x.disks(v)[0].Volume}
		task, err := x.d.Delete(t.Context(), v.Ref, drivers.DeleteOptions{})
		x.await(t, x.d, task, err)
		x.discard(t, x.disks(v)[0])
		r = x.request()
		r.Disks = []drivers.DiskRequest{{Volume: &kept}}
		again := x.create(t, r)
		require.NotEmpty(t, x.disks(again))
		assert.Equal(t, kept.Volume, x.disks(again)[0].Volume)
	}},
}

// outcomeOfNothing is outcome for a deletion that may have had nothing to delete, thus no ref.
func (x *suite) outcomeOfNothing(t *testing.T, task drivers.Task, err error) (drivers.Task, error) {
	if err == nil && task.Done {
		return task, nil
	}
	return x.outcome(t, x.d, task, err)
}

// disks are a VM's, without the seed.
func (x *suite) disks(v drivers.VM) []drivers.Disk {
	var ds []drivers.Disk
	for _, d := range v.Disks {
		if !d.Seed {
			ds = append(ds, d)
		}
	}
	return ds
}

// discard removes the volume of a disk that a test has kept, when the test ends.
func (x *suite) discard(t *testing.T, d drivers.Disk) {
	if has[drivers.ImageStore](x) {
		t.Cleanup(func() { x.unput(t, drivers.VolumeRef{Pool: d.Pool, Volume: d.Volume}) })
	}
}

// named counts the VMs of a name.
func (x *suite) named(t *testing.T, name string) int {
	n := 0
	for _, v := range x.all(t, drivers.ListOptions{Brief: true}) {
		if v.Name == name {
			n++
		}
	}
	return n
}

// volume checks that a volume is in the pool, or is not, if the driver can tell.
func (x *suite) volume(t *testing.T, name string, there bool, why string) {
	t.Helper()
	if volumes := x.volumes(t); volumes != nil {
		_, is := volumes[name]
		require.Equal(t, there, is, "volume %s in the pool: %s", name, why)
	}
}

// volumes lists the pool's by name; nil when the driver cannot.
func (x *suite) volumes(t *testing.T) map[string]drivers.Volume {
	t.Helper()
	s, ok := x.d.(drivers.Surveyor)
	if !ok {
		return nil
	}
	list, err := s.Volumes(t.Context(), x.Pool)
	require.NoError(t, err)
	byName := map[string]drivers.Volume{}
	for _, v := range list {
		byName[v.Name] = v
	}
	return byName
}

var deleteTests = []test{
	{name: "DisksByTheirFates", run: func(t *testing.T, x *suite) {
		r := x.request()
		for range 2 {
			r.Disks = append(r.Disks, drivers.DiskRequest{Pool: x.Pool, CapacityBytes: 1 << 20})
		}
		v := x.create(t, r)
		disks := x.disks(v)
		require.Len(t, disks, 3)
		task, err := x.d.Delete(t.Context(), v.Ref, drivers.DeleteOptions{Disks: map[string]drivers.DiskFate{
			disks[0].Name: drivers.DiskDelete, disks[1].Name: drivers.DiskKeep, // the third is not named: kept
		}})
		x.await(t, x.d, task, err)
		_, err = x.d.Get(t.Context(), v.Ref)
		wants(t, err, fault.NotFound)
		x.discard(t, disks[1])
		x.discard(t, disks[2])
		x.volume(t, disks[0].Volume, false, "to be deleted")
		x.volume(t, disks[1].Volume, true, "to be kept")
		x.volume(t, disks[2].Volume, true, "not named, so to be kept")
		if x.Image != nil && x.Image.Pool == x.Pool {
			x.volume(t, x.Image.Volume, true, "images are never touched")
		}
		task, err = x.d.Delete(t.Context(), v.Ref, drivers.DeleteOptions{})
		x.await(t, x.d, task, err)
	}},
	{name: "AlreadyGone", run: func(t *testing.T, x *suite) {
		v := x.vm(t, false)
		task, err := x.d.Delete(t.Context(), stranger(v.Ref), drivers.DeleteOptions{})
		x.await(t, x.d, task, err)
		x.get(t, v.Ref)
	}},
	{name: "Running", run: func(t *testing.T, x *suite) {
		v := x.vm(t, true)
		task, err := x.d.Delete(t.Context(), v.Ref, x.everything(v))
		x.await(t, x.d, task, err)
		_, err = x.d.Get(t.Context(), v.Ref)
		wants(t, err, fault.NotFound)
	}},
	{name: "ByToken", run: func(t *testing.T, x *suite) {
		v, bystander := x.vm(t, false), x.vm(t, false)
		o := x.everything(v)
		o.Token = v.Token
		task, err := x.d.Delete(t.Context(), "", o)
		x.await(t, x.d, task, err)
		_, err = x.d.Get(t.Context(), v.Ref)
		wants(t, err, fault.NotFound)
		task, err = x.d.Delete(t.Context(), "", o)
		_, err = x.outcomeOfNothing(t, task, err)
		require.NoError(t, err, "already gone")
		x.get(t, bystander.Ref)
	}},
	{name: "FreesTheNameAndToken", run: func(t *testing.T, x *suite) {
		r := x.request()
		first := x.create(t, r)
		x.remove(t, first.Ref)
		again := x.create(t, r)
		assert.Equal(t, r.Name, again.Name)
	}},
}
