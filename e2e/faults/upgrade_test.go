package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// front is what stands before replicas in a real house: it asks all the time which ones are ready and sends each
// request to one of them; a connection that is refused has brought nothing there, and the next one gets it.
type front struct {
	r        *rig
	ready    []atomic.Bool
	requests atomic.Int64

	mu     sync.Mutex
	failed []string
}

func (r *rig) front(ctx context.Context) *front {
	f := &front{r: r, ready: make([]atomic.Bool, len(r.replicas))}
	var group sync.WaitGroup
	for i, p := range r.replicas {
		f.ready[i].Store(p.ready())
		group.Go(func() {
			for ctx.Err() == nil {
				f.ready[i].Store(p.ready())
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	r.t.Cleanup(group.Wait)
	return f
}

// send makes one request. Whatever comes back but an answer is written down as a failure.
func (f *front) send(what string, request func(*client) error) error {
	f.requests.Add(1)
	var err error
	for _, i := range rand.Perm(len(f.ready)) {
		if !f.ready[i].Load() {
			continue
		}
		err = request(f.r.admin.at(f.r.replicas[i]))
		var dial *net.OpError
		if errors.As(err, &dial) && dial.Op == "dial" {
			f.ready[i].Store(false)
			continue
		}
		if err == nil {
			return nil
		}
		break
	}
	if err == nil {
		err = errors.New("no replica is ready")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = append(f.failed, fmt.Sprintf("%s %s: %v", time.Now().Format("15:04:05.000"), what, err))
	return err
}

// read lists and searches until ctx ends.
func (f *front) read(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		_ = f.send("list", func(c *client) error { return (&load{c: c}).list(context.Background(), n) })
		_ = f.send("search", func(c *client) error { return (&load{c: c}).search(context.Background(), n) })
		time.Sleep(10 * time.Millisecond)
	}
}

// create makes n VMs, each at once.
func (f *front) create(l *ledger, name string, n int) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			_ = f.send("create", func(c *client) error {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				_, op, err := c.create(ctx, f.r.hosts[i%len(f.r.hosts)].id, fmt.Sprintf("%s-%d", name, i), false)
				if err == nil {
					l.add(op)
				}
				return err
			})
		})
	}
	group.Wait()
}

func (p *replica) version(c *client) string {
	var got struct{ About struct{ Version string } }
	c.at(p).must(&got, `{ about { version } }`, nil)
	return got.About.Version
}

// Two replicas are exchanged one after the other for those of the next version, and back, while their users work. The
// next version is this one by another name: what a migration between the two must not do, no test can show before
// there is one.
func TestRollingUpgrade(t *testing.T) {
	r := newRig(t, 2, 2)
	t.Cleanup(r.clear)
	now, next := os.Getenv("NOVACRON_TEST_BINARY"), filepath.Join(r.dir, "novacron-next")
	build := exec.Command("go", "build", "-race", "-ldflags", "-X main.version=next", "-o", next, "../../cmd/novacron")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	f, l := r.front(ctx), &ledger{}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() { f.read(ctx) })
	}
	defer readers.Wait()
	defer stop()
	const each = 25
	was := r.replicas[0].version(r.admin)
	var slowest time.Duration
	for step, binary := range []string{next, now} {
		t.Setenv("NOVACRON_TEST_BINARY", binary)
		for i, p := range r.replicas {
			var work sync.WaitGroup
			work.Go(func() { f.create(l, fmt.Sprintf("step-%d-%d", step, i), each) })
			time.Sleep(200 * time.Millisecond) // in the middle of them
			began := time.Now()
			p.signal(syscall.SIGTERM)
			<-p.done
			slowest = max(slowest, time.Since(began))
			p.start()
			work.Wait()
			require.Equal(t, binary == next, p.version(r.admin) == "next")
			r.until(5*time.Second, "it is sent requests", f.ready[i].Load)
		}
	}
	require.Equal(t, was, r.replicas[0].version(r.admin))
	stop()
	readers.Wait()
	r.ended(l, time.Now())
	for _, p := range r.replicas { // they are other processes than at first
		p.idle = p.use(r.admin)
	}
	r.check(l, 3*time.Minute)
	for _, text := range f.failed[:min(10, len(f.failed))] {
		t.Log(text)
	}
	r.report("F27", fmt.Sprintf("2 replicas exchanged for the next version and back, %d operations under way", len(l.all)), "no request fails, all operations end",
		len(f.failed) == 0 && len(l.all) == 4*each, "%d of %d requests failed; slowest drain %s", len(f.failed), f.requests.Load(), seconds(slowest))
}
