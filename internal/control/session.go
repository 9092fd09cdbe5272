package control

import (
	"context"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

const (
	targetSession = "SESSION"
	targetTenant  = "ORGANISATION"
)

// Sessions are where the viewer is signed in, the newest first: in whichever organisation.
func (c *Control) Sessions(ctx context.Context) ([]*fleet.SignedIn, error) {
	viewer, err := c.may(ctx, "viewer")
	if err != nil {
		return nil, err
	}
	rows, err := c.store.Sessions(access.House(ctx), viewer.UserID)
	if err != nil {
		return nil, err
	}
	names, err := c.issuerNames(ctx)
	all := make([]*fleet.SignedIn, len(rows))
	for i, s := range rows {
		all[i] = &fleet.SignedIn{Session: *s, Current: s.ID == viewer.SessionID, Issuer: names[or(s.IssuerID)]}
	}
	return all, err
}

// EndSessions signs the viewer out of these browsers or, with others, of all but the one that asks.
func (c *Control) EndSessions(ctx context.Context, ids []uuid.UUID, others bool) ([]*fleet.SignedIn, error) {
	viewer, err := c.may(ctx, "endSessions")
	if err != nil {
		return nil, err
	}
	// They may work for other organisations: what is the viewer's own is theirs there too.
	house := access.House(ctx)
	err = c.store.Tx(house, func(tx *store.Store) error {
		if others {
			if err := tx.EndSessions(house, viewer.UserID, &viewer.SessionID); err != nil {
				return err
			}
		}
		for _, id := range ids {
			if err := tx.EndSession(house, viewer.UserID, id); err != nil {
				return err
			}
		}
		return c.audit(house, tx, viewer, deed{verb: "endSessions", target: targetSession, id: viewer.SessionID, detail: map[string]any{"sessions": ids, "others": others}})
	})
	if err != nil {
		return nil, err
	}
	return c.Sessions(ctx)
}

// Organisations are those that the viewer works for, by name.
func (c *Control) Organisations(ctx context.Context) ([]*fleet.Membership, error) {
	viewer, err := c.may(ctx, "viewer")
	if err != nil {
		return nil, err
	}
	return c.store.Memberships(access.House(ctx), viewer.UserID)
}

// SwitchOrganisation has the viewer's session work for another of their organisations.
func (c *Control) SwitchOrganisation(ctx context.Context, id uuid.UUID) (*fleet.Tenant, error) {
	viewer, err := c.may(ctx, "switchOrganisation")
	if err != nil {
		return nil, err
	}
	if viewer.SessionID == uuid.Nil {
		return nil, fault.New(fault.Unsupported, "a token is of one organisation").With("Make a token in the other one.")
	}
	all, err := c.Organisations(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		if m.Tenant.ID != id {
			continue
		}
		house := access.House(ctx)
		there := viewer
		there.TenantID = id
		return m.Tenant, c.store.Tx(house, func(tx *store.Store) error {
			if err := tx.SetSessionTenant(house, viewer.SessionID, id); err != nil {
				return err
			}
			return c.audit(house, tx, there, deed{verb: "switchOrganisation", target: targetTenant, id: id, name: m.Tenant.Name})
		})
	}
	return nil, fault.Missing("organisation", id.String())
}
