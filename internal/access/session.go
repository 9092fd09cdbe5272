package access

import (
	"context"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// A session ends when it was not used for a while, and after its time however much it was used.
const (
	sessionIdle  = 24 * time.Hour
	sessionLasts = 7 * 24 * time.Hour
)

// Origin is where a sign-in comes from.
type Origin struct {
	Address netip.Addr
	Agent   string
}

const maxAgent = 200 // characters of what a browser calls itself

// open begins a session of the user's, with what the caller has put into it already. Denied for one who may
// not do anything anywhere.
func (d *Door) open(ctx context.Context, user *fleet.User, session *fleet.Session, from Origin) (secret string, expires time.Time, err error) {
	grants, err := d.store.Grants(ctx, fleet.System(), user.ID)
	switch {
	case err != nil:
		return "", expires, err
	case user.DeactivatedAt != nil:
		return "", expires, errDeactivated
	case len(grants) == 0:
		return "", expires, errNoRole
	}
	session.TenantID = grants[0].TenantID
	for _, g := range grants {
		if g.TenantID == user.TenantID {
			session.TenantID = g.TenantID
		}
	}
	agent := []rune(from.Agent)
	// A new secret each time: whoever knew an old one is none the wiser.
	secret, expires = NewSecret(), time.Now().Add(sessionLasts)
	session.ID, session.Hash, session.UserID, session.ExpiresAt = uuid.New(), Digest(secret), user.ID, expires
	session.Address, session.Agent = from.Address.String(), string(agent[:min(len(agent), maxAgent)])
	v := Viewer{TenantID: session.TenantID, UserID: user.ID, Name: user.Name, Address: session.Address, RequestID: RequestID(ctx)}
	return secret, expires, d.store.Tx(ctx, func(tx *store.Store) error {
		if err := tx.InsertSession(ctx, session); err != nil {
			return err
		}
		return tx.Audit(ctx, v.Entry("signIn", fleet.AuditAllowed))
	})
}

// refused writes down that somebody whom we know was not let in.
func (d *Door) refused(ctx context.Context, user *fleet.User, from Origin, why string) {
	v := Viewer{TenantID: user.TenantID, UserID: user.ID, Name: user.Name, Address: from.Address.String(), RequestID: RequestID(ctx)}
	e := v.Entry("signIn", fleet.AuditDenied)
	e.Detail = map[string]any{"reason": why}
	if err := d.store.Audit(ctx, e); err != nil {
		d.log.Error("a refused sign-in could not be written down", "error", err, "request", v.RequestID)
	}
}

var (
	errDeactivated = fault.New(fault.Denied, "this account is switched off").With("Ask an administrator of your organisation.")
	errNoRole      = fault.New(fault.Denied, "you may not do anything here").With("Ask an administrator for a role in an organisation.")
)
