package drivertest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// wish is one change of size, and where its result is to be seen.
type wish struct {
	field string
	want  drivers.Resize
	is    func(drivers.VM) bool // it is so now
	asks  bool                  // it comes about only with the guest's help
}

// wishes are changes of every sort, for a VM of suite.request. What becomes of each is for the driver
// to say, and for the suite to hold it to.
func (x *suite) wishes(v drivers.VM) []wish {
	disk := x.disks(v)[0]
	cpu := func(n int) wish {
		return wish{field: "vcpus", want: drivers.Resize{VCPUs: &n}, is: func(v drivers.VM) bool { return v.VCPUs == n }}
	}
	memory := func(n int64) wish {
		return wish{field: "memoryMiB", want: drivers.Resize{MemoryMiB: &n}, is: func(v drivers.VM) bool { return v.MemoryMiB == n }, asks: true}
	}
	grow := func(name string, n int64) wish {
		return wish{field: "disks." + name, want: drivers.Resize{Disks: map[string]int64{name: n}}, is: func(v drivers.VM) bool {
			for _, d := range v.Disks {
				if d.Name == name {
					return d.CapacityBytes == n
				}
			}
			return false
		}}
	}
	four, high := 4, 4*x.MemoryMiB
	return []wish{
		cpu(v.VCPUs), cpu(2), cpu(1), cpu(3), cpu(0), cpu(-1), cpu(100_000),
		memory(2 * x.MemoryMiB), memory(x.MemoryMiB), memory(3 * x.MemoryMiB), memory(0), memory(-5), memory(1 << 40),
		{field: "vcpusMax", want: drivers.Resize{VCPUsMax: &four}, is: func(v drivers.VM) bool { return v.VCPUsMax == four }},
		{field: "memoryMaxMiB", want: drivers.Resize{MemoryMax: &high}, is: func(v drivers.VM) bool { return v.MemoryMax == high }},
		grow(disk.Name, disk.CapacityBytes+16<<20), grow(disk.Name, disk.CapacityBytes-1<<20), grow(disk.Name, -1), grow("nodisk", 1<<30),
	}
}

// plan asks for the verdict on one wish, and checks its form.
func (x *suite) plan(t *testing.T, v drivers.VM, w wish) drivers.Verdict {
	t.Helper()
	plan := as[drivers.Resizer](x).PlanResize(v, w.want)
	require.Len(t, plan, 1, "one field, one verdict")
	p := plan[0]
	require.Equal(t, w.field, p.Field)
	require.NotEmpty(t, p.Wanted)
	require.NotEmpty(t, p.Reason)
	require.Contains(t, []drivers.Impact{drivers.ImpactNone, drivers.ImpactLive, drivers.ImpactRestart, drivers.ImpactImpossible}, p.Impact)
	return p
}

// grants fulfils one wish and compares what comes of it with the verdict.
func (x *suite) grants(t *testing.T, ref drivers.Ref, w wish) {
	t.Helper()
	before := x.get(t, ref)
	p := x.plan(t, before, w)
	what := p.Field + " from " + p.Current + " to " + p.Wanted + " (" + string(p.Impact) + ": " + p.Reason + ")"
	if p.Impact == drivers.ImpactLive && w.asks && before.State == drivers.StateRunning && !x.Guest {
		t.Logf("%s: not tried, because it needs a guest", what)
		return
	}
	spent := x.cpuTime(t, ref)
	task, err := as[drivers.Resizer](x).Resize(t.Context(), ref, w.want)
	task, err = x.outcome(t, x.d, task, err)
	if p.Impact == drivers.ImpactImpossible {
		require.Error(t, err, what)
		wants(t, err, fault.Invalid)
		same(t, before, x.get(t, ref), what)
		return
	}
	require.NoError(t, err, what)
	after := x.get(t, ref)
	require.Equal(t, before.State, after.State, what)
	require.GreaterOrEqual(t, x.cpuTime(t, ref), spent, "%s: it was started anew", what)
	switch p.Impact {
	case drivers.ImpactNone:
		same(t, before, after, what)
	case drivers.ImpactLive:
		require.Empty(t, task.Note, "%s: it is done, with something left", what)
		require.True(t, w.is(x.get(t, ref)), "%s: it is done, and not so", what)
		require.False(t, pending(x.get(t, ref), w.field), what)
		require.Equal(t, drivers.ImpactNone, x.plan(t, x.get(t, ref), w).Impact, "%s: once it is so, nothing remains to be done", what)
	case drivers.ImpactRestart:
		require.False(t, w.is(after), "%s: it came without a restart", what)
		require.True(t, pending(after, w.field), "%s: it is not pending", what)
		x.power(t, ref, drivers.PowerOff)
		x.power(t, ref, drivers.PowerStart)
		after = x.get(t, ref)
		require.True(t, w.is(after), "%s: it did not come with the restart", what)
		require.Empty(t, after.Pending, what)
	case drivers.ImpactImpossible: // refused above
	}
	task, err = as[drivers.Resizer](x).Resize(t.Context(), ref, w.want)
	x.await(t, x.d, task, err) // already so
}

func same(t *testing.T, before, after drivers.VM, what string) {
	t.Helper()
	for _, v := range []*drivers.VM{&before, &after} {
		for i := range v.Disks {
			v.Disks[i].UsedBytes = 0
		}
		v.GuestAgent = false
	}
	require.Equal(t, before, after, "%s: it has changed the VM", what)
}

func pending(v drivers.VM, field string) bool {
	for _, p := range v.Pending {
		if p.Field == field && p.Next != "" && p.Next != p.Current {
			return true
		}
	}
	return false
}

// cpuTime is what a VM has used since it started; 0 when that cannot be known.
func (x *suite) cpuTime(t *testing.T, ref drivers.Ref) int64 {
	t.Helper()
	s, ok := x.d.(drivers.Sampler)
	if !ok {
		return 0
	}
	samples, err := s.Sample(t.Context(), []drivers.Ref{ref})
	require.NoError(t, err)
	return int64(samples[ref].CPUTime)
}

var resizeTests = []test{
	{name: "RunningAsPlanned", needs: has[drivers.Resizer], run: func(t *testing.T, x *suite) {
		v := x.vm(t, true)
		if x.Guest {
			x.boots(t, v.Ref)
			x.eventually(t, "the guest gives back memory that it was not given", func() bool { return x.get(t, v.Ref).MemoryMiB == x.MemoryMiB })
		}
		for _, w := range x.wishes(v) {
			x.grants(t, v.Ref, w)
		}
	}},
	{name: "OffAsPlanned", needs: has[drivers.Resizer], run: func(t *testing.T, x *suite) {
		v := x.vm(t, false)
		for _, w := range x.wishes(v) {
			x.grants(t, v.Ref, w)
		}
		last := x.get(t, v.Ref)
		x.power(t, v.Ref, drivers.PowerStart)
		started := x.get(t, v.Ref)
		assert.Equal(t, last.VCPUs, started.VCPUs)
		assert.Equal(t, last.MemoryMax, started.MemoryMax)
		assert.Empty(t, started.Pending)
	}},
	{name: "WithdrawnAsPlanned", needs: has[drivers.Resizer], run: func(t *testing.T, x *suite) {
		v := x.vm(t, true)
		now, more := v.VCPUs, v.VCPUsMax+1
		raise := wish{field: "vcpus", want: drivers.Resize{VCPUs: &more}}
		if x.plan(t, v, raise).Impact != drivers.ImpactRestart {
			t.Skip("it can be had without a restart")
		}
		task, err := as[drivers.Resizer](x).Resize(t.Context(), v.Ref, raise.want)
		x.await(t, x.d, task, err)
		v = x.get(t, v.Ref)
		require.True(t, pending(v, "vcpus"))
		if x.f.Suspend { // what is on disk is the VM as it ran
			x.power(t, v.Ref, drivers.PowerSuspend)
			saved := x.get(t, v.Ref)
			assert.Equal(t, now, saved.VCPUs)
			assert.True(t, pending(saved, "vcpus"))
			x.power(t, v.Ref, drivers.PowerResume)
		}
		back := wish{field: "vcpus", want: drivers.Resize{VCPUs: &now}}
		p := x.plan(t, v, back)
		require.Equal(t, drivers.ImpactLive, p.Impact, "what it has at present is a change while another size waits: %s", p.Reason)
		task, err = as[drivers.Resizer](x).Resize(t.Context(), v.Ref, back.want)
		x.await(t, x.d, task, err)
		v = x.get(t, v.Ref)
		assert.False(t, pending(v, "vcpus"))
		assert.Equal(t, now, v.VCPUs)
		assert.Equal(t, drivers.ImpactNone, x.plan(t, v, back).Impact)
	}},
	{name: "FeaturesAreTrue", needs: has[drivers.Resizer], run: func(t *testing.T, x *suite) {
		v := x.vm(t, true)
		for _, w := range x.wishes(v) {
			p := x.plan(t, v, w)
			switch {
			case p.Impact != drivers.ImpactLive:
			case w.field == "vcpus":
				assert.True(t, x.f.HotAddCPU, "Info says that vCPUs cannot be added live, the plan says they can")
			case w.field == "memoryMiB":
				assert.True(t, x.f.Balloon || x.f.HotAddMemory, "Info says that memory cannot be changed live, the plan says it can")
			case strings.HasPrefix(w.field, "disks."):
				assert.True(t, x.f.HotGrowDisk, "Info says that disks cannot grow live, the plan says they can")
			}
		}
	}},
	{name: "NotFound", needs: has[drivers.Resizer], run: func(t *testing.T, x *suite) {
		v, two := x.vm(t, false), 2
		_, err := as[drivers.Resizer](x).Resize(t.Context(), stranger(v.Ref), drivers.Resize{VCPUs: &two})
		wants(t, err, fault.NotFound)
	}},
}
