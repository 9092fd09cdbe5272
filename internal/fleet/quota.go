package fleet

import (
	"strconv"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// Counted is a kind of thing of which an organisation may have so many.
type Counted string

// What is counted. Only managed VMs count: what was found on a host took nothing from anybody.
const (
	CountVMs       Counted = "VMS"
	CountVCPUs     Counted = "VCPUS"
	CountMemoryMiB Counted = "MEMORY_MIB"
	CountDiskMiB   Counted = "DISK_MIB" // as large as the guests see them; without CD-ROMs and what is only read
	CountSnapshots Counted = "SNAPSHOTS"
)

// Counts are all of them, in the order that people think of them.
var Counts = []Counted{CountVMs, CountVCPUs, CountMemoryMiB, CountDiskMiB, CountSnapshots}

// words are how each is spoken of, and the input's field that asks for it.
var words = map[Counted]struct{ many, field string }{
	CountVMs:       {"%d VMs", ""},
	CountVCPUs:     {"%d vCPUs", "vcpus"},
	CountMemoryMiB: {"%d MiB of memory", "memoryMiB"},
	CountDiskMiB:   {"%d MiB of disks", "disks"},
	CountSnapshots: {"%d snapshots", ""},
}

// Amount is how much of each: in use, or what a VM takes.
type Amount struct {
	VMs       int64 `bun:"vms" json:"vms"`
	VCPUs     int64 `bun:"vcpus" json:"vcpus"`
	MemoryMiB int64 `bun:"memory_mib" json:"memoryMiB"`
	DiskMiB   int64 `bun:"disk_mib" json:"diskMiB"`
	Snapshots int64 `bun:"snapshots" json:"snapshots"`
}

// Of is how much of one.
func (a Amount) Of(c Counted) int64 {
	switch c {
	case CountVMs:
		return a.VMs
	case CountVCPUs:
		return a.VCPUs
	case CountMemoryMiB:
		return a.MemoryMiB
	case CountDiskMiB:
		return a.DiskMiB
	case CountSnapshots:
		return a.Snapshots
	}
	return 0
}

// Limits are how much of each an organisation may have; what is not in it has no limit.
type Limits map[Counted]int64

// QuotaLine is how an organisation stands with one kind of thing.
type QuotaLine struct {
	Counted Counted
	Limit   *int64 // nil: none
	InUse   int64
}

// Lines hold the limits against what is in use.
func (l Limits) Lines(use Amount) []*QuotaLine {
	lines := make([]*QuotaLine, len(Counts))
	for i, c := range Counts {
		lines[i] = &QuotaLine{Counted: c, InUse: use.Of(c)}
		if most, ok := l[c]; ok {
			lines[i].Limit = &most
		}
	}
	return lines
}

// Check refuses by Exhausted, at the input's field, what the organisation would have too much of if a VM took want instead
// of has. Whoever takes less is never refused, however much too much there is.
func (l Limits) Check(use, has, want Amount) error {
	for _, c := range Counts {
		most, limited := l[c]
		more := want.Of(c) - has.Of(c)
		if !limited || more <= 0 || use.Of(c)+more <= most {
			continue
		}
		w := words[c]
		return fault.New(fault.Exhausted, "your organisation may have "+w.many+": %d are in use, and this takes %d more", most, use.Of(c), more).At(w.field).
			With("Free some, or ask whoever looks after this installation for a larger quota.")
	}
	return nil
}

// Takes is what the VM takes, now or after its next start, whichever is more.
func (v *VM) Takes() Amount {
	a := Amount{VMs: 1, VCPUs: int64(v.VCPUs), MemoryMiB: max(v.MemoryMiB, v.MemoryWantedMiB), Snapshots: v.Snapshots}
	for _, p := range v.Pending {
		next, err := strconv.ParseInt(p.Next, 10, 64)
		switch {
		case err != nil: // not a number: none of those that count
		case p.Field == "vcpus":
			a.VCPUs = max(a.VCPUs, next)
		case p.Field == "memoryMiB":
			a.MemoryMiB = max(a.MemoryMiB, next)
		}
	}
	for _, d := range v.Disks {
		if d.Device == "disk" && !d.Seed && !d.ReadOnly {
			a.DiskMiB += MiB(d.CapacityBytes)
		}
	}
	return a
}

// Resized is what the VM takes once it has been resized.
func (v *VM) Resized(r drivers.Resize) Amount {
	a := v.Takes()
	if r.VCPUs != nil {
		a.VCPUs = max(int64(v.VCPUs), int64(*r.VCPUs)) // it keeps what it has until the change has reached it
	}
	if r.MemoryMiB != nil {
		a.MemoryMiB = max(v.MemoryMiB, *r.MemoryMiB)
	}
	for _, d := range v.Disks {
		if to, ok := r.Disks[d.Name]; ok {
			a.DiskMiB += max(0, MiB(to)-MiB(d.CapacityBytes))
		}
	}
	return a
}

// MiB is bytes in MiB, rounded up.
func MiB(bytes int64) int64 { return (bytes + 1<<20 - 1) >> 20 }
