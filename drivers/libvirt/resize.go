package libvirt

import (
	"context"
	"maps"
	"slices"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// guestPatience is how long we wait for the guest to notice vCPUs that it was given. It is no error when
// it does not: somebody can bring them online from within.
const guestPatience = 8 * time.Second

// Resize is as drivers.Resizer has it. The plan is made anew from the VM as it is now, and nothing is done
// when one of its fields is impossible.
func (d *Driver) Resize(ctx context.Context, ref drivers.Ref, want drivers.Resize) (drivers.Task, error) {
	vm, err := d.Get(ctx, ref)
	if err != nil {
		return drivers.Task{}, err
	}
	impact := map[string]drivers.Impact{}
	for _, v := range d.PlanResize(vm, want) {
		if v.Impact == drivers.ImpactImpossible {
			kind := fault.Invalid
			if p := (planner{vm: vm}); !p.off() && !p.guestRuns() {
				kind = fault.Conflict // another state may allow it
			}
			return drivers.Task{}, fault.New(kind, "it cannot become %s: %s", v.Wanted, v.Reason).At(v.Field)
		}
		impact[v.Field] = v.Impact
	}
	running := vm.State == drivers.StateRunning || vm.State == drivers.StatePaused
	if running && want.MemoryMiB != nil && impact["memoryMiB"] == drivers.ImpactLive && *want.MemoryMiB < vm.MemoryWanted {
		if err := d.spares(ctx, ref, *want.MemoryMiB); err != nil {
			return drivers.Task{}, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want.Disks)) {
		if impact["disks."+name] == drivers.ImpactNone {
			continue
		}
		if err := d.growDisk(ctx, vm, name, want.Disks[name]); err != nil {
			return drivers.Task{}, inField(err, "disks.%s", name)
		}
	}
	if want.VCPUs == nil && want.VCPUsMax == nil && want.MemoryMiB == nil && want.MemoryMax == nil {
		return drivers.Done(ref), nil
	}
	// The stored definition first: it bounds what the live change may also store.
	if err := d.storeSize(ctx, ref, want); err != nil {
		return drivers.Task{}, err
	}
	if running && want.VCPUs != nil && impact["vcpus"] == drivers.ImpactLive {
		if err := d.addVCPUs(ctx, vm, *want.VCPUs); err != nil {
			return drivers.Task{}, inField(err, "vcpus")
		}
	}
	if running && want.MemoryMiB != nil && impact["memoryMiB"] == drivers.ImpactLive {
		if err := d.changeMemory(ctx, vm, *want.MemoryMiB); err != nil {
			return drivers.Task{}, inField(err, "memoryMiB")
		}
		b := balloon{ref: ref, from: vm.MemoryMiB, want: *want.MemoryMiB, until: time.Now().Add(drivers.GuestDeadline)}
		return d.look(ctx, b)
	}
	return drivers.Done(ref), nil
}

// growDisk makes a disk larger: in QEMU when it runs, so that the guest sees it, else in its pool.
func (d *Driver) growDisk(ctx context.Context, vm drivers.VM, name string, bytes int64) error {
	return d.long(ctx, func(c *libvirt.Connect) error {
		if vm.State != drivers.StateStopped {
			dom, err := domain(c, vm.Ref)
			if err != nil {
				return err
			}
			defer func() { _ = dom.Free() }()
			return dom.BlockResize(name, uint64(bytes), libvirt.DOMAIN_BLOCK_RESIZE_BYTES)
		}
		i := slices.IndexFunc(vm.Disks, func(k drivers.Disk) bool { return k.Name == name })
		vol, err := c.LookupStorageVolByPath(vm.Disks[i].Path)
		if err != nil {
			return err
		}
		defer func() { _ = vol.Free() }()
		return vol.Resize(uint64(bytes), 0)
	})
}

// storeSize writes the wanted size into the stored definition, which is what a VM that is off
// has, and what a running one gets at its next start.
func (d *Driver) storeSize(ctx context.Context, ref drivers.Ref, want drivers.Resize) error {
	return d.do(ctx, about(ref, func(c *libvirt.Connect, dom *libvirt.Domain) error {
		if persistent, err := dom.IsPersistent(); err != nil || !persistent {
			return err // a transient domain has no definition to be kept
		}
		// SECURE, or the VNC password would be gone after the edit.
		doc, err := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE | libvirt.DOMAIN_XML_SECURE)
		if err != nil {
			return err
		}
		x, err := parseDomain(doc)
		if err != nil {
			return err
		}
		now := sizeOf(x)
		next := merge(now, want)
		if next == now {
			return nil
		}
		edited, err := setSize(doc, now, next)
		if err != nil {
			return err
		}
		return store(c, edited)
	}))
}

// addVCPUs plugs vCPUs in and asks the guest's agent to bring them online: few systems do by themselves.
func (d *Driver) addVCPUs(ctx context.Context, vm drivers.VM, n int) error {
	err := d.long(ctx, about(vm.Ref, func(_ *libvirt.Connect, dom *libvirt.Domain) error {
		return dom.SetVcpusFlags(uint(n), libvirt.DOMAIN_VCPU_LIVE)
	}))
	if err != nil || !vm.GuestAgent || vm.State != drivers.StateRunning {
		return err
	}
	d.await(ctx, func(c *libvirt.Connect) bool {
		dom, err := domain(c, vm.Ref)
		if err != nil {
			return true
		}
		defer func() { _ = dom.Free() }()
		// Refused for as long as the guest has not noticed the new ones.
		return dom.SetVcpusFlags(uint(n), libvirt.DOMAIN_VCPU_GUEST) == nil
	})
	return nil
}

// changeMemory moves the balloon up to what the VM booted with, and plugs in virtio-mem above that
// where the definition has room for it. The guest takes its time: see balloon.
func (d *Driver) changeMemory(ctx context.Context, vm drivers.VM, want int64) error {
	return d.long(ctx, about(vm.Ref, func(_ *libvirt.Connect, dom *libvirt.Domain) error {
		doc, err := dom.GetXMLDesc(0)
		if err != nil {
			return err
		}
		x, err := parseDomain(doc)
		if err != nil {
			return err
		}
		balloon := want
		if x.Memory != nil && growable(x) {
			if balloon, err = plugMemory(dom, x, want); err != nil {
				return err
			}
		}
		return dom.SetMemoryFlags(uint64(balloon)<<10, libvirt.DOMAIN_MEM_LIVE)
	}))
}

// await asks again and again until the answer is yes, for as long as guestPatience.
func (d *Driver) await(ctx context.Context, done func(*libvirt.Connect) bool) {
	ctx, cancel := context.WithTimeout(ctx, guestPatience)
	defer cancel()
	for ctx.Err() == nil {
		yes := false
		err := d.do(ctx, func(c *libvirt.Connect) error { yes = done(c); return nil })
		if err != nil || yes {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(250 * time.Millisecond):
		}
	}
}
