package control

import (
	"context"
	"crypto/rand"
	"net"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/operations"
	"github.com/novacron/novacron/internal/store"
)

// AttachDisk plugs a disk into a VM.
func (c *Control) AttachDisk(ctx context.Context, vm uuid.UUID, d fleet.NewDisk) (*fleet.Operation, error) {
	if _, err := c.asks(ctx, "attachDisk"); err != nil {
		return nil, err
	}
	if err := d.Check("disk"); err != nil {
		return nil, err
	}
	return c.onVM(ctx, vm, "attachDisk", func(tx *store.Store, v *fleet.VM, p *fleet.Provider) (asked, error) {
		viewer, err := access.From(ctx)
		if err != nil {
			return asked{}, err
		}
		hosts, err := tx.Hosts(ctx, viewer.Scope(), &p.ID)
		if err != nil {
			return asked{}, err
		}
		if len(v.Disks) >= fleet.MaxDisks {
			return asked{}, fault.New(fault.Exhausted, "it has %d disks", len(v.Disks)).At("disk").With("Unplug one first.")
		}
		r, size, err := c.disk(ctx, tx, viewer, p, hosts, d, "disk")
		takes := v.Takes()
		takes.DiskMiB += fleet.MiB(size)
		return asked{fleet.AttachDisk, operations.AttachDisk{Disk: r}, map[string]any{"disk": r}, &takes}, err
	})
}

// DetachDisk unplugs a disk by its name.
func (c *Control) DetachDisk(ctx context.Context, vm uuid.UUID, name string, fate drivers.DiskFate) (*fleet.Operation, error) {
	if _, err := c.asks(ctx, "detachDisk"); err != nil {
		return nil, err
	}
	if fate != drivers.DiskDelete && fate != drivers.DiskKeep {
		return nil, fault.Field("fate", "Use DELETE or KEEP.", "a disk's fate is DELETE or KEEP")
	}
	if all, ok := c.snapshots(ctx, vm); ok {
		for _, s := range all {
			if slices.ContainsFunc(s.Disks, func(d string) bool { return d == name }) {
				return nil, fault.New(fault.Conflict, "the snapshot %.63q has the disk %.20q", s.Name, name).At("name").
					With("Delete the snapshot first: without the disk it could not be restored.")
			}
		}
	}
	return c.onVM(ctx, vm, "detachDisk", func(tx *store.Store, v *fleet.VM, _ *fleet.Provider) (asked, error) {
		if !hasDisk(v, name) {
			return asked{}, fault.Field("name", "Name a disk that it has.", "it has no disk %.20q", name)
		}
		if fate == drivers.DiskDelete {
			if err := mayDeleteDisk(ctx, tx, v, name, "fate"); err != nil {
				return asked{}, err
			}
		}
		return asked{kind: fleet.DetachDisk, input: operations.DetachDisk{Name: name, Fate: fate}, detail: map[string]any{"disk": name, "fate": fate}}, nil
	})
}

// AttachNIC plugs a NIC into a VM.
func (c *Control) AttachNIC(ctx context.Context, vm uuid.UUID, n drivers.NICRequest) (*fleet.Operation, error) {
	if _, err := c.asks(ctx, "attachNIC"); err != nil {
		return nil, err
	}
	if err := fleet.CheckNIC("nic", n); err != nil {
		return nil, err
	}
	return c.onVM(ctx, vm, "attachNIC", func(tx *store.Store, v *fleet.VM, p *fleet.Provider) (asked, error) {
		viewer, err := access.From(ctx)
		if err != nil {
			return asked{}, err
		}
		hosts, err := tx.Hosts(ctx, viewer.Scope(), &p.ID)
		if err != nil {
			return asked{}, err
		}
		if err := checkNetwork("nic.network", n, hosts); err != nil {
			return asked{}, err
		}
		if len(v.NICs) >= fleet.MaxNICs {
			return asked{}, fault.New(fault.Exhausted, "it has %d NICs", len(v.NICs)).At("nic").With("Unplug one first.")
		}
		switch {
		case n.MAC == "":
			n.MAC = newMAC()
		case hasNIC(v, n.MAC):
			return asked{}, (&fault.Error{Kind: fault.Exists, Message: "it has a NIC with this address"}).At("nic.mac").With("Choose another, or leave it out.")
		}
		n.MAC = canonicalMAC(n.MAC)
		return asked{kind: fleet.AttachNIC, input: operations.AttachNIC{NIC: n}, detail: map[string]any{"nic": n}}, nil
	})
}

// DetachNIC unplugs a NIC by its MAC.
func (c *Control) DetachNIC(ctx context.Context, vm uuid.UUID, mac string) (*fleet.Operation, error) {
	return c.onVM(ctx, vm, "detachNIC", func(_ *store.Store, v *fleet.VM, _ *fleet.Provider) (asked, error) {
		if !hasNIC(v, mac) {
			return asked{}, fault.Field("mac", "Name a NIC that it has.", "it has no NIC %.20q", mac)
		}
		return asked{kind: fleet.DetachNIC, input: operations.DetachNIC{MAC: canonicalMAC(mac)}, detail: map[string]any{"mac": mac}}, nil
	})
}

func hasNIC(v *fleet.VM, mac string) bool {
	for _, n := range v.NICs {
		if strings.EqualFold(n.MAC, canonicalMAC(mac)) {
			return true
		}
	}
	return false
}

// canonicalMAC is lower case with colons, as drivers say it.
func canonicalMAC(mac string) string {
	hw, err := net.ParseMAC(mac)
	if err != nil {
		return mac
	}
	return hw.String()
}

// newMAC makes up an address in the range that QEMU's guests have. The operation needs it beforehand:
// a repeated call finds its own NIC by it.
func newMAC() string {
	hw := net.HardwareAddr{0x52, 0x54, 0, 0, 0, 0}
	_, _ = rand.Read(hw[3:])
	return hw.String()
}
