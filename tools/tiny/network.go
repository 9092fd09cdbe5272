//go:build linux

package main

import (
	"fmt"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A nic is what a network-config asks of one network card. Which card that is, is known only when
// the card is there: by its address, or by a name that may be a pattern.
type nic struct {
	name      string // "eth0", "e*"; "" when only the address counts
	mac       string // lower case
	dhcp      bool
	addresses []string // with prefix length
	routes    []route
	resolvers []string
	mtu       int
}

type route struct{ to, via string }

func (n nic) matches(name, mac string) bool {
	if n.mac != "" {
		return n.mac == strings.ToLower(mac)
	}
	ok, err := path.Match(n.name, name)
	return err == nil && ok
}

// nicFor finds the configuration of a card. A card of which nothing is said asks DHCP, and so does
// everything when there is no network-config.
func nicFor(all []nic, name, mac string) nic {
	for _, n := range all {
		if n.matches(name, mac) {
			return n
		}
	}
	// Seeds made for a distribution call the only card "enp1s0"; without udev it is "eth0".
	if len(all) == 1 && all[0].mac == "" && name == "eth0" {
		return all[0]
	}
	return nic{name: name, dhcp: true}
}

// commands are the programs that bring a card up, in order.
func (n nic) commands(name string) [][]string {
	list := [][]string{}
	if n.mtu > 0 {
		list = append(list, []string{"ip", "link", "set", name, "mtu", strconv.Itoa(n.mtu)})
	}
	list = append(list, []string{"ip", "link", "set", name, "up"})
	for _, a := range n.addresses {
		list = append(list, []string{"ip", "addr", "add", a, "dev", name})
	}
	for _, r := range n.routes {
		list = append(list, []string{"ip", "route", "add", r.to, "via", r.via, "dev", name})
	}
	return list
}

// parseNetwork reads a NoCloud network-config, version 1 or 2 (netplan), as far as cards, addresses,
// routes and name servers go.
func parseNetwork(data []byte) ([]nic, error) {
	var outer struct {
		Network yaml.Node `yaml:"network"` // some writers wrap everything in it
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, err
	}
	if root.IsZero() {
		return nil, nil
	}
	if err := root.Decode(&outer); err == nil && !outer.Network.IsZero() {
		root = outer.Network
	}
	var version struct {
		Version int `yaml:"version"`
	}
	if err := root.Decode(&version); err != nil {
		return nil, err
	}
	switch version.Version {
	case 1:
		return parseNetwork1(&root)
	case 2:
		return parseNetwork2(&root)
	default:
		return nil, fmt.Errorf("version %d is not supported", version.Version)
	}
}

func parseNetwork2(root *yaml.Node) ([]nic, error) {
	type nameservers struct {
		Addresses []string `yaml:"addresses"`
	}
	var config struct {
		Ethernets map[string]struct {
			Match struct {
				Name       string `yaml:"name"`
				MACAddress string `yaml:"macaddress"`
			} `yaml:"match"`
			DHCP4     bool        `yaml:"dhcp4"`
			Addresses []string    `yaml:"addresses"`
			Gateway4  string      `yaml:"gateway4"`
			Gateway6  string      `yaml:"gateway6"`
			MTU       int         `yaml:"mtu"`
			Servers   nameservers `yaml:"nameservers"`
			Routes    []struct {
				To  string `yaml:"to"`
				Via string `yaml:"via"`
			} `yaml:"routes"`
		} `yaml:"ethernets"`
	}
	if err := root.Decode(&config); err != nil {
		return nil, err
	}
	var all []nic
	for id, e := range config.Ethernets {
		n := nic{
			name: e.Match.Name, mac: strings.ToLower(e.Match.MACAddress), dhcp: e.DHCP4,
			addresses: e.Addresses, resolvers: e.Servers.Addresses, mtu: e.MTU,
		}
		if n.name == "" && n.mac == "" {
			n.name = id
		}
		for _, gateway := range []string{e.Gateway4, e.Gateway6} {
			if gateway != "" {
				n.routes = append(n.routes, route{"default", gateway})
			}
		}
		for _, r := range e.Routes {
			n.routes = append(n.routes, route{defaultRoute(r.To), r.Via})
		}
		all = append(all, n)
	}
	sortNICs(all)
	return all, nil
}

func parseNetwork1(root *yaml.Node) ([]nic, error) {
	var config struct {
		Config []struct {
			Type    string   `yaml:"type"`
			Name    string   `yaml:"name"`
			MAC     string   `yaml:"mac_address"`
			MTU     int      `yaml:"mtu"`
			Address []string `yaml:"address"` // of type "nameserver"
			Subnets []struct {
				Type    string   `yaml:"type"`
				Address string   `yaml:"address"`
				Netmask string   `yaml:"netmask"`
				Gateway string   `yaml:"gateway"`
				Servers []string `yaml:"dns_nameservers"`
			} `yaml:"subnets"`
		} `yaml:"config"`
	}
	if err := root.Decode(&config); err != nil {
		return nil, err
	}
	var all []nic
	var resolvers []string
	for _, c := range config.Config {
		switch c.Type {
		case "nameserver":
			resolvers = append(resolvers, c.Address...)
			continue
		case "physical":
		default:
			return all, fmt.Errorf("type %q is not supported", c.Type)
		}
		n := nic{name: c.Name, mac: strings.ToLower(c.MAC), mtu: c.MTU}
		for _, s := range c.Subnets {
			switch s.Type {
			case "dhcp", "dhcp4":
				n.dhcp = true
			case "static", "static6":
				n.addresses = append(n.addresses, withPrefix(s.Address, s.Netmask))
				if s.Gateway != "" {
					n.routes = append(n.routes, route{"default", s.Gateway})
				}
				n.resolvers = append(n.resolvers, s.Servers...)
			}
		}
		all = append(all, n)
	}
	for i := range all {
		all[i].resolvers = append(all[i].resolvers, resolvers...)
	}
	sortNICs(all)
	return all, nil
}

// sortNICs puts the most exact first: by address, then by name, then by pattern.
func sortNICs(all []nic) {
	rank := func(n nic) int {
		switch {
		case n.mac != "":
			return 0
		case !strings.ContainsAny(n.name, "*?["):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(a, b nic) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a.name+a.mac, b.name+b.mac)
	})
}

func defaultRoute(to string) string {
	if to == "0.0.0.0/0" || to == "::/0" {
		return "default"
	}
	return to
}

func withPrefix(address, netmask string) string {
	mask := net.ParseIP(netmask).To4()
	if strings.Contains(address, "/") || mask == nil {
		return address
	}
	ones, _ := net.IPMask(mask).Size()
	return fmt.Sprintf("%s/%d", address, ones)
}
