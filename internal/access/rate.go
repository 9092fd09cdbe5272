package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/novacron/novacron/internal/fault"
)

// Rates are how many requests a minute are taken of one token, one person, one organisation and one address. A whole
// minute's may come at once. 0: any number.
type Rates struct{ Token, User, Organisation, Address int }

const (
	rateWindow = time.Minute
	// redisWithin is how long a request waits for Redis to count it. When one has waited in vain, no other does: Redis is
	// tried again each redisRest, by nobody's request.
	redisWithin = 50 * time.Millisecond
	redisRest   = time.Second
	redisRates  = "novacron:rate:"
)

// counted is something whose requests are counted.
type counted struct {
	limit string // what of: token, user, organisation, address
	key   string
	most  int
}

// step is what one request costs of its window.
func (c counted) step() time.Duration { return rateWindow / time.Duration(c.most) }

// sender is who sends a request, as far as it is known.
type sender []counted

// of adds something to count by, unless it has no limit.
func (s sender) of(limit string, most int, key string) sender {
	if most <= 0 {
		return s
	}
	return append(s[:len(s):len(s)], counted{limit, redisRates + limit + ":" + key, most})
}

// address is what is known of it before anybody has looked at what it shows.
func (s sender) address() sender {
	return slices.DeleteFunc(slices.Clone(s), func(c counted) bool { return c.limit != "address" })
}

// rates counts by GCRA: of whatever is counted only the moment is kept at which it will have made up for all that it
// sent. Replicas count together in Redis, by one call for each request. Without Redis, or while it does not answer,
// each counts for itself: nobody is refused because of Redis.
type rates struct {
	Rates
	redis  *redis.Client // may be nil
	within time.Duration // redisWithin
	log    *slog.Logger
	told   func(limit string)
	away   atomic.Bool // Redis does not answer
	own    moments     // when each has made up, by this replica's count
	shut   moments     // until when each is refused without asking anybody
}

// address is a request's sender when no more is known.
func (r *rates) address(peer netip.Addr) sender {
	return sender(nil).of("address", r.Address, network(peer).String())
}

// token adds the token that it shows. Sessions are counted by their user.
func (r *rates) token(s sender, c credential) sender {
	if !c.token {
		return s
	}
	return s.of("token", r.Token, fmt.Sprintf("%x", Digest(c.secret)[:16]))
}

// viewer adds who it turned out to be.
func (r *rates) viewer(s sender, v Viewer) sender {
	if v.UserID != uuid.Nil {
		s = s.of("user", r.User, v.UserID.String())
	}
	return s.of("organisation", r.Organisation, v.TenantID.String())
}

// known refuses those that have been refused just now, for as long as they were told to wait: what they send meanwhile
// costs neither the database nor Redis anything.
func (r *rates) known(s sender) error {
	now := time.Now()
	for _, c := range s {
		if wait := r.shut.of(c.key).Sub(now); wait > 0 {
			return r.refuse(c, wait)
		}
	}
	return nil
}

// take counts a request, or refuses it by Exhausted: then none of its counts has changed.
func (r *rates) take(ctx context.Context, s sender) error {
	if len(s) == 0 {
		return nil
	}
	which, wait, err := r.together(ctx, s)
	if err != nil {
		which, wait = r.own.take(time.Now(), s)
	}
	if wait <= 0 {
		return nil
	}
	r.shut.until(s[which].key, time.Now().Add(wait))
	return r.refuse(s[which], wait)
}

func (r *rates) refuse(c counted, wait time.Duration) error {
	if r.told != nil {
		r.told(c.limit)
	}
	return &fault.Error{Kind: fault.Exhausted, RetryAfter: wait, Message: fmt.Sprintf("this %s sent more than %d requests in a minute", c.limit, c.most),
		Remedy: fmt.Sprintf("Wait %d s and send fewer, or have the administrator raise the limit.", int(math.Ceil(wait.Seconds())))}
}

// gcra is take for all replicas. KEYS have the moments in microseconds, ARGV the steps and, last, the window.
var gcra = redis.NewScript(`
local t = redis.call('TIME')
local now, window = t[1] * 1000000 + t[2], tonumber(ARGV[#ARGV])
local due, which, wait = redis.call('MGET', unpack(KEYS)), 0, 0
for i = 1, #KEYS do
  due[i] = math.max(tonumber(due[i] or 0), now) + ARGV[i]
  if due[i] - window - now > wait then which, wait = i, due[i] - window - now end
end
if wait == 0 then
  for i = 1, #KEYS do
    redis.call('SET', KEYS[i], string.format('%.0f', due[i]), 'PX', math.ceil((due[i] - now) / 1000))
  end
end
return {which, math.ceil(wait)}
`)

var errAway = errors.New("no Redis answers")

func (r *rates) together(ctx context.Context, s sender) (which int, wait time.Duration, err error) {
	if r.redis == nil || r.away.Load() {
		return 0, 0, errAway
	}
	keys, values := make([]string, len(s)), make([]any, 0, len(s)+1)
	for i, c := range s {
		keys[i], values = c.key, append(values, c.step().Microseconds())
	}
	within, done := context.WithTimeout(ctx, r.within)
	defer done()
	answer, err := gcra.Run(within, r.redis, keys, append(values, rateWindow.Microseconds())...).Int64Slice()
	if err != nil {
		if ctx.Err() == nil && r.away.CompareAndSwap(false, true) {
			r.log.Warn("Redis does not count requests: each replica counts for itself", "error", err)
			time.AfterFunc(redisRest, r.lookAgain)
		}
		return 0, 0, err
	}
	return int(answer[0]) - 1, time.Duration(answer[1]) * time.Microsecond, nil
}

// lookAgain ends counting for ourselves once Redis answers.
func (r *rates) lookAgain() {
	ctx, done := context.WithTimeout(context.Background(), r.within)
	defer done()
	switch err := r.redis.Ping(ctx).Err(); {
	case err == nil:
		r.away.Store(false)
	case !errors.Is(err, redis.ErrClosed): // else the server has ended
		time.AfterFunc(redisRest, r.lookAgain)
	}
}

// moments are times by keys. One that is past is as good as none.
type moments struct {
	mu  sync.Mutex
	all map[string]time.Time
}

func (m *moments) of(key string) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[key]
}

func (m *moments) until(key string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key, at)
}

func (m *moments) put(key string, at time.Time) {
	if m.all == nil {
		m.all = map[string]time.Time{}
	}
	if m.all[key] = at; len(m.all) > mostKept {
		now := time.Now()
		for k, past := range m.all {
			if past.Before(now) {
				delete(m.all, k)
			}
		}
	}
}

// take is gcra, for this replica alone.
func (m *moments) take(now time.Time, s sender) (which int, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	due := make([]time.Time, len(s))
	for i, c := range s {
		if due[i] = m.all[c.key]; due[i].Before(now) {
			due[i] = now
		}
		due[i] = due[i].Add(c.step())
		if early := due[i].Sub(now) - rateWindow; early > wait {
			which, wait = i, early
		}
	}
	if wait == 0 {
		for i, c := range s {
			m.put(c.key, due[i])
		}
	}
	return which, wait
}

type senderKey struct{}

// Take counts one operation of a connection that is open, as each request is counted where it comes in.
// Exhausted: it is one too many.
func (d *Door) Take(ctx context.Context) error {
	s, _ := ctx.Value(senderKey{}).(sender)
	if err := d.rates.known(s); err != nil {
		return err
	}
	return d.rates.take(ctx, s)
}
