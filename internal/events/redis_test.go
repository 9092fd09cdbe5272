package events_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store/storetest"
)

// redisServer starts a real one on a socket of its own; stop ends it.
func redisServer(t *testing.T) (client *redis.Client, stop func()) {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("no redis-server here: install the package redis-server")
	}
	dir, err := os.MkdirTemp("/tmp", "nc-redis-")
	require.NoError(t, err)
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(bin, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(func() { stop(); _ = os.RemoveAll(dir) })
	client = redis.NewClient(&redis.Options{Network: "unix", Addr: socket, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	require.Eventually(t, func() bool { return client.Ping(context.Background()).Err() == nil }, 10*time.Second, 20*time.Millisecond)
	return client, stop
}

func TestReplicasOverRedis(t *testing.T) {
	redis.SetLogger(quiet{})
	client, stop := redisServer(t)
	url := storetest.URL(t)
	a, b := storetest.Open(t, url), storetest.Open(t, url)
	bus := events.NewRedis(client)
	run(t, a, bus, events.Options{})
	// So long a poll that whatever arrives soon was told by Redis.
	far := run(t, b, bus, events.Options{Interval: time.Millisecond, Poll: time.Minute})
	polls := run(t, storetest.Open(t, url), bus, events.Options{Interval: time.Millisecond, Poll: 200 * time.Millisecond})
	c, d := subscribe(t, far, acme, nil), subscribe(t, polls, acme, nil)
	next(t, c)
	next(t, d)
	require.Eventually(t, func() bool {
		return client.PubSubNumSub(context.Background(), "novacron:events").Val()["novacron:events"] == 3
	}, 5*time.Second, 10*time.Millisecond)

	began := time.Now()
	record(t, a, event(uuid.New(), fleet.Added))
	collect(t, c, 1)
	t.Logf("commit on one replica to a subscriber of another: %v", time.Since(began))
	assert.Less(t, time.Since(began), time.Second)
	collect(t, d, 1)

	stop()
	began = time.Now()
	record(t, a, event(uuid.New(), fleet.Added))
	collect(t, d, 1)
	t.Logf("with Redis gone: %v", time.Since(began))
	assert.Less(t, time.Since(began), 2*time.Second)
}

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
