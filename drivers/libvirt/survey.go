package libvirt

import (
	"context"
	"net/netip"
	"sort"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
)

var _ drivers.Surveyor = (*Driver)(nil)

// Survey is as drivers.Surveyor has it. What a host cannot tell is left empty: a host without storage or
// network driver still has a CPU.
func (d *Driver) Survey(ctx context.Context) (drivers.Survey, error) {
	var s drivers.Survey
	err := d.do(ctx, func(c *libvirt.Connect) error {
		node, err := d.readNode(c)
		if err != nil {
			return err
		}
		s.Nodes = []drivers.Node{node}
		if s.Pools, err = readPools(c); err != nil {
			return err
		}
		s.Networks, err = readNetworks(c)
		return err
	})
	return s, err
}

// readPools describes the storage pools, in the order of their names.
func readPools(c *libvirt.Connect) ([]drivers.Pool, error) {
	handles, err := c.ListAllStoragePools(0)
	if is(err, libvirt.ERR_NO_SUPPORT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var pools []drivers.Pool
	for i := range handles {
		p, err := readPool(&handles[i])
		_ = handles[i].Free()
		if is(err, libvirt.ERR_NO_STORAGE_POOL) {
			continue // gone meanwhile
		}
		if err != nil {
			return nil, err
		}
		pools = append(pools, p)
	}
	sort.Slice(pools, func(i, j int) bool { return pools[i].Name < pools[j].Name })
	return pools, nil
}

func readPool(p *libvirt.StoragePool) (drivers.Pool, error) {
	doc, err := p.GetXMLDesc(0)
	if err != nil {
		return drivers.Pool{}, err
	}
	var x libvirtxml.StoragePool
	if err := x.Unmarshal(doc); err != nil {
		return drivers.Pool{}, err
	}
	info, err := p.GetInfo()
	if err != nil {
		return drivers.Pool{}, err
	}
	pool := drivers.Pool{Name: x.Name, Type: x.Type, Active: info.State == libvirt.STORAGE_POOL_RUNNING || info.State == libvirt.STORAGE_POOL_DEGRADED,
		CapacityBytes: int64(info.Capacity), FreeBytes: int64(info.Available)}
	if x.Target != nil {
		pool.Path = x.Target.Path
	}
	return pool, nil
}

// readNetworks describes libvirt's networks, and after them the host's own bridges.
func readNetworks(c *libvirt.Connect) ([]drivers.Network, error) {
	handles, err := c.ListAllNetworks(0)
	if err != nil && !is(err, libvirt.ERR_NO_SUPPORT) {
		return nil, err
	}
	var networks []drivers.Network
	taken := map[string]bool{}
	for i := range handles {
		n, err := readNetwork(&handles[i])
		_ = handles[i].Free()
		if is(err, libvirt.ERR_NO_NETWORK) {
			continue // gone meanwhile
		}
		if err != nil {
			return nil, err
		}
		taken[n.Bridge] = n.Mode != "bridge"
		networks = append(networks, n)
	}
	for _, b := range hostBridges(c) {
		if !taken[b.Name] {
			networks = append(networks, b)
		}
	}
	sort.SliceStable(networks, func(i, j int) bool {
		a, b := networks[i], networks[j]
		return a.Type > b.Type || a.Type == b.Type && a.Name < b.Name // "network" before "bridge"
	})
	return networks, nil
}

func readNetwork(n *libvirt.Network) (drivers.Network, error) {
	doc, err := n.GetXMLDesc(0)
	if err != nil {
		return drivers.Network{}, err
	}
	var x libvirtxml.Network
	if err := x.Unmarshal(doc); err != nil {
		return drivers.Network{}, err
	}
	active, err := n.IsActive()
	if err != nil {
		return drivers.Network{}, err
	}
	net := drivers.Network{Name: x.Name, Type: "network", Mode: "isolated", Active: active}
	if x.Forward != nil {
		net.Mode = or(x.Forward.Mode, "nat")
	}
	if x.Bridge != nil {
		net.Bridge = x.Bridge.Name
	}
	for _, ip := range x.IPs {
		if net.CIDR = cidr(ip); net.CIDR != "" {
			break
		}
	}
	return net, nil
}

// cidr is the network that an address of a libvirt network lies in; empty when it makes no sense.
func cidr(ip libvirtxml.NetworkIP) string {
	a, err := netip.ParseAddr(ip.Address)
	if err != nil {
		return ""
	}
	bits := int(ip.Prefix)
	if mask, err := netip.ParseAddr(ip.Netmask); err == nil && mask.Is4() {
		bits = 0
		for _, b := range mask.As4() {
			for ; b&0x80 != 0; b <<= 1 {
				bits++
			}
		}
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// hostBridges are bridges that somebody made outside libvirt. Few hosts cannot list them; those
// have none to offer.
func hostBridges(c *libvirt.Connect) []drivers.Network {
	handles, err := c.ListAllInterfaces(libvirt.CONNECT_LIST_INTERFACES_ACTIVE)
	if err != nil {
		return nil
	}
	var bridges []drivers.Network
	for i := range handles {
		doc, err := handles[i].GetXMLDesc(0)
		_ = handles[i].Free()
		var x libvirtxml.Interface
		if err == nil && x.Unmarshal(doc) == nil && x.Bridge != nil {
			bridges = append(bridges, drivers.Network{Name: x.Name, Type: "bridge", Mode: "bridge", Active: true, Bridge: x.Name})
		}
	}
	return bridges
}
