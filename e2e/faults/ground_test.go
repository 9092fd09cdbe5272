package faults

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// wire is a TCP connection that can be cut, slowed and made lossy.
type wire struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	log := zerolog.Nop()
	w := &wire{t: t, proxy: toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), log), "wire", "127.0.0.1:0", to)}
	require.NoError(t, w.proxy.Start())
	t.Cleanup(w.proxy.Stop)
	return w
}

func (w *wire) port() int {
	_, port, err := net.SplitHostPort(w.proxy.Listen)
	require.NoError(w.t, err)
	n, err := strconv.Atoi(port)
	require.NoError(w.t, err)
	return n
}

// cut ends what goes over the wire, and refuses what is new; mend takes connections again.
func (w *wire) cut() { w.proxy.Stop() }

func (w *wire) mend() { require.NoError(w.t, w.proxy.Start()) }

// slow adds a toxic: {"name": "latency", "type": "latency", "attributes": {"latency": 5000}}.
func (w *wire) slow(toxic string) {
	_, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(toxic))
	require.NoError(w.t, err)
}

// quick takes all toxics away.
func (w *wire) quick() { w.proxy.Toxics.ResetToxics(context.Background()) }

// postgres is a cluster of its own, durable as a real one is.
type postgres struct {
	t    *testing.T
	dir  string
	base string // its URL, past the wire
	wire *wire
}

func startPostgres(t *testing.T) *postgres {
	t.Helper()
	// Not in the test's folder: the server's user has to get there.
	dir, err := os.MkdirTemp("/var/tmp", "novacron-faults-pg-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	p := &postgres{t: t, dir: dir}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	_, port, _ := net.SplitHostPort(address)
	p.script("start", "listen_addresses=127.0.0.1", "port="+port)
	t.Cleanup(func() {
		_ = exec.Command("../../scripts/postgres", "stop", dir).Run()
		_ = os.RemoveAll(dir)
	})
	p.base = "postgres://novacron@" + address + "/novacron?sslmode=disable"
	p.wire = newWire(t, address)
	return p
}

func (p *postgres) script(verb string, args ...string) {
	p.t.Helper()
	out, err := exec.Command("../../scripts/postgres", append([]string{verb, p.dir}, args...)...).CombinedOutput()
	require.NoError(p.t, err, "scripts/postgres %s: %s", verb, out)
}

// url is how replicas reach it: over the wire.
func (p *postgres) url() string {
	u, err := url.Parse(p.base)
	require.NoError(p.t, err)
	u.Host = "127.0.0.1:" + strconv.Itoa(p.wire.port())
	return u.String()
}

// redisServer is a Redis of its own.
type redisServer struct {
	t    *testing.T
	dir  string
	wire *wire
	cmd  *exec.Cmd
	port string
}

func startRedis(t *testing.T, dir string) *redisServer {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	_, port, _ := net.SplitHostPort(address)
	s := &redisServer{t: t, dir: filepath.Join(dir, "redis"), wire: newWire(t, address), port: port}
	require.NoError(t, os.Mkdir(s.dir, 0o755))
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *redisServer) start() {
	s.cmd = exec.Command("redis-server", "--port", s.port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--logfile", "redis.log")
	require.NoError(s.t, s.cmd.Start())
}

func (s *redisServer) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *redisServer) url() string { return "redis://127.0.0.1:" + strconv.Itoa(s.wire.port()) + "/0" }

// do sends a command, past the wire.
func (s *redisServer) do(args ...any) {
	s.t.Helper()
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + s.port})
	defer func() { _ = c.Close() }()
	require.NoError(s.t, c.Do(context.Background(), args...).Err())
}

// row reads one number, past the wire.
func (p *postgres) row(to *int, query string) {
	p.t.Helper()
	db, err := sql.Open("pgx", p.base)
	require.NoError(p.t, err)
	defer func() { _ = db.Close() }()
	require.NoError(p.t, db.QueryRow(query).Scan(to), query)
}

// exec runs a statement, past the wire.
func (p *postgres) exec(statement string) {
	p.t.Helper()
	db, err := sql.Open("pgx", p.base)
	require.NoError(p.t, err)
	defer func() { _ = db.Close() }()
	_, err = db.Exec(statement)
	require.NoError(p.t, err, statement)
}

// crash ends it as a power cut does; the next start recovers from its log.
func (p *postgres) crash() {
	p.t.Helper()
	pid, err := os.ReadFile(filepath.Join(p.dir, "data", "postmaster.pid"))
	require.NoError(p.t, err)
	n, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(string(pid), "\n", 2)[0]))
	require.NoError(p.t, err)
	require.NoError(p.t, syscall.Kill(n, syscall.SIGQUIT)) // "immediate shutdown"
	for range 200 {
		if syscall.Kill(n, 0) != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.t.Fatal("PostgreSQL does not end")
}

func (p *postgres) restart() {
	p.t.Helper()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(strings.Split(p.base, "/novacron?")[0], "postgres://novacron@"))
	p.script("start", "listen_addresses=127.0.0.1", "port="+port)
}

// PostgreSQL goes down at once under work: nothing that was accepted is lost, and nothing is half done.
func TestPostgresCrashes(t *testing.T) {
	r := newRig(t, 2, 2)
	t.Cleanup(r.clear)
	l := &ledger{}
	stormed := make(chan struct{})
	go func() { defer close(stormed); r.storm(l, func() *client { return r.admin }, 100) }()
	time.Sleep(500 * time.Millisecond)
	r.postgres.crash()
	time.Sleep(time.Second)
	var refused *refusal
	var got any
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	said := errors.As(r.admin.ask(ctx, &got, `mutation($in: RefreshProviderInput!) { refreshProvider(input: $in) { provider { id } } }`, vars{"in": vars{"id": r.hosts[0].id}}), &refused) && refused.later()
	time.Sleep(4 * time.Second)
	r.postgres.restart()
	returned := r.until(time.Minute, "requests are answered", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return r.admin.ask(ctx, &got, `{ vms(first: 1) { totalCount } }`, nil) == nil
	})
	<-stormed
	r.check(l, 3*time.Minute)
	r.report("F08", "PostgreSQL is away", "503 with Retry-After", said, "%v", refused)
	r.report("F08", "PostgreSQL crashes in 100 operations, away 5 s", "back ≤ 10 s after it, nothing lost", returned <= 10*time.Second, "%s", seconds(returned))
}

// A PostgreSQL that takes no writes: what is there is read, what would change it is refused.
func TestPostgresReadOnly(t *testing.T) {
	r := newRig(t, 1, 1)
	r.seed(2)
	r.postgres.exec(`ALTER DATABASE novacron SET default_transaction_read_only = on`)
	r.postgres.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'novacron' AND pid <> pg_backend_pid()`)
	var got any
	reads := r.until(30*time.Second, "lists are answered", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return r.admin.ask(ctx, &got, `{ vms(first: 10) { totalCount edges { node { name } } } }`, nil) == nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, _, err := r.admin.create(ctx, r.hosts[0].id, "not-now", false)
	var refused *refusal
	said := errors.As(err, &refused) && refused.later()
	r.postgres.exec(`BEGIN READ WRITE; ALTER DATABASE novacron RESET default_transaction_read_only; COMMIT`)
	r.postgres.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'novacron' AND pid <> pg_backend_pid()`)
	l := &ledger{}
	written := r.until(30*time.Second, "changes are taken", func() bool {
		_, op, err := r.admin.create(context.Background(), r.hosts[0].id, "now", false)
		if err == nil {
			l.add(op)
		}
		return err == nil
	})
	r.check(l, time.Minute)
	r.report("F10", "PostgreSQL takes no writes", "lists go on, changes are refused with 503 and Retry-After", said, "lists after %s; refused with %v", seconds(reads), err)
	r.report("F10", "PostgreSQL takes writes again", "so do we ≤ 10 s later", written <= 10*time.Second, "%s", seconds(written))
}

// Redis is no truth: without it everything is right, only slower.
func TestRedisAway(t *testing.T) {
	for _, c := range []struct {
		fault string
		harm  func(*rig)
	}{
		{"Redis killed", func(r *rig) { r.redis.kill() }},
		{"Redis flushed", func(r *rig) { r.redis.do("FLUSHALL") }},
		{"Redis 2 s slow", func(r *rig) {
			r.redis.wire.slow(`{"name": "latency", "type": "latency", "attributes": {"latency": 2000}}`)
		}},
		{"Redis cut off", func(r *rig) { r.redis.wire.cut() }},
	} {
		t.Run(c.fault, func(t *testing.T) {
			r := newRig(t, 2, 1)
			vms := r.seed(5)
			load := r.startLoad(vms[r.hosts[0].id][0])
			time.Sleep(calm)
			before := load.take()
			c.harm(r)
			time.Sleep(calm)
			during := load.take()
			for _, p := range r.replicas {
				if !p.ready() {
					t.Errorf("a replica is not ready")
				}
			}
			load.stop()
			r.check(&ledger{}, time.Minute)
			worst, text := during.against(before)
			r.report("F11", c.fault, "nothing fails, p99 ≤ 2 ×", worst <= 2 && len(during.failed) == 0, "%s", text)
			for _, f := range during.failed[:min(5, len(during.failed))] {
				t.Log(f)
			}
		})
	}
}
