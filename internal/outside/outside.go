// Package outside reaches servers whose addresses users give: images' and issuers' today. What this machine can reach
// is more than its users may: its own ports, the machines beside it, a cloud's metadata with keys in it. So such
// addresses lead into the internet, and elsewhere only where the settings say.
package outside

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/novacron/novacron/internal/fault"
)

// Rules say where users' addresses may lead. The zero value: into the internet alone.
type Rules struct{ inner []netip.Prefix }

// New makes rules that allow inner networks too. A wide one opens nothing of this machine and no metadata: those
// have to be named themselves, as 127.0.0.0/8 is by 127.0.0.1/32 but not by 0.0.0.0/0.
func New(inner ...netip.Prefix) Rules { return Rules{inner} }

const dialWithin = 10 * time.Second

// Transport connects as the rules allow, and tells Invalid where they do not. It is for its caller to complete.
//
// What is judged is the address that is dialled: whatever a name meant a moment ago, however a number is written and
// wherever a redirect leads. It knows no proxy, which would resolve names where nobody judges them.
func (r Rules) Transport() *http.Transport {
	return &http.Transport{DialContext: r.dialer().DialContext, TLSHandshakeTimeout: dialWithin, ForceAttemptHTTP2: true}
}

func (r Rules) dialer() *net.Dialer {
	return &net.Dialer{Timeout: dialWithin, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		if to, err := netip.ParseAddrPort(address); err != nil || !r.Allow(to.Addr()) {
			return fault.New(fault.Invalid, "the server's address is not a public one").
				With("Use a server with a public address, or have the administrator name its network in NOVACRON_INNER_NETWORKS.")
		}
		return nil
	}}
}

// Allow reports whether an address that a user gave may lead there.
func (r Rules) Allow(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	a = embedded(a)
	at := slices.IndexFunc(guarded, func(g netip.Prefix) bool { return g.Contains(a) })
	for _, n := range r.inner {
		if n.Contains(a) && (at < 0 || n.Bits() >= guarded[at].Bits()) {
			return true
		}
	}
	return at < 0 && public(a)
}

// guarded are those that a wide inner network does not open.
var guarded = prefixes(
	"0.0.0.0/8", "127.0.0.0/8", "::/128", "::1/128", // this machine
	"169.254.0.0/16", "fe80::/10", // this wire, and metadata of most clouds
	"fd00:ec2::254/128", "fd20:ce::254/128", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32", // metadata of AWS, Google, Alibaba, Oracle; Azure's host
	"224.0.0.0/4", "255.255.255.255/32", "ff00::/8", // many machines
)

// special are IANA's special-purpose addresses among those that look public.
var special = prefixes(
	"100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

var (
	internet6 = netip.MustParsePrefix("2000::/3") // all that IANA has given out
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
)

func public(a netip.Addr) bool {
	return !a.IsPrivate() && (a.Is4() || internet6.Contains(a)) && !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// embedded is the IPv4 address that an IPv6 one stands for, or a itself.
func embedded(a netip.Addr) netip.Addr {
	if nat64.Contains(a) {
		b := a.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return a.Unmap()
}

func prefixes(all ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(all))
	for i, p := range all {
		parsed[i] = netip.MustParsePrefix(p)
	}
	return parsed
}
