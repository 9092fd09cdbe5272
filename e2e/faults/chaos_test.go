package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	hostOut      = 45 * time.Second // a broken host, with its return: about
	groundEvery  = 30 * time.Second // from one fault of PostgreSQL's or Redis's to the next: about
	replicaEvery = 45 * time.Second // the same of replicas
	pulse        = 200 * time.Millisecond
)

// spells are the times in which something was broken.
type spells struct {
	mu  sync.Mutex
	all [][2]time.Time // the end is zero as long as it lasts
}

func (s *spells) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, [2]time.Time{time.Now()})
}

func (s *spells) end(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[len(s.all)-1][1] = at
}

func (s *spells) during(from, to time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.all, func(x [2]time.Time) bool { return x[0].Before(to) && (x[1].IsZero() || from.Before(x[1])) })
}

func (s *spells) now() bool { return s.during(time.Now(), time.Now().Add(time.Nanosecond)) }

// harm is something that is broken for a while.
type harm struct {
	name  string
	until time.Time
	mend  func()
}

// returns are how long hosts took to be seen again.
type returns struct{ alone, besides []time.Duration }

// chaos breaks and mends until the time is over; then it mends what is left. It is told of nothing by the workers, and they
// of nothing by it: what was broken when is written down for both.
func (s *soak) chaos(ctx context.Context, long time.Duration) (g growth, back returns) {
	began := time.Now()
	g.each = make([][]sample, len(s.r.replicas))
	most := max(1, len(s.sites)/8)
	next := func(mean time.Duration) time.Time {
		return time.Now().Add(min(3*mean, time.Duration(s.random.ExpFloat64()*float64(mean))))
	}
	hostEvery := hostOut / time.Duration(most)
	host, ground, replica := next(hostEvery), next(groundEvery), next(replicaEvery)
	var broken []*harm
	var groundHarm, replicaHarm *harm
	said, sampled, looked := began, began, began
	for ctx.Err() == nil || len(broken) > 0 || slices.ContainsFunc(s.sites, func(x *site) bool { return x.broken.now() }) {
		time.Sleep(pulse)
		now, over := time.Now(), ctx.Err() != nil
		broken = slices.DeleteFunc(broken, func(h *harm) bool {
			due := over || now.After(h.until)
			if h == replicaHarm && groundHarm != nil { // a replica does not start without its database
				due = false
			}
			if due {
				h.mend()
				if h == groundHarm {
					groundHarm, ground = nil, next(groundEvery)
				}
				if h == replicaHarm {
					replicaHarm, replica = nil, next(replicaEvery)
				}
			}
			return due
		})
		if now := time.Now(); now.Sub(looked) > 500*time.Millisecond && !s.database.now() {
			looked = now
			s.watch(&back)
		}
		if !over && now.After(host) {
			host = next(hostEvery)
			well := slices.DeleteFunc(slices.Clone(s.sites), func(x *site) bool { return x.broken.now() })
			if len(s.sites)-len(well) < most && len(well) > 0 {
				broken = append(broken, s.breakHost(well[s.random.IntN(len(well))]))
			}
		}
		if !over && groundHarm == nil && now.After(ground) {
			groundHarm = s.breakGround()
			broken = append(broken, groundHarm)
		}
		if !over && replicaHarm == nil && now.After(replica) && groundHarm == nil {
			replicaHarm = s.breakReplica(long < judged || float64(now.Sub(began)) < deadly*float64(long))
			broken = append(broken, replicaHarm)
		}
		if now.Sub(sampled) > 5*time.Second && groundHarm == nil && replicaHarm == nil {
			sampled = now
			s.sample(&g, float64(now.Sub(began)) > (deadly+settled)*float64(long))
		}
		if now.Sub(said) > time.Minute {
			said = now
			s.progress(now.Sub(began), broken, g)
		}
	}
	return g, back
}

func (s *soak) breakHost(x *site) *harm {
	how := []struct{ harm, mend string }{{"kill9", "daemon"}, {"freeze", "thaw"}, {"linkdown", "linkup"}, {"poweroff", "poweron"}, {"slow", "quick"}}[s.random.IntN(5)]
	x.harm = how.harm
	x.broken.begin()
	mend := func() { x.do(s.r.t, how.mend) }
	if how.harm == "slow" {
		x.wire.slow(`{"name": "latency", "type": "latency", "stream": "downstream", "attributes": {"latency": 3000, "jitter": 1000}}`)
		mend = x.wire.quick
	} else {
		x.do(s.r.t, how.harm)
	}
	return &harm{x.name + " " + how.harm, s.within(5*time.Second, time.Minute), func() { mend(); x.mended = time.Now() }}
}

// within is a moment, by chance, between so far and so far from now.
func (s *soak) within(least, most time.Duration) time.Time {
	return time.Now().Add(least + time.Duration(s.random.Int64N(int64(most-least))))
}

func (s *soak) breakGround() *harm {
	pg, redis := s.r.postgres, s.r.redis
	away := func(name string, do, undo func()) *harm {
		s.database.begin()
		do()
		return &harm{name, s.within(time.Second, 5*time.Second), func() {
			undo()
			s.until(10*time.Second, "a replica is ready", func() bool { return s.ready() >= 0 })
			s.database.end(time.Now().Add(time.Second))
		}}
	}
	slow := `{"name": "latency", "type": "latency", "attributes": {"latency": %d}}`
	short, lasting := s.within(time.Second, 2*time.Second), s.within(5*time.Second, 20*time.Second)
	switch s.random.IntN(7) {
	case 0:
		return away("PostgreSQL crashed", pg.crash, pg.restart)
	case 1:
		return away("PostgreSQL cut off", pg.wire.cut, pg.wire.mend)
	case 2:
		pg.wire.slow(fmt.Sprintf(slow, 50))
		return &harm{"PostgreSQL slow", lasting, pg.wire.quick}
	case 3:
		redis.kill()
		return &harm{"Redis killed", lasting, redis.start}
	case 4:
		redis.do("FLUSHALL")
		return &harm{"Redis flushed", short, func() {}}
	case 5:
		redis.wire.cut()
		return &harm{"Redis cut off", lasting, redis.wire.mend}
	default:
		redis.wire.slow(fmt.Sprintf(slow, 1000))
		return &harm{"Redis slow", lasting, redis.wire.quick}
	}
}

// breakReplica breaks one; once they shall live, it is only frozen.
func (s *soak) breakReplica(kill bool) *harm {
	i := s.random.IntN(len(s.r.replicas))
	p := s.r.replicas[i]
	name := fmt.Sprintf("replica %d ", i)
	start := func() {
		p.start()
		s.until(10*time.Second, name+"is sent requests", s.f.ready[i].Load)
	}
	how := s.random.IntN(3)
	switch {
	case how == 0 || !kill:
		s.gone[i].begin()
		p.signal(syscall.SIGSTOP)
		return &harm{name + "frozen", s.within(3*time.Second, 40*time.Second), func() {
			p.signal(syscall.SIGCONT)
			s.gone[i].end(time.Now().Add(2 * time.Second))
		}}
	case how == 1:
		s.gone[i].begin()
		p.kill()
		return &harm{name + "killed", s.within(time.Second, 20*time.Second), func() { start(); s.gone[i].end(time.Now()) }}
	default:
		p.signal(syscall.SIGTERM) // nothing of this may be noticed
		return &harm{name + "stopped", s.within(time.Second, 20*time.Second), func() { <-p.done; start() }}
	}
}

func (s *soak) until(most time.Duration, what string, ok func() bool) {
	for began := time.Now(); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > most {
			s.fault("not within %s: %s", most, what)
			return
		}
	}
}

// watch finds out which hosts are back.
func (s *soak) watch(back *returns) {
	if !slices.ContainsFunc(s.sites, func(x *site) bool { return !x.mended.IsZero() }) {
		return
	}
	var got struct {
		Providers []struct {
			ID, Status string
			LastSeenAt time.Time
		}
	}
	if err := s.query("providers", func(ctx context.Context, c *client) error {
		return c.ask(ctx, &got, `{ providers { id status lastSeenAt } }`, nil)
	}); err != nil {
		return
	}
	for _, p := range got.Providers {
		for _, x := range s.sites {
			if x.id != p.ID || x.mended.IsZero() {
				continue
			}
			took := time.Since(x.mended)
			if p.Status != "CONNECTED" || !p.LastSeenAt.After(x.mended) {
				if took > 3*time.Minute {
					s.r.t.Fatalf("%s is not back %s after %s: %+v", x.name, took, x.harm, p)
				}
				continue
			}
			disturbed := s.database.during(x.mended, time.Now())
			for i := range s.gone {
				disturbed = disturbed || s.gone[i].during(x.mended, time.Now())
			}
			if disturbed {
				back.besides = append(back.besides, took)
			} else {
				back.alone = append(back.alone, took)
				if took > 30*time.Second {
					s.fault("%s took %s to be seen again after %s", x.name, took, x.harm)
				}
			}
			x.mended = time.Time{}
			x.broken.end(time.Now())
		}
	}
}

func (s *soak) progress(passed time.Duration, broken []*harm, g growth) {
	var names []string
	for _, h := range broken {
		names = append(names, h.name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.r.say("%s: %d operations asked for; ended: %v; %d requests, %d failed, again: %v; broken: %s", passed.Round(time.Second), s.accepted, s.ended,
		s.requests, len(s.failed), s.again, strings.Join(names, ", "))
	if n := len(g.sum); n > 0 {
		s.r.say("together: %+v", g.sum[n-1].use)
	}
}
