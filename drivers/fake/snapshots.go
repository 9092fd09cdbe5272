package fake

import (
	"context"
	"slices"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// snapshot is an earlier state: what is said of it, and what comes back.
type snapshot struct {
	drivers.Snapshot
	vm   drivers.VM
	next size
	cpu  time.Duration
}

func (m *vm) snapshot(name string) *snapshot {
	i := slices.IndexFunc(m.snapshots, func(s *snapshot) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return m.snapshots[i]
}

// view is the snapshot as a caller sees it.
func (s *snapshot) view(m *vm) drivers.Snapshot {
	v := s.Snapshot
	v.Current = m.current == s.Name
	return v
}

// Snapshots is as drivers.Snapshotter has it.
func (d *Driver) Snapshots(ctx context.Context, ref drivers.Ref) ([]drivers.Snapshot, error) {
	if err := d.call(ctx, callTime); err != nil {
		return nil, err
	}
	d.host.mu.Lock()
	defer d.host.mu.Unlock()
	if _, ok := d.host.find(ref, drivers.ListOptions{Brief: true}); !ok {
		return nil, missing(ref)
	}
	m, err := d.host.take(ref)
	if err != nil {
		return nil, err
	}
	var list []drivers.Snapshot
	for _, s := range m.snapshots { // in the order they were taken, thus parents first
		list = append(list, s.view(m))
	}
	return list, nil
}

// CreateSnapshot is as drivers.Snapshotter has it.
func (d *Driver) CreateSnapshot(ctx context.Context, ref drivers.Ref, r drivers.SnapshotRequest) (made drivers.Snapshot, err error) {
	err = d.work(ctx, ref, step{verb: "snapshot", note: "taking a snapshot", takes: snapshotTime}, func(m *vm) (func() error, error) {
		for _, s := range m.snapshots {
			if r.Token != "" && s.Token == r.Token {
				made = s.view(m)
				return nil, nil
			}
		}
		switch {
		case r.Name == "":
			return nil, said(fault.Field("name", "Give it a name.", "a snapshot needs a name"), "BAD_NAME")
		case m.snapshot(r.Name) != nil:
			return nil, refuse(fault.Exists, "NAME_TAKEN", "Choose another name.", "VM %q has a snapshot %q", m.Name, r.Name)
		case r.Memory && !on(m.State):
			return nil, refuse(fault.Conflict, "BAD_STATE", "Take it without memory, or start the VM.", "VM %q is %s: it has no memory to keep", m.Name, word(m.State))
		case r.Quiesce && (m.State != drivers.StateRunning || m.has("no-agent")):
			return nil, refuse(fault.Conflict, "NO_AGENT", "Take it without quiescing.", "the guest agent of VM %q does not answer", m.Name)
		}
		return func() error {
			s := &snapshot{vm: m.VM, next: m.next, cpu: m.cpu}
			s.vm.Disks, s.vm.NICs = slices.Clone(m.Disks), slices.Clone(m.NICs)
			if !m.since.IsZero() {
				s.cpu += cpuTime(m.VM, m.since, time.Now())
			}
			s.Snapshot = drivers.Snapshot{
				Name: r.Name, Description: r.Description, Parent: m.current, CreatedAt: time.Now().UTC(),
				State: m.State, Memory: r.Memory, External: r.External, Token: r.Token,
			}
			for _, disk := range m.Disks {
				if disk.Device == "disk" && !disk.ReadOnly {
					s.Disks = append(s.Disks, disk.Name)
				}
			}
			slices.Sort(s.Disks)
			m.snapshots, m.current = append(m.snapshots, s), s.Name
			made = s.view(m)
			d.host.tell(m, "snapshot taken")
			return nil
		}, nil
	})
	return made, err
}

// RestoreSnapshot is as drivers.Snapshotter has it.
func (d *Driver) RestoreSnapshot(ctx context.Context, ref drivers.Ref, name string) (drivers.Task, error) {
	return d.onSnapshot(ctx, ref, name, step{verb: "restore", note: "restoring " + name, takes: restoreTime}, func(m *vm, s *snapshot) {
		h := d.host
		h.switchOff(m)
		disks, nics := slices.Clone(s.vm.Disks), slices.Clone(s.vm.NICs)
		for _, disk := range disks {
			h.occupy(disk)
		}
		m.Disks, m.NICs, m.next, m.current = disks, nics, s.next, s.Name
		sizeOf(s.vm).give(&m.VM)
		switch {
		case !s.Memory:
			m.next.give(&m.VM)
			h.powerOff(m, drivers.StateStopped, "restored")
		case s.State == drivers.StatePaused:
			m.cpu, m.started = s.cpu, time.Now()
			m.set(drivers.StatePaused, "restored")
			h.tell(m, "restored")
		default:
			m.cpu, m.started = s.cpu, time.Now()
			h.goOn(m, "restored")
		}
	}, false)
}

// DeleteSnapshot is as drivers.Snapshotter has it.
func (d *Driver) DeleteSnapshot(ctx context.Context, ref drivers.Ref, name string) (drivers.Task, error) {
	return d.onSnapshot(ctx, ref, name, step{verb: "drop-snapshot", note: "deleting snapshot " + name, takes: deleteTime}, func(m *vm, s *snapshot) {
		for _, child := range m.snapshots {
			if child.Parent == s.Name {
				child.Parent = s.Parent
			}
		}
		if m.current == s.Name {
			m.current = s.Parent
		}
		m.snapshots = slices.DeleteFunc(m.snapshots, func(o *snapshot) bool { return o == s })
		d.host.tell(m, "snapshot deleted")
	}, true)
}

// onSnapshot begins a task about a snapshot. One that is not there is a success, or NotFound.
func (d *Driver) onSnapshot(ctx context.Context, ref drivers.Ref, name string, s step, do func(*vm, *snapshot), goneIsFine bool) (drivers.Task, error) {
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
	if err := h.admit(m.Name, s.verb); err != nil {
		return drivers.Task{}, err
	}
	kind := s.verb + " " + name
	snap := m.snapshot(name)
	switch {
	case snap == nil && goneIsFine:
		return drivers.Done(ref), nil
	case snap == nil:
		return drivers.Task{}, said(fault.Missing("snapshot", name), "NO_SNAPSHOT")
	case m.job != nil && m.job.kind == kind:
		return m.job.view(), nil
	}
	s.do = func() error { do(m, snap); return nil }
	t, err := h.begin(m, kind, nil, s)
	if err != nil {
		return drivers.Task{}, err
	}
	return t.view(), h.reply(m.Name, s.verb)
}
