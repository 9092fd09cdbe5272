// Package control is the verbs: who may, is it right, what would it mean, and then the intent, the
// audit row and the event in one transaction. What takes longer than that is left to operations.
//
// Every method takes the viewer from its context (access.With) and answers Unauthorized without one,
// NotFound for a thing that the viewer may not know of, Denied for one that he may see but not touch.
// Inputs are checked here, whoever calls: the first wrong field is named in the fault.
package control

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/operations"
	"github.com/novacron/novacron/internal/secrets"
	"github.com/novacron/novacron/internal/store"
)

// Options shape a Control. The zero value is usable.
type Options struct {
	TinyImage       string          // file of NovaCron's own image, NOVACRON_TINY_IMAGE; empty: not offered
	PoliciesChanged func(uuid.UUID) // hears of an organisation's change of policies; nil: nobody does
}

// Control is the one door through which anything is changed.
type Control struct {
	store *store.Store
	conns *drivers.Conns
	ops   *operations.Engine
	box   *secrets.Box
	log   *slog.Logger
	o     Options
}

// New makes one.
func New(s *store.Store, conns *drivers.Conns, ops *operations.Engine, box *secrets.Box, log *slog.Logger, o Options) *Control {
	if o.PoliciesChanged == nil {
		o.PoliciesChanged = func(uuid.UUID) {}
	}
	return &Control{store: s, conns: conns, ops: ops, box: box, log: log, o: o}
}

// may tells who is asking, if they have the permission in their organisation.
func (c *Control) may(ctx context.Context, need fleet.Permission) (access.Viewer, error) {
	v, err := access.From(ctx)
	if err != nil {
		return v, err
	}
	return v, c.mayOn(ctx, c.store, v, need, v.OnAll())
}

// asks tells who is asking, if there is anything on which they could have the permission: once it is read, mayOn
// or the thing's own actions say whether they have it on that.
func (c *Control) asks(ctx context.Context, need fleet.Permission) (access.Viewer, error) {
	v, err := access.From(ctx)
	if err == nil && !v.MayHave(need) {
		err = c.mayOn(ctx, c.store, v, need, v.OnAll())
	}
	return v, err
}

// auditWithin is how long a refusal may take to be written down.
const auditWithin = 5 * time.Second

// mayOn refuses who has not the permission on the thing, and writes that down once the transaction that it
// ends is undone.
func (c *Control) mayOn(ctx context.Context, tx *store.Store, v access.Viewer, need fleet.Permission, on fleet.Resource) error {
	a := v.May(on)(need)
	if a.Allowed {
		return nil
	}
	c.log.WarnContext(ctx, "refused", "user", v.Name, "role", v.Role, "permission", need, "on", on.Type, "id", on.ID, "reason", a.Reason, "request", v.RequestID)
	tx.AfterUndo(func() {
		ctx, done := context.WithTimeout(context.WithoutCancel(ctx), auditWithin)
		defer done()
		e := v.Entry(string(need), fleet.AuditDenied)
		e.TargetType, e.TargetID, e.TargetName, e.Detail = strings.ToUpper(on.Type), &on.ID, on.Attributes["name"], map[string]any{"reason": a.Reason, "role": v.RoleOn(on)}
		if by := v.DecidedBy(need, on); len(by) > 0 {
			e.Detail["policies"] = by
		}
		if err := c.store.Audit(ctx, e); err != nil {
			c.log.ErrorContext(ctx, "a refusal could not be written down", "error", err, "request", v.RequestID)
		}
	})
	return fault.New(fault.Denied, "%s", a.Reason).With(a.Remedy)
}

// deed is what an audit row says.
type deed struct {
	verb   string
	target string // fleet.TargetVM …
	id     uuid.UUID
	name   string
	op     *fleet.Operation // nil when it was done at once
	detail map[string]any   // no secret
}

func (c *Control) audit(ctx context.Context, tx *store.Store, v access.Viewer, d deed) error {
	e := v.Entry(d.verb, fleet.AuditAllowed)
	e.TargetType, e.TargetID, e.TargetName, e.Detail = d.target, &d.id, d.name, d.detail
	if d.op != nil {
		e.OperationID = &d.op.ID
	}
	return tx.Audit(ctx, e)
}

// order makes an operation of the viewer's at a provider.
func (c *Control) order(v access.Viewer, provider *fleet.Provider, kind fleet.OperationKind, input any) (*fleet.Operation, error) {
	o, err := c.ops.Make(kind, input)
	if err != nil {
		return nil, err
	}
	o.TenantID, o.RequestedBy, o.UserID = v.TenantID, v.Name, &v.UserID
	if provider != nil {
		o.ProviderID = &provider.ID
	}
	return o, nil
}

// conn gives the connection to a provider.
func (c *Control) conn(ctx context.Context, p *fleet.Provider) (*drivers.Conn, error) {
	return c.conns.Conn(ctx, p.ID, p.SettingsVersion)
}

// reachable refuses what needs a provider that does not answer.
func reachable(p *fleet.Provider) error {
	if p.Reachable() {
		return nil
	}
	return p.Away().At("provider")
}
