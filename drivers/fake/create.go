package fake

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// Create is as drivers.Driver has it.
func (d *Driver) Create(ctx context.Context, r drivers.CreateRequest) (drivers.Task, error) {
	if err := d.call(ctx, callTime); err != nil {
		return drivers.Task{}, err
	}
	h := d.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if m := h.tokens[r.Token]; m != nil && !h.world.plant.noAdoption {
		return h.adopt(m, r)
	}
	if err := h.admit(r.Name, "create"); err != nil {
		return drivers.Task{}, err
	}
	m, err := h.draft(r)
	if err != nil {
		return drivers.Task{}, err
	}
	t, err := h.build(m, r)
	if err != nil {
		return drivers.Task{}, err
	}
	return t.view(), h.reply(r.Name, "create")
}

// adopt goes on with what an earlier call of the same token made. h.mu is held.
func (h *host) adopt(m *vm, r drivers.CreateRequest) (drivers.Task, error) {
	switch {
	case m.job != nil:
		return m.job.view(), nil
	case r.Start && m.started.IsZero(): // it was made, but did not start
		return h.launch(m, "power START")
	}
	return drivers.Done(m.Ref), nil
}

// draft checks a request against the host and makes the VM that it describes, which nobody sees yet. h.mu is held.
func (h *host) draft(r drivers.CreateRequest) (*vm, error) {
	switch {
	case r.Name == "" || len(r.Name) > maxName:
		return nil, said(fault.Field("name", fmt.Sprintf("Choose one of 1 to %d characters.", maxName), "the name has %d characters", len(r.Name)), "BAD_NAME")
	case h.nameTaken(r.Name):
		return nil, refuse(fault.Exists, "NAME_TAKEN", "Choose another name.", "a VM named %q exists", r.Name)
	case r.Node != "" && !slices.Contains(h.nodeNames(), r.Node):
		return nil, said(fault.Field("node", "Choose one of the provider's nodes.", "there is no node %q", r.Node), "NO_NODE")
	}
	want := size{r.VCPUs, max(r.VCPUs, r.VCPUsMax), r.MemoryMiB, max(r.MemoryMiB, r.MemoryMax)}
	if err := want.check(); err != nil {
		return nil, err
	}
	v := drivers.VM{
		Ref: h.newRef(r.Name, r.Token), Name: r.Name, Token: r.Token, Owner: r.Owner, Description: r.Description, Node: r.Node,
		State: drivers.StateStopped, StateReason: "created", Machine: r.Machine, Firmware: r.Firmware,
		Accelerator: r.Accelerator, Autostart: r.Autostart,
	}
	machine := r.Machine
	dress(&v)
	if machine != "" {
		v.Machine = machine
	}
	if v.Node == "" && h.nodes > 1 {
		v.Node = h.nodeName(int(hash(h.seed, r.Name) % uint64(h.nodes)))
	}
	want.give(&v)
	m := newVM(h, v)
	for i, q := range r.Disks {
		disk, err := h.newDisk(m, q, "disks["+strconv.Itoa(i)+"]")
		if err != nil {
			return nil, err
		}
		m.Disks = append(m.Disks, disk)
	}
	if r.Seed != nil {
		disk, err := h.newDisk(m, drivers.DiskRequest{CapacityBytes: 1 << 20, Format: "raw", Bus: "sata", CDROM: true, ReadOnly: true}, "seed")
		if err != nil {
			return nil, err
		}
		disk.Seed = true
		m.Disks = append(m.Disks, disk)
	}
	for i, q := range r.NICs {
		nic, err := h.newNIC(m, q, "nics["+strconv.Itoa(i)+"]")
		if err != nil {
			return nil, err
		}
		m.NICs = append(m.NICs, nic)
	}
	return m, nil
}

// build makes the drafted VM real and starts it if asked. One that cannot be built leaves nothing;
// one that is built but does not start stays, switched off. h.mu is held.
func (h *host) build(m *vm, r drivers.CreateRequest) (*task, error) {
	m.hidden = true
	h.refs[m.Ref], h.names[m.Name] = m, m
	if r.Token != "" {
		h.tokens[r.Token] = m
	}
	h.made = append(h.made, m)
	steps := []step{{"create", "making disks", createTime, func() error {
		m.hidden = false
		for _, disk := range m.Disks {
			h.occupy(disk)
		}
		h.tell(m, "created")
		return nil
	}}}
	if r.Start {
		steps = append(steps, step{"start", "starting", startTime, func() error { h.powerOn(m, "booted"); return nil }})
	}
	return h.begin(m, "create", func() {
		if m.hidden {
			h.forget(m)
		}
	}, steps...)
}

// newRef makes the ref of a VM to be created: the same in every world of the same history. h.mu is held.
func (h *host) newRef(name, token string) drivers.Ref {
	for n := 0; ; n++ {
		x := hash(h.seed, name, token, strconv.Itoa(n))
		ref := uuid(uint32(x>>32)|1<<31, x)
		if !h.used[ref] {
			h.used[ref] = true
			return ref
		}
	}
}

// Delete is as drivers.Driver has it. Whatever is being done to the VM ends.
func (d *Driver) Delete(ctx context.Context, ref drivers.Ref, o drivers.DeleteOptions) (drivers.Task, error) {
	if err := d.call(ctx, callTime); err != nil {
		return drivers.Task{}, err
	}
	h := d.host
	h.mu.Lock()
	defer h.mu.Unlock()
	m, err := h.take(ref)
	if ref == "" && o.Token != "" && h.tokens[o.Token] != nil {
		m, err = h.tokens[o.Token], nil
	}
	if err != nil {
		return drivers.Done(ref), nil // already gone
	}
	ref = m.Ref
	if m.job != nil && m.job.kind == "delete" {
		return m.job.view(), nil
	}
	if err := h.admit(m.Name, "delete"); err != nil {
		return drivers.Task{}, err
	}
	if len(m.snapshots) > 0 && !o.Snapshots {
		return drivers.Task{}, refuse(fault.Conflict, "HAS_SNAPSHOTS", "Delete the snapshots too, or first.", "VM %q has %d snapshots", m.Name, len(m.snapshots))
	}
	for _, disk := range m.Disks {
		if o.Disks[disk.Name] == drivers.DiskDelete {
			if err := h.inUse(refOfDisk(disk), m); err != nil {
				return drivers.Task{}, err
			}
		}
	}
	h.abort(m, "the VM is being deleted")
	if h.refs[ref] == nil && !h.stillFirst(ref) {
		return drivers.Done(ref), nil // it was still being created, and that has been undone
	}
	t, err := h.begin(m, "delete", nil, step{"delete", "deleting", deleteTime, func() error {
		for _, disk := range m.Disks {
			if o.Disks[disk.Name] == drivers.DiskDelete || disk.Seed {
				delete(h.volumes, refOfDisk(disk))
			}
		}
		h.forget(m)
		h.hint(drivers.Hint{Ref: ref, Gone: true, Why: "deleted"})
		return nil
	}})
	if err != nil {
		return drivers.Task{}, err
	}
	return t.view(), h.reply(m.Name, "delete")
}

func (h *host) stillFirst(ref drivers.Ref) bool {
	i, ok := h.indexOf(ref)
	return ok && h.touched[i] != nil
}
