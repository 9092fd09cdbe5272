package control

import (
	"context"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fleet"
)

// CancelOperation asks an operation to stop. One that has ended stays as it is, and is no error.
func (c *Control) CancelOperation(ctx context.Context, id uuid.UUID) (*fleet.Operation, error) {
	return nil, unbuilt()
}

// RetryOperation has a STUCK operation undone again. Conflict for any other.
func (c *Control) RetryOperation(ctx context.Context, id uuid.UUID) (*fleet.Operation, error) {
	return nil, unbuilt()
}

// AbandonOperation gives a STUCK operation up: it is FAILED, what it left stays. Conflict for any other.
func (c *Control) AbandonOperation(ctx context.Context, id uuid.UUID) (*fleet.Operation, error) {
	return nil, unbuilt()
}
