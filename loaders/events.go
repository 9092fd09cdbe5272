package loaders

import (
	"context"

	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fleet"
)

// Watch sends what happens to the viewer's things of one topic until ctx ends. made turns a batch
// (what events.Batch has) into what the subscription sends; false leaves it out. With after, first what happened since.
//
// It belongs to the process's source and not to an answer's loaders: it outlives each of them.
func Watch[T any](ctx context.Context, s *Source, topic fleet.Topic, after *fleet.Cursor, made func(at fleet.Cursor, missed bool, changes []fleet.Event) (T, bool)) (<-chan T, error) {
	v, err := access.From(ctx)
	if err != nil {
		return nil, err
	}
	batches, err := s.events.Subscribe(ctx, v.Scope(), []fleet.Topic{topic}, after)
	if err != nil {
		return nil, err
	}
	out := make(chan T)
	go func() {
		defer close(out)
		for b := range batches {
			event, ok := made(b.Cursor, b.Missed, b.Events)
			if !ok {
				continue
			}
			select {
			case out <- event:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}
