package fake

import (
	"context"
	"slices"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// work does what a call answers only once it is done: prepare checks and returns what is to happen.
func (d *Driver) work(ctx context.Context, ref drivers.Ref, s step, prepare func(*vm) (func() error, error)) error {
	if err := d.call(ctx, callTime); err != nil {
		return err
	}
	t, m, err := d.start(ref, s, prepare)
	if t == nil {
		return err
	}
	if err := d.wait(ctx, t); err != nil {
		return err
	}
	d.host.mu.Lock()
	defer d.host.mu.Unlock()
	return d.host.reply(m.Name, s.verb)
}

// start begins the work; no task and no error when there is nothing to do.
func (d *Driver) start(ref drivers.Ref, s step, prepare func(*vm) (func() error, error)) (*task, *vm, error) {
	h := d.host
	h.mu.Lock()
	defer h.mu.Unlock()
	m, err := h.take(ref)
	if err != nil {
		return nil, nil, err
	}
	if err := h.admit(m.Name, s.verb); err != nil {
		return nil, nil, err
	}
	if s.do, err = prepare(m); err != nil || s.do == nil {
		return nil, nil, err
	}
	t, err := h.begin(m, s.verb, nil, s)
	return t, m, err
}

// AttachDisk is as drivers.DeviceAttacher has it.
func (d *Driver) AttachDisk(ctx context.Context, ref drivers.Ref, token string, q drivers.DiskRequest) (disk drivers.Disk, err error) {
	h := d.host
	err = d.work(ctx, ref, step{verb: "attach", note: "attaching a disk", takes: attachTime}, func(m *vm) (func() error, error) {
		if known := m.disk(m.attached[token]); known != nil && token != "" {
			disk = *known
			return nil, nil
		}
		made, err := h.newDisk(m, q, "disk")
		if err != nil {
			return nil, err
		}
		return func() error {
			disk = made
			h.occupy(made)
			m.Disks = append(m.Disks, made)
			m.attached[token] = made.Name
			h.tell(m, "disk attached")
			return nil
		}, nil
	})
	return disk, err
}

// DetachDisk is as drivers.DeviceAttacher has it.
func (d *Driver) DetachDisk(ctx context.Context, ref drivers.Ref, name string, fate drivers.DiskFate) error {
	h := d.host
	return d.work(ctx, ref, step{verb: "detach", note: "detaching a disk", takes: attachTime}, func(m *vm) (func() error, error) {
		disk := m.disk(name)
		if disk == nil {
			return nil, nil
		}
		volume := refOfDisk(*disk)
		if fate == drivers.DiskDelete {
			if err := h.inUse(volume, m); err != nil {
				return nil, err
			}
		}
		return func() error {
			m.Disks = slices.DeleteFunc(m.Disks, func(d drivers.Disk) bool { return d.Name == name })
			if fate == drivers.DiskDelete {
				delete(h.volumes, volume)
			}
			h.tell(m, "disk detached")
			return nil
		}, nil
	})
}

// AttachNIC is as drivers.DeviceAttacher has it.
func (d *Driver) AttachNIC(ctx context.Context, ref drivers.Ref, q drivers.NICRequest) (nic drivers.NIC, err error) {
	h := d.host
	err = d.work(ctx, ref, step{verb: "attach", note: "attaching a NIC", takes: attachTime}, func(m *vm) (func() error, error) {
		if i := m.nic(q.MAC); i >= 0 {
			nic = m.NICs[i]
			return nil, nil
		}
		made, err := h.newNIC(m, q, "nic")
		if err != nil {
			return nil, err
		}
		return func() error {
			nic = made
			m.NICs = append(m.NICs, made)
			h.tell(m, "NIC attached")
			return nil
		}, nil
	})
	return nic, err
}

// DetachNIC is as drivers.DeviceAttacher has it.
func (d *Driver) DetachNIC(ctx context.Context, ref drivers.Ref, mac string) error {
	h := d.host
	return d.work(ctx, ref, step{verb: "detach", note: "detaching a NIC", takes: attachTime}, func(m *vm) (func() error, error) {
		if m.nic(mac) < 0 {
			return nil, nil
		}
		return func() error {
			m.NICs = slices.DeleteFunc(m.NICs, func(n drivers.NIC) bool { return n.MAC == mac })
			h.tell(m, "NIC detached")
			return nil
		}, nil
	})
}

func (m *vm) nic(mac string) int {
	return slices.IndexFunc(m.NICs, func(n drivers.NIC) bool { return n.MAC == mac })
}

// newNIC works out the NIC that a request asks for. h.mu is held.
func (h *host) newNIC(m *vm, q drivers.NICRequest, field string) (drivers.NIC, error) {
	n := drivers.NIC{MAC: q.MAC, Type: q.Type, Network: q.Network, Model: q.Model, LinkUp: true}
	if n.Network == "" && n.Type != "user" {
		n.Network = "default"
	}
	net := h.network(n.Network)
	switch {
	case n.Type == "user":
		n.Network = ""
	case net == nil:
		return n, said(fault.Field(field+".network", "Choose one of the provider's networks.", "there is no network %q", n.Network), "NO_NETWORK")
	case n.Type == "":
		n.Type = net.Type
	case n.Type != net.Type && n.Type != "network":
		return n, said(fault.Field(field+".type", "Use the network's own type.", "%q is not a %s", n.Network, n.Type), "NO_NETWORK")
	}
	if n.Model == "" {
		n.Model = "virtio"
	}
	for k := uint64(0); n.MAC == ""; k++ {
		if made := mac(hash(h.seed, string(m.Ref), "mac") + uint64(len(m.NICs)) + k); m.nic(made) < 0 {
			n.MAC = made
		}
	}
	return n, nil
}
