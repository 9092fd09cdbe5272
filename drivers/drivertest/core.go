package drivertest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

var infoTests = []test{
	{name: "Complete", run: func(t *testing.T, x *suite) {
		i := x.d.Info()
		assert.NotEmpty(t, i.Kind)
		assert.NotEmpty(t, i.Version)
		assert.NotEmpty(t, i.URI)
		assert.NotEmpty(t, i.Encryption)
	}},
	{name: "FeaturesHaveTheirMethods", run: func(t *testing.T, x *suite) {
		f := x.f
		for what, c := range map[string]struct{ claimed, there bool }{
			"Resizer":        {f.HotAddCPU || f.HotRemoveCPU || f.Balloon || f.HotAddMemory || f.HotGrowDisk, has[drivers.Resizer](x)},
			"DeviceAttacher": {f.HotAttachDisk || f.HotAttachNIC, has[drivers.DeviceAttacher](x)},
			"Snapshotter":    {f.SnapshotMemory || f.SnapshotExternal, has[drivers.Snapshotter](x)},
			"Consoler":       {f.SerialConsole || f.VNC, has[drivers.Consoler](x)},
			"Guester":        {f.GuestAgent, has[drivers.Guester](x)},
			"ImageStore":     {f.Upload, has[drivers.ImageStore](x)},
		} {
			assert.True(t, c.there || !c.claimed, "Info claims a feature that needs a %s", what)
		}
	}},
	{name: "Ping", run: func(t *testing.T, x *suite) { require.NoError(t, x.d.Ping(t.Context())) }},
}

// all lists everything and checks what holds for every list.
func (x *suite) all(t testing.TB, o drivers.ListOptions) map[drivers.Ref]drivers.VM {
	t.Helper()
	vms := map[drivers.Ref]drivers.VM{}
	for v, err := range x.d.List(t.Context(), o) {
		require.NoError(t, err)
		require.NotEmpty(t, v.Ref)
		require.Empty(t, vms[v.Ref].Ref, "a VM is listed once")
		require.NotEmpty(t, v.State, "a state that is not known is UNKNOWN")
		vms[v.Ref] = v
	}
	return vms
}

var listTests = []test{
	{name: "HasEveryVM", run: func(t *testing.T, x *suite) {
		off, on := x.vm(t, false), x.vm(t, true)
		for _, o := range []drivers.ListOptions{{}, {Brief: true}} {
			vms := x.all(t, o)
			for _, v := range []drivers.VM{off, on} {
				require.Equal(t, v.Name, vms[v.Ref].Name)
				assert.Equal(t, v.State, vms[v.Ref].State)
				assert.NotEmpty(t, vms[v.Ref].ProviderState)
			}
		}
		x.remove(t, off.Ref)
		vms := x.all(t, drivers.ListOptions{})
		assert.Empty(t, vms[off.Ref].Ref, "a deleted VM")
		listed, got := vms[on.Ref], x.get(t, on.Ref)
		assert.Equal(t, got.Token, listed.Token)
		assert.Equal(t, got.Owner, listed.Owner)
		assert.Equal(t, got.VCPUs, listed.VCPUs)
		assert.Equal(t, got.VCPUsMax, listed.VCPUsMax)
		assert.Equal(t, got.MemoryMax, listed.MemoryMax)
		assert.Equal(t, got.NICs, listed.NICs)
		require.Len(t, listed.Disks, len(got.Disks))
		for i := range got.Disks {
			assert.Equal(t, got.Disks[i].Name, listed.Disks[i].Name)
			assert.Equal(t, got.Disks[i].Volume, listed.Disks[i].Volume)
			assert.Equal(t, got.Disks[i].CapacityBytes, listed.Disks[i].CapacityBytes)
		}
	}},
	{name: "ErrorOnCanceledContext", run: func(t *testing.T, x *suite) {
		x.vm(t, false)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		n, last := 0, error(nil)
		for _, err := range x.d.List(ctx, drivers.ListOptions{}) {
			require.NoError(t, last, "nothing comes after the error")
			n, last = n+1, err
		}
		require.Error(t, last, "a list that was canceled ended as if it were whole, after %d VMs", n)
		wants(t, last, fault.Canceled)
	}},
	{name: "ErrorWhenCanceledMidway", run: func(t *testing.T, x *suite) {
		x.vm(t, false)
		x.vm(t, false)
		before := x.all(t, drivers.ListOptions{Brief: true})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		seen, last := map[drivers.Ref]bool{}, error(nil)
		for v, err := range x.d.List(ctx, drivers.ListOptions{}) {
			cancel()
			require.NoError(t, last, "nothing comes after the error")
			if last = err; err == nil {
				seen[v.Ref] = true
			}
		}
		if last != nil {
			wants(t, last, fault.Canceled)
			return
		}
		for ref := range before { // the driver may have had all of it already
			require.True(t, seen[ref], "a list that was canceled is short, and did not say so")
		}
	}},
	{name: "CanBeLeft", run: func(t *testing.T, x *suite) {
		x.vm(t, false)
		x.vm(t, false)
		for _, err := range x.d.List(t.Context(), drivers.ListOptions{}) {
			require.NoError(t, err)
			break
		}
		x.all(t, drivers.ListOptions{Brief: true})
	}},
	{name: "ManyAtOnce", run: func(t *testing.T, x *suite) {
		v := x.vm(t, false)
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				found := 0
				for l, err := range x.d.List(t.Context(), drivers.ListOptions{Brief: true}) {
					if assert.NoError(t, err) && l.Ref == v.Ref {
						found++
					}
				}
				assert.Equal(t, 1, found)
			})
		}
		wait.Wait()
	}},
}

// stranger is a ref that looks like one of the driver's and is none.
func stranger(ref drivers.Ref) drivers.Ref {
	last := map[bool]string{true: "1", false: "0"}[strings.HasSuffix(string(ref), "0")]
	return ref[:len(ref)-1] + drivers.Ref(last)
}

var getTests = []test{
	{name: "NotFound", run: func(t *testing.T, x *suite) {
		v := x.vm(t, false)
		for _, ref := range []drivers.Ref{"", "nonsense", "../../etc/passwd", stranger(v.Ref)} {
			_, err := x.d.Get(t.Context(), ref)
			require.Error(t, err, "%q", ref)
			wants(t, err, fault.NotFound)
		}
		x.remove(t, v.Ref)
		_, err := x.d.Get(t.Context(), v.Ref)
		wants(t, err, fault.NotFound)
	}},
}
