package control

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

func TestLife(t *testing.T) {
	r := newRig(t)
	n := r.newVM("web-1")
	n.Seed = &drivers.Seed{UserData: "#cloud-config\npassword: s3cret-canary\n"}
	o, v, err := r.CreateVM(r.ctx, n)
	require.NoError(t, err)
	require.Equal(t, fleet.VMProvisioning, v.Status)
	require.NotContains(t, string(o.Input), "canary", "user data is sealed")
	r.ok(o)
	v = r.vm(v.ID)
	require.Equal(t, fleet.VMRunning, v.Status)
	require.Nil(t, v.OperationID)
	require.Equal(t, 2, v.VCPUsMax, "twice, by default")

	memory, description := int64(384), "the first"
	o, v, plan, err := r.UpdateVM(r.ctx, v.ID, fleet.VMChange{Resize: drivers.Resize{MemoryMiB: &memory}, Description: &description})
	require.NoError(t, err)
	require.Equal(t, drivers.ImpactLive, plan.Impact())
	require.Equal(t, "the first", v.Description)
	r.ok(o)
	require.EqualValues(t, 384, r.vm(v.ID).MemoryMiB)

	for _, step := range []func() (*fleet.Operation, error){
		func() (*fleet.Operation, error) {
			return r.AttachDisk(r.ctx, v.ID, fleet.NewDisk{CapacityBytes: 1 << 30})
		},
		func() (*fleet.Operation, error) { return r.AttachNIC(r.ctx, v.ID, drivers.NICRequest{}) },
		func() (*fleet.Operation, error) {
			return r.CreateSnapshot(r.ctx, v.ID, drivers.SnapshotRequest{Name: "monday", Memory: true})
		},
		func() (*fleet.Operation, error) { return r.RestoreSnapshot(r.ctx, v.ID, "monday") },
		func() (*fleet.Operation, error) { return r.DeleteSnapshot(r.ctx, v.ID, "monday") },
		func() (*fleet.Operation, error) { return r.DetachDisk(r.ctx, v.ID, "vdb", drivers.DiskDelete) },
		func() (*fleet.Operation, error) { return r.DetachNIC(r.ctx, v.ID, r.vm(v.ID).NICs[1].MAC) },
		func() (*fleet.Operation, error) { return r.Power(r.ctx, v.ID, drivers.PowerPause) },
		func() (*fleet.Operation, error) { return r.Power(r.ctx, v.ID, drivers.PowerResume) },
		func() (*fleet.Operation, error) { return r.Power(r.ctx, v.ID, drivers.PowerOff) },
		func() (*fleet.Operation, error) {
			return r.DeleteVM(r.ctx, v.ID, map[string]drivers.DiskFate{"vda": drivers.DiskDelete}, false, false)
		},
	} {
		o, err := step()
		require.NoError(t, err)
		r.ok(o)
	}
	_, err = r.store.VM(t.Context(), r.viewer.Scope(), v.ID)
	refused(t, err, fault.NotFound, "")
	log, err := r.store.AuditEntries(t.Context(), r.viewer.Scope(), fleet.AuditFilter{}, 0, 100)
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, e := range log {
		seen[e.Action] = true
	}
	for _, verb := range []string{"createVM", "updateVM", "attachDisk", "createSnapshot", "powerOffVM", "deleteVM", "operationEnded"} {
		require.True(t, seen[verb], "%s is in the audit", verb)
	}
}

func TestWhoMay(t *testing.T) {
	r := newRig(t)
	v := r.make("web-1")
	calls := func(r *rig) map[string]error {
		all := map[string]error{}
		ctx := r.ctx
		_, _, all["create"] = r.CreateVM(ctx, r.newVM("web-2"))
		_, _, _, all["update"] = r.UpdateVM(ctx, v.ID, fleet.VMChange{Description: new(string)})
		_, all["power"] = r.Power(ctx, v.ID, drivers.PowerOff)
		_, all["delete"] = r.DeleteVM(ctx, v.ID, nil, true, true)
		_, all["release"] = r.ReleaseVM(ctx, v.ID)
		_, all["attach"] = r.AttachDisk(ctx, v.ID, fleet.NewDisk{CapacityBytes: 1 << 30})
		_, all["snapshot"] = r.CreateSnapshot(ctx, v.ID, drivers.SnapshotRequest{Name: "a"})
		_, _, all["console"] = r.OpenConsole(ctx, v.ID, drivers.ConsoleVNC)
		_, all["refresh"] = r.RefreshProvider(ctx, r.provider.ID)
		_, all["change provider"] = r.UpdateProvider(ctx, r.provider.ID, fleet.ProviderChange{})
		all["remove provider"] = r.RemoveProvider(ctx, r.provider.ID)
		_, all["delete image"] = r.DeleteImage(ctx, r.image.ID, true)
		_, _, all["import"] = r.ImportImage(ctx, fleet.NewImage{ProviderID: r.provider.ID, Catalog: "debian-12"})
		return all
	}
	other := *r
	other.ctx = t.Context()
	for name, err := range calls(&other) {
		require.Equal(t, fault.Unauthorized, fault.KindOf(err), name)
	}
	other.ctx = r.as(fleet.RoleViewer)
	for name, err := range calls(&other) {
		require.Equal(t, fault.Denied, fault.KindOf(err), name)
	}
	other.ctx = r.stranger()
	for name, err := range calls(&other) {
		require.Equal(t, fault.NotFound, fault.KindOf(err), "%s: %v", name, err)
	}
	require.Equal(t, v, r.vm(v.ID), "and nothing has happened")
	refused(t, r.RemoveProvider(r.as(fleet.RoleOperator), r.provider.ID), fault.Denied, "")
}

func TestCreateRefuses(t *testing.T) {
	r := newRig(t)
	taken := r.make("taken")
	for name, c := range map[string]struct {
		change func(*fleet.NewVM)
		kind   fault.Kind
		field  string
	}{
		"name":           {func(n *fleet.NewVM) { n.Name = "a b" }, fault.Invalid, "name"},
		"taken":          {func(n *fleet.NewVM) { n.Name = taken.Name }, fault.Exists, "name"},
		"no vcpus":       {func(n *fleet.NewVM) { n.VCPUs = -1 }, fault.Invalid, "vcpus"},
		"host's limit":   {func(n *fleet.NewVM) { n.VCPUs = 200 }, fault.Invalid, "vcpus"},
		"pool":           {func(n *fleet.NewVM) { n.Disks[0].Pool = "nowhere" }, fault.Invalid, "disks[0].pool"},
		"image's size":   {func(n *fleet.NewVM) { n.Disks[0].CapacityBytes = 1 << 20 }, fault.Invalid, "disks[0].capacityBytes"},
		"network":        {func(n *fleet.NewVM) { n.NICs = []drivers.NICRequest{{Network: "nowhere"}} }, fault.Invalid, "networks[0].network"},
		"no such image":  {func(n *fleet.NewVM) { id := fleet.NewID(); n.Disks[0].ImageID = &id }, fault.NotFound, "disks[0].image"},
		"no such host":   {func(n *fleet.NewVM) { n.ProviderID = fleet.NewID() }, fault.NotFound, ""},
		"key too long":   {func(n *fleet.NewVM) { n.IdempotencyKey = strings.Repeat("k", 256) }, fault.Invalid, "idempotencyKey"},
		"nothing to run": {func(n *fleet.NewVM) { n.Disks = nil }, fault.Invalid, "disks"},
	} {
		t.Run(name, func(t *testing.T) {
			n := r.newVM("web-1")
			c.change(&n)
			_, _, err := r.CreateVM(r.ctx, n)
			refused(t, err, c.kind, c.field)
		})
	}
	n, err := r.store.CountOperations(t.Context(), r.viewer.Scope(), fleet.OperationFilter{})
	require.NoError(t, err)
	require.Equal(t, 1, n, "only the first")
}

func TestIdempotencyKey(t *testing.T) {
	r := newRig(t)
	n := r.newVM("web-1")
	n.IdempotencyKey = "k1"
	var ids sync.Map
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			o, v, err := r.CreateVM(r.ctx, n)
			if err != nil {
				t.Error(err)
				return
			}
			ids.Store(o.ID, v.ID)
		})
	}
	all.Wait()
	count := 0
	ids.Range(func(any, any) bool { count++; return true })
	require.Equal(t, 1, count, "eight calls, one operation")
	n.VCPUs = 2
	_, _, err := r.CreateVM(r.ctx, n)
	refused(t, err, fault.Conflict, "idempotencyKey")
}

func TestUpdateRefuses(t *testing.T) {
	r := newRig(t)
	v := r.make("web-1")
	vcpus, tooMany, small := 5, 500, map[string]int64{"vda": 1 << 20}
	_, _, _, err := r.UpdateVM(r.ctx, v.ID, fleet.VMChange{Resize: drivers.Resize{VCPUs: &tooMany}})
	refused(t, err, fault.Invalid, "vcpus")
	_, _, _, err = r.UpdateVM(r.ctx, v.ID, fleet.VMChange{Resize: drivers.Resize{Disks: small}})
	refused(t, err, fault.Invalid, "disks.vda")
	most := 8
	_, _, _, err = r.UpdateVM(r.ctx, v.ID, fleet.VMChange{Resize: drivers.Resize{VCPUs: &vcpus, VCPUsMax: &most}})
	require.Equal(t, fault.Conflict, fault.KindOf(err), "it needs a restart: %v", err)
	o, _, plan, err := r.UpdateVM(r.ctx, v.ID, fleet.VMChange{Resize: drivers.Resize{VCPUs: &vcpus, VCPUsMax: &most}, AllowRestart: true})
	require.NoError(t, err)
	require.Equal(t, drivers.ImpactRestart, plan.Impact())
	r.ok(o)
	require.NotEmpty(t, r.vm(v.ID).Pending)
	old := v.Version
	_, _, _, err = r.UpdateVM(r.ctx, v.ID, fleet.VMChange{IfVersion: &old, Description: new(string)})
	refused(t, err, fault.Conflict, "ifVersion")
}

func TestOneOperationAtATime(t *testing.T) {
	r := newRig(t)
	v := r.make("web-hang-stop")
	down, err := r.Power(r.ctx, v.ID, drivers.PowerShutdown)
	require.NoError(t, err)
	_, err = r.Power(r.ctx, v.ID, drivers.PowerReboot)
	require.ErrorContains(t, err, "shutdown VM")
	require.Equal(t, fault.Conflict, fault.KindOf(err))
	off, err := r.Power(r.ctx, v.ID, drivers.PowerOff) // overrules it
	require.NoError(t, err)
	r.ok(off)
	require.Equal(t, fleet.OperationCanceled, r.end(down).Status)
	require.Equal(t, fleet.VMStopped, r.vm(v.ID).Status)

	// Of many that come at once one wins.
	var won, lost int
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := r.Power(r.ctx, v.ID, drivers.PowerStart)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if fault.Is(err, fault.Conflict) {
				lost++
			}
		})
	}
	all.Wait()
	require.Equal(t, 8, won+lost)
	require.Equal(t, 1, won)
}

func TestDeleteRefuses(t *testing.T) {
	r := newRig(t)
	v := r.make("web-1")
	_, err := r.DeleteVM(r.ctx, v.ID, nil, false, false)
	require.ErrorContains(t, err, "not off")
	o, err := r.CreateSnapshot(r.ctx, v.ID, drivers.SnapshotRequest{Name: "monday"})
	require.NoError(t, err)
	r.ok(o)
	_, err = r.CreateSnapshot(r.ctx, v.ID, drivers.SnapshotRequest{Name: "monday"})
	refused(t, err, fault.Exists, "name")
	_, err = r.RestoreSnapshot(r.ctx, v.ID, "tuesday")
	refused(t, err, fault.NotFound, "name")
	_, err = r.DeleteVM(r.ctx, v.ID, nil, false, true)
	refused(t, err, fault.Conflict, "snapshots")
	_, err = r.DeleteVM(r.ctx, v.ID, map[string]drivers.DiskFate{"vdz": drivers.DiskDelete}, true, true)
	refused(t, err, fault.Invalid, "disks")
	o, err = r.DeleteVM(r.ctx, v.ID, nil, true, true)
	require.NoError(t, err)
	r.ok(o)
}

func TestBulkActs(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"lux-1", "lux-2", "lux-3", "zoo-1"} {
		r.make(name)
	}
	_, err := r.Bulk(r.ctx, fleet.BulkRequest{Action: fleet.BulkPowerOff})
	refused(t, err, fault.Invalid, "filter")
	request := fleet.BulkRequest{Action: fleet.BulkPowerOff, Filter: fleet.VMFilter{Search: "lux"}}
	plan, err := r.PlanBulk(r.as(fleet.RoleOperator), request)
	require.NoError(t, err)
	require.Equal(t, fleet.BulkPlan{Count: 3, ByStatus: []fleet.StatusCount{{Status: fleet.VMRunning, Count: 3}}, Skipped: []fleet.BulkSkip{}}, plan)
	wrong := 4
	request.IfCount = &wrong
	_, err = r.Bulk(r.ctx, request)
	refused(t, err, fault.Conflict, "ifCount")
	request.IfCount = &plan.Count
	o, err := r.Bulk(r.ctx, request)
	require.NoError(t, err)
	r.ok(o)
	plan, err = r.PlanBulk(r.ctx, fleet.BulkRequest{Action: fleet.BulkDelete, Disks: drivers.DiskDelete, Filter: fleet.VMFilter{Provider: []uuid.UUID{r.provider.ID}}})
	require.NoError(t, err)
	require.Equal(t, []fleet.BulkSkip{{Reason: "It is not off", Count: 1}}, plan.Skipped)
	o, err = r.Bulk(r.ctx, fleet.BulkRequest{Action: fleet.BulkDelete, Disks: drivers.DiskDelete, Filter: fleet.VMFilter{Provider: []uuid.UUID{r.provider.ID}}})
	require.NoError(t, err)
	r.ok(o)
}

func TestConsole(t *testing.T) {
	r := newRig(t)
	v := r.make("web-1")
	path, _, err := r.OpenConsole(r.ctx, v.ID, drivers.ConsoleSerial)
	require.NoError(t, err)
	ticket := strings.TrimPrefix(path, "/console/")
	s, kind, err := r.ConsoleStream(t.Context(), ticket, false)
	require.NoError(t, err)
	require.Equal(t, drivers.ConsoleSerial, kind)
	_, err = s.Read(make([]byte, 1))
	require.True(t, err == nil || errors.Is(err, io.EOF))
	require.NoError(t, s.Close())
	_, _, err = r.ConsoleStream(t.Context(), ticket, false)
	refused(t, err, fault.NotFound, "")
}

// A volume that is an image, or another VM's disk, becomes nobody's disk, and goes with nobody else.
func TestVolumesOfOthers(t *testing.T) {
	r := newRig(t)
	v := r.make("web-1")
	disk := drivers.VolumeRef{Pool: v.Disks[0].Pool, Volume: v.Disks[0].Volume}
	image := drivers.VolumeRef{Pool: r.image.Pool, Volume: r.image.Volume}
	for _, ref := range []drivers.VolumeRef{disk, image} {
		n := r.newVM("web-2")
		n.Disks = []fleet.NewDisk{{Volume: &ref}}
		_, _, err := r.CreateVM(r.ctx, n)
		refused(t, err, fault.Conflict, "disks[0].volume.name")
		_, err = r.AttachDisk(r.ctx, v.ID, fleet.NewDisk{Volume: &ref})
		refused(t, err, fault.Conflict, "disk.volume.name")
	}
	// An image that is only read may be: it is how an ISO gets into a drive.
	o, err := r.AttachDisk(r.ctx, v.ID, fleet.NewDisk{Volume: &image, ReadOnly: true})
	require.NoError(t, err)
	r.ok(o)
	v = r.vm(v.ID)
	name := v.Disks[len(v.Disks)-1].Name
	_, err = r.DetachDisk(r.ctx, v.ID, name, drivers.DiskDelete)
	refused(t, err, fault.Conflict, "fate")
	_, err = r.DeleteVM(r.ctx, v.ID, map[string]drivers.DiskFate{name: drivers.DiskDelete}, true, true)
	refused(t, err, fault.Conflict, "disks")
}

// A disk that a snapshot keeps stays until the snapshot is gone.
func TestDetachOfASnapshotsDisk(t *testing.T) {
	r := newRig(t)
	v := r.make("web-1")
	o, err := r.AttachDisk(r.ctx, v.ID, fleet.NewDisk{CapacityBytes: 1 << 30})
	require.NoError(t, err)
	r.ok(o)
	name := r.vm(v.ID).Disks[1].Name
	o, err = r.CreateSnapshot(r.ctx, v.ID, drivers.SnapshotRequest{Name: "sunday"})
	require.NoError(t, err)
	r.ok(o)
	_, err = r.DetachDisk(r.ctx, v.ID, name, drivers.DiskKeep)
	refused(t, err, fault.Conflict, "name")
	require.ErrorContains(t, err, "sunday")
	o, err = r.DeleteSnapshot(r.ctx, v.ID, "sunday")
	require.NoError(t, err)
	r.ok(o)
	o, err = r.DetachDisk(r.ctx, v.ID, name, drivers.DiskKeep)
	require.NoError(t, err)
	r.ok(o)
}

// Of many who want one name at the same moment one gets it, and the others are told so at once.
func TestOneNameOnce(t *testing.T) {
	r := newRig(t)
	var group sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		group.Go(func() { _, _, errs[i] = r.CreateVM(r.ctx, r.newVM("race")) })
	}
	group.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
			continue
		}
		refused(t, err, fault.Exists, "name")
	}
	require.Equal(t, 1, made)
}

// A VM that somebody has undefined at the host is deleted with its disks all the same.
func TestDeleteOfOneUndefinedBehindOurBack(t *testing.T) {
	r := newRig(t)
	v := r.make("web-1")
	conn, err := r.conn(t.Context(), r.provider)
	require.NoError(t, err)
	task, err := conn.Delete(t.Context(), v.Ref, drivers.DeleteOptions{Disks: map[string]drivers.DiskFate{}})
	require.NoError(t, err)
	for !task.Done {
		task, err = conn.Poll(t.Context(), task)
		require.NoError(t, err)
	}
	volumes := func() (all []string) {
		list, err := conn.Volumes(t.Context(), v.Disks[0].Pool)
		require.NoError(t, err)
		for _, one := range list {
			all = append(all, one.Name)
		}
		return all
	}
	require.Contains(t, volumes(), v.Disks[0].Volume, "the disk is still there")
	o, err := r.DeleteVM(r.ctx, v.ID, map[string]drivers.DiskFate{v.Disks[0].Name: drivers.DiskDelete}, true, true)
	require.NoError(t, err)
	r.ok(o)
	require.NotContains(t, volumes(), v.Disks[0].Volume)
}
