package faults

import (
	"testing"
	"time"
)

// The promises for one broken host.
const (
	detect  = 20 * time.Second
	back    = 30 * time.Second
	slower  = 1.2
	calm    = 20 * time.Second // how long the load is watched without a fault, for comparison
	outage  = 60 * time.Second
	others  = "others' p99 ≤ 1.2 ×"
	nothing = 0
)

// outOf breaks a host, watches it being noticed, mends it and watches it come back, with load on the others.
func outOf(t *testing.T, id, fault string, long time.Duration, broken, mended func(*host)) {
	r := newRig(t, 1, hostsUp(t))
	vms := r.seed(2)
	victim, well := r.hosts[0], r.hosts[1]
	load := r.startLoad(vms[well.id][0])
	time.Sleep(calm)
	before := load.take()

	broken(victim)
	began := time.Now()
	noticed := r.until(2*time.Minute, victim.name+" is told to be away", func() bool {
		return r.admin.provider(victim.id).Status == "UNREACHABLE"
	})
	for _, v := range r.admin.vms(victim.id) {
		if v.Status != "UNKNOWN" || v.StatusReason == "" {
			t.Errorf("%s is %s (%q) on a host that is away", v.Name, v.Status, v.StatusReason)
		}
	}
	time.Sleep(max(0, long-time.Since(began)))
	during := load.take()
	mended(victim)
	returned := r.until(2*time.Minute, victim.name+" is back", func() bool {
		return r.admin.provider(victim.id).Status == "CONNECTED" && r.difference(victim) == ""
	})
	load.take()
	time.Sleep(calm)
	before = before.and(load.take()) // on a machine that others use too, one of the two may be off by as much as is promised
	load.stop()
	r.check(&ledger{}, time.Minute)
	r.report(id, fault, "noticed ≤ 20 s", noticed <= detect, "%s", seconds(noticed))
	r.report(id, fault, "back ≤ 30 s after the host", returned <= back, "%s", seconds(returned))
	worst, text := during.against(before)
	r.report(id, fault, others, worst <= slower && len(during.failed) == nothing, "%s", text)
	for _, f := range during.failed[:min(5, len(during.failed))] {
		t.Log(f)
	}
}

func TestHostKilled(t *testing.T) {
	outOf(t, "F01", "kill -9 of a host's libvirtd, 60 s", outage,
		func(h *host) { h.do(t, "kill9") }, func(h *host) { h.do(t, "daemon") })
}

func TestHostFrozen(t *testing.T) {
	outOf(t, "F02", "SIGSTOP of a host's libvirtd, 60 s", outage,
		func(h *host) { h.do(t, "freeze") }, func(h *host) { h.do(t, "thaw") })
}

func TestHostCutOff(t *testing.T) {
	outOf(t, "F01", "a host's cable pulled, 60 s", outage,
		func(h *host) { h.do(t, "linkdown") }, func(h *host) { h.do(t, "linkup") })
}

// A slow host is no dead one: what matters is that the others do not notice.
func TestHostSlow(t *testing.T) {
	r := newRig(t, 1, hostsUp(t))
	vms := r.seed(2)
	victim, well := r.hosts[0], r.hosts[1]
	load := r.startLoad(vms[well.id][0])
	time.Sleep(calm)
	before := load.take()
	victim.wire.slow(`{"name": "latency", "type": "latency", "stream": "downstream", "attributes": {"latency": 5000, "jitter": 1000}}`)
	time.Sleep(outage)
	during := load.take()
	victim.wire.quick()
	returned := r.until(2*time.Minute, victim.name+" is as before", func() bool {
		return r.admin.provider(victim.id).Status == "CONNECTED" && r.difference(victim) == ""
	})
	load.take()
	time.Sleep(calm)
	before = before.and(load.take()) // on a machine that others use too, one of the two may be off by as much as is promised
	load.stop()
	r.check(&ledger{}, time.Minute)
	worst, text := during.against(before)
	r.report("F03", "one slow host, 5 s ± 1 s a packet", others, worst <= slower && len(during.failed) == 0, "%s", text)
	r.report("F03", "one slow host, 5 s ± 1 s a packet", "back ≤ 30 s", returned <= back, "%s", seconds(returned))
}

// A host that comes and goes tells its users as little as can be: at most four changes a minute.
func TestHostFlaps(t *testing.T) {
	r := newRig(t, 1, hostsUp(t))
	h := r.hosts[0]
	changes, last := 0, r.admin.provider(h.id).Status
	const minutes = 2
	for end := time.Now().Add(minutes * time.Minute); time.Now().Before(end); {
		h.wire.cut()
		for range 30 {
			time.Sleep(100 * time.Millisecond)
			if s := r.admin.provider(h.id).Status; s != last {
				changes, last = changes+1, s
			}
		}
		h.wire.mend()
		for range 30 {
			time.Sleep(100 * time.Millisecond)
			if s := r.admin.provider(h.id).Status; s != last {
				changes, last = changes+1, s
			}
		}
	}
	r.until(time.Minute, "it is connected for good", func() bool { return r.admin.provider(h.id).Status == "CONNECTED" })
	r.check(&ledger{}, time.Minute)
	r.report("F05", "a wire that flaps every 3 s", "≤ 4 changes of state a minute", changes <= 4*minutes, "%d in %d minutes", changes, minutes)
}
