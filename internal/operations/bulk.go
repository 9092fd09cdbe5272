package operations

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// Bulk is the input of BULK: what was asked for, for people. The work is in the operation's parts.
type Bulk struct {
	Action fleet.BulkAction
	Count  int
}

// bulkLook is how often a BULK operation counts its parts.
const bulkLook = time.Second

var bulk = Plan[Bulk, none]{
	Steps: []Step[Bulk, none]{
		{Name: "Do it to each", Do: countParts, Undo: cancelParts},
	},
}

func countParts(ctx context.Context, r *Run[Bulk, none]) (drivers.Task, error) {
	n, err := r.parts(ctx)
	switch {
	case err != nil:
		return drivers.Task{}, err
	case n.left > 0:
		part := float64(n.all-n.left) / float64(n.all)
		r.mu.Lock()
		r.op.Steps[0].Progress = &part
		r.op.Progress = &part
		r.mu.Unlock()
		return drivers.Task{}, Again{bulkLook}
	case n.failed > 0:
		return drivers.Task{}, fault.New(fault.Conflict, "%d of %d failed", n.failed, n.all).With("Each VM's own operation says why.")
	}
	return done()
}

// cancelParts ends the parts that have not begun and waits for those that have: they go on, each to
// its own end.
func cancelParts(ctx context.Context, r *Run[Bulk, none]) (drivers.Task, error) {
	ids, err := r.engine.store.QueuedChildren(ctx, r.op.ID)
	if err != nil {
		return drivers.Task{}, err
	}
	for _, id := range ids {
		err := r.engine.store.Tx(ctx, func(tx *store.Store) error {
			_, err := r.engine.Cancel(ctx, tx, fleet.System(), id)
			return err
		})
		if err != nil {
			return drivers.Task{}, err
		}
	}
	n, err := r.parts(ctx)
	if err == nil && n.left > 0 {
		err = Again{bulkLook}
	}
	return drivers.Task{Done: true}, err
}

type parts struct{ all, left, failed int }

func (w *work) parts(ctx context.Context) (n parts, err error) {
	counts, err := w.engine.store.OperationChildCounts(ctx, fleet.System(), []uuid.UUID{w.op.ID})
	for _, c := range counts[w.op.ID] {
		n.all += c.Count
		switch c.Status {
		case fleet.OperationSucceeded:
		case fleet.OperationFailed, fleet.OperationCanceled, fleet.OperationStuck:
			n.failed += c.Count
		default:
			n.left += c.Count
		}
	}
	return n, err
}
