package libvirt

import (
	"context"
	"strconv"
	"sync"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

const (
	sampleSlice    = 32 // guests in one call: 0.1 s; libvirtd asks them one after another
	sampleParallel = 4  // calls at once, on as many sessions
)

const sampleGroups = libvirt.DOMAIN_STATS_STATE | libvirt.DOMAIN_STATS_CPU_TOTAL | libvirt.DOMAIN_STATS_BALLOON |
	libvirt.DOMAIN_STATS_INTERFACE | libvirt.DOMAIN_STATS_BLOCK

// Sample is as drivers.Sampler has it. A guest whose QEMU hangs costs its slice statsDeadline once.
func (d *Driver) Sample(ctx context.Context, refs []drivers.Ref) (map[drivers.Ref]drivers.Sample, error) {
	if refs == nil {
		err := d.do(ctx, func(c *libvirt.Connect) (err error) { refs, err = activeRefs(c); return err })
		if err != nil {
			return nil, err
		}
	}
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		all  = make(map[drivers.Ref]drivers.Sample, len(refs))
		last error
		gate = make(chan struct{}, sampleParallel)
	)
	for len(refs) > 0 {
		part := refs[:min(sampleSlice, len(refs))]
		refs = refs[len(part):]
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			stats, err := d.statsOf(ctx, part, sampleGroups, libvirt.CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				last = err
			}
			now := time.Now()
			for _, s := range stats {
				if sample, ok := sampleOf(s, now); ok {
					all[s.ref] = sample
				}
			}
		})
	}
	wg.Wait()
	if last != nil && (len(all) == 0 || fault.Is(last, fault.Unavailable) || ctx.Err() != nil) {
		return nil, last
	}
	return all, nil
}

// activeRefs lists the domains that run.
func activeRefs(c *libvirt.Connect) ([]drivers.Ref, error) {
	doms, err := c.ListAllDomains(libvirt.CONNECT_LIST_DOMAINS_ACTIVE)
	if err != nil {
		return nil, err
	}
	refs := make([]drivers.Ref, 0, len(doms))
	for i := range doms {
		if id, err := doms[i].GetUUIDString(); err == nil {
			refs = append(refs, drivers.Ref(id))
		}
		_ = doms[i].Free()
	}
	return refs, nil
}

// sampleOf makes a sample of bulk statistics. It is none when the guest was passed over.
func sampleOf(s domainStats, now time.Time) (drivers.Sample, bool) {
	v := s.values
	if _, ok := v["cpu.time"]; !ok {
		return drivers.Sample{}, false
	}
	r := drivers.Sample{
		At: now, CPUTime: time.Duration(v["cpu.time"]), VCPUs: int(v["info.vcpus"]),
		MemoryMiB: v["balloon.current"] >> 10, MemoryRSSMiB: v["balloon.rss"] >> 10, MemoryUsedMiB: -1,
	}
	if v["balloon.last-update"] > 0 {
		free, told := v["balloon.usable"] // what it could use without swapping: caches count as free
		if !told {
			free, told = v["balloon.unused"]
		}
		if told && v["balloon.available"] >= free {
			r.MemoryUsedMiB = (v["balloon.available"] - free) >> 10
		}
	}
	for i := range v["block.count"] {
		p := "block." + strconv.FormatInt(i, 10) + "."
		r.DiskReadBytes += v[p+"rd.bytes"]
		r.DiskWriteBytes += v[p+"wr.bytes"]
		r.DiskReads += v[p+"rd.reqs"]
		r.DiskWrites += v[p+"wr.reqs"]
	}
	for i := range v["net.count"] {
		p := "net." + strconv.FormatInt(i, 10) + "."
		r.NetRxBytes += v[p+"rx.bytes"]
		r.NetTxBytes += v[p+"tx.bytes"]
	}
	return r, true
}
