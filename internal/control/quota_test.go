package control

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// platform is a context of somebody who looks after the installation.
func (r *rig) platform() context.Context {
	v := r.viewer
	v.Role, v.PlatformAdmin = fleet.RoleOwner, true
	return access.With(r.t.Context(), v)
}

func (r *rig) limit(limits map[fleet.Counted]int64) {
	r.t.Helper()
	change := map[fleet.Counted]*int64{}
	for _, c := range fleet.Counts {
		change[c] = nil
	}
	for c, most := range limits {
		change[c] = &most
	}
	_, err := r.SetQuota(r.platform(), r.viewer.TenantID, change)
	require.NoError(r.t, err)
}

// inUse is what the quota says, by what is counted.
func (r *rig) inUse() map[fleet.Counted]int64 {
	r.t.Helper()
	lines, err := r.Quota(r.ctx)
	require.NoError(r.t, err)
	use := map[fleet.Counted]int64{}
	for _, l := range lines {
		use[l.Counted] = l.InUse
	}
	return use
}

// atOnce does it so many times at once, and tells how many were taken; the others were refused for the quota.
func (r *rig) atOnce(times int, do func(n int) (*fleet.Operation, error)) (taken []*fleet.Operation) {
	r.t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for n := range times {
		wg.Go(func() {
			o, err := do(n)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				taken = append(taken, o)
			case !fault.Is(err, fault.Exhausted):
				r.t.Error(err)
			}
		})
	}
	wg.Wait()
	return taken
}

// However many ask at once, a quota is not exceeded by one: of VMs that are being made, and when they are there.
func TestQuotaOfCreates(t *testing.T) {
	r := newRig(t)
	disk := fleet.MiB(r.image.CapacityBytes)
	for counted, each := range map[fleet.Counted]int64{fleet.CountVMs: 1, fleet.CountVCPUs: 1, fleet.CountMemoryMiB: 256, fleet.CountDiskMiB: disk} {
		t.Run(string(counted), func(t *testing.T) {
			before := r.inUse()[counted]
			r.limit(map[fleet.Counted]int64{counted: before + 7*each + each/2})
			taken := r.atOnce(100, func(n int) (*fleet.Operation, error) {
				o, _, err := r.CreateVM(r.ctx, r.newVM(fmt.Sprintf("%s-%d", counted, n)))
				return o, err
			})
			assert.Len(t, taken, 7)
			assert.Equal(t, before+7*each, r.inUse()[counted], "while they are being made")
			for _, o := range taken {
				r.ok(o)
			}
			assert.Equal(t, before+7*each, r.inUse()[counted], "when they are there")
		})
	}
}

func TestQuotaOfChanges(t *testing.T) {
	r := newRig(t)
	var vms []*fleet.VM
	for n := range 5 {
		n := r.newVM(fmt.Sprintf("web-%d", n))
		n.VCPUsMax, n.MemoryMaxMiB = 8, 4096
		o, v, err := r.CreateVM(r.ctx, n)
		require.NoError(t, err)
		r.ok(o)
		vms = append(vms, v)
	}
	use := r.inUse()

	r.limit(map[fleet.Counted]int64{fleet.CountVCPUs: use[fleet.CountVCPUs] + 3*2})
	more := func(n int) fleet.VMChange {
		return fleet.VMChange{Resize: drivers.Resize{VCPUs: &n}, AllowRestart: true}
	}
	taken := r.atOnce(len(vms), func(n int) (*fleet.Operation, error) {
		o, _, _, err := r.UpdateVM(r.ctx, vms[n].ID, more(3))
		return o, err
	})
	assert.Len(t, taken, 3)
	for _, o := range taken {
		r.ok(o)
	}
	assert.Equal(t, use[fleet.CountVCPUs]+3*2, r.inUse()[fleet.CountVCPUs])

	r.limit(map[fleet.Counted]int64{fleet.CountVCPUs: 1})
	grown := r.vm(*taken[0].TargetID)
	plan, err := r.PlanUpdateVM(r.ctx, grown.ID, more(4))
	require.NoError(t, err)
	assert.Equal(t, drivers.ImpactImpossible, plan.Impact())
	assert.Equal(t, "your organisation may have 1 vCPUs: 11 are in use, and this takes 1 more", plan.Changes[0].Reason)
	_, _, _, err = r.UpdateVM(r.ctx, grown.ID, more(4))
	refused(t, err, fault.Exhausted, "vcpus")
	o, _, _, err := r.UpdateVM(r.ctx, grown.ID, more(2))
	require.NoError(t, err, "who has too much may have less")
	r.ok(o)

	const disk = 64 << 20
	r.limit(map[fleet.Counted]int64{fleet.CountDiskMiB: r.inUse()[fleet.CountDiskMiB] + 2*fleet.MiB(disk)})
	taken = r.atOnce(len(vms), func(n int) (*fleet.Operation, error) {
		return r.AttachDisk(r.ctx, vms[n].ID, fleet.NewDisk{CapacityBytes: disk})
	})
	assert.Len(t, taken, 2)
	for _, o := range taken {
		r.ok(o)
	}
	_, err = r.AttachDisk(r.ctx, *taken[0].TargetID, fleet.NewDisk{CapacityBytes: disk})
	refused(t, err, fault.Exhausted, "disks")

	r.limit(map[fleet.Counted]int64{fleet.CountSnapshots: 2})
	taken = r.atOnce(len(vms), func(n int) (*fleet.Operation, error) {
		return r.CreateSnapshot(r.ctx, vms[n].ID, drivers.SnapshotRequest{Name: "before"})
	})
	assert.Len(t, taken, 2)
	for _, o := range taken {
		r.ok(o)
	}
	o, err = r.DeleteSnapshot(r.ctx, *taken[0].TargetID, "before")
	require.NoError(t, err)
	r.ok(o)
	o, err = r.CreateSnapshot(r.ctx, *taken[1].TargetID, drivers.SnapshotRequest{Name: "again"})
	require.NoError(t, err)
	r.ok(o)
	assert.EqualValues(t, 2, r.inUse()[fleet.CountSnapshots])
}

// What is let go from management counts no more; what is adopted has to fit.
func TestQuotaOfAdopted(t *testing.T) {
	r := newRig(t)
	first, second := r.make("first"), r.make("second")
	r.limit(map[fleet.Counted]int64{fleet.CountVMs: 1})
	for _, v := range []*fleet.VM{first, second} {
		_, err := r.ReleaseVM(r.ctx, v.ID)
		require.NoError(t, err)
	}
	taken := r.atOnce(2, func(n int) (*fleet.Operation, error) {
		_, err := r.AdoptVM(r.ctx, []*fleet.VM{first, second}[n].ID)
		return nil, err
	})
	assert.Len(t, taken, 1)
}

func TestWhoSetsQuotas(t *testing.T) {
	r := newRig(t)
	ten := int64(10)
	change := map[fleet.Counted]*int64{fleet.CountVMs: &ten}
	_, err := r.SetQuota(r.as(fleet.RoleOwner), r.viewer.TenantID, change)
	kind(t, fault.Denied, err)
	_, err = r.AllOrganisations(r.as(fleet.RoleOwner))
	kind(t, fault.Denied, err)
	_, err = r.SetQuota(r.platform(), fleet.NewID(), change)
	kind(t, fault.NotFound, err)
	below := int64(-1)
	_, err = r.SetQuota(r.platform(), r.viewer.TenantID, map[fleet.Counted]*int64{fleet.CountVMs: &below})
	kind(t, fault.Invalid, err)

	made, err := r.AddOrganisation(r.platform(), "globex")
	require.NoError(t, err)
	_, err = r.AddOrganisation(r.platform(), "globex")
	kind(t, fault.Exists, err)
	_, err = r.SetQuota(r.platform(), made.Tenant.ID, change)
	require.NoError(t, err)
	all, err := r.AllOrganisations(r.platform())
	require.NoError(t, err)
	of := map[string]*fleet.Organisation{}
	for _, o := range all {
		of[o.Tenant.Name] = o
	}
	require.Contains(t, of, "globex")
	assert.Equal(t, 1, of["globex"].People)
	assert.Equal(t, &ten, of["globex"].Quota[0].Limit)
	assert.Nil(t, of["acme"].Quota[0].Limit)
}
