package control

import (
	"context"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// CancelOperation asks an operation to stop. One that has ended stays as it is, and is no error.
// Conflict for one that can no longer be stopped: it is past its point of no return, or stuck.
func (c *Control) CancelOperation(ctx context.Context, id uuid.UUID) (*fleet.Operation, error) {
	return c.onOperation(ctx, id, "cancel", c.ops.Cancel)
}

// RetryOperation has a STUCK operation undone again. Conflict for any other.
func (c *Control) RetryOperation(ctx context.Context, id uuid.UUID) (*fleet.Operation, error) {
	return c.onOperation(ctx, id, "retry", c.ops.Retry)
}

// AbandonOperation gives a STUCK operation up: it is FAILED, what it left stays. Conflict for any other.
func (c *Control) AbandonOperation(ctx context.Context, id uuid.UUID) (*fleet.Operation, error) {
	return c.onOperation(ctx, id, "abandon", c.ops.Abandon)
}

func (c *Control) onOperation(ctx context.Context, id uuid.UUID, verb string,
	do func(context.Context, *store.Store, fleet.Scope, uuid.UUID) (*fleet.Operation, error),
) (o *fleet.Operation, err error) {
	viewer, err := c.asks(ctx, fleet.Permission(verb+"Operation"))
	if err != nil {
		return nil, err
	}
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		if o, err = tx.Operation(ctx, viewer.Scope(), id); err != nil {
			return err
		}
		if err := c.mayOn(ctx, tx, viewer, fleet.Permission(verb+"Operation"), fleet.OnOperation(o)); err != nil {
			return err
		}
		asked := verb == "cancel" && (o.Status.Ended() || o.CancelRequested || o.Status == fleet.OperationUndoing)
		if asked {
			return nil // what was wanted is so, or on its way
		}
		if err := o.Action(verb, viewer.May(fleet.OnOperation(o))).Fault(); err != nil {
			return err
		}
		if o, err = do(ctx, tx, viewer.Scope(), id); err != nil {
			return err
		}
		d := deed{verb: verb + "Operation", target: o.TargetType, name: o.TargetName, op: o, detail: map[string]any{"kind": o.Kind}}
		if o.TargetID != nil {
			d.id = *o.TargetID
		}
		return c.audit(ctx, tx, viewer, d)
	})
	if fault.Is(err, fault.NotFound) {
		return nil, fault.Missing("operation", id.String())
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}
