package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
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
