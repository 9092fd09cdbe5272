package libvirt

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/novacron/novacron/drivers"
)

// PlanResize is as drivers.Resizer has it.
func (d *Driver) PlanResize(vm drivers.VM, want drivers.Resize) []drivers.Verdict {
	p := planner{vm: vm, limits: d.info.Limits, next: merge(size{vm.VCPUs, vm.VCPUsMax, vm.MemoryWanted, vm.MemoryMax}, want)}
	if want.VCPUs != nil {
		p.vcpus()
	}
	if want.VCPUsMax != nil {
		p.maximum("vcpusMax", int64(vm.VCPUsMax), int64(p.next.vcpusMax), int64(p.limits.MaxVCPUs), strconv.FormatInt)
	}
	if want.MemoryMiB != nil {
		p.memory()
	}
	if want.MemoryMax != nil {
		p.maximum("memoryMaxMiB", vm.MemoryMax, p.next.memoryMax, p.limits.MaxMemoryMiB, func(n int64, _ int) string { return showMiB(n) })
	}
	for _, name := range slices.Sorted(maps.Keys(want.Disks)) {
		p.disk(name, want.Disks[name])
	}
	return p.verdicts
}

// merge is the size after a change; a maximum is raised with what it bounds, unless the change names it.
func merge(s size, w drivers.Resize) size {
	if w.VCPUs != nil {
		s.vcpus = *w.VCPUs
	}
	if s.vcpusMax = max(s.vcpusMax, s.vcpus); w.VCPUsMax != nil {
		s.vcpusMax = *w.VCPUsMax
	}
	if w.MemoryMiB != nil {
		s.memory = *w.MemoryMiB
	}
	if s.memoryMax = max(s.memoryMax, s.memory); w.MemoryMax != nil {
		s.memoryMax = *w.MemoryMax
	}
	return s
}

// planner collects verdicts.
type planner struct {
	vm       drivers.VM
	limits   drivers.Limits
	next     size
	verdicts []drivers.Verdict
}

func (p *planner) say(field, current, wanted string, i drivers.Impact, reason string, a ...any) {
	p.verdicts = append(p.verdicts, drivers.Verdict{Field: field, Current: current, Wanted: wanted, Impact: i, Reason: fmt.Sprintf(reason, a...)})
}

// off: nothing runs that would have to be restarted.
func (p *planner) off() bool { return p.vm.State == drivers.StateStopped }

// guestRuns: there is a guest that a change can reach.
func (p *planner) guestRuns() bool {
	return p.vm.State == drivers.StateRunning || p.vm.State == drivers.StatePaused
}

const (
	sayNone    = "it is so already"
	sayOff     = "the VM is off; it starts with the new size"
	sayLater   = "the VM is %s; the change comes with its next start from off"
	saySuspend = "the VM is %s; the change comes when it starts afresh, not when it goes on from its saved memory"
)

// same is the verdict on what the VM has at present. Something else may wait for its next start.
func (p *planner) same(field, now string) {
	i := slices.IndexFunc(p.vm.Pending, func(c drivers.PendingChange) bool { return c.Field == field })
	if i < 0 {
		p.say(field, now, now, drivers.ImpactNone, sayNone)
		return
	}
	p.say(field, p.vm.Pending[i].Next, now, drivers.ImpactLive, "it stays at %s: what waited for its next start is withdrawn", now)
}

// stored is the verdict on a change that only the stored definition takes.
func (p *planner) stored(field, current, wanted string) bool {
	switch {
	case p.off():
		p.say(field, current, wanted, drivers.ImpactLive, sayOff)
	case p.vm.State == drivers.StateSuspended:
		p.say(field, current, wanted, drivers.ImpactRestart, saySuspend, p.vm.ProviderState)
	case !p.guestRuns():
		p.say(field, current, wanted, drivers.ImpactRestart, sayLater, p.vm.ProviderState)
	default:
		return false
	}
	return true
}

func (p *planner) vcpus() {
	now, then := p.vm.VCPUs, p.next.vcpus
	a, b := strconv.Itoa(now), strconv.Itoa(then)
	switch {
	case then < 1:
		p.say("vcpus", a, b, drivers.ImpactImpossible, "a VM has at least one vCPU")
	case p.limits.MaxVCPUs > 0 && then > p.limits.MaxVCPUs:
		p.say("vcpus", a, b, drivers.ImpactImpossible, "the host gives a VM at most %d vCPUs", p.limits.MaxVCPUs)
	case then > p.next.vcpusMax:
		p.say("vcpus", a, b, drivers.ImpactImpossible, "its maximum would be %d", p.next.vcpusMax)
	case then == now:
		p.same("vcpus", a)
	case p.stored("vcpus", a, b):
	case then < now:
		p.say("vcpus", a, b, drivers.ImpactRestart, "taking vCPUs from a running guest can end it, so they go with the next start")
	case then > p.vm.VCPUsMax:
		p.say("vcpus", a, b, drivers.ImpactRestart, "it was started with a maximum of %d vCPUs", p.vm.VCPUsMax)
	default:
		p.say("vcpus", a, b, drivers.ImpactLive, "vCPUs are added while it runs; a guest without agent may have to bring them online itself")
	}
}

func (p *planner) memory() {
	now, then := p.vm.MemoryWanted, p.next.memory
	a, b := showMiB(now), showMiB(then)
	switch {
	case then < 1:
		p.say("memoryMiB", a, b, drivers.ImpactImpossible, "a VM has at least 1 MiB of memory")
	case p.limits.MaxMemoryMiB > 0 && then > p.limits.MaxMemoryMiB:
		p.say("memoryMiB", a, b, drivers.ImpactImpossible, "the host has %s of memory", showMiB(p.limits.MaxMemoryMiB))
	case then > p.next.memoryMax:
		p.say("memoryMiB", a, b, drivers.ImpactImpossible, "its maximum would be %s", showMiB(p.next.memoryMax))
	case then == now:
		p.same("memoryMiB", a)
	case p.stored("memoryMiB", a, b):
	case then > p.vm.MemoryMax:
		p.say("memoryMiB", a, b, drivers.ImpactRestart, "it was started with a maximum of %s", showMiB(p.vm.MemoryMax))
	case then < now:
		p.say("memoryMiB", a, b, drivers.ImpactLive, "the guest's balloon driver gives it back while it runs; it is refused if the guest uses more than that")
	default:
		p.say("memoryMiB", a, b, drivers.ImpactLive, "the guest's balloon driver takes it while it runs")
	}
}

// maximum judges a change of a maximum: it is fixed at the start.
func (p *planner) maximum(field string, now, then, limit int64, show func(int64, int) string) {
	a, b := show(now, 10), show(then, 10)
	bound := int64(p.next.vcpus)
	if field == "memoryMaxMiB" {
		bound = p.next.memory
	}
	switch {
	case limit > 0 && then > limit:
		p.say(field, a, b, drivers.ImpactImpossible, "the host gives a VM at most %s", show(limit, 10))
	case then < bound:
		p.say(field, a, b, drivers.ImpactImpossible, "it would be below the %s that the VM has", show(bound, 10))
	case then == now:
		p.same(field, a)
	case p.stored(field, a, b):
	default:
		p.say(field, a, b, drivers.ImpactRestart, "a maximum is fixed when the VM starts")
	}
}

func (p *planner) disk(name string, then int64) {
	field := "disks." + name
	i := slices.IndexFunc(p.vm.Disks, func(k drivers.Disk) bool { return k.Name == name })
	if i < 0 {
		p.say(field, "", showBytes(then), drivers.ImpactImpossible, "the VM has no such disk")
		return
	}
	k := p.vm.Disks[i]
	a, b := showBytes(k.CapacityBytes), showBytes(then)
	switch {
	case k.Device != "disk" || k.ReadOnly:
		p.say(field, a, b, drivers.ImpactImpossible, "it is read-only")
	case then < k.CapacityBytes:
		p.say(field, a, b, drivers.ImpactImpossible, "a disk can only grow: what is behind its new end would be lost")
	case then > maxVirtual:
		p.say(field, a, b, drivers.ImpactImpossible, "a disk has at most %s", showBytes(maxVirtual))
	case then == k.CapacityBytes:
		p.say(field, a, b, drivers.ImpactNone, sayNone)
	case p.vm.State == drivers.StateSuspended:
		p.say(field, a, b, drivers.ImpactImpossible, "the saved memory knows the disk by its old size; resume the VM or switch it off first")
	case p.off() && k.Pool == "":
		p.say(field, a, b, drivers.ImpactImpossible, "its file is in none of the host's pools; start the VM first")
	case p.off():
		p.say(field, a, b, drivers.ImpactLive, sayOff)
	case !p.guestRuns():
		p.say(field, a, b, drivers.ImpactImpossible, "the VM is %s; wait until it runs or is off", p.vm.ProviderState)
	default:
		p.say(field, a, b, drivers.ImpactLive, "the guest sees the new size at once; its file systems are grown from within")
	}
}

// showBytes shows a size without hiding a byte of it.
func showBytes(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n != 0 && n%u.size == 0 {
			return fmt.Sprintf("%d %s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
