package events

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// channel is the pub/sub channel of all replicas of one installation.
const channel = "novacron:events"

// Redis is a Bus over Redis's pub/sub. While Redis is away replicas hear of each other's changes by
// their polling of the log, half a second later.
type Redis struct{ client *redis.Client }

// NewRedis makes one. The client stays the caller's.
func NewRedis(client *redis.Client) *Redis { return &Redis{client} }

// Wake implements Bus.
func (b *Redis) Wake(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return b.client.Publish(ctx, channel, "").Err()
}

// Listen implements Bus. It reconnects by itself; what was published meanwhile is found by polling.
func (b *Redis) Listen(ctx context.Context, wake func()) {
	sub := b.client.Subscribe(ctx, channel)
	defer func() { _ = sub.Close() }()
	for {
		select {
		case _, ok := <-sub.Channel():
			if !ok {
				return
			}
			wake()
		case <-ctx.Done():
			return
		}
	}
}
