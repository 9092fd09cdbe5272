package libvirt

import (
	"context"
	"hash/maphash"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
)

// watchDrift tells which VMs' documents have changed since the last look. libvirt sends no event
// for several changes: setvcpus, setmaxmem, changes of the stored definition alone. A document
// takes 0.2 ms to read; a round rests driftShare times as long as it took.
func (d *Driver) watchDrift(ctx context.Context, tell func(drivers.Hint)) {
	seed := maphash.MakeSeed()
	seen := map[drivers.Ref]uint64{}
	first := true
	wait := driftEvery
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		began := time.Now()
		now, err := d.documents(ctx, seed)
		wait = max(driftEvery, driftShare*time.Since(began))
		if err != nil {
			continue // the event session tells when the host is lost
		}
		for ref, sum := range now {
			if old, known := seen[ref]; !first && (!known || old != sum) {
				tell(drivers.Hint{Ref: ref, Why: "definition changed"})
			}
		}
		for ref := range seen {
			if _, there := now[ref]; !there {
				tell(drivers.Hint{Ref: ref, Gone: true, Why: "no longer listed"})
			}
		}
		seen, first = now, false
	}
}

// documents sums up every VM's documents.
func (d *Driver) documents(ctx context.Context, seed maphash.Seed) (map[drivers.Ref]uint64, error) {
	var refs []drivers.Ref
	err := d.do(ctx, func(c *libvirt.Connect) error {
		refs = nil
		stats, err := bulkStats(c, nil, libvirt.DOMAIN_STATS_STATE, 0, false)
		for _, s := range stats {
			refs = append(refs, s.ref)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	sums := make(map[drivers.Ref]uint64, len(refs))
	for len(refs) > 0 {
		part := refs[:min(listSlice, len(refs))]
		refs = refs[len(part):]
		err := d.do(ctx, func(c *libvirt.Connect) error {
			for _, ref := range part {
				dom, err := domain(c, ref)
				if is(err, libvirt.ERR_NO_DOMAIN) {
					continue
				}
				if err != nil {
					return err
				}
				sums[ref] = sumOf(dom, seed)
				_ = dom.Free()
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return sums, nil
}

// sumOf sums up what runs and what is stored; for a VM that is off they are the same.
func sumOf(dom *libvirt.Domain, seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	live, _ := dom.GetXMLDesc(0)
	_, _ = h.WriteString(live)
	if id, err := dom.GetID(); err == nil && id != 0 {
		stored, _ := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
		_, _ = h.WriteString(stored)
	}
	return h.Sum64()
}
