package access

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

const maxPersonName = 100 // characters

// welcome brings what we know of somebody up to what their issuer says: who they are, and what they may do.
// Whoever comes for the first time is made known. Denied when the rules give them nothing and nobody else has.
func (d *Door) welcome(ctx context.Context, i *issuer, subject string, claims map[string]any) (*fleet.User, error) {
	rights := i.Rights(claims)
	u, err := d.known(ctx, i, subject, claims, rights)
	if err != nil {
		return nil, err
	}
	if u.DeactivatedAt != nil {
		return nil, errDeactivated
	}
	grants := make([]*fleet.Grant, 0, len(rights))
	for _, r := range rights {
		t, err := d.tenant(ctx, r.Organisation)
		if err != nil {
			return nil, err
		}
		grants = append(grants, &fleet.Grant{ID: fleet.NewID(), TenantID: t.ID, UserID: u.ID, Role: r.Role, Source: fleet.GrantByIssuer, GrantedBy: i.Name})
	}
	now := time.Now()
	u.FullName, u.Email, u.LastSeenAt = fullName(claims), email(claims), &now
	return u, d.store.Tx(ctx, func(tx *store.Store) error {
		if err := tx.UpdateUser(ctx, u); err != nil {
			return err
		}
		return tx.SetIssuerGrants(ctx, u.ID, grants)
	})
}

// known is the user of an issuer's subject, made if there is none: never somebody else's of the same name or address.
func (d *Door) known(ctx context.Context, i *issuer, subject string, claims map[string]any, rights []fleet.Right) (*fleet.User, error) {
	u, err := d.store.UserBySubject(ctx, i.ID, subject)
	if !fault.Is(err, fault.NotFound) {
		if err == nil && u.DeactivatedAt != nil {
			err = errDeactivated
		}
		return u, err
	}
	if len(rights) == 0 {
		return nil, errNoRole
	}
	home, err := d.tenant(ctx, rights[0].Organisation)
	if err != nil {
		return nil, err
	}
	u = &fleet.User{ID: fleet.NewID(), TenantID: home.ID, IssuerID: &i.ID, Subject: subject, FullName: fullName(claims), Email: email(claims)}
	// Names are for people to read. A taken one gets the issuer's behind it, and then some of the id.
	wanted := signInName(claims, subject)
	for _, name := range []string{wanted, wanted + "@" + i.Name, wanted + "-" + u.ID.String()[24:]} {
		u.Name = name
		if err = d.store.InsertUser(ctx, u); err == nil {
			d.log.Info("somebody came for the first time", "name", u.Name, "issuer", i.Name, "user", u.ID)
			return u, nil
		}
		if !fault.Is(err, fault.Exists) {
			return nil, err
		}
		// Two sign-ins of theirs at once: the other has made it.
		if there, err := d.store.UserBySubject(ctx, i.ID, subject); err == nil {
			return there, nil
		}
	}
	return nil, err
}

// tenant is the organisation of that name, made if there is none: a platform administrator's rule names it.
func (d *Door) tenant(ctx context.Context, name string) (*fleet.Tenant, error) {
	t, err := d.store.TenantByName(ctx, name)
	if !fault.Is(err, fault.NotFound) {
		return t, err
	}
	t = &fleet.Tenant{ID: fleet.NewID(), Name: name}
	if err := d.store.InsertTenant(ctx, t); fault.Is(err, fault.Exists) {
		return d.store.TenantByName(ctx, name)
	} else if err != nil {
		return nil, err
	}
	d.log.Info("an organisation was made by an issuer's rule", "name", name)
	return t, nil
}

// signInName is what somebody is called, of what the claims have.
func signInName(claims map[string]any, subject string) string {
	for _, claim := range []string{"preferred_username", "email", "client_id", "azp", "name"} {
		if s, _ := claims[claim].(string); clean(s) != "" {
			return clean(s)
		}
	}
	return clean(subject)
}

func fullName(claims map[string]any) string {
	s, _ := claims["name"].(string)
	return clean(s)
}

// email is the address, if the issuer says that it is theirs. It is for reading only: nobody is known by it.
func email(claims map[string]any) string {
	s, _ := claims["email"].(string)
	verified := claims["email_verified"]
	if verified != true && verified != "true" {
		return ""
	}
	return clean(s)
}

// clean leaves out what cannot be seen, and what is too much.
func clean(s string) string {
	r := slices.DeleteFunc([]rune(strings.ToValidUTF8(s, "")), func(r rune) bool { return !unicode.IsPrint(r) })
	return strings.TrimSpace(string(r[:min(len(r), maxPersonName)]))
}
