package loaders

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/redis/go-redis/v9"
)

// Cache keeps live details for seconds: in Redis, where all replicas find them, or in this process
// when there is no Redis. It is never the truth: without it everything is only slower. A Redis that
// does not answer is a cache that has nothing.
type Cache struct {
	redis  *redis.Client
	memory *otter.Cache[string, entry]

	mu      sync.Mutex
	flights map[string]*flight
}

type entry struct {
	text []byte
	ttl  time.Duration
}

// flight is a call under way that others may wait for.
type flight struct {
	done  chan struct{}
	found map[string][]byte
	err   error
}

// maxEntries bounds the in-process cache; a VM has up to three.
const maxEntries = 100_000

// cacheDeadline is how long Redis may take before it counts as empty.
const cacheDeadline = 200 * time.Millisecond

// NewCache makes one; client may be nil.
func NewCache(client *redis.Client) *Cache {
	c := &Cache{redis: client, flights: map[string]*flight{}}
	if client == nil {
		c.memory = otter.Must(&otter.Options[string, entry]{
			MaximumSize:      maxEntries,
			ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, entry]) time.Duration { return e.Value.ttl }),
		})
	}
	return c
}

// Close ends what the cache runs in the background; a Redis client stays the caller's.
func (c *Cache) Close() {
	if c.memory != nil {
		c.memory.StopAllGoroutines()
	}
}

// read gives what is there of names; nil for the others.
func (c *Cache) read(ctx context.Context, names []string) [][]byte {
	texts := make([][]byte, len(names))
	if c.redis == nil {
		for i, name := range names {
			if e, ok := c.memory.GetIfPresent(name); ok {
				texts[i] = e.text
			}
		}
		return texts
	}
	ctx, cancel := context.WithTimeout(ctx, cacheDeadline)
	defer cancel()
	values, err := c.redis.MGet(ctx, names...).Result()
	if err != nil {
		return texts
	}
	for i, v := range values {
		if s, ok := v.(string); ok {
			texts[i] = []byte(s)
		}
	}
	return texts
}

func (c *Cache) write(ctx context.Context, values map[string][]byte, ttl time.Duration) {
	if c.redis == nil {
		for name, text := range values {
			c.memory.Set(name, entry{text, ttl})
		}
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cacheDeadline)
	defer cancel()
	_, _ = c.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for name, text := range values {
			p.Set(ctx, name, text, ttl)
		}
		return nil
	})
}

// get reads values; nil for what is not there.
func get[T any](ctx context.Context, c *Cache, names []string) []*T {
	values := make([]*T, len(names))
	for i, text := range c.read(ctx, names) {
		v := new(T)
		if text != nil && json.Unmarshal(text, v) == nil {
			values[i] = v
		}
	}
	return values
}

// put writes values.
func put[T any](ctx context.Context, c *Cache, values map[string]T, ttl time.Duration) {
	texts := make(map[string][]byte, len(values))
	for name, v := range values {
		if text, err := json.Marshal(v); err == nil {
			texts[name] = text
		}
	}
	c.write(ctx, texts, ttl)
}

// cached gives the values of names: from the cache what is there, from a call under way what it
// brings, and from one call of fetch the rest. fetch's error is for what is missing then.
func cached[T any](ctx context.Context, c *Cache, names []string, ttl time.Duration, fetch func(context.Context, []string) (map[string]T, error)) (map[string]T, error) {
	all := make(map[string]T, len(names))
	var missing []string
	for i, v := range get[T](ctx, c, names) {
		if v != nil {
			all[names[i]] = *v
		} else {
			missing = append(missing, names[i])
		}
	}
	if len(missing) == 0 {
		return all, nil
	}
	mine, others := c.board(missing)
	var failed error
	if mine != nil {
		// The call is not ours alone: if we go away, whoever waits for it still wants it.
		found, err := fetch(context.WithoutCancel(ctx), mine.names)
		texts := make(map[string][]byte, len(found))
		for name, v := range found {
			all[name] = v
			texts[name], _ = json.Marshal(v)
		}
		c.write(ctx, texts, ttl)
		c.land(mine, texts, err)
		failed = err
	}
	for f, wanted := range others {
		select {
		case <-f.done:
		case <-ctx.Done():
			return all, ctx.Err()
		}
		for _, name := range wanted {
			var v T
			if text, ok := f.found[name]; ok && json.Unmarshal(text, &v) == nil {
				all[name] = v
			} else if f.err != nil {
				failed = f.err
			}
		}
	}
	return all, failed
}

// boarded is a flight of ours and what it brings.
type boarded struct {
	*flight
	names []string
}

// board finds the flights that bring names, and opens one for those that none brings.
func (c *Cache) board(names []string) (*boarded, map[*flight][]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	mine, others := &boarded{flight: &flight{done: make(chan struct{})}}, map[*flight][]string{}
	for _, name := range names {
		if f := c.flights[name]; f != nil {
			others[f] = append(others[f], name)
			continue
		}
		c.flights[name] = mine.flight
		mine.names = append(mine.names, name)
	}
	if len(mine.names) == 0 {
		mine = nil
	}
	return mine, others
}

// land ends a flight.
func (c *Cache) land(b *boarded, found map[string][]byte, err error) {
	b.found, b.err = found, err
	c.mu.Lock()
	for _, name := range b.names {
		delete(c.flights, name)
	}
	c.mu.Unlock()
	close(b.done)
}
