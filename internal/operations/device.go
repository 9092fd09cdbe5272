package operations

import (
	"context"
	"slices"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// AttachDisk is the input of ATTACH_DISK.
type AttachDisk struct{ Disk drivers.DiskRequest }

type attachedDisk struct {
	Before []string `json:"before"` // the disks that were there
	Looked bool     `json:"looked"`
	Name   string   `json:"name,omitempty"` // of the new one
}

var attachDisk = Plan[AttachDisk, attachedDisk]{
	Steps: []Step[AttachDisk, attachedDisk]{
		{Name: "Look at its disks", Do: lookAtDisks},
		{Name: "Plug the disk in", Whole: true, Do: plugDisk, Undo: unplugNewDisk},
	},
}

func lookAtDisks(ctx context.Context, r *Run[AttachDisk, attachedDisk]) (drivers.Task, error) {
	v, err := r.seen(ctx)
	if err != nil {
		return drivers.Task{}, err
	}
	r.Mem.Looked, r.Mem.Before = true, nil
	for _, d := range v.Disks {
		r.Mem.Before = append(r.Mem.Before, d.Name)
	}
	return done()
}

// seen reads the VM from its provider.
func (w *work) seen(ctx context.Context) (drivers.VM, error) {
	conn, ref, err := w.at(ctx)
	if err != nil {
		return drivers.VM{}, err
	}
	return conn.Get(ctx, ref)
}

func plugDisk(ctx context.Context, r *Run[AttachDisk, attachedDisk]) (drivers.Task, error) {
	conn, ref, err := r.at(ctx)
	if err != nil {
		return drivers.Task{}, err
	}
	d, err := conn.AttachDisk(ctx, ref, r.Token(), r.In.Disk)
	r.Mem.Name = d.Name
	return drivers.Task{Done: true}, inAPIsWords(err)
}

// unplugNewDisk takes out what was plugged in, even if we never learned its name; a volume that was
// made for it goes, one that was there before stays.
func unplugNewDisk(ctx context.Context, r *Run[AttachDisk, attachedDisk]) (drivers.Task, error) {
	v, err := r.seen(ctx)
	if fault.Is(err, fault.NotFound) || err == nil && !r.Mem.Looked {
		return done()
	}
	if err != nil {
		return drivers.Task{}, err
	}
	conn, ref, err := r.at(ctx)
	if err != nil {
		return drivers.Task{}, err
	}
	fate := drivers.DiskDelete
	if r.In.Disk.Volume != nil {
		fate = drivers.DiskKeep
	}
	for _, d := range v.Disks {
		if !slices.Contains(r.Mem.Before, d.Name) && (r.Mem.Name == "" || r.Mem.Name == d.Name) {
			if err := conn.DetachDisk(ctx, ref, d.Name, fate); err != nil {
				return drivers.Task{}, err
			}
		}
	}
	return done()
}

// DetachDisk is the input of DETACH_DISK.
type DetachDisk struct {
	Name string
	Fate drivers.DiskFate
}

var detachDisk = Plan[DetachDisk, none]{
	Steps: []Step[DetachDisk, none]{
		{Name: "Unplug the disk", Point: true, Do: func(ctx context.Context, r *Run[DetachDisk, none]) (drivers.Task, error) {
			conn, ref, err := r.at(ctx)
			if err == nil {
				err = conn.DetachDisk(ctx, ref, r.In.Name, r.In.Fate)
			}
			return drivers.Task{Done: true}, err
		}},
	},
}

// AttachNIC is the input of ATTACH_NIC. The NIC's MAC is set.
type AttachNIC struct{ NIC drivers.NICRequest }

var attachNIC = Plan[AttachNIC, none]{
	Steps: []Step[AttachNIC, none]{
		{Name: "Plug the NIC in", Whole: true, Do: func(ctx context.Context, r *Run[AttachNIC, none]) (drivers.Task, error) {
			conn, ref, err := r.at(ctx)
			if err == nil {
				_, err = conn.AttachNIC(ctx, ref, r.In.NIC)
			}
			return drivers.Task{Done: true}, err
		}, Undo: func(ctx context.Context, r *Run[AttachNIC, none]) (drivers.Task, error) {
			conn, ref, err := r.at(ctx)
			if err == nil {
				err = conn.DetachNIC(ctx, ref, r.In.NIC.MAC)
			}
			return drivers.Task{Done: true}, gone(err)
		}},
	},
}

// gone takes "there is no such thing" for the success that it is when something was to be removed.
func gone(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// DetachNIC is the input of DETACH_NIC.
type DetachNIC struct{ MAC string }

var detachNIC = Plan[DetachNIC, none]{
	Steps: []Step[DetachNIC, none]{
		{Name: "Unplug the NIC", Point: true, Do: func(ctx context.Context, r *Run[DetachNIC, none]) (drivers.Task, error) {
			conn, ref, err := r.at(ctx)
			if err == nil {
				err = conn.DetachNIC(ctx, ref, r.In.MAC)
			}
			return drivers.Task{Done: true}, err
		}},
	},
}
