package control

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

const (
	consolePurpose = "console"
	consoleFor     = 30 * time.Second // for the page to open the websocket
)

type consoleTicket struct {
	VM   uuid.UUID           `json:"vm"`
	Kind drivers.ConsoleKind `json:"kind"`
}

// OpenConsole gives a ticket for a websocket to a VM's console: a path on the API's own origin, good
// once, until expires.
func (c *Control) OpenConsole(ctx context.Context, vm uuid.UUID, kind drivers.ConsoleKind) (path string, expires time.Time, err error) {
	viewer, err := c.asks(ctx, "openConsole")
	if err != nil {
		return "", expires, err
	}
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		v, err := tx.VM(ctx, viewer.Scope(), vm)
		if err != nil {
			return err
		}
		p, _, err := c.allowed(ctx, tx, viewer, v, "openConsole")
		if err != nil {
			return err
		}
		if err := hasConsole(v, p, kind); err != nil {
			return err
		}
		var secret string
		secret, expires, err = c.ticket(ctx, tx, viewer, consolePurpose, consoleFor, consoleTicket{vm, kind})
		if err != nil {
			return err
		}
		path = "/console/" + secret
		return c.audit(ctx, tx, viewer, deed{verb: "openConsole", target: fleet.TargetVM, id: v.ID, name: v.Name, detail: map[string]any{"kind": kind}})
	})
	if err != nil {
		return "", time.Time{}, err
	}
	return path, expires, nil
}

func hasConsole(v *fleet.VM, p *fleet.Provider, kind drivers.ConsoleKind) error {
	has, can := false, false
	switch kind {
	case drivers.ConsoleSerial:
		has, can = v.HypervisorConfig.SerialConsole, p.Info.Features.SerialConsole
	case drivers.ConsoleVNC:
		has, can = v.HypervisorConfig.VNC, p.Info.Features.VNC
	default:
		return fault.Field("kind", "Use SERIAL or VNC.", "there is no such console")
	}
	switch {
	case !can:
		return fault.New(fault.Unsupported, "this provider cannot open a %s console", kind).At("kind")
	case !has:
		return fault.New(fault.Conflict, "the VM has no %s console", kind).At("kind").With("Open the other one.")
	}
	return nil
}

// ticket keeps a ticket of the viewer's and gives its secret.
func (c *Control) ticket(ctx context.Context, tx *store.Store, viewer access.Viewer, purpose string, lasts time.Duration, payload any) (string, time.Time, error) {
	text, err := json.Marshal(payload)
	if err != nil {
		return "", time.Time{}, fault.New(fault.Internal, "the ticket cannot be stored").Because(err)
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	secret := access.NewSecret()
	t := &fleet.Ticket{Hash: access.Digest(secret), TenantID: viewer.TenantID, UserID: &viewer.UserID, Purpose: purpose, Payload: text, ExpiresAt: now.Add(lasts)}
	return secret, t.ExpiresAt, tx.InsertTicket(ctx, t)
}

// ConsoleStream uses a ticket up and opens the console. The ticket says who; the context needs no
// viewer. To take over ends the session of whoever else has the serial line. NotFound for a ticket that is used,
// expired or made up. The caller closes the stream.
func (c *Control) ConsoleStream(ctx context.Context, ticket string, takeOver bool) (io.ReadWriteCloser, drivers.ConsoleKind, error) {
	var what consoleTicket
	scope, err := c.use(ctx, consolePurpose, ticket, &what)
	if err != nil {
		return nil, "", err
	}
	v, err := c.store.VM(ctx, scope, what.VM)
	if err != nil {
		return nil, "", err
	}
	p, err := c.store.Provider(ctx, scope, v.ProviderID)
	if err != nil {
		return nil, "", err
	}
	conn, err := c.conn(ctx, p)
	if err != nil {
		return nil, "", err
	}
	s, err := conn.Console(ctx, v.Ref, drivers.ConsoleRequest{Kind: what.Kind, TakeOver: takeOver})
	if err != nil {
		return nil, "", err
	}
	return s, what.Kind, nil
}

// use takes a ticket, whose owner must still be somebody who may use it.
func (c *Control) use(ctx context.Context, purpose, ticket string, payload any) (fleet.Scope, error) {
	t, err := c.store.UseTicket(ctx, purpose, access.Digest(ticket))
	if err != nil {
		return fleet.Scope{}, err
	}
	scope := fleet.Within(t.TenantID)
	if t.UserID != nil {
		u, err := c.store.User(ctx, scope, *t.UserID)
		if err != nil || u.DeactivatedAt != nil {
			return fleet.Scope{}, fault.Missing("ticket", "")
		}
		grants, err := c.store.Grants(ctx, scope, u.ID)
		if err != nil || !slices.ContainsFunc(grants, func(g *fleet.Grant) bool { return g.Role.Includes(fleet.RoleOperator) }) {
			return fleet.Scope{}, fault.Missing("ticket", "")
		}
	}
	if err := json.Unmarshal(t.Payload, payload); err != nil {
		return fleet.Scope{}, fault.New(fault.Internal, "the ticket cannot be read").Because(err)
	}
	return scope, nil
}
