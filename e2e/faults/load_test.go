package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// load is what users do all the time, at hosts that are not broken. It records what they saw.
type load struct {
	c      *client
	vm     string // one that is off, on a host that stays well
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu       sync.Mutex
	seen     map[string][]time.Duration // by verb
	requests atomic.Int64
	failed   []string
}

// startLoad asks for a list, searches and resizes, each again and again with a short pause.
func (r *rig) startLoad(vm string) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{c: r.admin, vm: vm, cancel: cancel, seen: map[string][]time.Duration{}}
	l.group.Go(func() { l.repeat(ctx, "list", l.list) })
	l.group.Go(func() { l.repeat(ctx, "search", l.search) })
	l.group.Go(func() { l.repeat(ctx, "action", l.action) })
	r.t.Cleanup(l.stop)
	return l
}

func (l *load) stop() { l.cancel(); l.group.Wait() }

func (l *load) repeat(ctx context.Context, verb string, do func(context.Context, int) error) {
	for n := 0; ctx.Err() == nil; n++ {
		began := time.Now()
		err := do(ctx, n)
		took := time.Since(began)
		if ctx.Err() != nil {
			return
		}
		l.requests.Add(1)
		l.mu.Lock()
		if err == nil {
			l.seen[verb] = append(l.seen[verb], took)
		} else {
			l.failed = append(l.failed, fmt.Sprintf("%s %s: %v", began.Format("15:04:05.000"), verb, err))
		}
		l.mu.Unlock()
		time.Sleep(20 * time.Millisecond)
	}
}

func (l *load) list(ctx context.Context, _ int) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var got any
	return l.c.ask(ctx, &got, `{ vms(first: 50) { totalCount edges { node { id name status asOf provider { name status } hypervisorHost { name } tags { key value } } } } }`, nil)
}

func (l *load) search(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var got any
	return l.c.ask(ctx, &got, `query($s: String!) { vms(first: 20, filter: {search: $s}) { edges { node { id name status } } } }`, vars{"s": fmt.Sprintf("web-%d", n%10)})
}

// action resizes a VM that is off: an operation with a call to its host, from the request to its end.
func (l *load) action(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	id, err := l.c.act(ctx, "updateVM", l.vm, vars{"vcpus": 1 + n%2})
	if err != nil {
		return err
	}
	for {
		o, err := l.c.operation(ctx, id)
		switch {
		case err != nil:
			return err
		case o.Status == "SUCCEEDED":
			return nil
		case ended(o.Status):
			return errors.New(o.Status + ": " + o.Error.Message)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// figures are what was seen since the last call.
type figures struct {
	seen     map[string][]time.Duration // how long each request of a verb took
	requests int64
	failed   []string
}

func (l *load) take() figures {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := figures{seen: l.seen, requests: l.requests.Swap(0), failed: l.failed}
	l.seen, l.failed = map[string][]time.Duration{}, nil
	return f
}

// and is both, as one.
func (f figures) and(g figures) figures {
	all := figures{seen: map[string][]time.Duration{}, requests: f.requests + g.requests, failed: slices.Concat(f.failed, g.failed)}
	for _, of := range []figures{f, g} {
		for verb, took := range of.seen {
			all.seen[verb] = append(all.seen[verb], took...)
		}
	}
	return all
}

func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, len(all)*p/100)]
}

// against says what became of the 99th percentiles.
func (f figures) against(before figures) (worst float64, text string) {
	for _, verb := range []string{"list", "search", "action"} {
		was, is := percentile(before.seen[verb], 99), percentile(f.seen[verb], 99)
		worst = max(worst, float64(is)/float64(max(1, was)))
		text += fmt.Sprintf("%s %d → %d ms; ", verb, was.Milliseconds(), is.Milliseconds())
	}
	return worst, text + fmt.Sprintf("%d of %d failed", len(f.failed), f.requests)
}
