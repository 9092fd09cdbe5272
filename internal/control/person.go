package control

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// People are those who work for the viewer's organisation, by name.
func (c *Control) People(ctx context.Context) ([]*fleet.Person, error) {
	viewer, err := c.may(ctx, "people")
	if err != nil {
		return nil, err
	}
	return c.people(ctx, c.store, viewer)
}

func (c *Control) people(ctx context.Context, s *store.Store, viewer access.Viewer, ids ...uuid.UUID) ([]*fleet.Person, error) {
	all, err := s.People(ctx, viewer.Scope(), ids...)
	if err != nil {
		return nil, err
	}
	names, err := c.issuerNames(ctx)
	for _, p := range all {
		p.Issuer = names[or(p.IssuerID)]
	}
	return all, err
}

// issuerNames are the names of those who vouch for people. They are the platform's, and no secret.
func (c *Control) issuerNames(ctx context.Context) (map[uuid.UUID]*string, error) {
	all, err := c.store.Issuers(access.House(ctx))
	names := map[uuid.UUID]*string{}
	for _, i := range all {
		names[i.ID] = &i.Name
	}
	return names, err
}

func or[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// person changes somebody, if the viewer may: change works on them as they are, locked.
func (c *Control) person(ctx context.Context, verb string, id uuid.UUID, detail map[string]any,
	change func(tx *store.Store, viewer access.Viewer, p *fleet.Person) error,
) (*fleet.Person, error) {
	viewer, err := c.asks(ctx, fleet.Permission(verb))
	if err != nil {
		return nil, err
	}
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		if err := tx.LockTenant(ctx, viewer.Scope(), viewer.TenantID); err != nil {
			return err
		}
		found, err := c.people(ctx, tx, viewer, id)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fault.Missing("person", id.String())
		}
		p := found[0]
		if err := c.mayOn(ctx, tx, viewer, fleet.Permission(verb), fleet.OnPerson(p)); err != nil {
			return err
		}
		if err := p.Action(verb, viewer.May(fleet.OnPerson(p)), viewer.Role, viewer.TenantID, viewer.UserID).Fault(); err != nil {
			return err
		}
		if err := change(tx, viewer, p); err != nil {
			return err
		}
		return c.audit(ctx, tx, viewer, deed{verb: verb, target: fleet.TargetPerson, id: id, name: p.Name, detail: detail})
	})
	if err != nil {
		return nil, err
	}
	now, err := c.people(ctx, c.store, viewer, id)
	if err != nil || len(now) == 0 {
		return nil, err
	}
	return now[0], nil
}

// maxGrants is how many narrowed roles somebody can have: each is looked at for each decision.
const maxGrants = 50

// GrantRole gives somebody a role by hand, of at most the viewer's own: on everything, in the place of the one that they
// had by hand, or beside it on the part that on names. ends nil: never.
func (c *Control) GrantRole(ctx context.Context, id uuid.UUID, role fleet.Role, on *fleet.Narrow, ends *time.Time) (*fleet.Person, error) {
	return c.person(ctx, "grantRole", id, map[string]any{"role": role, "on": on, "expiresAt": ends}, func(tx *store.Store, viewer access.Viewer, p *fleet.Person) error {
		if err := grantable(viewer, role, ends); err != nil {
			return err
		}
		if on == nil {
			for _, g := range p.Grants {
				if g.Source != fleet.GrantByHand || g.Narrowed != nil {
					continue
				}
				if err := tx.DeleteGrant(ctx, viewer.Scope(), id, g.ID); err != nil {
					return err
				}
			}
		} else if err := c.ours(ctx, tx, viewer, on); err != nil {
			return err
		} else if len(p.Grants) >= maxGrants {
			return fault.New(fault.Exhausted, "they have %d roles already", len(p.Grants)).With("Take some back, or name several things in one.")
		}
		return tx.InsertGrant(ctx, &fleet.Grant{ID: fleet.NewID(), TenantID: viewer.TenantID, UserID: p.ID, Role: role, Source: fleet.GrantByHand,
			GrantedBy: viewer.Name, Narrowed: on, ExpiresAt: ends})
	})
}

// ours refuses what is not there, or another organisation's.
func (c *Control) ours(ctx context.Context, tx *store.Store, viewer access.Viewer, on *fleet.Narrow) error {
	if err := on.Check(); err != nil {
		return err
	}
	tags := map[string]string{}
	for _, t := range on.Tags {
		tags[t.Key] = t.Value
	}
	if err := fleet.CheckTags("on.tags", tags); err != nil {
		return err
	}
	for i, id := range on.Providers {
		if _, err := tx.Provider(ctx, viewer.Scope(), id); err != nil {
			return fault.Of(err).At(fmt.Sprintf("on.providers[%d]", i))
		}
	}
	there, err := tx.VMsByID(ctx, viewer.Scope(), on.VMs)
	if err != nil {
		return err
	}
	for i, id := range on.VMs {
		if there[id] == nil {
			return fault.Missing("VM", id.String()).At(fmt.Sprintf("on.vms[%d]", i))
		}
	}
	return nil
}

func grantable(viewer access.Viewer, role fleet.Role, ends *time.Time) error {
	switch {
	case !slices.Contains(fleet.Roles, role):
		return fault.Field("role", "Use OWNER, ADMIN, OPERATOR or VIEWER.", "there is no such role")
	case !viewer.Role.Includes(role):
		return fault.New(fault.Denied, "you can give at most your own role, %s", viewer.Role).At("role").With("Choose a lesser role.")
	case ends != nil && !ends.After(time.Now()):
		return fault.Field("expiresAt", "Give a time that is still to come, or leave it out.", "that time is over")
	}
	return nil
}

// RevokeRole takes back what was given by hand: one grant, or all. nil when the person does not belong to the organisation
// any more.
func (c *Control) RevokeRole(ctx context.Context, id uuid.UUID, grant *uuid.UUID) (*fleet.Person, error) {
	return c.person(ctx, "revokeRole", id, map[string]any{"grant": grant}, func(tx *store.Store, viewer access.Viewer, p *fleet.Person) error {
		if grant == nil {
			return tx.DeleteGrants(ctx, viewer.Scope(), id, fleet.GrantByHand)
		}
		i := slices.IndexFunc(p.Grants, func(g *fleet.Grant) bool { return g.ID == *grant })
		switch {
		case i < 0:
			return fault.Missing("grant", grant.String()).At("grant")
		case p.Grants[i].Source != fleet.GrantByHand:
			return fault.New(fault.Conflict, "their issuer's rules gave it").At("grant").With("Change those, or the groups that they are in.")
		}
		return tx.DeleteGrant(ctx, viewer.Scope(), id, *grant)
	})
}

// SetPersonActive switches an account off, which ends all that it has open, or on again.
func (c *Control) SetPersonActive(ctx context.Context, id uuid.UUID, active bool) (*fleet.Person, error) {
	return c.person(ctx, "setPersonActive", id, map[string]any{"active": active}, func(tx *store.Store, _ access.Viewer, p *fleet.Person) error {
		switch {
		case active:
			p.DeactivatedAt = nil
		case p.DeactivatedAt == nil:
			now := time.Now()
			p.DeactivatedAt = &now
		}
		return tx.UpdateUser(ctx, &p.User)
	})
}

// ResetPassword gives somebody a new password, and ends their sessions. It is in this answer and nowhere else.
func (c *Control) ResetPassword(ctx context.Context, id uuid.UUID) (p *fleet.Person, password string, err error) {
	password = access.NewPassword()
	p, err = c.person(ctx, "resetPassword", id, nil, func(tx *store.Store, viewer access.Viewer, _ *fleet.Person) error {
		return tx.SetPassword(ctx, viewer.Scope(), id, access.HashPassword(password))
	})
	if err != nil {
		return nil, "", err
	}
	return p, password, nil
}

// AddPerson makes an account with a password, which is in this answer and nowhere else. A name that somebody
// of another organisation has gets this one's behind it: who that is, is not told.
func (c *Control) AddPerson(ctx context.Context, name string, role fleet.Role) (p *fleet.Person, password string, err error) {
	viewer, err := c.may(ctx, "addPerson")
	if err != nil {
		return nil, "", err
	}
	if err := fleet.CheckName("name", name); err != nil {
		return nil, "", err
	}
	if err := grantable(viewer, role, nil); err != nil {
		return nil, "", err
	}
	password = access.NewPassword()
	u := &fleet.User{ID: fleet.NewID(), TenantID: viewer.TenantID, Name: name, PasswordHash: access.HashPassword(password)}
	insert := func() error {
		return c.store.Tx(ctx, func(tx *store.Store) error {
			if err := tx.InsertUser(ctx, u); err != nil {
				return err
			}
			g := &fleet.Grant{ID: fleet.NewID(), TenantID: viewer.TenantID, UserID: u.ID, Role: role, Source: fleet.GrantByHand, GrantedBy: viewer.Name}
			if err := tx.InsertGrant(ctx, g); err != nil {
				return err
			}
			return c.audit(ctx, tx, viewer, deed{verb: "addPerson", target: fleet.TargetPerson, id: u.ID, name: u.Name, detail: map[string]any{"role": role}})
		})
	}
	err = insert()
	if fault.Is(err, fault.Exists) {
		if _, ours := c.store.UserByName(ctx, viewer.Scope(), name); fault.Is(ours, fault.NotFound) {
			tenant, wrong := c.store.Tenant(ctx, viewer.Scope(), viewer.TenantID)
			if wrong != nil {
				return nil, "", wrong
			}
			u.Name = name + "@" + strings.ToLower(tenant.Name)
			err = insert()
		}
	}
	if err != nil {
		return nil, "", err
	}
	all, err := c.people(ctx, c.store, viewer, u.ID)
	if err != nil || len(all) == 0 {
		return nil, "", err
	}
	return all[0], password, nil
}
