package drivertest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// disk finds a VM's disk by name.
func disk(v drivers.VM, name string) *drivers.Disk {
	for i := range v.Disks {
		if v.Disks[i].Name == name {
			return &v.Disks[i]
		}
	}
	return nil
}

func hasNIC(v drivers.VM, mac string) bool {
	for _, n := range v.NICs {
		if n.MAC == mac {
			return true
		}
	}
	return false
}

// disksComeAndGo attaches a disk, twice by one token, keeps its volume, and uses that again.
func (x *suite) disksComeAndGo(t *testing.T, v drivers.VM, detach bool) {
	d, token := as[drivers.DeviceAttacher](x), random(16)
	q := drivers.DiskRequest{Pool: x.Pool, CapacityBytes: 8 << 20}
	made, err := d.AttachDisk(t.Context(), v.Ref, token, q)
	require.NoError(t, err)
	require.NotEmpty(t, made.Name)
	require.Nil(t, disk(v, made.Name), "its name was taken")
	again, err := d.AttachDisk(t.Context(), v.Ref, token, q)
	require.NoError(t, err)
	assert.Equal(t, made.Name, again.Name, "the same token attached two disks")
	after := x.get(t, v.Ref)
	require.Len(t, after.Disks, len(v.Disks)+1)
	assert.Equal(t, int64(8<<20), disk(after, made.Name).CapacityBytes)
	if !detach {
		return
	}
	for range 2 { // not there: success
		require.NoError(t, d.DetachDisk(t.Context(), v.Ref, made.Name, drivers.DiskKeep))
		require.Nil(t, disk(x.get(t, v.Ref), made.Name))
	}
	kept := drivers.VolumeRef{Pool: made.Pool, Volume: made.Volume}
	x.volume(t, kept.Volume, true, "to be kept")
	back, err := d.AttachDisk(t.Context(), v.Ref, random(16), drivers.DiskRequest{Volume: &kept})
	require.NoError(t, err)
	assert.Equal(t, kept.Volume, back.Volume)
	require.NoError(t, d.DetachDisk(t.Context(), v.Ref, back.Name, drivers.DiskDelete))
	x.volume(t, kept.Volume, false, "to be deleted")
	require.Len(t, x.get(t, v.Ref).Disks, len(v.Disks))
}

func (x *suite) nicsComeAndGo(t *testing.T, v drivers.VM, detach bool) {
	d, q := as[drivers.DeviceAttacher](x), x.nic()
	for range 2 { // a repeated call finds its own
		n, err := d.AttachNIC(t.Context(), v.Ref, q)
		require.NoError(t, err)
		require.Equal(t, q.MAC, n.MAC)
		after := x.get(t, v.Ref)
		require.Len(t, after.NICs, len(v.NICs)+1)
		require.True(t, hasNIC(after, q.MAC))
	}
	for i := 0; i < 2 && detach; i++ {
		require.NoError(t, d.DetachNIC(t.Context(), v.Ref, q.MAC))
		require.Len(t, x.get(t, v.Ref).NICs, len(v.NICs))
	}
}

// outlives checks that what was attached while running is there after a restart.
func (x *suite) outlives(t *testing.T, ref drivers.Ref) {
	live := x.get(t, ref)
	x.power(t, ref, drivers.PowerOff)
	off := x.get(t, ref)
	assert.Len(t, off.Disks, len(live.Disks), "attached live, and lost with the restart")
	assert.Len(t, off.NICs, len(live.NICs), "attached live, and lost with the restart")
}

var deviceTests = []test{
	{name: "DiskWhileOff", needs: has[drivers.DeviceAttacher], run: func(t *testing.T, x *suite) {
		x.disksComeAndGo(t, x.vm(t, false), true)
	}},
	{name: "NICWhileOff", needs: has[drivers.DeviceAttacher], run: func(t *testing.T, x *suite) {
		x.nicsComeAndGo(t, x.vm(t, false), true)
	}},
	{name: "DiskWhileRunning", needs: func(x *suite) bool { return x.f.HotAttachDisk }, run: func(t *testing.T, x *suite) {
		v := x.vm(t, true)
		if x.Guest {
			x.boots(t, v.Ref) // it takes the guest to let a disk go
			x.disksComeAndGo(t, v, true)
		}
		x.disksComeAndGo(t, v, false)
		x.outlives(t, v.Ref)
	}},
	{name: "NICWhileRunning", needs: func(x *suite) bool { return x.f.HotAttachNIC }, run: func(t *testing.T, x *suite) {
		v := x.vm(t, true)
		if x.Guest {
			x.boots(t, v.Ref)
			x.nicsComeAndGo(t, v, true)
		}
		x.nicsComeAndGo(t, v, false)
		x.outlives(t, v.Ref)
	}},
	{name: "Refused", needs: has[drivers.DeviceAttacher], run: func(t *testing.T, x *suite) {
		d, v := as[drivers.DeviceAttacher](x), x.vm(t, false)
		q := drivers.DiskRequest{Pool: x.Pool, CapacityBytes: 1 << 20}
		_, err := d.AttachDisk(t.Context(), stranger(v.Ref), random(16), q)
		wants(t, err, fault.NotFound)
		_, err = d.AttachNIC(t.Context(), stranger(v.Ref), x.nic())
		wants(t, err, fault.NotFound)
		_, err = d.AttachDisk(t.Context(), v.Ref, random(16), drivers.DiskRequest{Volume: &drivers.VolumeRef{Pool: x.Pool, Volume: x.name()}})
		wants(t, err, fault.Invalid, fault.NotFound)
		q.Pool = x.name()
		_, err = d.AttachDisk(t.Context(), v.Ref, random(16), q)
		wants(t, err, fault.Invalid, fault.NotFound)
		same(t, v, x.get(t, v.Ref), "what was refused")
	}},
}
