package fake

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// wave goes up and down between -1 and 1, each id in its own time of about ten minutes.
func wave(id uint64, minute float64) float64 {
	period := 5 + float64(id%11)
	return math.Sin(2 * math.Pi * (minute/period + float64(id%97)/97))
}

// load is how busy a VM's CPUs are on average from one moment to another, 0 to 1: a level of its own
// with a wave on it. It is the integral of that wave, so samples of any interval agree.
func load(v drivers.VM, from, to time.Time) float64 {
	if strings.Contains(v.Name, "busy-running") {
		return 0.99
	}
	id := hash(0, string(v.Ref))
	level := 0.04 + float64(id>>8%40)/100
	span := to.Sub(from).Minutes()
	if span <= 0 {
		return level
	}
	period := 5 + float64(id%11)
	half := math.Pi * span / period
	middle := 2*math.Pi*(float64(from.UnixMilli())/60_000/period+float64(id%97)/97) + half
	return level * (1 + 0.8*math.Sin(middle)*math.Sin(half)/half)
}

// cpuTime is what a VM's CPUs have used from one moment to another.
func cpuTime(v drivers.VM, from, to time.Time) time.Duration {
	return time.Duration(load(v, from, to) * float64(to.Sub(from)) * float64(v.VCPUs))
}

// bootOf is when one of the first VMs was started: some hours or days before the world began.
func (h *host) bootOf(v drivers.VM) time.Time {
	return h.world.born.Add(-time.Duration(1+hash(1, string(v.Ref))%10_000) * time.Minute)
}

// Sample is as drivers.Sampler has it.
func (d *Driver) Sample(ctx context.Context, refs []drivers.Ref) (map[drivers.Ref]drivers.Sample, error) {
	if err := d.call(ctx, callTime); err != nil {
		return nil, err
	}
	samples := map[drivers.Ref]drivers.Sample{}
	if refs == nil {
		for v, err := range d.List(ctx, drivers.ListOptions{Brief: true}) {
			if err != nil {
				return nil, err
			}
			if on(v.State) {
				refs = append(refs, v.Ref)
			}
		}
	}
	now := time.Now()
	for some := range slices.Chunk(refs, batch) {
		if err := d.sleep(ctx, 0); err != nil {
			return nil, err
		}
		d.host.sampleSome(samples, some, now)
	}
	return samples, nil
}

func (h *host) sampleSome(samples map[drivers.Ref]drivers.Sample, refs []drivers.Ref, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, ref := range refs {
		if s, ok := h.sample(ref, now); ok {
			samples[ref] = s
		}
	}
}

// sample reads one VM's counters. h.mu is held.
func (h *host) sample(ref drivers.Ref, now time.Time) (drivers.Sample, bool) {
	v, ok := h.find(ref, drivers.ListOptions{})
	if !ok || !on(v.State) || v.Problem != "" {
		return drivers.Sample{}, false
	}
	m := h.refs[ref]
	if i, first := h.indexOf(ref); first {
		m = h.touched[i]
	}
	if m == nil {
		m = newVM(h, v)
	}
	cpu := m.cpu
	if !m.since.IsZero() {
		cpu += cpuTime(v, m.since, now)
	}
	id := hash(2, string(ref))
	s := drivers.Sample{
		At: now, CPUTime: cpu, VCPUs: v.VCPUs, MemoryMiB: v.MemoryMiB, MemoryUsedMiB: -1, MemoryRSSMiB: v.MemoryMiB*9/10 + 40,
	}
	if v.GuestAgent {
		s.MemoryUsedMiB = v.MemoryMiB * int64(30+id%50+uint64(5+5*wave(id, float64(now.UnixMilli())/60_000))) / 100
	}
	// What goes in and out follows the work that the CPUs do.
	work := int64(cpu / time.Microsecond)
	s.DiskReadBytes, s.DiskReads = work*int64(1+id%7), work*int64(1+id%7)/(16<<10)
	s.DiskWriteBytes, s.DiskWrites = work*int64(1+id>>3%9), work*int64(1+id>>3%9)/(8<<10)
	s.NetRxBytes, s.NetTxBytes = work*int64(id>>6%12), work*int64(id>>9%20)
	return s, true
}

// Guest is as drivers.Guester has it.
func (d *Driver) Guest(ctx context.Context, refs []drivers.Ref) (map[drivers.Ref]drivers.Guest, error) {
	if err := d.call(ctx, callTime); err != nil {
		return nil, err
	}
	h := d.host
	h.mu.Lock()
	defer h.mu.Unlock()
	guests := map[drivers.Ref]drivers.Guest{}
	for _, ref := range refs {
		if v, ok := h.find(ref, drivers.ListOptions{}); ok {
			guests[ref] = h.guest(v)
		}
	}
	return guests, nil
}

// guest is what a VM's guest says. h.mu is held.
func (h *host) guest(v drivers.VM) drivers.Guest {
	g := drivers.Guest{}
	if v.State != drivers.StateRunning {
		return g
	}
	if m := h.refs[v.Ref]; m != nil && time.Since(m.started) < h.pace(bootTime) {
		return g
	}
	source := "lease"
	if g.Agent = v.GuestAgent; g.Agent {
		source = "agent"
		g.Hostname, g.OS = v.Name, "Debian GNU/Linux 12 (bookworm)"
	}
	for k, n := range v.NICs {
		id := hash(3, string(v.Ref), n.MAC)
		a := drivers.Address{Address: address(id, n.Network), Prefix: 16, MAC: n.MAC, Source: source}
		if g.Agent {
			a.Interface = "eth" + string(rune('0'+k%10))
		}
		g.Addresses = append(g.Addresses, a)
	}
	for _, disk := range v.Disks {
		if g.Agent && disk.Device == "disk" {
			mount := "/"
			if len(g.FileSystems) > 0 {
				mount = "/srv/" + disk.Name
			}
			g.FileSystems = append(g.FileSystems, drivers.FileSystem{Mount: mount, Type: "ext4", TotalBytes: disk.CapacityBytes, UsedBytes: disk.UsedBytes, Disks: []string{disk.Name}})
		}
	}
	return g
}

// Document is as drivers.Documenter has it. A fake VM's document is JSON.
func (d *Driver) Document(ctx context.Context, ref drivers.Ref) (string, error) {
	v, err := d.Get(ctx, ref)
	if err != nil {
		return "", err
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return "", fault.Of(err)
	}
	return string(b) + "\n", nil
}
