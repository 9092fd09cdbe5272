package access

import (
	"net/netip"
	"strings"
	"sync"
	"time"
)

// throttle bounds failed sign-ins: of one name from one peer, from one peer, and of one name from
// everywhere. The last is generous, so that a stranger cannot lock somebody out cheaply. Each replica
// counts for itself.
type throttle struct {
	mu     sync.Mutex
	counts map[string]*failures
	now    func() time.Time
}

type failures struct {
	n     int
	since time.Time
}

// How many failures are borne in how long.
const (
	throttleWindow = 15 * time.Minute
	mostPair       = 10
	mostPeer       = 50
	mostName       = 200
	mostKept       = 100_000 // keys in memory; beyond, the old ones go
)

func newThrottle() *throttle { return &throttle{counts: map[string]*failures{}, now: time.Now} }

func keys(name string, peer netip.Addr) map[string]int {
	name = strings.ToLower(name)
	if len(name) > 64 {
		name = name[:64]
	}
	p := network(peer)
	return map[string]int{"b " + name + " " + p.String(): mostPair, "p " + p.String(): mostPeer, "n " + name: mostName}
}

// network is the address by which a peer is counted: somebody who has one IPv6 address has 2^64 of them.
func network(peer netip.Addr) netip.Addr {
	p := peer.Unmap()
	if prefix, err := p.Prefix(64); err == nil && p.Is6() {
		return prefix.Addr()
	}
	return p
}

// wait tells how long this name has to wait at this peer; 0 for not at all.
func (t *throttle) wait(name string, peer netip.Addr) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var longest time.Duration
	for key, most := range keys(name, peer) {
		if f := t.counts[key]; f != nil && f.n >= most {
			longest = max(longest, f.since.Add(throttleWindow).Sub(t.now()))
		}
	}
	return longest
}

func (t *throttle) failed(name string, peer netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if len(t.counts) > mostKept {
		for key, f := range t.counts {
			if now.Sub(f.since) > throttleWindow {
				delete(t.counts, key)
			}
		}
	}
	for key := range keys(name, peer) {
		f := t.counts[key]
		if f == nil || now.Sub(f.since) > throttleWindow {
			f = &failures{since: now}
			t.counts[key] = f
		}
		f.n++
	}
}
