// Package events tells whoever listens that something changed. Changes are written to a log in the
// transaction of the deed (Record); one reader a process reads the log in its one order (Log) and
// hands each subscriber what concerns it. The log is the truth: the Bus between replicas only says
// that it has grown, and when it is silent the log is read all the same.
package events

import (
	"context"

	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// Record adds to the log, in the transaction of what happened. Subscribers hear of it once that
// is committed: events.Record(ctx, tx, vm.Event(fleet.Updated)).
func Record(ctx context.Context, tx *store.Store, all ...fleet.Event) error {
	return tx.AppendEvents(ctx, all...)
}

// Batch is what happened since the last one, one event for each subject at most, oldest first.
type Batch struct {
	Cursor fleet.Cursor // go on from here with after
	Missed bool         // changes before these were lost to this subscriber: it has to look at everything again
	Events []fleet.Event
}

// Bus carries the wake-up between replicas, and nothing else. It may lose, double and delay it.
type Bus interface {
	// Wake tells all listeners, those of other replicas included.
	Wake(ctx context.Context) error
	// Listen calls wake for each wake-up until ctx ends. wake returns quickly.
	Listen(ctx context.Context, wake func())
}
