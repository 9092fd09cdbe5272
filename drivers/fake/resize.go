package fake

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// check tells whether a host can hold a VM of that size.
func (s size) check() error {
	switch {
	case s.vcpus < 1 || s.vcpusMax > maxVCPUs:
		return said(fault.Field("vcpus", fmt.Sprintf("Ask for 1 to %d.", maxVCPUs), "a VM cannot have %d to %d vCPUs here", s.vcpus, s.vcpusMax), "BAD_SIZE")
	case s.memoryMiB < 1 || s.memoryMax > maxMemoryMiB:
		return said(fault.Field("memoryMiB", fmt.Sprintf("Ask for 1 to %d MiB.", maxMemoryMiB), "a VM cannot have %d to %d MiB of memory here", s.memoryMiB, s.memoryMax), "BAD_SIZE")
	}
	return nil
}

// merge is the size after a change; a maximum is raised with what it bounds, unless the change names it.
func (s size) merge(w drivers.Resize) size {
	set(&s.vcpus, w.VCPUs)
	set(&s.memoryMiB, w.MemoryMiB)
	if s.vcpusMax = max(s.vcpusMax, s.vcpus); w.VCPUsMax != nil {
		s.vcpusMax = *w.VCPUsMax
	}
	if s.memoryMax = max(s.memoryMax, s.memoryMiB); w.MemoryMax != nil {
		s.memoryMax = *w.MemoryMax
	}
	return s
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// PlanResize is as drivers.Resizer has it.
func (d *Driver) PlanResize(v drivers.VM, want drivers.Resize) []drivers.Verdict {
	var vs []drivers.Verdict
	say := func(field, unit string, now, then int64, i drivers.Impact, reason string) {
		show := func(n int64) string { return fmt.Sprint(n, unit) }
		current := show(now)
		if now == then && i != drivers.ImpactImpossible {
			i, reason = drivers.ImpactNone, "it is so already"
			for _, p := range v.Pending {
				if p.Field == field {
					current, i, reason = p.Next+unit, drivers.ImpactLive, "what waited for its next start is withdrawn"
				}
			}
		}
		vs = append(vs, drivers.Verdict{Field: field, Current: current, Wanted: show(then), Impact: i, Reason: reason})
	}
	live, restart, impossible := drivers.ImpactLive, drivers.ImpactRestart, drivers.ImpactImpossible
	running := on(v.State)
	next := sizeOf(v).merge(want)
	number := func(field, unit string, now, then, limit, host int64, shrinks bool) {
		switch {
		case then < 1 || then > host:
			say(field, unit, now, then, impossible, fmt.Sprintf("the host can give 1 to %d%s", host, unit))
		case limit >= 0 && then > limit:
			say(field, unit, now, then, impossible, fmt.Sprintf("its maximum would be %d%s", limit, unit))
		case !running:
			say(field, unit, now, then, live, "it does not run")
		case v.State != drivers.StateRunning && v.State != drivers.StatePaused:
			say(field, unit, now, then, restart, "it is neither running nor off at present")
		case then < now && !shrinks:
			say(field, unit, now, then, restart, "it cannot be taken away from a running guest")
		case limit < 0:
			say(field, unit, now, then, restart, "a maximum is fixed while it runs")
		case field == "vcpus" && then > int64(v.VCPUsMax), field == "memoryMiB" && then > v.MemoryMax:
			say(field, unit, now, then, restart, "it is above the maximum that it was started with")
		default:
			say(field, unit, now, then, live, "the guest takes it while it runs")
		}
	}
	if want.VCPUs != nil {
		number("vcpus", "", int64(v.VCPUs), int64(next.vcpus), int64(next.vcpusMax), maxVCPUs, false)
	}
	if want.VCPUsMax != nil {
		number("vcpusMax", "", int64(v.VCPUsMax), int64(next.vcpusMax), -1, maxVCPUs, false)
	}
	if want.MemoryMiB != nil {
		number("memoryMiB", " MiB", v.MemoryWanted, next.memoryMiB, next.memoryMax, maxMemoryMiB, true)
	}
	if want.MemoryMax != nil {
		number("memoryMaxMiB", " MiB", v.MemoryMax, next.memoryMax, -1, maxMemoryMiB, false)
	}
	for _, name := range slices.Sorted(maps.Keys(want.Disks)) {
		then := want.Disks[name]
		i := slices.IndexFunc(v.Disks, func(d drivers.Disk) bool { return d.Name == name })
		switch {
		case i < 0:
			say("disks."+name, " bytes", 0, then, impossible, "it has no such disk")
		case v.Disks[i].Device != "disk" || v.Disks[i].ReadOnly:
			say("disks."+name, " bytes", v.Disks[i].CapacityBytes, then, impossible, "it is read-only")
		case then < v.Disks[i].CapacityBytes:
			say("disks."+name, " bytes", v.Disks[i].CapacityBytes, then, impossible, "a disk can only grow")
		default:
			say("disks."+name, " bytes", v.Disks[i].CapacityBytes, then, live, "the guest sees the new size at once")
		}
	}
	return vs
}

// Resize is as drivers.Resizer has it.
func (d *Driver) Resize(ctx context.Context, ref drivers.Ref, want drivers.Resize) (drivers.Task, error) {
	if err := d.call(ctx, callTime); err != nil {
		return drivers.Task{}, err
	}
	h := d.host
	h.mu.Lock()
	defer h.mu.Unlock()
	m, err := h.take(ref)
	if err != nil {
		return drivers.Task{}, err
	}
	if err := h.admit(m.Name, "resize"); err != nil {
		return drivers.Task{}, err
	}
	plan := d.PlanResize(m.VM, want)
	for _, v := range plan {
		if v.Impact == drivers.ImpactImpossible {
			return drivers.Task{}, said(fault.Field(v.Field, "Ask for a size that the plan allows.", "%s cannot become %s: %s", v.Field, v.Wanted, v.Reason), "BAD_SIZE")
		}
	}
	next := m.next.merge(want)
	kind := fmt.Sprintf("resize %+v %v", next, want.Disks)
	if m.job != nil && m.job.kind == kind {
		return m.job.view(), nil
	}
	if next.vcpus > next.vcpusMax || next.memoryMiB > next.memoryMax {
		return drivers.Task{}, refuse(fault.Conflict, "BAD_SIZE", "Raise the maximum too.", "its stored definition would have more than its maximum")
	}
	t, err := h.begin(m, kind, nil, step{"resize", "changing its size", resizeTime, func() error {
		m.next = next
		for _, v := range plan {
			if v.Impact != drivers.ImpactLive {
				continue
			}
			switch v.Field {
			case "vcpus":
				m.VCPUs = next.vcpus
			case "memoryMiB":
				m.MemoryMiB, m.MemoryWanted = next.memoryMiB, next.memoryMiB
			}
		}
		for name, capacity := range want.Disks {
			disk := m.disk(name)
			if disk.CapacityBytes = capacity; h.volumes[refOfDisk(*disk)] != nil {
				h.volumes[refOfDisk(*disk)].CapacityBytes = capacity
			}
		}
		if !on(m.State) && m.State != drivers.StateSuspended {
			m.next.give(&m.VM)
		}
		h.tell(m, "resized")
		return nil
	}})
	if err != nil {
		return drivers.Task{}, err
	}
	return t.view(), h.reply(m.Name, "resize")
}
