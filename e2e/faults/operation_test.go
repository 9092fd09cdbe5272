package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// storm accepts n creations, starts and deletions at all hosts as fast as clients can, and writes down what
// was accepted. A client asks again when it got no answer: with its key that is safe.
func (r *rig) storm(l *ledger, c func() *client, n int) {
	var group sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			h := r.hosts[i%len(r.hosts)]
			for range 100 {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				_, op, err := c().create(ctx, h.id, fmt.Sprintf("storm-%d", i), false)
				cancel()
				var refused *refusal
				if err == nil {
					l.add(op)
					return
				}
				if errors.As(err, &refused) && refused.status < 500 && refused.code != "UNAVAILABLE" && refused.code != "INTERNAL" && refused.code != "DEADLINE" {
					r.t.Errorf("refused: %v", err)
					return
				}
				time.Sleep(200 * time.Millisecond)
			}
			r.t.Errorf("storm-%d was never accepted", i)
		})
	}
	group.Wait()
}

// A replica is killed again and again while it works; what it had begun goes on at its next start.
func TestReplicaKilled(t *testing.T) {
	r := newRig(t, 1, 2)
	t.Cleanup(r.clear)
	random := seeded(t)
	l, p := &ledger{}, r.replicas[0]
	stormed := make(chan struct{})
	go func() { defer close(stormed); r.storm(l, func() *client { return r.admin }, 100) }()
	var slowest time.Duration
	for range 8 {
		time.Sleep(time.Duration(200+random.IntN(1500)) * time.Millisecond)
		p.kill()
		p.start()
		began := time.Now()
		slowest = max(slowest, r.until(time.Minute, "work goes on", func() bool { return r.heldSince(began) }))
	}
	<-stormed
	r.check(l, 3*time.Minute)
	r.report("F12", "kill -9 of the only replica, 8 times in 100 operations", "goes on ≤ 30 s after its start", slowest <= 30*time.Second, "slowest %s", seconds(slowest))
}

// heldSince reports that no operation is under way, or that one has been taken up since then.
func (r *rig) heldSince(at time.Time) bool {
	var under, taken int
	r.postgres.row(&under, `SELECT count(*) FROM operations WHERE status IN ('QUEUED', 'RUNNING', 'WAITING', 'UNDOING')`)
	r.postgres.row(&taken, fmt.Sprintf(`SELECT count(*) FROM operations WHERE updated_at > to_timestamp(%f)`, float64(at.UnixMilli())/1000))
	return under == 0 || taken > 0
}

// Of two replicas one is killed in the middle of work; the other takes it over.
func TestTakeover(t *testing.T) {
	r := newRig(t, 2, 2)
	t.Cleanup(r.clear)
	l := &ledger{}
	dies, stays := r.replicas[0], r.replicas[1]
	r.storm(l, func() *client { return r.admin }, 60)
	dies.kill()
	began := time.Now()
	r.admin = r.admin.at(stays)
	last := r.ended(l, began)
	r.replicas = r.replicas[1:]
	r.check(l, time.Minute)
	r.report("F12", "kill -9 of one of two replicas in 60 operations", "all ended ≤ 60 s by the other", last <= time.Minute, "%s", seconds(last))
}

// ended waits until all that was accepted has ended, and gives how long after began that was.
func (r *rig) ended(l *ledger, began time.Time) time.Duration {
	for id := range l.all {
		r.admin.ended(id, 2*time.Minute)
	}
	return time.Since(began)
}

// A replica sleeps through its leases and wakes while the other does its work: it may write nothing any more.
func TestReplicaSleeps(t *testing.T) {
	r := newRig(t, 2, 2)
	t.Cleanup(r.clear)
	l := &ledger{}
	sleeper, other := r.replicas[0], r.replicas[1]
	r.storm(l, func() *client { return r.admin }, 60)
	sleeper.signal(syscall.SIGSTOP)
	began := time.Now()
	r.admin = r.admin.at(other)
	last := r.ended(l, began)
	time.Sleep(max(0, time.Minute-time.Since(began)))
	sleeper.signal(syscall.SIGCONT)
	time.Sleep(5 * time.Second)
	r.check(l, time.Minute)
	r.report("F16", "a replica that sleeps 60 s in 60 operations, and wakes", "all ended ≤ 60 s, nothing twice", last <= time.Minute, "%s", seconds(last))
}

// SIGTERM in the middle: an orderly end, and the next start goes on.
func TestReplicaStopped(t *testing.T) {
	r := newRig(t, 1, 2)
	t.Cleanup(r.clear)
	l, p := &ledger{}, r.replicas[0]
	r.storm(l, func() *client { return r.admin }, 100)
	began := time.Now()
	p.signal(syscall.SIGTERM)
	<-p.done
	drained := time.Since(began)
	p.start()
	r.check(l, 3*time.Minute)
	r.report("F29", "SIGTERM in 100 operations", "ends ≤ 30 s, nothing lost", drained <= 30*time.Second, "%s", seconds(drained))
}

// taken is written down by PostgreSQL itself whenever an operation changes hands: the lease that was given, and whether
// another replica still had it.
const taken = `
	CREATE TABLE taken (operation uuid, owner text, epoch bigint, stolen boolean);
	CREATE FUNCTION take() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
		INSERT INTO taken VALUES (NEW.id, NEW.lease_owner, NEW.lease_epoch,
			OLD.lease_owner NOT IN ('', NEW.lease_owner) AND OLD.lease_until > clock_timestamp());
		RETURN NULL;
	END $$;
	CREATE TRIGGER taken AFTER UPDATE OF lease_owner ON operations FOR EACH ROW
		WHEN (NEW.lease_owner <> '' AND NEW.lease_epoch <> OLD.lease_epoch) EXECUTE FUNCTION take()`

// Two replicas do not hear each other, and both take work: each operation is done by one of them, and once.
func TestReplicasSplit(t *testing.T) {
	const each, times = 20, 25
	r := newRig(t, 2, 2)
	seeded := r.seed(each)
	l := &ledger{}
	var failed, again atomic.Int32
	// update gives each VM another size so many times, by either replica in turn. What was planned before the last change
	// had been read again from its host is refused, or nothing to do, and asked for again.
	update := func(times int) time.Duration {
		var group sync.WaitGroup
		began := time.Now()
		for _, h := range r.hosts {
			for n, id := range seeded[h.id] {
				group.Go(func() {
					for i := 0; i < times; {
						at := r.admin.at(r.replicas[(n+i)%2])
						op, err := at.act(context.Background(), "updateVM", id, vars{"vcpus": 2 - i%2})
						var refused *refusal
						if (err == nil && op == "" || errors.As(err, &refused) && refused.code == "CONFLICT") && again.Add(1) < 1000 {
							time.Sleep(100 * time.Millisecond)
							continue
						}
						if err != nil || op == "" {
							failed.Add(1)
							t.Errorf("update %d of %d: %q %v", i, n, op, err)
							return
						}
						l.add(op)
						if o := at.ended(op, 2*time.Minute); o.Status != "SUCCEEDED" {
							failed.Add(1)
							t.Errorf("%s: %+v", o.Status, o.Error)
						}
						i++
					}
				})
			}
		}
		group.Wait()
		return time.Since(began)
	}
	update(2)
	r.postgres.exec(taken)
	calls := map[string]func() map[string]int{}
	for _, h := range r.hosts {
		calls[h.id] = h.defined(t)
	}
	r.redis.wire.cut()
	for _, p := range r.replicas {
		p.idle = p.use(r.admin) // with all its sessions, which stay
		r.until(10*time.Second, "it has lost Redis", func() bool { return !p.hearsRedis() })
	}
	before := len(l.all)
	took := update(times)
	operations := len(l.all) - before

	// The hosts' own record: each VM was defined anew once for each update.
	twice := 0
	for _, h := range r.hosts {
		defined := calls[h.id]()
		for n := range each {
			twice += max(0, defined[fmt.Sprintf("web-%d-%s", n, h.name)]-times)
		}
		require.Len(t, defined, each, "what %s was asked to define: %v", h.name, defined)
	}
	var owners, stolen, repeated int
	r.postgres.row(&owners, `SELECT count(DISTINCT owner) FROM taken`)
	r.postgres.row(&stolen, `SELECT count(*) FROM taken WHERE stolen`)
	r.postgres.row(&repeated, `SELECT count(*) FROM operations o, jsonb_array_elements(o.steps) s WHERE kind = 'UPDATE_VM' AND (s->>'attempts')::int > 1`)
	require.Equal(t, len(r.replicas), owners, "both replicas work")
	r.redis.wire.mend()
	r.report("F15", fmt.Sprintf("two replicas that do not hear each other, %d operations", operations), "none done twice, one worker for each",
		twice == 0 && stolen == 0 && failed.Load() == 0 && operations == 2*each*times,
		"by the hosts' own record %d twice; %d taken from a replica that had it, %d steps tried again; %s", twice, stolen, repeated, seconds(took))
	t.Logf("%d were refused or nothing to do at first", again.Load())
	r.check(l, time.Minute)
}

// hearsRedis is what the replica itself says.
func (p *replica) hearsRedis() bool {
	c := http.Client{Timeout: 5 * time.Second}
	answer, err := c.Get(p.base + "/readyz")
	require.NoError(p.t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(p.t, err)
	return !strings.Contains(string(text), "Redis does not answer")
}

// defined has the host write down which VMs it is asked to define, from now on. It is its libvirtd's own record.
func (h *host) defined(t *testing.T) (read func() map[string]int) {
	const file = "/var/log/libvirt/calls.log"
	outputs := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(h.do(t, "exec", "virt-admin", "daemon-log-outputs")), "Logging outputs:"))
	quiet := func() {
		h.do(t, "exec", "virt-admin", "daemon-log-outputs", outputs)
		h.do(t, "exec", "virt-admin", "daemon-log-filters", "")
	}
	h.do(t, "exec", "rm", "-f", file)
	h.do(t, "exec", "virt-admin", "daemon-log-outputs", outputs+" 1:file:"+file)
	h.do(t, "exec", "virt-admin", "daemon-log-filters", "1:libvirt.domain")
	t.Cleanup(quiet)
	return func() map[string]int {
		text := h.do(t, "exec", "cat", file)
		quiet()
		all := map[string]int{}
		for _, call := range strings.Split(text, ": debug : ")[1:] {
			if _, document, ok := strings.Cut(call, ", xml="); ok && strings.HasPrefix(call, "virDomainDefineXML") {
				_, name, _ := strings.Cut(document, "<name>")
				name, _, _ = strings.Cut(name, "</name>")
				all[name]++
			}
		}
		return all
	}
}

// Two who want different things of one VM at once: one gets it, the other a conflict, and the VM is what
// the one asked for.
func TestRaces(t *testing.T) {
	r := newRig(t, 2, 1)
	vms := r.seed(8)[r.hosts[0].id]
	l := &ledger{}
	both, neither := 0, 0
	for n := range 40 {
		id := vms[n%len(vms)]
		var group sync.WaitGroup
		ops := make([]string, 2)
		for i, p := range r.replicas {
			group.Go(func() {
				op, err := r.admin.at(p).act(context.Background(), "updateVM", id, vars{"memoryMiB": 48 + 16*((n/len(vms)+i)%4)})
				var refused *refusal
				if err != nil && (!errors.As(err, &refused) || refused.code != "CONFLICT") {
					t.Errorf("refused as %v", err)
				}
				if err == nil && op != "" { // nothing to do is no operation
					ops[i] = op
					l.add(op)
				}
			})
		}
		group.Wait()
		accepted := 0
		for _, op := range ops {
			if op == "" {
				continue
			}
			accepted++
			o := r.admin.ended(op, time.Minute)
			require.Contains(t, []string{"SUCCEEDED", "FAILED"}, o.Status)
		}
		both += max(0, accepted-1)
		if accepted == 0 {
			neither++
		}
	}
	r.check(l, time.Minute)
	r.report("F26", "two resizes of one VM at once, 40 times", "one wins each time", neither == 0, "both accepted one after the other: %d, none: %d", both, neither)
}

// seeded is a source of chance that can be had again.
func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("NOVACRON_TEST_FAULTS_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
		seed = n
	}
	t.Logf("again with NOVACRON_TEST_FAULTS_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}
