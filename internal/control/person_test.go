package control

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store/storetest"
)

func TestPeople(t *testing.T) {
	r := newRig(t)
	bob, password, err := r.AddPerson(r.ctx, "bob", fleet.RoleViewer)
	require.NoError(t, err)
	require.True(t, access.PasswordMatches(bob.PasswordHash, password))
	assert.Equal(t, fleet.RoleViewer, bob.Role())
	_, _, err = r.AddPerson(r.ctx, "bob", fleet.RoleViewer)
	kind(t, fault.Exists, err)

	until := time.Now().Add(time.Hour)
	bob, err = r.GrantRole(r.ctx, bob.ID, fleet.RoleOperator, nil, &until)
	require.NoError(t, err)
	assert.Equal(t, fleet.RoleOperator, *bob.RoleByHand())
	assert.WithinDuration(t, until, *bob.RoleByHandEnds(), time.Second)
	assert.Len(t, bob.Grants, 1, "in the place of the one before")

	// What an issuer gives stays when what was given by hand goes.
	require.NoError(t, r.store.SetIssuerGrants(r.ctx, bob.ID, []*fleet.Grant{
		{ID: fleet.NewID(), TenantID: r.viewer.TenantID, UserID: bob.ID, Role: fleet.RoleViewer, Source: fleet.GrantByIssuer},
	}))
	bob, err = r.RevokeRole(r.ctx, bob.ID, nil)
	require.NoError(t, err)
	assert.Equal(t, fleet.RoleViewer, *bob.RoleByIssuer())
	assert.Nil(t, bob.RoleByHand())
	_, err = r.RevokeRole(r.ctx, bob.ID, nil)
	kind(t, fault.Conflict, err)

	bob, err = r.SetPersonActive(r.ctx, bob.ID, false)
	require.NoError(t, err)
	assert.False(t, bob.Active())
	bob, err = r.SetPersonActive(r.ctx, bob.ID, true)
	require.NoError(t, err)
	assert.True(t, bob.Active())

	_, again, err := r.ResetPassword(r.ctx, bob.ID)
	require.NoError(t, err)
	u, err := r.store.User(r.ctx, r.viewer.Scope(), bob.ID)
	require.NoError(t, err)
	assert.True(t, access.PasswordMatches(u.PasswordHash, again))

	all, err := r.People(r.ctx)
	require.NoError(t, err)
	require.Len(t, all, 2)
	assert.Equal(t, "alice", all[0].Name)

	entries, err := r.store.AuditEntries(r.ctx, r.viewer.Scope(), fleet.AuditFilter{}, 0, 1)
	require.NoError(t, err)
	assert.Equal(t, "resetPassword", entries[0].Action)
	assert.Equal(t, fleet.AuditAllowed, entries[0].Outcome)
}

// change is each way to change somebody.
func (r *rig) change(ctx context.Context, id uuid.UUID) map[string]error {
	_, granted := r.GrantRole(ctx, id, fleet.RoleViewer, nil, nil)
	_, revoked := r.RevokeRole(ctx, id, nil)
	_, switched := r.SetPersonActive(ctx, id, false)
	_, _, reset := r.ResetPassword(ctx, id)
	return map[string]error{"grantRole": granted, "revokeRole": revoked, "setPersonActive": switched, "resetPassword": reset}
}

func TestPeopleAreChangedByWhoeverMay(t *testing.T) {
	r := newRig(t)
	acme := r.viewer.Scope()
	owner := storetest.Person(t, r.store, acme, &fleet.User{Name: "olga"}, fleet.RoleOwner)
	bob := storetest.Person(t, r.store, acme, &fleet.User{Name: "bob"}, fleet.RoleViewer)
	elsewhere := storetest.Tenant(t, r.store, "elsewhere")
	guest := storetest.Person(t, r.store, elsewhere, &fleet.User{Name: "gast"}, fleet.RoleOwner)
	storetest.Grant(t, r.store, acme, guest, fleet.RoleViewer)

	for verb, err := range r.change(r.as(fleet.RoleOperator), bob.ID) {
		assert.True(t, fault.Is(err, fault.Denied), "%s: %v", verb, err)
	}
	// What was refused is written down too, though the transaction that it ended left nothing.
	denied := fleet.AuditDenied
	entries, err := r.store.AuditEntries(t.Context(), acme, fleet.AuditFilter{Outcome: &denied}, 0, 10)
	require.NoError(t, err)
	require.Len(t, entries, 4)
	assert.Equal(t, "alice", entries[0].Actor)
	_, err = r.People(r.as(fleet.RoleOperator))
	kind(t, fault.Denied, err)
	for verb, err := range r.change(r.stranger(), bob.ID) {
		assert.True(t, fault.Is(err, fault.NotFound), "%s: %v", verb, err)
	}
	for verb, err := range r.change(r.ctx, owner.ID) {
		assert.True(t, fault.Is(err, fault.Conflict), "an administrator changed an owner: %s: %v", verb, err)
	}
	_, err = r.GrantRole(r.ctx, bob.ID, fleet.RoleOwner, nil, nil)
	kind(t, fault.Denied, err)
	_, _, err = r.AddPerson(r.ctx, "mine", fleet.RoleOwner)
	kind(t, fault.Denied, err)
	for verb, err := range r.change(r.ctx, r.viewer.UserID) {
		assert.Equal(t, verb != "resetPassword", fault.Is(err, fault.Conflict), "%s of oneself: %v", verb, err)
	}
	// A guest's account is its own organisation's; the role is ours.
	of := r.change(r.ctx, guest.ID)
	require.NoError(t, of["grantRole"])
	require.NoError(t, of["revokeRole"])
	_, err = r.store.User(r.ctx, fleet.System(), guest.ID)
	kind(t, fault.NotFound, err)
	for _, verb := range []string{"setPersonActive", "resetPassword"} {
		require.Error(t, of[verb])
	}

	// A name that somebody elsewhere has is not told apart from one that is free.
	made, _, err := r.AddPerson(r.ctx, "gast", fleet.RoleViewer)
	require.NoError(t, err)
	assert.Equal(t, "gast@acme", made.Name)
	for name, role := range map[string]fleet.Role{"": fleet.RoleViewer, "a b": fleet.RoleViewer, "ok": "KING"} {
		_, _, err := r.AddPerson(r.ctx, name, role)
		kind(t, fault.Invalid, err)
	}
	past := time.Now().Add(-time.Minute)
	_, err = r.GrantRole(r.ctx, bob.ID, fleet.RoleViewer, nil, &past)
	kind(t, fault.Invalid, err)
}

func TestSessions(t *testing.T) {
	r := newRig(t)
	open := func(user uuid.UUID) *fleet.Session {
		s := &fleet.Session{Hash: []byte(uuid.NewString()), ID: uuid.New(), UserID: user, TenantID: r.viewer.TenantID, ExpiresAt: time.Now().Add(time.Hour), Agent: "Firefox"}
		require.NoError(t, r.store.InsertSession(t.Context(), s))
		return s
	}
	here, there, third := open(r.viewer.UserID), open(r.viewer.UserID), open(r.viewer.UserID)
	bob := storetest.Person(t, r.store, r.viewer.Scope(), &fleet.User{Name: "bob"}, fleet.RoleViewer)
	bobs := open(bob.ID)
	v := r.viewer
	v.SessionID = here.ID
	ctx := access.With(t.Context(), v)

	all, err := r.Sessions(ctx)
	require.NoError(t, err)
	require.Len(t, all, 3)
	for _, s := range all {
		assert.Equal(t, s.ID == here.ID, s.Current)
		assert.Nil(t, s.Issuer)
	}
	_, err = r.EndSessions(ctx, []uuid.UUID{bobs.ID}, false)
	kind(t, fault.NotFound, err)
	all, err = r.EndSessions(ctx, []uuid.UUID{there.ID}, false)
	require.NoError(t, err)
	require.Len(t, all, 2)
	all, err = r.EndSessions(ctx, nil, true)
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.Equal(t, here.ID, all[0].ID)
	_ = third

	// To another organisation of one's own, and to no other.
	second := storetest.Tenant(t, r.store, "second")
	alice, err := r.store.User(t.Context(), fleet.System(), v.UserID)
	require.NoError(t, err)
	_, err = r.SwitchOrganisation(ctx, second.Tenant())
	kind(t, fault.NotFound, err)
	storetest.Grant(t, r.store, second, alice, fleet.RoleViewer)
	of, err := r.Organisations(ctx)
	require.NoError(t, err)
	require.Len(t, of, 2)
	assert.Equal(t, fleet.RoleViewer, of[1].Role)
	now, err := r.SwitchOrganisation(ctx, second.Tenant())
	require.NoError(t, err)
	assert.Equal(t, "second", now.Name)
	_, s, err := r.store.UserBySession(t.Context(), here.Hash, time.Hour)
	require.NoError(t, err)
	assert.Equal(t, second.Tenant(), s.TenantID)
	_, err = r.SwitchOrganisation(r.ctx, second.Tenant())
	kind(t, fault.Unsupported, err)
}
