package control

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fleet"
)

// CreateAPIToken makes a token for the viewer, of at most his own role. expires nil: never. The secret
// is in this answer and nowhere else.
func (c *Control) CreateAPIToken(ctx context.Context, name string, role fleet.Role, expires *time.Time) (t *fleet.APIToken, secret string, err error) {
	return nil, "", unbuilt()
}

// RevokeAPIToken ends one of the viewer's tokens at once.
func (c *Control) RevokeAPIToken(ctx context.Context, id uuid.UUID) error {
	return unbuilt()
}
