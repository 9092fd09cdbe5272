package libvirt

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// refOf is the UUID of the VM that a token makes. That it follows from the token is what makes
// Create repeatable: the host itself refuses a second VM of it, and finding it is one call.
func refOf(token string) drivers.Ref {
	return drivers.Ref(uuid.NewSHA1(refSpace, []byte(token)).String())
}

var refSpace = uuid.MustParse("6f3f2f0a-5a0e-5b53-9b0f-0f5b5f0e7a11")

// Create makes a VM in this order: the definition without disks (which takes the name, and lets
// the host judge the request before anything is copied), the disks, the whole definition, the
// start. The definition bears the token from the first moment on; so whoever dies in between
// leaves what the same call finishes or Delete of the token removes.
func (d *Driver) Create(ctx context.Context, r drivers.CreateRequest) (drivers.Task, error) {
	if err := checkCreate(r, d.info.Limits); err != nil {
		return drivers.Task{}, err
	}
	if r.Token == "" {
		r.Token = uuid.NewString() // nobody asks for it again, but names of volumes derive from it
	}
	p := plan{CreateRequest: r, ref: refOf(r.Token), arch: d.host.arch, mark: mark{Token: r.Token, Owner: r.Owner, Part: "yes"}}
	var err error
	if p.accelerator, err = d.accelerator(r.Accelerator); err != nil {
		return drivers.Task{}, err
	}
	leave, err := d.enter(ctx, r.Token)
	if err != nil {
		return drivers.Task{}, err
	}
	defer leave()
	complete, err := d.claim(ctx, &p)
	if err != nil {
		return drivers.Task{}, err
	}
	if !complete {
		if err := d.furnish(ctx, &p); err != nil {
			d.takeBack(ctx, p, err)
			return drivers.Task{}, err
		}
	}
	if r.Start {
		return d.Power(ctx, p.ref, drivers.PowerStart)
	}
	return drivers.Done(p.ref), nil
}

// enter waits until no other create of the token is under way in this process.
func (d *Driver) enter(ctx context.Context, token string) (leave func(), err error) {
	mine := make(chan struct{})
	for {
		other, busy := d.making.LoadOrStore(token, mine)
		if !busy {
			return func() { d.making.Delete(token); close(mine) }, nil
		}
		select {
		case <-other.(chan struct{}):
		case <-ctx.Done():
			return nil, waited(ctx)
		}
	}
}

// accelerator decides: the request's word, else the connection's, else KVM where the host has it.
func (d *Driver) accelerator(asked drivers.Accelerator) (drivers.Accelerator, error) {
	a := asked
	if a == "" || a == drivers.AcceleratorAuto {
		a = d.config.Accelerator
	}
	switch {
	case a == drivers.AcceleratorKVM && !d.host.kvm:
		return "", fault.New(fault.Unsupported, "the host has no KVM").At("accelerator").With("Use the accelerator QEMU, or enable virtualisation in the host's firmware.")
	case a == drivers.AcceleratorKVM, a == drivers.AcceleratorQEMU:
		return a, nil
	case d.host.kvm:
		return drivers.AcceleratorKVM, nil
	}
	return drivers.AcceleratorQEMU, nil
}

// claim finds what an earlier call of the token made, or takes name and UUID. It tells whether
// the VM is complete.
func (d *Driver) claim(ctx context.Context, p *plan) (complete bool, err error) {
	err = d.do(ctx, func(c *libvirt.Connect) error {
		complete = false
		if err := d.findNetworks(c, p); err != nil {
			return err
		}
		dom, err := domain(c, p.ref)
		if err == nil {
			defer func() { _ = dom.Free() }()
			doc, err := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
			if err != nil {
				return err
			}
			x, err := parseDomain(doc)
			if err != nil {
				return err
			}
			complete = markOf(x).Part == ""
			return nil
		}
		if !is(err, libvirt.ERR_NO_DOMAIN) {
			return err
		}
		other, err := c.LookupDomainByName(p.Name)
		if err == nil {
			_ = other.Free()
			return fault.New(fault.Exists, "the host has a VM named %q already", p.Name).At("name").With("Choose another name.")
		}
		if !is(err, libvirt.ERR_NO_DOMAIN) {
			return err
		}
		return define(c, *p)
	})
	return complete, err
}

// define stores the VM as planned so far.
func define(c *libvirt.Connect, p plan) error {
	doc, err := build(p)
	if err != nil {
		return err
	}
	dom, err := c.DomainDefineXMLFlags(doc, libvirt.DOMAIN_DEFINE_VALIDATE)
	if err != nil {
		return err
	}
	defer func() { _ = dom.Free() }()
	if p.mark.Part == "" && p.Autostart {
		return dom.SetAutostart(true)
	}
	return nil
}

// furnish makes the disks and stores the whole VM.
func (d *Driver) furnish(ctx context.Context, p *plan) error {
	p.drives = nil
	for i, r := range p.Disks {
		k := drive{DiskRequest: r}
		if !r.CDROM || r.Image != nil || r.Volume != nil {
			var err error
			if k.path, k.format, err = d.makeDisk(ctx, p.Name, i, p.Token, r); err != nil {
				return inField(err, "disks[%d]", i)
			}
		}
		p.drives = append(p.drives, k)
	}
	if p.Seed != nil {
		pool := ""
		if len(p.Disks) > 0 {
			pool = p.Disks[0].Pool
		}
		path, err := d.makeSeed(ctx, p.Token, pool, p.Name, *p.Seed)
		if err != nil {
			return inField(err, "seed")
		}
		p.mark.Seed = path
		p.drives = append(p.drives, p.seedDrive(path))
	}
	p.mark.Part = ""
	return d.do(ctx, func(c *libvirt.Connect) error { return define(c, *p) })
}

// seedDrive shows the seed to the guest as a read-only disk on the bus that it boots from:
// kernels made for clouds have no driver for CD-ROM drives, and cloud-init finds its seed by the
// file system's label wherever it is.
func (p plan) seedDrive(path string) drive {
	k := drive{DiskRequest: drivers.DiskRequest{ReadOnly: true}, path: path, format: formatRaw, seed: true}
	for _, r := range p.Disks {
		if !r.CDROM && r.Bus != "" {
			k.Bus = r.Bus
			break
		}
	}
	return k
}

// findNetworks fills in and checks the networks of the NICs.
func (d *Driver) findNetworks(c *libvirt.Connect, p *plan) error {
	p.NICs = append([]drivers.NICRequest(nil), p.NICs...)
	for i := range p.NICs {
		if err := findNetwork(c, &p.NICs[i]); err != nil {
			return inField(err, "nics[%d]", i)
		}
	}
	return nil
}

// findNetwork chooses the first active network where none is named; "user" where there is none.
func findNetwork(c *libvirt.Connect, n *drivers.NICRequest) error {
	if n.Type == "" {
		n.Type = "network"
	}
	if n.Type != "network" {
		return nil
	}
	if n.Network != "" {
		net, err := c.LookupNetworkByName(n.Network)
		if is(err, libvirt.ERR_NO_NETWORK) {
			return fault.New(fault.NotFound, "the host has no network %q", n.Network).At("network").With("Choose one of the host's networks.")
		}
		if err != nil {
			return err
		}
		_ = net.Free()
		return nil
	}
	nets, err := c.ListAllNetworks(libvirt.CONNECT_LIST_NETWORKS_ACTIVE)
	if err != nil && !is(err, libvirt.ERR_NO_SUPPORT) {
		return err
	}
	for i := range nets {
		if name, err := nets[i].GetName(); err == nil && (n.Network == "" || name < n.Network) {
			n.Network = name
		}
		_ = nets[i].Free()
	}
	if n.Network == "" {
		n.Type = "user"
	}
	return nil
}

// takeBack removes what a create that will not be tried again has made. When it cannot, Delete of
// the token does it later.
func (d *Driver) takeBack(ctx context.Context, p plan, cause error) {
	if fault.KindOf(cause).Retryable() || errors.Is(ctx.Err(), context.Canceled) || ctx.Err() != nil {
		return
	}
	_, _ = d.Delete(ctx, p.ref, drivers.DeleteOptions{Token: p.Token, Snapshots: true})
}
