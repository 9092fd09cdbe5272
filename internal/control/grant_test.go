package control

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// with is a context of somebody who has the grants.
func (r *rig) with(grants ...*fleet.Grant) context.Context {
	return access.With(r.t.Context(), access.Viewer{TenantID: r.viewer.TenantID, UserID: fleet.NewID(), Name: "bob"}.Granted(grants, fleet.RoleOwner))
}

// A role on a part of the things is one there, and none elsewhere: for buttons and for deeds, for one and for many.
func TestNarrowedGrants(t *testing.T) {
	r := newRig(t)
	mine, other := r.make("mine"), r.make("other")
	require.NoError(t, r.store.LabelVM(t.Context(), r.viewer.Scope(), mine.ID, "", map[string]string{"team": "web"}))
	ours := fleet.VMFilter{IDs: []uuid.UUID{mine.ID, other.ID}}
	for name, on := range map[string]fleet.Narrow{"a VM": {VMs: []uuid.UUID{mine.ID}}, "a tag": {Tags: []fleet.Tag{{Key: "team", Value: "web"}}}} {
		t.Run(name, func(t *testing.T) {
			bob := r.with(&fleet.Grant{Role: fleet.RoleOperator, Narrowed: &on})
			viewer, err := access.From(bob)
			require.NoError(t, err)
			assert.Equal(t, fleet.RoleViewer, viewer.Role, "the rest may be looked at")
			for v, allowed := range map[*fleet.VM]bool{r.vm(mine.ID): true, r.vm(other.ID): false} {
				assert.Equal(t, allowed, v.Action("powerOffVM", r.provider, viewer.May(fleet.OnVM(v)), nil).Allowed, v.Name)
			}
			_, err = r.Power(bob, other.ID, drivers.PowerOff)
			kind(t, fault.Denied, err)
			_, err = r.DeleteVM(bob, other.ID, nil, false, true)
			kind(t, fault.Denied, err)
			_, _, err = r.CreateVM(bob, r.newVM("new"))
			kind(t, fault.Denied, err)
			plan, err := r.PlanBulk(bob, fleet.BulkRequest{Action: fleet.BulkPowerOff, Filter: ours})
			require.NoError(t, err)
			assert.Equal(t, 1, plan.Count)
			o, err := r.Power(bob, mine.ID, drivers.PowerReset)
			require.NoError(t, err)
			r.ok(o)
			_, err = r.AddPolicy(bob, "mine", "permit (principal, action, resource);", true)
			kind(t, fault.Denied, err)
			_, err = r.UpdateProvider(bob, r.provider.ID, fleet.ProviderChange{})
			kind(t, fault.Denied, err)
		})
	}
	t.Run("a host", func(t *testing.T) {
		bob := r.with(&fleet.Grant{Role: fleet.RoleOperator, Narrowed: &fleet.Narrow{Providers: []uuid.UUID{r.provider.ID}}})
		o, _, err := r.CreateVM(bob, r.newVM("new"))
		require.NoError(t, err)
		r.ok(o)
		elsewhere := r.with(&fleet.Grant{Role: fleet.RoleOwner, Narrowed: &fleet.Narrow{Providers: []uuid.UUID{fleet.NewID()}}})
		_, _, err = r.CreateVM(elsewhere, r.newVM("none"))
		kind(t, fault.Denied, err)
		_, err = r.GrantRole(elsewhere, r.viewer.UserID, fleet.RoleViewer, nil, nil)
		kind(t, fault.Denied, err)
	})
	t.Run("a token's limit", func(t *testing.T) {
		v := access.Viewer{TenantID: r.viewer.TenantID}.Granted([]*fleet.Grant{{Role: fleet.RoleOwner, Narrowed: &fleet.Narrow{VMs: []uuid.UUID{mine.ID}}}}, fleet.RoleViewer)
		assert.Equal(t, fleet.RoleViewer, v.RoleOn(fleet.OnVM(mine)))
		assert.False(t, v.MayHave("startVM"))
	})
}

func TestGrantOnAPart(t *testing.T) {
	r := newRig(t)
	vm := r.make("web")
	bob, _, err := r.AddPerson(r.ctx, "bob", fleet.RoleViewer)
	require.NoError(t, err)
	foreign := r.stranger()
	stranger, err := access.From(foreign)
	require.NoError(t, err)
	for field, on := range map[string]fleet.Narrow{
		"on": {}, "on.vms[0]": {VMs: []uuid.UUID{fleet.NewID()}}, "on.providers[0]": {Providers: []uuid.UUID{stranger.TenantID}}, "on.tags": {Tags: []fleet.Tag{{Key: "a b"}}},
	} {
		_, err := r.GrantRole(r.ctx, bob.ID, fleet.RoleOperator, &on, nil)
		require.Error(t, err, field)
		assert.Equal(t, field, fault.Of(err).Field, "%v", err)
	}
	bob, err = r.GrantRole(r.ctx, bob.ID, fleet.RoleOperator, &fleet.Narrow{VMs: []uuid.UUID{vm.ID}, Providers: []uuid.UUID{r.provider.ID}, Tags: []fleet.Tag{{Key: "team", Value: "web"}}}, nil)
	require.NoError(t, err)
	require.Len(t, bob.Grants, 2, "beside the one on everything")
	assert.Equal(t, fleet.RoleViewer, bob.Role())
	assert.Equal(t, fleet.RoleViewer, *bob.RoleByHand())
	narrow := bob.Grants[1]
	assert.Equal(t, []uuid.UUID{vm.ID}, narrow.Narrowed.VMs)
	assert.Equal(t, []fleet.Tag{{Key: "team", Value: "web"}}, narrow.Narrowed.Tags)
	on := fleet.OnVM(vm)
	d, err := r.WhatMay(r.ctx, bob.ID, "startVM", &on)
	require.NoError(t, err)
	assert.True(t, d.Allowed)
	assert.Equal(t, fleet.RoleOperator, d.Role)
	d, err = r.WhatMay(r.ctx, bob.ID, "startVM", nil)
	require.NoError(t, err)
	assert.False(t, d.Allowed)

	bob, err = r.GrantRole(r.ctx, bob.ID, fleet.RoleOperator, nil, nil)
	require.NoError(t, err)
	require.Len(t, bob.Grants, 2, "the one on everything is exchanged, the other stays")
	_, err = r.RevokeRole(r.ctx, bob.ID, &vm.ID)
	kind(t, fault.NotFound, err)
	bob, err = r.RevokeRole(r.ctx, bob.ID, &narrow.ID)
	require.NoError(t, err)
	assert.Len(t, bob.Grants, 1)
	gone, err := r.RevokeRole(r.ctx, bob.ID, nil)
	require.NoError(t, err)
	assert.Nil(t, gone)

	// Whoever may do more than an administrator with a part of the things is not theirs to change.
	ann, _, err := r.AddPerson(r.ctx, "ann", fleet.RoleViewer)
	require.NoError(t, err)
	_, err = r.GrantRole(r.as(fleet.RoleOwner), ann.ID, fleet.RoleOwner, &fleet.Narrow{VMs: []uuid.UUID{vm.ID}}, nil)
	require.NoError(t, err)
	_, _, err = r.ResetPassword(r.ctx, ann.ID)
	require.ErrorContains(t, err, "They may do more than you")
}
