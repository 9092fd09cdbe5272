package libvirt

import (
	"context"
	"fmt"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// balloon is what a running guest does after a change of its memory: it gives some back, or takes what it was given.
// libvirt has no job for that. All that there is to know is in the task's id, so that any process can look.
type balloon struct {
	ref        drivers.Ref
	from, want int64 // MiB
	until      time.Time
}

const balloonID = "memory from %d to %d MiB until %d"

func (b balloon) id() string { return fmt.Sprintf(balloonID, b.from, b.want, b.until.Unix()) }

// balloonOf is the one that a task is about.
func balloonOf(t drivers.Task) (balloon, error) {
	b, until := balloon{ref: t.Ref}, int64(0)
	if _, err := fmt.Sscanf(t.ID, balloonID, &b.from, &b.want, &until); err != nil {
		return b, fault.Missing("task", t.ID)
	}
	b.until = time.Unix(until, 0)
	return b, nil
}

// spares refuses to leave a guest less memory than it uses: its balloon driver would take it all the same, and the
// guest's kernel would end programs, or itself. A guest that does not tell what it uses is believed to manage.
func (d *Driver) spares(ctx context.Context, ref drivers.Ref, want int64) error {
	samples, err := d.Sample(ctx, []drivers.Ref{ref})
	if err != nil {
		return err
	}
	used := samples[ref].MemoryUsedMiB
	if _, told := samples[ref]; !told || used < 0 {
		return nil
	}
	least := used + used/8 + 16
	if want >= least {
		return nil
	}
	return fault.New(fault.Conflict, "the guest uses %d MiB: with %d MiB it would run out of memory", used, want).At("memoryMiB").
		With(fmt.Sprintf("Leave it at least %d MiB, end something in it, or shut it down and change it then.", least))
}

// look is how it stands.
func (d *Driver) look(ctx context.Context, b balloon) (drivers.Task, error) {
	var state libvirt.DomainState
	var has int64
	err := d.do(ctx, about(b.ref, func(_ *libvirt.Connect, dom *libvirt.Domain) error {
		info, err := dom.GetInfo()
		if err != nil {
			return err
		}
		state, has = info.State, int64(info.Memory>>10)
		return nil
	}))
	if err != nil {
		return drivers.Task{}, err
	}
	return b.task(state, has, time.Now()), nil
}

// task is how it stands when the guest has that much memory.
func (b balloon) task(state libvirt.DomainState, has int64, now time.Time) drivers.Task {
	t := drivers.Done(b.ref)
	if has == b.want || state == libvirt.DOMAIN_SHUTOFF { // off, it starts with what was asked for
		return t
	}
	moved, all, verb := b.from-has, b.from-b.want, "given back"
	if b.want > b.from {
		moved, all, verb = -moved, -all, "taken"
	}
	moved = min(max(moved, 0), all)
	t.Note = fmt.Sprintf("the guest has %s %d of %d MiB so far, and has %d MiB", verb, moved, all, has)
	switch {
	case state == libvirt.DOMAIN_PAUSED:
		t.Note += "; it goes on when the VM is resumed"
	case now.Before(b.until):
		t.ID, t.Done, t.Progress = b.id(), false, float64(moved)/float64(max(all, 1))
	default:
		t.Note += "; it may be short of memory, or have no balloon driver"
	}
	return t
}
