package faults

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	soakOperations = 1000             // besides the steady load
	leastPause     = time.Second      // from one to the next
	deadly         = 0.25             // of the time are replicas killed: afterwards they live, and are watched for growth
	settled        = 0.1              // of the time has passed then before growth is looked for
	judged         = 30 * time.Minute // a shorter soak tells slopes, does not judge by them, and kills all the time
)

// soak is an hour in the life of a house in which some things are broken all the time, never all.
type soak struct {
	r        *rig
	f        *front
	random   *rand.Rand // the main goroutine's: all that is broken, it breaks
	sites    []*site
	database spells
	gone     []spells // of each replica: killed or frozen
	ledger   ledger   // all that was accepted

	mu       sync.Mutex
	requests int             // answered, and not aimed at a broken host
	took     []time.Duration // each of them
	failed   []string        // those among them that did not succeed
	again    map[string]int  // those among them that had to be asked again, by why
	ended    map[string]int  // operations, by how
	accepted int             // operations that were asked for by a worker
}

// site is a host, when it was broken, and the VMs on it that its worker plays with.
type site struct {
	*host
	broken spells
	guests []*guest

	harm   string    // what it suffers from
	mended time.Time // when that ended; zero once it is back
}

// TestSoak breaks hosts, the database, Redis and replicas by chance while users work at all hosts.
func TestSoak(t *testing.T) {
	long := 10 * time.Minute
	if text := os.Getenv("NOVACRON_SOAK"); text != "" {
		var err error
		long, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	r := newRig(t, 2, hostsUp(t))
	random := seeded(t)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	s := &soak{r: r, f: r.front(ctx), random: random, gone: make([]spells, len(r.replicas)), again: map[string]int{}, ended: map[string]int{}}
	steady := r.seed(1)
	for _, h := range r.hosts {
		x := &site{host: h}
		for n := range 3 {
			x.guests = append(x.guests, &guest{name: fmt.Sprintf("soak-%d-%s", n, h.name)})
		}
		s.sites = append(s.sites, x)
	}
	before := r.together()

	working, rest := context.WithTimeout(ctx, long)
	defer rest()
	target := min(soakOperations, int(long/leastPause))
	tickets := make(chan struct{})
	var workers sync.WaitGroup
	workers.Go(func() { s.pace(working, tickets, target, long) })
	for i, x := range s.sites {
		dice := rand.New(rand.NewPCG(random.Uint64(), uint64(i)))
		workers.Go(func() {
			for range tickets {
				s.play(x, x.guests[dice.IntN(len(x.guests))], dice)
			}
		})
	}
	workers.Go(func() { s.read(working) })
	dice := rand.New(rand.NewPCG(random.Uint64(), 0))
	workers.Go(func() { s.resize(working, dice, steady) })

	growth, returns := s.chaos(working, long)
	worked := make(chan struct{})
	go func() { workers.Wait(); close(worked) }()
	r.until(5*time.Minute, "all operations have ended", func() bool {
		select {
		case <-worked:
			return true
		default:
			return false
		}
	})
	s.verdict(long, target, growth, returns, before)
}

// together is what all replicas take: which one of them reads which host is nobody's business.
func (r *rig) together() (sum use) {
	for _, p := range r.replicas {
		u := p.use(r.admin)
		sum = use{sum.goroutines + u.goroutines, sum.threads + u.threads, sum.descriptors + u.descriptors, sum.rss + u.rss}
	}
	return sum
}

func (s *soak) verdict(long time.Duration, target int, g growth, back returns, before use) {
	r, t := s.r, s.r.t
	fault := fmt.Sprintf("%s at %d hosts with faults by chance, %d operations", long, len(s.sites), len(s.ledger.all))
	r.admin = r.admin.at(r.replicas[0])
	for _, p := range r.replicas { // they read other hosts than at first: growth is told by the slopes
		p.idle = p.use(r.admin)
	}
	twice := s.compare()
	for _, text := range append(slices.Clone(s.failed[:min(50, len(s.failed))]), twice...) {
		t.Log(text)
	}
	var known, lost, open int
	r.postgres.row(&known, `SELECT count(*) FROM operations WHERE parent_id IS NULL`)
	r.postgres.row(&open, `SELECT count(*) FROM operations WHERE status IN ('QUEUED', 'RUNNING', 'WAITING', 'UNDOING', 'STUCK')`)
	for id := range s.ledger.all {
		if _, err := r.admin.operation(context.Background(), id); err != nil {
			lost++
		}
	}
	known -= len(s.sites) // which the seed was

	share := 1 - float64(len(s.failed))/float64(max(1, s.requests))
	r.report("F30", fault, "≥ 99.95 % of requests not aimed at a broken host succeed", share >= 0.9995,
		"%.3f %%: %d of %d failed; asked again: %s; p99 %d ms", 100*share, len(s.failed), s.requests, list(s.again), percentile(s.took, 99).Milliseconds())
	r.report("F30", fault, "that many operations, none lost, done twice or without an end", s.accepted >= target && lost+len(twice)+open+known-len(s.ledger.all) == 0,
		"%d and %d small ones: %s; %d lost, %d that nobody asked for, %d without an end, %d VMs or volumes that are not as they should be",
		s.accepted, len(s.ledger.all)-s.accepted, list(s.ended), lost, known-len(s.ledger.all), open, len(twice))
	r.report("F30", fault, "a host is back ≤ 30 s after its return, ≤ 60 s if something else is broken", longest(back.alone) <= 30*time.Second && longest(back.besides) <= time.Minute,
		"%d times ≤ %s, %d times ≤ %s", len(back.alone), seconds(longest(back.alone)), len(back.besides), seconds(longest(back.besides)))
	for i, each := range append(slices.Clone(g.each), g.sum) {
		who := fmt.Sprintf("replica %d", i)
		if i == len(g.each) {
			who = "both"
		}
		if len(each) < 2 {
			continue
		}
		var b strings.Builder
		grown := false
		for _, m := range []struct {
			name string
			of   func(use) int
			unit float64
		}{
			{"goroutines", func(u use) int { return u.goroutines }, 1}, {"threads", func(u use) int { return u.threads }, 1},
			{"descriptors", func(u use) int { return u.descriptors }, 1}, {"MB", func(u use) int { return u.rss }, 1e6},
		} {
			mean, slope := line(each, m.of)
			fmt.Fprintf(&b, "%.0f %s %+.1f %%/h; ", mean/m.unit, m.name, 100*slope/mean)
			grown = grown || slope/mean >= 0.05
		}
		// Which of them reads a host changes whenever one sleeps: judged are both together.
		said := fmt.Sprintf("%s: %s%d samples in %s", who, b.String(), len(each), each[len(each)-1].at.Sub(each[0].at).Round(time.Second))
		if i < len(g.each) || long < judged {
			r.say("growth of %s", said)
			continue
		}
		r.report("F30", fault, "growth < 5 % an hour", !grown, "%s", said)
	}
	after := r.together()
	r.say("together before %+v, after %+v", before, after)
	r.check(&s.ledger, 5*time.Minute)
}

// compare holds what the hosts have against what was done to them: each VM, its vCPUs and snapshots, and no volume
// that belongs to none.
func (s *soak) compare() (wrong []string) {
	for _, x := range s.sites {
		want, got, disks := map[string]string{}, map[string]string{}, map[string]bool{}
		for _, g := range x.guests {
			if g.id == "" {
				continue
			}
			name := g.name
			if g.made > 0 {
				name = fmt.Sprintf("%s-%d", g.name, g.made-1)
			}
			want[name] = fmt.Sprintf("%d vCPUs, snapshots %v", g.vcpus, slices.Sorted(slices.Values(g.snapshots)))
		}
		var volumes []string
		for text := range strings.Lines(x.do(s.r.t, "exec", "sh", "-c", `for d in $(virsh -q list --all --name); do
				echo vm $d $(virsh -q vcpucount $d --active --config) $(virsh -q snapshot-list $d --name | sort)
				virsh -q domblklist $d | awk '{print "disk", $2}'
			done; virsh -q vol-list default | awk '{print "volume", $2}'`)) {
			switch f := strings.Fields(text); f[0] {
			case "vm":
				got[f[1]] = fmt.Sprintf("%s vCPUs, snapshots %v", f[2], f[3:])
			case "disk":
				disks[f[1]] = true
			case "volume":
				volumes = append(volumes, f[1])
			}
		}
		for name := range maps.Keys(want) {
			if got[name] != want[name] {
				wrong = append(wrong, fmt.Sprintf("%s at %s has %q, and should have %q", name, x.name, got[name], want[name]))
			}
		}
		for name := range got {
			if want[name] == "" {
				wrong = append(wrong, fmt.Sprintf("%s at %s should not be there", name, x.name))
			}
		}
		for _, v := range volumes {
			if !disks[v] {
				wrong = append(wrong, fmt.Sprintf("the volume %s at %s belongs to no VM", v, x.name))
			}
		}
	}
	return wrong
}

// growth are what each replica took, over its present life, and all of them together.
type growth struct {
	each [][]sample
	sum  []sample
}

type sample struct {
	at time.Time
	use
}

func (s *soak) sample(g *growth, late bool) {
	now := time.Now()
	var sum use
	for i, p := range s.r.replicas {
		u := p.use(s.r.admin)
		sum = use{sum.goroutines + u.goroutines, sum.threads + u.threads, sum.descriptors + u.descriptors, sum.rss + u.rss}
		if late {
			g.each[i] = append(g.each[i], sample{now, u})
		}
	}
	if late {
		g.sum = append(g.sum, sample{now, sum})
	}
}

// line lays a straight line through samples by least squares: the mean, and how much more it is each hour.
func line(samples []sample, of func(use) int) (mean, hourly float64) {
	var x, y, xx, xy float64
	n := float64(len(samples))
	for _, s := range samples {
		h, v := s.at.Sub(samples[0].at).Hours(), float64(of(s.use))
		x, y, xx, xy = x+h, y+v, xx+h*h, xy+h*v
	}
	return y / n, (n*xy - x*y) / (n*xx - x*x)
}

func longest(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	return slices.Max(all)
}

// list is counts in words.
func list(counts map[string]int) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%d %s", counts[k], k))
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}
