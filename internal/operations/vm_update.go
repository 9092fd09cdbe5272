package operations

import (
	"context"
	"fmt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// UpdateVM is the input of UPDATE_VM: a change of size, and what it was said to mean.
type UpdateVM struct {
	Want drivers.Resize
	Plan []drivers.Verdict
}

type updatedVM struct {
	Before drivers.Resize `json:"before"` // all that can be put back: disks do not shrink
	Known  bool           `json:"known"`
}

var updateVM = Plan[UpdateVM, updatedVM]{
	Steps: []Step[UpdateVM, updatedVM]{
		{Name: "Check that the plan still holds", Do: checkUpdate},
		{Name: "Change the size", Whole: true, Do: resize, Undo: resizeBack},
	},
}

// checkUpdate plans again with the VM as it is now. Whoever changed it since the plan, here or
// behind our back, did not know of this update, nor its author of that change.
func checkUpdate(ctx context.Context, r *Run[UpdateVM, updatedVM]) (drivers.Task, error) {
	conn, ref, err := r.at(ctx)
	if err != nil {
		return drivers.Task{}, err
	}
	v, err := conn.Get(ctx, ref)
	if err != nil {
		return drivers.Task{}, err
	}
	now, err := conn.PlanResize(v, r.In.Want)
	if err != nil {
		return drivers.Task{}, err
	}
	planned := map[string]drivers.Verdict{}
	for _, p := range r.In.Plan {
		planned[p.Field] = p
	}
	for _, is := range now {
		was, ok := planned[is.Field]
		switch {
		case !ok || was.Current != is.Current:
			return drivers.Task{}, fault.New(fault.Conflict, "the VM has changed since this was planned: %s is %s, not %s", is.Field, is.Current, was.Current).
				With("Look again, and repeat the change if you still want it.").At(is.Field)
		case is.Impact != was.Impact && is.Impact != drivers.ImpactNone && is.Impact != drivers.ImpactLive:
			return drivers.Task{}, fault.New(fault.Conflict, "the VM has changed since this was planned: %s", is.Reason).
				With("Look again, and repeat the change if you still want it.").At(is.Field)
		}
	}
	r.Mem.Known = true
	v = withPending(v)
	r.Mem.Before = drivers.Resize{VCPUs: &v.VCPUs, VCPUsMax: &v.VCPUsMax, MemoryMiB: &v.MemoryWanted, MemoryMax: &v.MemoryMax}
	if r.In.Want.VCPUs == nil {
		r.Mem.Before.VCPUs = nil
	}
	if r.In.Want.VCPUsMax == nil {
		r.Mem.Before.VCPUsMax = nil
	}
	if r.In.Want.MemoryMiB == nil {
		r.Mem.Before.MemoryMiB = nil
	}
	if r.In.Want.MemoryMax == nil {
		r.Mem.Before.MemoryMax = nil
	}
	return done()
}

// withPending is the VM as it will be after its next start: an earlier update may wait for that, and is not to be undone
// with this one.
func withPending(v drivers.VM) drivers.VM {
	for _, p := range v.Pending {
		var next int64 // before its unit
		if _, err := fmt.Sscan(p.Next, &next); err != nil {
			continue // no size
		}
		switch p.Field {
		case "vcpus":
			v.VCPUs = int(next)
		case "vcpusMax":
			v.VCPUsMax = int(next)
		case "memoryMiB":
			v.MemoryWanted = next
		case "memoryMaxMiB":
			v.MemoryMax = next
		}
	}
	return v
}

func resize(ctx context.Context, r *Run[UpdateVM, updatedVM]) (drivers.Task, error) {
	conn, ref, err := r.at(ctx)
	if err != nil {
		return drivers.Task{}, err
	}
	return conn.Resize(ctx, ref, r.In.Want)
}

// resizeBack puts back what was changed before something failed. A disk that has grown stays so.
func resizeBack(ctx context.Context, r *Run[UpdateVM, updatedVM]) (drivers.Task, error) {
	if !r.Mem.Known {
		return done()
	}
	conn, ref, err := r.at(ctx)
	if err != nil {
		return drivers.Task{}, err
	}
	v, err := conn.Get(ctx, ref)
	if fault.Is(err, fault.NotFound) {
		return done()
	}
	if err != nil {
		return drivers.Task{}, err
	}
	verdicts, err := conn.PlanResize(v, r.Mem.Before)
	if err != nil {
		return drivers.Task{}, err
	}
	back := len(v.Pending) > 0
	for _, p := range verdicts {
		back = back || p.Impact != drivers.ImpactNone
		if p.Impact == drivers.ImpactRestart {
			r.remains(fmt.Sprintf("Its %s goes back to %s with the next start.", p.Field, p.Wanted))
		}
	}
	for name, size := range r.In.Want.Disks {
		for _, d := range v.Disks {
			if d.Name == name && d.CapacityBytes == size {
				r.remains(fmt.Sprintf("The disk %s stays as large as it is now: disks do not shrink.", name))
			}
		}
	}
	if !back {
		return done()
	}
	return conn.Resize(ctx, ref, r.Mem.Before)
}
