package faults

import (
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// gate stands before a host's wire and counts who comes. It takes connections while the wire is cut, too, and ends them:
// so those are counted that come in vain.
type gate struct {
	mu   sync.Mutex
	came []time.Time
}

// gate leads the connection of a host through one.
func (r *rig) gate(h *host) *gate {
	r.t.Helper()
	g := &gate{}
	address := relay(r.t, fmt.Sprintf("127.0.0.1:%d", h.wire.port()), func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.came = append(g.came, time.Now())
	})
	_, text, err := net.SplitHostPort(address)
	require.NoError(r.t, err)
	port, err := strconv.Atoi(text)
	require.NoError(r.t, err)
	var got any
	r.admin.must(&got, `mutation($in: UpdateProviderInput!) { updateProvider(input: $in) { provider { id } } }`,
		vars{"in": vars{"id": h.id, "port": port}})
	return g
}

// relay takes connections and passes them on, each in its own time. It gives its address.
func relay(t *testing.T, to string, came func()) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			came()
			go through(c, to)
		}
	}()
	return l.Addr().String()
}

// through copies both ways until either end closes.
func through(c net.Conn, to string) {
	defer func() { _ = c.Close() }()
	far, err := net.DialTimeout("tcp", to, 5*time.Second)
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	go func() {
		_, _ = io.Copy(far, c)
		_ = far.Close()
	}()
	_, _ = io.Copy(c, far)
}

// since is who has come since then.
func (g *gate) since(at time.Time) []time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(g.came), func(c time.Time) bool { return c.Before(at) })
}

// densest is the largest number of them that came within a second.
func densest(came []time.Time) (most int) {
	for i, at := range came {
		n, _ := slices.BinarySearchFunc(came[i:], at.Add(time.Second), time.Time.Compare)
		most = max(most, n)
	}
	return most
}

// hostsUp is on how many hosts there can be a rig, or is to be.
func hostsUp(t *testing.T) int {
	if os.Getenv("NOVACRON_TEST_FAULTS") == "" {
		return 0
	}
	up := len(testHosts(t))
	if n, err := strconv.Atoi(os.Getenv("NOVACRON_FAULT_HOSTS")); err == nil {
		return min(n, up)
	}
	return up
}

// All hosts go away at once and come back at once, as they do behind one broken switch: they are found again soon, and
// not stormed.
func TestAllHostsAway(t *testing.T) {
	r := newRig(t, 1, hostsUp(t))
	r.seed(2)
	gates := map[*host]*gate{}
	for _, h := range r.hosts {
		gates[h] = r.gate(h)
	}
	up := func(h *host) bool { return r.admin.provider(h.id).Status == "CONNECTED" }
	for _, h := range r.hosts {
		r.until(time.Minute, h.name+" is reached through its gate", func() bool { return up(h) && len(gates[h].since(time.Time{})) > 0 })
	}
	time.Sleep(calm) // sessions are there

	const away = 30 * time.Second
	cut := time.Now()
	for _, h := range r.hosts {
		h.wire.cut()
	}
	var noticed time.Duration
	for _, h := range r.hosts {
		r.until(detect*2, h.name+" is told to be away", func() bool { return r.admin.provider(h.id).Status == "UNREACHABLE" })
		noticed = max(noticed, time.Since(cut))
	}
	time.Sleep(away - time.Since(cut))
	for _, h := range r.hosts {
		h.wire.mend()
	}
	mended := time.Now()
	var first, last time.Duration
	left := slices.Clone(r.hosts)
	r.until(5*time.Minute, "all are back", func() bool {
		left = slices.DeleteFunc(left, func(h *host) bool {
			back := up(h) && r.difference(h) == ""
			if back {
				last = time.Since(mended)
				if first == 0 {
					first = last
				}
			}
			return back
		})
		return len(left) == 0
	})
	time.Sleep(5 * time.Second) // sessions come back with the work for them
	vain, most := 0, 0
	for _, h := range r.hosts {
		vain += len(gates[h].since(cut)) - len(gates[h].since(mended))
		most = max(most, densest(gates[h].since(cut)))
	}
	fault := fmt.Sprintf("all %d hosts cut off at once, %s", len(r.hosts), seconds(away))
	r.report("F04", fault, "noticed ≤ 20 s", noticed <= detect, "the last after %s", seconds(noticed))
	r.report("F04", fault, "all back ≤ 30 s after", last <= back, "the first after %s, the last after %s", seconds(first), seconds(last))
	r.report("F04", fault, "≤ 5 connections a second to a host", most <= 5, "%d; %d in vain to all of them", most, vain)
	r.report("F04", fault, "not all at the same moment", len(r.hosts) == 1 || last-first > time.Second, "within %s", seconds(last-first))
	r.check(&ledger{}, time.Minute)
}

// A host's events come late or not at all while others work on it. What is shown in the end is what there is, and who
// follows the changes is told of them, or that something was missed.
func TestEventsLost(t *testing.T) {
	for _, c := range []struct {
		fault, toxic string
		long         time.Duration
	}{
		// Shorter than libvirt's keepalive: the connections live, and all events come at once.
		{"a host's events held back 4 s", `{"name": "held", "type": "bandwidth", "stream": "downstream", "attributes": {"rate": 0}}`, 4 * time.Second},
		{"a host's events lost for 60 s", `{"name": "lost", "type": "timeout", "stream": "downstream", "attributes": {"timeout": 0}}`, outage},
	} {
		t.Run(c.fault, func(t *testing.T) {
			r := newRig(t, 1, 1)
			r.seed(4)
			h := r.hosts[0]
			name := func(n int) string { return fmt.Sprintf("web-%d-%s", n, h.name) }
			s := r.admin.subscribe("", 0)
			s.first()
			h.wire.slow(c.toxic)
			began := time.Now()
			h.virsh(t, "start", name(0))
			h.virsh(t, "start", name(1))
			h.virsh(t, "suspend", name(1))
			h.virsh(t, "setmaxmem", name(2), "96M", "--config")
			h.virsh(t, "undefine", name(3))
			h.define(t, "newcomer", "")
			time.Sleep(max(0, c.long-time.Since(began)))
			h.wire.quick()
			mended := time.Now()
			memoryMax := func() int {
				var got struct {
					VM struct{ Configuration struct{ MemoryMaxMiB int } }
				}
				r.admin.must(&got, `query($id: ID!) { vm(id: $id) { configuration { memoryMaxMiB } } }`, vars{"id": r.named(h, name(2))[0].ID})
				return got.VM.Configuration.MemoryMaxMiB
			}
			so := func(name string, ok func(vm) bool) bool { v := r.named(h, name); return len(v) == 1 && ok(v[0]) }
			r.until(2*time.Minute, "what is shown is right", func() bool {
				return so(name(0), is("RUNNING")) && so(name(1), is("PAUSED")) && memoryMax() == 96 && so(name(3), gone) && so("newcomer", is("STOPPED"))
			})
			right := time.Since(mended)
			r.until(10*time.Second, "who follows is told", func() bool {
				last, missed, _ := s.told()
				_, changed := last[name(2)]
				return missed || last[name(0)].Status == "RUNNING" && last[name(1)].Status == "PAUSED" && changed && gone(last[name(3)]) && last["newcomer"].Status == "STOPPED"
			})
			last, missed, _ := s.told()
			r.report("F18", c.fault, "right ≤ 60 s after", right <= time.Minute, "%s", seconds(right))
			r.report("F18", c.fault, "followers are told of the changes, or that they missed some", missed || len(last) >= 5, "missed: %t, VMs told of: %d", missed, len(last))
			s.close()
			r.clear()
			r.forgotten()
			r.check(&ledger{}, time.Minute)
		})
	}
}

// Every change of a VM is told to us twice: by the event, and by its document that differs. It is one change all the same.
func TestEventsDoubled(t *testing.T) {
	r := newRig(t, 1, 1)
	id := r.seed(1)[r.hosts[0].id][0]
	h := r.hosts[0]
	name := "web-0-" + h.name
	shown := func(status string) {
		r.until(10*time.Second, "it is "+status, func() bool { v := r.named(h, name); return len(v) == 1 && v[0].Status == status })
	}
	h.virsh(t, "start", name)
	shown("RUNNING")
	time.Sleep(2 * time.Second) // what else there is to know of one that starts
	entries := func() (n int) {
		r.postgres.row(&n, fmt.Sprintf(`SELECT count(*) FROM events e JOIN vms v ON v.id = e.subject_id WHERE v.name = '%s'`, name))
		return n
	}
	before := entries()
	const times = 5
	for range times {
		h.virsh(t, "suspend", name)
		shown("PAUSED")
		h.virsh(t, "resume", name)
		shown("RUNNING")
	}
	time.Sleep(2 * time.Second)
	told := entries() - before
	r.report("F18", fmt.Sprintf("%d changes, each told to us twice", 2*times), "told once each", told == 2*times, "%d told", told)

	// In one go they come faster than they can be read: only the last word counts.
	s := r.admin.subscribe("", 0)
	s.first()
	h.do(t, "exec", "sh", "-c", fmt.Sprintf("for n in $(seq 50); do virsh -q suspend %[1]s; virsh -q resume %[1]s; done; virsh -q suspend %[1]s", name))
	began := time.Now()
	shown("PAUSED")
	right := time.Since(began)
	time.Sleep(2 * time.Second)
	last, _, _ := s.told()
	r.report("F18", "101 changes of one VM in one go", "the last one counts, ≤ 5 s after", right <= 5*time.Second && r.named(h, name)[0].ID == id && last[name].Status == "PAUSED", "%s", seconds(right))
	s.close()
	r.check(&ledger{}, time.Minute)
}
