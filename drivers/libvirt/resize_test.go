package libvirt

import (
	"strings"
	"testing"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

func TestPlanResize(t *testing.T) {
	d := &Driver{info: drivers.Info{Limits: drivers.Limits{MaxVCPUs: 16, MaxMemoryMiB: 8192}}}
	running := drivers.VM{State: drivers.StateRunning, ProviderState: "running", VCPUs: 2, VCPUsMax: 4, MemoryMiB: 1500, MemoryWanted: 1024, MemoryMax: 2048,
		Disks: []drivers.Disk{{Name: "vda", Device: "disk", Pool: "p", CapacityBytes: 10 << 30}, {Name: "sda", Device: "cdrom", ReadOnly: true}, {Name: "vdb", Device: "disk", CapacityBytes: 1 << 30}}}
	in := func(s drivers.State) drivers.VM { v := running; v.State = s; return v }
	off, saved, moving := in(drivers.StateStopped), in(drivers.StateSuspended), in(drivers.StateMigrating)
	n := func(i int) *int { return &i }
	m := func(i int64) *int64 { return &i }
	disk := func(name string, b int64) drivers.Resize { return drivers.Resize{Disks: map[string]int64{name: b}} }
	for _, c := range []struct {
		what string
		vm   drivers.VM
		want drivers.Resize
		is   drivers.Impact
	}{
		{"the same vCPUs", running, drivers.Resize{VCPUs: n(2)}, drivers.ImpactNone},
		{"more vCPUs", running, drivers.Resize{VCPUs: n(4)}, drivers.ImpactLive},
		{"more vCPUs, paused", in(drivers.StatePaused), drivers.Resize{VCPUs: n(4)}, drivers.ImpactLive},
		{"fewer vCPUs", running, drivers.Resize{VCPUs: n(1)}, drivers.ImpactRestart},
		{"vCPUs above the maximum", running, drivers.Resize{VCPUs: n(5)}, drivers.ImpactRestart},
		{"vCPUs above a new maximum", running, drivers.Resize{VCPUs: n(6), VCPUsMax: n(5)}, drivers.ImpactImpossible},
		{"no vCPUs", running, drivers.Resize{VCPUs: n(0)}, drivers.ImpactImpossible},
		{"too many vCPUs", running, drivers.Resize{VCPUs: n(17)}, drivers.ImpactImpossible},
		{"vCPUs, off", off, drivers.Resize{VCPUs: n(1)}, drivers.ImpactLive},
		{"vCPUs, suspended", saved, drivers.Resize{VCPUs: n(3)}, drivers.ImpactRestart},
		{"vCPUs, migrating", moving, drivers.Resize{VCPUs: n(3)}, drivers.ImpactRestart},
		{"a higher maximum", running, drivers.Resize{VCPUsMax: n(8)}, drivers.ImpactRestart},
		{"a maximum below", running, drivers.Resize{VCPUsMax: n(1)}, drivers.ImpactImpossible},
		{"the same memory, which its guest does not have yet", running, drivers.Resize{MemoryMiB: m(1024)}, drivers.ImpactNone},
		{"more memory", running, drivers.Resize{MemoryMiB: m(2048)}, drivers.ImpactLive},
		{"less memory", running, drivers.Resize{MemoryMiB: m(512)}, drivers.ImpactLive},
		{"memory above the maximum", running, drivers.Resize{MemoryMiB: m(4096)}, drivers.ImpactRestart},
		{"more memory than the host", running, drivers.Resize{MemoryMiB: m(8193)}, drivers.ImpactImpossible},
		{"negative memory", off, drivers.Resize{MemoryMiB: m(-1)}, drivers.ImpactImpossible},
		{"a larger disk", running, disk("vda", 20<<30), drivers.ImpactLive},
		{"a larger disk, off", off, disk("vda", 20<<30), drivers.ImpactLive},
		{"a larger disk outside all pools, off", off, disk("vdb", 20<<30), drivers.ImpactImpossible},
		{"a larger disk, suspended", saved, disk("vda", 20<<30), drivers.ImpactImpossible},
		{"a smaller disk", running, disk("vda", 1<<30), drivers.ImpactImpossible},
		{"the same disk", running, disk("vda", 10<<30), drivers.ImpactNone},
		{"a CD", running, disk("sda", 10<<30), drivers.ImpactImpossible},
		{"no disk", running, disk("vdz", 10<<30), drivers.ImpactImpossible},
		{"a huge disk", running, disk("vda", 1<<62), drivers.ImpactImpossible},
	} {
		plan := d.PlanResize(c.vm, c.want)
		if len(plan) == 0 || plan[0].Impact != c.is || plan[0].Reason == "" || plan[0].Wanted == "" {
			t.Errorf("%s: %+v, not %s", c.what, plan, c.is)
		}
	}
}

func TestShowBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 bytes", 1 << 30: "1 GiB", 3 << 29: "1536 MiB", -1 << 30: "-1 GiB", 1<<30 + 1: "1073741825 bytes"} {
		if got := showBytes(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

// A change of memory is done when the guest has it, or with a word on how far it has come.
func TestBalloon(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		what            string
		from, want, has int64
		state           libvirt.DomainState
		left            time.Duration
		done            bool
		progress        float64
		note            string
	}{
		{"at work", 512, 384, 402, libvirt.DOMAIN_RUNNING, time.Second, false, 110. / 128, "given back 110 of 128 MiB so far, and has 402 MiB"},
		{"reached", 512, 384, 384, libvirt.DOMAIN_RUNNING, time.Second, true, 1, ""},
		{"given up", 512, 384, 402, libvirt.DOMAIN_RUNNING, 0, true, 1, "given back 110 of 128 MiB so far, and has 402 MiB; it may be short of memory"},
		{"nothing yet", 512, 384, 512, libvirt.DOMAIN_RUNNING, time.Second, false, 0, "given back 0 of 128 MiB"},
		{"the other way", 512, 384, 600, libvirt.DOMAIN_RUNNING, time.Second, false, 0, "given back 0 of 128 MiB so far, and has 600 MiB"},
		{"growing", 384, 512, 400, libvirt.DOMAIN_RUNNING, time.Second, false, 16. / 128, "taken 16 of 128 MiB"},
		{"paused", 384, 512, 400, libvirt.DOMAIN_PAUSED, time.Second, true, 1, "when the VM is resumed"},
		{"off by now", 384, 512, 400, libvirt.DOMAIN_SHUTOFF, time.Second, true, 1, ""},
		{"asked for what it was", 512, 512, 510, libvirt.DOMAIN_RUNNING, time.Second, false, 0, "has 510 MiB"},
	} {
		b := balloon{ref: "r", from: c.from, want: c.want, until: now.Add(c.left)}
		task := b.task(c.state, c.has, now)
		if task.Done != c.done || task.Progress != c.progress || task.Ref != "r" || (c.note == "") != (task.Note == "") || !strings.Contains(task.Note, c.note) {
			t.Errorf("%s: %+v", c.what, task)
		}
		if task.Done {
			continue
		}
		again, err := balloonOf(task)
		if err != nil || again.from != b.from || again.want != b.want || again.ref != b.ref || again.until.Unix() != b.until.Unix() {
			t.Errorf("%s: %+v became %+v, %v", c.what, b, again, err)
		}
	}
	if _, err := balloonOf(drivers.Task{ID: "task-1"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("another's task: %v", err)
	}
}
