package libvirt

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
)

var _ drivers.Guester = (*Driver)(nil)

const (
	// guestCalls leaves half of the pool to other calls, even when all of these hang.
	guestCalls = poolSize / 2

	// guestDeadline is for one guest. An agent that is there answers within 20 ms; a guest under
	// emulation on a busy host took up to a second.
	guestDeadline = 3 * time.Second

	// guestQuiet is for how long an agent that did not answer is not asked again: libvirt holds a
	// lock of that VM for 5 s a time, which start, stop and resize would wait for.
	guestQuiet = 30 * time.Second
)

// Guest is as drivers.Guester has it. Guests are asked side by side; one that hangs costs itself only.
func (d *Driver) Guest(ctx context.Context, refs []drivers.Ref) (map[drivers.Ref]drivers.Guest, error) {
	guests := make(map[drivers.Ref]drivers.Guest, len(refs))
	var mu sync.Mutex
	var wg sync.WaitGroup
	queue := make(chan drivers.Ref)
	for range min(guestCalls, len(refs)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for ref := range queue {
				g := d.guest(ctx, ref)
				mu.Lock()
				guests[ref] = g
				mu.Unlock()
			}
		}()
	}
	for _, ref := range refs {
		queue <- ref // a guest takes no longer than its deadline, and nothing once ctx has ended
	}
	close(queue)
	wg.Wait()
	switch {
	case ctx.Err() != nil:
		return guests, waited(ctx)
	case d.pool.life.Err() != nil:
		return guests, errClosed()
	}
	return guests, nil
}

// guest reads one. What cannot be read is left out.
func (d *Driver) guest(ctx context.Context, ref drivers.Ref) drivers.Guest {
	var g drivers.Guest
	if ctx.Err() != nil {
		return g
	}
	var leases []drivers.Address
	connected := false
	look := func(c *libvirt.Connect) error {
		dom, x, err := running(c, ref)
		if err != nil {
			return err
		}
		defer func() { _ = dom.Free() }()
		connected = agentConnected(x)
		if all, err := dom.ListAllInterfaceAddresses(libvirt.DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE); err == nil {
			leases = leasesOf(all)
		}
		return nil
	}
	short, cancel := context.WithTimeout(ctx, guestDeadline)
	defer cancel()
	if d.do(short, look) != nil {
		return g
	}
	if connected && !d.seen.quiet(ref) {
		var told drivers.Guest
		err := d.do(short, func(c *libvirt.Connect) (err error) { told, err = askAgent(c, ref); return err })
		if err == nil {
			g = told
		} else if ctx.Err() == nil && (short.Err() != nil || is(err, libvirt.ERR_AGENT_UNRESPONSIVE, libvirt.ERR_AGENT_COMMAND_TIMEOUT)) {
			d.seen.silence(ref)
		}
	}
	if len(g.Addresses) == 0 {
		g.Addresses = leases
	}
	return g
}

// quiet tells whether a guest is to be left alone for now.
func (r *remembered) quiet(ref drivers.Ref) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	until, ok := r.silent[ref]
	if ok && time.Now().After(until) {
		delete(r.silent, ref)
		return false
	}
	return ok
}

// silence notes a guest that did not answer.
func (r *remembered) silence(ref drivers.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.silent == nil {
		r.silent = map[drivers.Ref]time.Time{}
	}
	r.silent[ref] = time.Now().Add(guestQuiet)
}

// askAgent asks for everything in one call.
func askAgent(c *libvirt.Connect, ref drivers.Ref) (drivers.Guest, error) {
	var g drivers.Guest
	dom, err := domain(c, ref)
	if err != nil {
		return g, err
	}
	defer func() { _ = dom.Free() }()
	const want = libvirt.DOMAIN_GUEST_INFO_OS | libvirt.DOMAIN_GUEST_INFO_HOSTNAME | libvirt.DOMAIN_GUEST_INFO_FILESYSTEM | libvirt.DOMAIN_GUEST_INFO_INTERFACES
	info, err := dom.GetGuestInfo(want, 0)
	if err != nil && !is(err, libvirt.ERR_AGENT_UNRESPONSIVE, libvirt.ERR_AGENT_COMMAND_TIMEOUT, libvirt.ERR_OPERATION_TIMEOUT) {
		// An agent or a libvirt that lacks one of these: without a list it answers what it can.
		info, err = dom.GetGuestInfo(0, 0)
	}
	if err != nil {
		return g, err
	}
	g = drivers.Guest{Agent: true, Hostname: clean(info.Hostname)}
	if o := info.OS; o != nil {
		g.OS = clean(or(o.PrettyName, strings.TrimSpace(o.Name+" "+o.Version)))
	}
	for _, f := range info.FileSystems {
		fs := drivers.FileSystem{Mount: clean(f.MountPoint), Type: clean(f.FSType), TotalBytes: int64(f.TotalBytes), UsedBytes: int64(f.UsedBytes)}
		for _, k := range f.Disks {
			if name := or(k.Alias, k.Device); name != "" {
				fs.Disks = append(fs.Disks, clean(name))
			}
		}
		g.FileSystems = append(g.FileSystems, fs)
	}
	for _, i := range info.Interfaces {
		for _, a := range i.Addrs {
			addAddress(&g, drivers.Address{Address: a.Addr, Prefix: int(a.Prefix), MAC: i.Hwaddr, Interface: i.Name})
		}
	}
	if len(info.Interfaces) == 0 { // libvirt before 7.10
		all, err := dom.ListAllInterfaceAddresses(libvirt.DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT)
		if err != nil {
			return g, nil //nolint:nilerr // the rest is known
		}
		for _, i := range all {
			for _, a := range i.Addrs {
				addAddress(&g, drivers.Address{Address: a.Addr, Prefix: int(a.Prefix), MAC: i.Hwaddr, Interface: i.Name})
			}
		}
	}
	return g, nil
}

// addAddress adds an address that a guest tells of itself. A guest can tell anything: only what is
// an address is believed, and the loopback is nobody's business.
func addAddress(g *drivers.Guest, a drivers.Address) {
	ip, err := netip.ParseAddr(a.Address)
	if err != nil || ip.IsLoopback() || len(g.Addresses) >= maxAddresses {
		return
	}
	a.Address, a.MAC, a.Interface, a.Source = ip.WithZone("").String(), strings.ToLower(clean(a.MAC)), clean(a.Interface), "agent"
	g.Addresses = append(g.Addresses, a)
}

// maxAddresses bounds what a guest can make us keep: hosts of containers have hundreds.
const maxAddresses = 256

// leasesOf are the addresses that the host's own DHCP server gave out. A client that asked with
// several identities has several.
func leasesOf(all []libvirt.DomainInterface) []drivers.Address {
	var list []drivers.Address
	for _, i := range all {
		for _, a := range i.Addrs {
			list = append(list, drivers.Address{Address: a.Addr, Prefix: int(a.Prefix), MAC: strings.ToLower(i.Hwaddr), Source: "lease"})
		}
	}
	return list
}
