package store

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/novacron/novacron/internal/fleet"
)

// InsertTenant adds an organisation. Exists when the name is taken.
func (s *Store) InsertTenant(ctx context.Context, t *fleet.Tenant) error {
	_, err := s.db.NewInsert().Model(t).Exec(ctx)
	return broken(err)
}

// Tenants are all organisations in the scope, by name.
func (s *Store) Tenants(ctx context.Context, scope fleet.Scope) ([]*fleet.Tenant, error) {
	var all []*fleet.Tenant
	err := restrict(s.db.NewSelect().Model(&all), scope, "?TableAlias.id").Order("name").Scan(ctx)
	return all, broken(err)
}

// Tenant is one organisation.
func (s *Store) Tenant(ctx context.Context, scope fleet.Scope, id uuid.UUID) (*fleet.Tenant, error) {
	t := new(fleet.Tenant)
	err := restrict(s.db.NewSelect().Model(t), scope, "?TableAlias.id").Where("id = ?", id).Scan(ctx)
	if err != nil {
		return nil, found(err, "organisation", id.String())
	}
	return t, nil
}

// TenantByName is an organisation by its name.
func (s *Store) TenantByName(ctx context.Context, name string) (*fleet.Tenant, error) {
	t := new(fleet.Tenant)
	if err := s.db.NewSelect().Model(t).Where("name = ?", name).Scan(ctx); err != nil {
		return nil, found(err, "organisation", name)
	}
	return t, nil
}

// InsertUser adds somebody. Exists when the name is taken.
func (s *Store) InsertUser(ctx context.Context, u *fleet.User) error {
	_, err := s.db.NewInsert().Model(u).Exec(ctx)
	return broken(err)
}

// User is somebody by id.
func (s *Store) User(ctx context.Context, scope fleet.Scope, id uuid.UUID) (*fleet.User, error) {
	u := new(fleet.User)
	if err := within(s.db.NewSelect().Model(u), scope).Where("id = ?", id).Scan(ctx); err != nil {
		return nil, found(err, "user", id.String())
	}
	return u, nil
}

// UserByName is somebody by the name they sign in with.
func (s *Store) UserByName(ctx context.Context, scope fleet.Scope, name string) (*fleet.User, error) {
	if err := text("name", name); err != nil {
		return nil, err
	}
	u := new(fleet.User)
	if err := within(s.db.NewSelect().Model(u), scope).Where("name = ?", name).Scan(ctx); err != nil {
		return nil, found(err, "user", name)
	}
	return u, nil
}

// UserBySubject is somebody whom an issuer vouches for.
func (s *Store) UserBySubject(ctx context.Context, issuer uuid.UUID, subject string) (*fleet.User, error) {
	u := new(fleet.User)
	if err := s.db.NewSelect().Model(u).Where("issuer_id = ?", issuer).Where("subject = ?", subject).Scan(ctx); err != nil {
		return nil, found(err, "user", subject)
	}
	return u, nil
}

// UpdateUser writes what an issuer says of somebody, and whether they are active.
func (s *Store) UpdateUser(ctx context.Context, u *fleet.User) error {
	r, err := s.db.NewUpdate().Model(u).Column("full_name", "email", "deactivated_at", "last_seen_at").WherePK().Exec(ctx)
	return touched(r, err, "user", u.ID.String())
}

// SetPassword replaces somebody's password hash and ends their sessions.
func (s *Store) SetPassword(ctx context.Context, scope fleet.Scope, user uuid.UUID, hash string) error {
	return s.Tx(ctx, func(tx *Store) error {
		r, err := within(tx.db.NewUpdate().Model((*fleet.User)(nil)), scope).Set("password_hash = ?", hash).Where("id = ?", user).Exec(ctx)
		if err := touched(r, err, "user", user.String()); err != nil {
			return err
		}
		return tx.EndSessions(ctx, user, nil)
	})
}

// InsertGrant gives somebody a role.
func (s *Store) InsertGrant(ctx context.Context, g *fleet.Grant) error {
	_, err := s.db.NewInsert().Model(g).Exec(ctx)
	return broken(err)
}

// Grants are what somebody may do in the scope: for System, everywhere.
func (s *Store) Grants(ctx context.Context, scope fleet.Scope, user uuid.UUID) ([]*fleet.Grant, error) {
	var all []*fleet.Grant
	err := within(s.db.NewSelect().Model(&all), scope).Where("user_id = ?", user).Where("expires_at IS NULL OR expires_at > now()").Order("id").Scan(ctx)
	return all, broken(err)
}

// DeleteGrants takes back what somebody has in the scope from a source. Nothing there: success.
func (s *Store) DeleteGrants(ctx context.Context, scope fleet.Scope, user uuid.UUID, source fleet.GrantSource) error {
	_, err := within(s.db.NewDelete().Model((*fleet.Grant)(nil)), scope).Where("user_id = ?", user).Where("source = ?", source).Exec(ctx)
	return broken(err)
}

// DeleteGrant takes one back. Not there: success.
func (s *Store) DeleteGrant(ctx context.Context, scope fleet.Scope, user, grant uuid.UUID) error {
	_, err := within(s.db.NewDelete().Model((*fleet.Grant)(nil)), scope).Where("user_id = ?", user).Where("id = ?", grant).Exec(ctx)
	return broken(err)
}

// LockTenant holds whoever else changes an organisation's people up, until the transaction ends.
func (s *Store) LockTenant(ctx context.Context, scope fleet.Scope, id uuid.UUID) error {
	t := new(fleet.Tenant)
	err := restrict(s.db.NewSelect().Model(t), scope, "?TableAlias.id").Where("id = ?", id).For("NO KEY UPDATE").Scan(ctx)
	return found(err, "organisation", id.String())
}

// People are those who have a grant in the scope, by name: all of them, or those of the ids.
func (s *Store) People(ctx context.Context, scope fleet.Scope, ids ...uuid.UUID) ([]*fleet.Person, error) {
	var grants []*fleet.Grant
	q := within(s.db.NewSelect().Model(&grants), scope).Where("expires_at IS NULL OR expires_at > now()").Order("id")
	if ids != nil {
		q.Where("user_id IN (?)", bun.List(ids))
	}
	if err := q.Scan(ctx); err != nil || len(grants) == 0 {
		return nil, broken(err)
	}
	of := map[uuid.UUID][]*fleet.Grant{}
	for _, g := range grants {
		of[g.UserID] = append(of[g.UserID], g)
	}
	var users []*fleet.User
	if err := s.db.NewSelect().Model(&users).Where("id IN (?)", bun.List(slices.Collect(maps.Keys(of)))).OrderExpr("lower(name), id").Scan(ctx); err != nil {
		return nil, broken(err)
	}
	all := make([]*fleet.Person, len(users))
	for i, u := range users {
		all[i] = &fleet.Person{User: *u, Grants: of[u.ID]}
	}
	return all, nil
}

// CountPeople is how many people have a role in each organisation of the scope.
func (s *Store) CountPeople(ctx context.Context, scope fleet.Scope) (map[uuid.UUID]int, error) {
	var rows []struct {
		TenantID uuid.UUID
		People   int
	}
	err := within(s.db.NewSelect().Model((*fleet.Grant)(nil)), scope).ColumnExpr("tenant_id, count(DISTINCT user_id) AS people").
		Where("expires_at IS NULL OR expires_at > now()").GroupExpr("tenant_id").Scan(ctx, &rows)
	if err != nil {
		return nil, broken(err)
	}
	people := make(map[uuid.UUID]int, len(rows))
	for _, r := range rows {
		people[r.TenantID] = r.People
	}
	return people, nil
}

// Memberships are the organisations that somebody works for, by name.
func (s *Store) Memberships(ctx context.Context, user uuid.UUID) ([]*fleet.Membership, error) {
	grants, err := s.Grants(ctx, fleet.System(), user)
	if err != nil {
		return nil, err
	}
	of := map[uuid.UUID][]*fleet.Grant{}
	for _, g := range grants {
		of[g.TenantID] = append(of[g.TenantID], g)
	}
	tenants, err := s.Tenants(ctx, fleet.System())
	var all []*fleet.Membership
	for _, t := range tenants {
		if role := fleet.Highest(of[t.ID]); role != "" {
			all = append(all, &fleet.Membership{Tenant: t, Role: role})
		}
	}
	return all, err
}

// SetIssuerGrants puts what an issuer's rules say now in the place of what they said before.
func (s *Store) SetIssuerGrants(ctx context.Context, user uuid.UUID, grants []*fleet.Grant) error {
	return s.Tx(ctx, func(tx *Store) error {
		_, err := tx.db.NewDelete().Model((*fleet.Grant)(nil)).Where("user_id = ?", user).Where("source = ?", fleet.GrantByIssuer).Exec(ctx)
		if err != nil || len(grants) == 0 {
			return broken(err)
		}
		_, err = tx.db.NewInsert().Model(&grants).Exec(ctx)
		return broken(err)
	})
}
