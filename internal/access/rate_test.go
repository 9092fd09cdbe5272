package access_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store/storetest"
)

// testRedis is the one that tests are given, or nil with the reason why not.
func testRedis(t testing.TB) *redis.Client {
	t.Helper()
	url := os.Getenv("NOVACRON_TEST_REDIS_URL")
	if url == "" {
		t.Skip("no NOVACRON_TEST_REDIS_URL")
	}
	o, err := redis.ParseURL(url)
	require.NoError(t, err)
	o.ContextTimeoutEnabled = true
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// absentRedis is one that nobody answers for.
func absentRedis(t testing.TB) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: t.TempDir() + "/none", ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// crowd is an organisation with people and their tokens, and doors that count what they send.
type crowd struct {
	place
	rates access.Rates
	redis *redis.Client
	peer  string
	told  []string
}

func newCrowd(t testing.TB, r *redis.Client, rates access.Rates) *crowd {
	t.Helper()
	c := &crowd{rates: rates, redis: r}
	c.store = storetest.New(t)
	scope := storetest.Tenant(t, c.store, "acme")
	c.user = storetest.Person(t, c.store, scope, &fleet.User{Name: "alice"}, fleet.RoleOperator)
	c.newDoor(t)
	// Redis is everybody's: each test comes from an address of its own.
	id := uuid.New()
	c.peer = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, id[0], id[1], id[2], id[3], 15: 1}).String()
	return c
}

// newDoor is another replica's.
func (c *crowd) newDoor(t testing.TB) {
	t.Helper()
	var err error
	c.door, err = access.NewDoor(c.store, access.Options{
		Log: slog.New(slog.DiscardHandler), Rates: c.rates, Redis: c.redis, Limited: func(limit string) { c.told = append(c.told, limit) },
	})
	require.NoError(t, err)
	c.door.WaitForRedis(10 * time.Second)
}

func (c *crowd) colleague(t testing.TB, name string) *fleet.User {
	t.Helper()
	return storetest.Person(t, c.store, fleet.Within(c.user.TenantID), &fleet.User{Name: name}, fleet.RoleOperator)
}

func (c *crowd) tokenOf(t testing.TB, u *fleet.User) string {
	t.Helper()
	row, secret := access.NewAPIToken(c.user.TenantID, u.ID, "ci", fleet.RoleViewer, nil)
	require.NoError(t, c.store.InsertToken(t.Context(), row))
	return secret
}

// send sends a request and tells how it was answered.
func (c *crowd) send(path, token string) *http.Response {
	r := httptest.NewRequest(http.MethodPost, path, nil)
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(c.peer), 40_000).String()
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	c.door.Guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
	return w.Result()
}

// limited sends requests until one is refused, and gives that one: the limit's number are taken, and as many more as came
// back while they were sent.
func (c *crowd) limited(t *testing.T, most int, path, token string, taken int) *http.Response {
	t.Helper()
	began := time.Now()
	for n := 0; ; n++ {
		answer := c.send(path, token)
		if answer.StatusCode == http.StatusTooManyRequests {
			assert.GreaterOrEqual(t, n, most)
			assert.LessOrEqual(t, n, most+int(time.Since(began)/step))
			return answer
		}
		require.Equal(t, taken, answer.StatusCode, "request %d", n)
		require.Less(t, n, 10*most, "no limit")
	}
}

// few a minute are one each step, and all of them at once.
const (
	few  = 3
	step = time.Minute / few
)

func TestRatesOf(t *testing.T) {
	for _, kept := range []string{"in Redis", "in the process", "in the process, Redis being away"} {
		t.Run(kept, func(t *testing.T) {
			var r *redis.Client
			switch kept {
			case "in Redis":
				r = testRedis(t)
			case "in the process, Redis being away":
				r = absentRedis(t)
			}
			for limit, rates := range map[string]access.Rates{
				"token": {Token: few}, "user": {User: few}, "organisation": {Organisation: few}, "address": {Address: few},
			} {
				t.Run(limit, func(t *testing.T) {
					c := newCrowd(t, r, rates)
					bob := c.colleague(t, "bob")
					first, second, bobs := c.tokenOf(t, c.user), c.tokenOf(t, c.user), c.tokenOf(t, bob)
					refused := c.limited(t, few, "/graphql", first, http.StatusOK)
					wait, err := strconv.Atoi(refused.Header.Get("Retry-After"))
					require.NoError(t, err)
					assert.Positive(t, wait)
					assert.LessOrEqual(t, wait, int(step.Seconds()))
					assert.Equal(t, []string{limit}, c.told)
					// Who shares what is counted shares the limit, and nobody else.
					for token, shares := range map[string]bool{
						second: limit != "token", bobs: limit == "organisation" || limit == "address",
					} {
						want := http.StatusOK
						if shares {
							want = http.StatusTooManyRequests
						}
						assert.Equal(t, want, c.send("/graphql", token).StatusCode)
					}
				})
			}
		})
	}
}

// What is refused for one count is not counted for another: a script that runs wild costs its owner nothing else.
func TestRefusedRequestsAreNotCounted(t *testing.T) {
	for name, r := range map[string]*redis.Client{"in Redis": testRedis(t), "in the process": nil} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(t, r, access.Rates{Token: few, User: 2 * few})
			wild, other := c.tokenOf(t, c.user), c.tokenOf(t, c.user)
			c.limited(t, few, "/graphql", wild, http.StatusOK)
			for range 2 * few {
				if r != nil {
					c.newDoor(t) // which does not know of the refusal: Redis is asked each time
				}
				require.Equal(t, http.StatusTooManyRequests, c.send("/graphql", wild).StatusCode)
			}
			c.limited(t, few, "/graphql", other, http.StatusOK)
		})
	}
}

// A Redis that takes connections and says nothing costs one request its time, and counts again when it is back.
func TestHangingRedisHoldsNobodyUp(t *testing.T) {
	real := testRedis(t)
	var answers atomic.Bool
	r := redis.NewClient(&redis.Options{ContextTimeoutEnabled: true, Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
		if answers.Load() {
			return real.Options().Dialer(ctx, real.Options().Network, real.Options().Addr)
		}
		ours, _ := net.Pipe()
		return ours, nil
	}})
	defer func() { _ = r.Close() }()
	c := newCrowd(t, r, access.Rates{Address: few})
	const within = 2 * time.Second
	c.door.WaitForRedis(within)
	send := func() time.Duration {
		began := time.Now()
		c.send("/auth/callback", "")
		return time.Since(began)
	}
	require.GreaterOrEqual(t, send(), within, "it waits for Redis")
	for range few - 1 {
		require.Less(t, send(), within, "it does not")
	}
	require.Equal(t, http.StatusTooManyRequests, c.send("/auth/callback", "").StatusCode, "this replica counts")
	answers.Store(true)
	require.Eventually(t, func() bool {
		c.newDoor(t) // which knows of no refusal
		send()
		kept, err := real.Exists(t.Context(), "novacron:rate:address:"+netip.PrefixFrom(netip.MustParseAddr(c.peer), 64).Masked().Addr().String()).Result()
		return err == nil && kept == 1
	}, 30*time.Second, 100*time.Millisecond, "all count together again")
}

func TestReplicasCountTogether(t *testing.T) {
	c := newCrowd(t, testRedis(t), access.Rates{User: few})
	token := c.tokenOf(t, c.user)
	for range few / 2 {
		require.Equal(t, http.StatusOK, c.send("/graphql", token).StatusCode)
	}
	c.newDoor(t)
	c.limited(t, few-few/2, "/graphql", token, http.StatusOK)
}

// Strangers are counted by where they come from, whatever they show; probes are not.
func TestRatesOfStrangers(t *testing.T) {
	c := newCrowd(t, nil, access.Rates{Address: few, Token: 1})
	c.limited(t, few, "/graphql", "ncr_wrong", http.StatusUnauthorized)
	for path, want := range map[string]int{"/auth/callback": http.StatusTooManyRequests, "/healthz": http.StatusOK, "/readyz": http.StatusOK} {
		assert.Equal(t, want, c.send(path, "").StatusCode, path)
	}
}

// A request is taken again as soon as it was told: at a limit of 600 a minute, a tenth of a second later.
func TestRateComesBack(t *testing.T) {
	for name, r := range map[string]*redis.Client{"in Redis": testRedis(t), "in the process": nil} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(t, r, access.Rates{Address: 6000})
			began, taken := time.Now(), 0
			for c.send("/auth/callback", "").StatusCode == http.StatusOK {
				taken++
			}
			assert.GreaterOrEqual(t, taken, 6000, "a minute's at once")
			assert.LessOrEqual(t, taken, 6000+int(100*time.Since(began).Seconds()), "and what came back meanwhile")
			time.Sleep(20 * time.Millisecond)
			assert.Equal(t, http.StatusOK, c.send("/auth/callback", "").StatusCode)
		})
	}
}

func TestOperationsOfAConnectionAreCounted(t *testing.T) {
	c := newCrowd(t, nil, access.Rates{User: few})
	token := c.tokenOf(t, c.user)
	r := httptest.NewRequest(http.MethodGet, "/graphql", nil)
	r.Header.Set("Upgrade", "websocket")
	ctx, done := context.WithCancel(t.Context())
	defer done()
	r = r.WithContext(ctx)
	c.door.Guard(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ctx, err := c.door.Admit(r.Context(), "Bearer "+token)
		if !assert.NoError(t, err) {
			return
		}
		for range few {
			assert.NoError(t, c.door.Take(ctx))
		}
		err = c.door.Take(ctx)
		assert.True(t, fault.Is(err, fault.Exhausted), "%v", err)
		assert.Positive(t, fault.Of(err).RetryAfter)
	})).ServeHTTP(httptest.NewRecorder(), r)
	assert.Equal(t, http.StatusTooManyRequests, c.send("/graphql", token).StatusCode, "requests and operations are counted together")
}

// BenchmarkTake is what counting one request costs by itself, by all four limits.
func BenchmarkTake(b *testing.B) {
	for name, r := range map[string]*redis.Client{"process": nil, "redis": testRedis(b)} {
		b.Run(name, func(b *testing.B) {
			c := newCrowd(b, r, access.Rates{Token: 60_000_000, User: 60_000_000, Organisation: 60_000_000, Address: 60_000_000})
			request := httptest.NewRequest(http.MethodPost, "/graphql", nil)
			request.Header.Set("Authorization", "Bearer "+c.tokenOf(b, c.user))
			c.door.Guard(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				for b.Loop() {
					if err := c.door.Take(r.Context()); err != nil {
						b.Fatal(err)
					}
				}
			})).ServeHTTP(httptest.NewRecorder(), request)
		})
	}
}

// BenchmarkGuard is what the door costs a request with an API token, and what of it the limits do.
func BenchmarkGuard(b *testing.B) {
	all := access.Rates{Token: 60_000_000, User: 60_000_000, Organisation: 60_000_000, Address: 60_000_000}
	for _, c := range []struct {
		limits string
		rates  access.Rates
		redis  func() *redis.Client
	}{
		{"none", access.Rates{}, func() *redis.Client { return nil }},
		{"process", all, func() *redis.Client { return nil }},
		{"redis", all, func() *redis.Client { return testRedis(b) }},
	} {
		b.Run(fmt.Sprintf("limits=%s", c.limits), func(b *testing.B) {
			crowd := newCrowd(b, c.redis(), c.rates)
			token := crowd.tokenOf(b, crowd.user)
			for b.Loop() {
				if crowd.send("/graphql", token).StatusCode != http.StatusOK {
					b.Fatal("refused")
				}
			}
		})
	}
}
