package control

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

const targetToken = "TOKEN"

// CreateAPIToken makes a token for the viewer, of at most his own role. expires nil: never. The secret
// is in this answer and nowhere else.
func (c *Control) CreateAPIToken(ctx context.Context, name string, role fleet.Role, expires *time.Time) (t *fleet.APIToken, secret string, err error) {
	viewer, err := c.may(ctx, "createAPIToken")
	if err != nil {
		return nil, "", err
	}
	switch err := fleet.CheckName("name", name); {
	case err != nil:
		return nil, "", err
	case !role.Includes(fleet.RoleViewer):
		return nil, "", fault.Field("role", "Use ADMIN, OPERATOR or VIEWER.", "there is no such role")
	case !viewer.Role.Includes(role):
		return nil, "", fault.New(fault.Denied, "a token can have at most your own role, %s", viewer.Role).At("role").With("Choose a lesser role.")
	case expires != nil && !expires.After(time.Now()):
		return nil, "", fault.Field("expiresAt", "Give a time that is still to come, or leave it out.", "that time is over")
	}
	t, secret = access.NewAPIToken(viewer.TenantID, viewer.UserID, name, role, expires)
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		if err := tx.InsertToken(ctx, t); err != nil {
			return err
		}
		return c.audit(ctx, tx, viewer, deed{verb: "createAPIToken", target: targetToken, id: t.ID, name: name, detail: map[string]any{"role": role}})
	})
	if err != nil {
		return nil, "", err
	}
	return t, secret, nil
}

// RevokeAPIToken ends one of the viewer's tokens at once.
func (c *Control) RevokeAPIToken(ctx context.Context, id uuid.UUID) error {
	viewer, err := c.may(ctx, "revokeAPIToken")
	if err != nil {
		return err
	}
	return c.store.Tx(ctx, func(tx *store.Store) error {
		all, err := tx.Tokens(ctx, viewer.Scope(), viewer.UserID)
		if err != nil {
			return err
		}
		for _, t := range all {
			if t.ID == id && !viewer.Role.Includes(t.Role) {
				return fault.New(fault.Denied, "the token %s may do more than you, as %s", t.Name, t.Role).With("Revoke it as somebody of that role.")
			}
		}
		if err := tx.DeleteToken(ctx, viewer.Scope(), viewer.UserID, id); err != nil {
			return err
		}
		return c.audit(ctx, tx, viewer, deed{verb: "revokeAPIToken", target: targetToken, id: id})
	})
}
