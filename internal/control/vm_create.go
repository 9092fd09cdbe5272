package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/operations"
	"github.com/novacron/novacron/internal/store"
)

// keyAge is how long an idempotency key is remembered.
const keyAge = 24 * time.Hour

// CreateVM asks for a VM. It answers with the operation and the VM, PROVISIONING for now.
// The same IdempotencyKey again gives the same two; Conflict when what is asked for differs.
func (c *Control) CreateVM(ctx context.Context, n fleet.NewVM) (o *fleet.Operation, v *fleet.VM, err error) {
	viewer, err := c.asks(ctx, "createVM")
	if err != nil {
		return nil, nil, err
	}
	if err := n.Check(); err != nil {
		return nil, nil, err
	}
	// as it will be
	if err := c.mayOn(ctx, c.store, viewer, "createVM", fleet.OnVM(&fleet.VM{ID: fleet.NewID(), TenantID: viewer.TenantID, Name: n.Name, ProviderID: n.ProviderID, Tags: n.Tags, Management: fleet.Managed})); err != nil {
		return nil, nil, err
	}
	if len(n.IdempotencyKey) > 255 {
		return nil, nil, fault.Field("idempotencyKey", "Use at most 255 characters.", "%d characters are too many", len(n.IdempotencyKey))
	}
	fingerprint, err := fingerprint(n)
	if err != nil {
		return nil, nil, err
	}
	for range 2 { // of two that come at once with one key the second finds what the first made
		err = c.store.Tx(ctx, func(tx *store.Store) error {
			o, v, err = c.repeated(ctx, tx, viewer, n.IdempotencyKey, fingerprint)
			if o != nil || err != nil {
				return err
			}
			o, v, err = c.createVM(ctx, tx, viewer, n, fingerprint)
			return err
		})
		if n.IdempotencyKey == "" || !fault.Is(err, fault.Exists) {
			break
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return o, v, nil
}

// repeated finds what an earlier call with the key made; nothing when there was none.
func (c *Control) repeated(ctx context.Context, tx *store.Store, viewer access.Viewer, key, fingerprint string) (*fleet.Operation, *fleet.VM, error) {
	if key == "" {
		return nil, nil, nil
	}
	o, err := tx.OperationByKey(ctx, viewer.TenantID, key, keyAge)
	if fault.Is(err, fault.NotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var was operations.CreateVM
	if o.Kind != fleet.CreateVM || json.Unmarshal(o.Input, &was) != nil || was.Asked != fingerprint {
		return nil, nil, fault.New(fault.Conflict, "the idempotency key was used for another request").At("idempotencyKey").With("Use a new key for a new request.")
	}
	v, err := tx.VM(ctx, viewer.Scope(), *o.TargetID)
	if fault.Is(err, fault.NotFound) { // it failed, or was deleted since
		v, err = &fleet.VM{ID: *o.TargetID, TenantID: o.TenantID, ProviderID: *o.ProviderID, Name: o.TargetName,
			Management: fleet.Managed, Status: fleet.VMUnknown, ObservedStatus: fleet.VMUnknown}, nil
	}
	return o, v, err
}

// fingerprint is equal for equal requests. It tells nothing of user data.
func fingerprint(n fleet.NewVM) (string, error) {
	n.IdempotencyKey = ""
	text, err := json.Marshal(n)
	if err != nil {
		return "", fault.New(fault.Internal, "the request cannot be stored").Because(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func (c *Control) createVM(ctx context.Context, tx *store.Store, viewer access.Viewer, n fleet.NewVM, fingerprint string) (*fleet.Operation, *fleet.VM, error) {
	p, err := tx.Provider(ctx, viewer.Scope(), n.ProviderID)
	if err != nil {
		return nil, nil, err
	}
	if err := reachable(p); err != nil {
		return nil, nil, err
	}
	request, takes, err := c.request(ctx, tx, viewer, p, n)
	if err != nil {
		return nil, nil, err
	}
	if err := tx.ClaimVMName(ctx, p.ID, n.Name); err != nil {
		return nil, nil, err
	}
	o, err := c.order(viewer, p, fleet.CreateVM, nil)
	if err != nil {
		return nil, nil, err
	}
	input := operations.CreateVM{Request: request, Start: n.Start, Asked: fingerprint}
	if n.Seed != nil {
		seed := *n.Seed
		if seed.Hostname == "" {
			seed.Hostname = n.Name
		}
		if input.Seed, err = c.box.SealJSON(seed, operations.SeedAAD(o.ID)); err != nil {
			return nil, nil, err
		}
	}
	if o.Input, err = json.Marshal(input); err != nil {
		return nil, nil, err
	}
	v := &fleet.VM{ID: fleet.NewID(), TenantID: viewer.TenantID, ProviderID: p.ID, Name: n.Name, Description: n.Description,
		Management: fleet.Managed, ObservedStatus: fleet.VMProvisioning, HypervisorType: string(p.Kind), Version: 1,
		HypervisorConfig: fleet.HypervisorConfig{Firmware: n.Firmware, MachineType: n.Machine, Accelerator: n.Accelerator, Autostart: n.Autostart},
		VCPUs:            request.VCPUs, VCPUsMax: request.VCPUsMax, MemoryMiB: request.MemoryMiB, MemoryWantedMiB: request.MemoryMiB, MemoryMaxMiB: request.MemoryMax, Tags: n.Tags}
	if p.Kind == drivers.KindLibvirt {
		v.HypervisorType = "KVM"
		if n.Accelerator == drivers.AcceleratorQEMU {
			v.HypervisorType = "QEMU"
		}
	}
	if err := c.room(ctx, tx, viewer, nil, takes); err != nil {
		return nil, nil, err
	}
	if err := tx.InsertVM(ctx, v); err != nil {
		return nil, nil, err
	}
	o.Amount = &takes
	o.TargetType, o.TargetID, o.TargetName = fleet.TargetVM, &v.ID, v.Name
	if n.IdempotencyKey != "" {
		o.IdempotencyKey = &n.IdempotencyKey
	}
	if err := events.Record(ctx, tx, v.Event(fleet.Added)); err != nil {
		return nil, nil, err
	}
	if err := c.ops.Enqueue(ctx, tx, o, nil); err != nil {
		return nil, nil, err
	}
	if v, err = tx.VM(ctx, viewer.Scope(), v.ID); err != nil {
		return nil, nil, err
	}
	return o, v, c.audit(ctx, tx, viewer, deed{"createVM", fleet.TargetVM, v.ID, v.Name, o,
		map[string]any{"provider": p.Name, "vcpus": n.VCPUs, "memoryMiB": n.MemoryMiB}})
}

// request fills in the defaults and holds the request against what is known of the provider. takes is what the VM will take.
func (c *Control) request(ctx context.Context, tx *store.Store, viewer access.Viewer, p *fleet.Provider, n fleet.NewVM) (r drivers.CreateRequest, takes fleet.Amount, err error) {
	limits, can := p.Info.Limits, p.Info.Features
	takes = fleet.Amount{VMs: 1, VCPUs: int64(n.VCPUs), MemoryMiB: n.MemoryMiB}
	r = drivers.CreateRequest{Owner: viewer.TenantID.String(), Name: n.Name, Description: n.Description, VCPUs: n.VCPUs, VCPUsMax: n.VCPUsMax, MemoryMiB: n.MemoryMiB,
		MemoryMax: n.MemoryMaxMiB, Firmware: n.Firmware, Machine: n.Machine, Accelerator: n.Accelerator, Autostart: n.Autostart, NICs: n.NICs}
	bound := func(most, otherwise int64) int64 {
		if most > 0 {
			return min(most, otherwise)
		}
		return otherwise
	}
	mostVCPUs, mostMemory := bound(int64(limits.MaxVCPUs), fleet.MaxVCPUs), bound(limits.MaxMemoryMiB, fleet.MaxMemoryMiB)
	if r.VCPUsMax == 0 {
		r.VCPUsMax = max(n.VCPUs, min(2*n.VCPUs, int(mostVCPUs)))
	}
	if r.MemoryMax == 0 {
		r.MemoryMax = max(n.MemoryMiB, min(2*n.MemoryMiB, mostMemory))
	}
	if r.NICs == nil {
		r.NICs = []drivers.NICRequest{{}}
	}
	if r.Firmware == "" {
		r.Firmware = drivers.FirmwareBIOS
	}
	if r.Accelerator == "" {
		r.Accelerator = p.Accelerator
	}
	hosts, err := tx.Hosts(ctx, viewer.Scope(), &p.ID)
	if err != nil {
		return r, takes, err
	}
	for i, nic := range r.NICs {
		if err := checkNetwork(fmt.Sprintf("networks[%d].network", i), nic, hosts); err != nil {
			return r, takes, err
		}
	}
	for i, d := range n.Disks {
		disk, size, err := c.disk(ctx, tx, viewer, p, hosts, d, fmt.Sprintf("disks[%d]", i))
		if err != nil {
			return r, takes, err
		}
		r.Disks, takes.DiskMiB = append(r.Disks, disk), takes.DiskMiB+fleet.MiB(size)
	}
	switch {
	case int64(n.VCPUs) > mostVCPUs:
		return r, takes, fault.Field("vcpus", fmt.Sprintf("Use at most %d.", mostVCPUs), "the host gives a VM at most %d vCPUs", mostVCPUs)
	case int64(r.VCPUsMax) > mostVCPUs:
		return r, takes, fault.Field("vcpusMax", fmt.Sprintf("Use at most %d.", mostVCPUs), "the host gives a VM at most %d vCPUs", mostVCPUs)
	case n.MemoryMiB > mostMemory:
		return r, takes, fault.Field("memoryMiB", fmt.Sprintf("Use at most %d MiB.", mostMemory), "the host gives a VM at most %d MiB", mostMemory)
	case r.MemoryMax > mostMemory:
		return r, takes, fault.Field("memoryMaxMiB", fmt.Sprintf("Use at most %d MiB.", mostMemory), "the host gives a VM at most %d MiB", mostMemory)
	case limits.MaxNameLength > 0 && len(n.Name) > limits.MaxNameLength:
		return r, takes, fault.Field("name", fmt.Sprintf("Use at most %d characters.", limits.MaxNameLength), "the name is too long for this host")
	case !hasMachine(hosts, n.Machine):
		return r, takes, fault.Field("machineType", "Choose one that the host offers, or leave it out.", "the host has no machine type %.63q", n.Machine)
	case r.Firmware == drivers.FirmwareUEFI && !can.UEFI:
		return r, takes, fault.Field("firmware", "Use BIOS.", "the host has no UEFI firmware")
	case r.Accelerator != drivers.AcceleratorAuto && r.Accelerator != "" && len(can.Accelerators) > 0 && !slices.Contains(can.Accelerators, r.Accelerator):
		return r, takes, fault.Field("accelerator", "Use AUTO.", "the host cannot run VMs with %s", r.Accelerator)
	}
	return r, takes, nil
}

// hasMachine reports whether a host offers the machine type; one that has not been surveyed yet may.
func hasMachine(hosts []*fleet.HypervisorHost, name string) bool {
	return name == "" || !slices.ContainsFunc(hosts, func(h *fleet.HypervisorHost) bool { return len(h.Capabilities.Machines) > 0 }) ||
		slices.ContainsFunc(hosts, func(h *fleet.HypervisorHost) bool { return slices.Contains(h.Capabilities.Machines, name) })
}

// disk turns a disk that is asked for into what a driver is asked for. size is what counts of it, in bytes: of a volume
// that is there already nothing, until it has been seen.
func (c *Control) disk(ctx context.Context, tx *store.Store, viewer access.Viewer, p *fleet.Provider, hosts []*fleet.HypervisorHost, d fleet.NewDisk, field string) (r drivers.DiskRequest, size int64, err error) {
	r = drivers.DiskRequest{Pool: d.Pool, CapacityBytes: d.CapacityBytes, Format: d.Format, Bus: d.Bus, Clone: d.Clone,
		Volume: d.Volume, ReadOnly: d.ReadOnly, CDROM: d.CDROM}
	if d.Volume == nil && !d.CDROM && !d.ReadOnly {
		size = d.CapacityBytes
	}
	if d.Volume != nil {
		if err := checkPool(field+".volume.pool", d.Volume.Pool, hosts); err != nil {
			return r, 0, err
		}
		if err := freeVolume(ctx, tx, viewer.Scope(), p.ID, *d.Volume, d.ReadOnly || d.CDROM, field); err != nil {
			return r, 0, err
		}
	}
	if d.ImageID != nil {
		i, err := tx.Image(ctx, viewer.Scope(), *d.ImageID)
		switch {
		case err != nil:
			return r, 0, fault.Of(err).At(field + ".image")
		case i.ProviderID != p.ID:
			return r, 0, fault.Field(field+".image", "Choose one of this host's, or import it there.", "the image %s is at another host", i.Name)
		case i.Status != fleet.ImageReady:
			return r, 0, fault.New(fault.Conflict, "the image %s is not ready", i.Name).At(field + ".image").With("Wait for its import, or choose another.")
		case i.Format == "iso" && !d.CDROM:
			return r, 0, fault.Field(field+".cdrom", "Set cdrom to true.", "the image %s is an ISO: it goes into a CD-ROM drive", i.Name)
		case d.CapacityBytes != 0 && d.CapacityBytes < i.CapacityBytes && !d.CDROM:
			return r, 0, fault.Field(field+".capacityBytes", fmt.Sprintf("Use at least %d MiB.", fleet.MiB(i.CapacityBytes)), "the image %s is larger than that", i.Name)
		}
		from := &drivers.VolumeRef{Pool: i.Pool, Volume: i.Volume}
		if d.CDROM { // it is only read: no copy
			r.Volume, r.ReadOnly, r.CapacityBytes, r.Format = from, true, 0, "raw"
			return r, 0, nil
		}
		size = max(size, i.CapacityBytes)
		if r.Image = from; r.Pool == "" {
			r.Pool = i.Pool
		}
		if r.Clone == "" {
			r.Clone = drivers.CloneCopyOnWrite
		}
	}
	return r, size, checkPool(field+".pool", r.Pool, hosts)
}

// checkPool refuses a pool that no host of the provider has. What has not been surveyed yet is the
// driver's to refuse.
func checkPool(field, pool string, hosts []*fleet.HypervisorHost) error {
	known := false
	for _, h := range hosts {
		for _, p := range h.Pools {
			known = true
			if p.Name != pool {
				continue
			}
			if !p.Active {
				return fault.New(fault.Conflict, "the pool %s is not active", pool).At(field).With("Start it on the host, or choose another.")
			}
			return nil
		}
	}
	if pool == "" || !known {
		return nil
	}
	return fault.Field(field, "Choose one of the host's pools.", "the host has no pool %.63q", pool)
}

func checkNetwork(field string, n drivers.NICRequest, hosts []*fleet.HypervisorHost) error {
	if n.Network == "" || n.Type == "user" {
		return nil
	}
	known := false
	for _, h := range hosts {
		for _, w := range h.Networks {
			known = true
			if w.Name == n.Network && (n.Type == "" || w.Type == n.Type) {
				return nil
			}
		}
	}
	if !known || n.Type == "bridge" { // not every bridge of a host is known to its daemon
		return nil
	}
	return fault.Field(field, "Choose one of the host's networks.", "the host has no network %.63q", n.Network)
}

// firstPool is where new volumes go that name none.
func firstPool(hosts []*fleet.HypervisorHost) string {
	for _, h := range hosts {
		for _, p := range h.Pools {
			if p.Active {
				return p.Name
			}
		}
	}
	return ""
}
