package control

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store/storetest"
)

func TestPolicies(t *testing.T) {
	r := newRig(t)
	var heard int
	r.o.PoliciesChanged = func(uuid.UUID) { heard++ }
	owner := r.as(fleet.RoleOwner)
	_, err := r.AddPolicy(r.as(fleet.RoleAdmin), "mine", `permit (principal, action, resource);`, true)
	kind(t, fault.Denied, err)
	keep, err := r.AddPolicy(owner, "keep", `forbid (principal, action == Action::"deleteVM", resource is VM) when { resource.hasTag("env") } unless { principal in Role::"OWNER" };`, true)
	require.NoError(t, err)
	_, err = r.AddPolicy(owner, "keep", `permit (principal, action == Action::"startVM", resource);`, true)
	kind(t, fault.Exists, err)
	assert.Equal(t, 1, heard)
	for name, c := range map[string][2]string{
		"no Cedar": {"p", "allow everybody"}, "no name": {"", keep.Text}, "locks everybody out": {"p", `forbid (principal, action, resource);`},
	} {
		_, err = r.AddPolicy(owner, c[0], c[1], true)
		assert.True(t, fault.Is(err, fault.Invalid), "%s: %v", name, err)
	}
	off := false
	changed, err := r.UpdatePolicy(owner, keep.ID, PolicyChange{Enabled: &off})
	require.NoError(t, err)
	assert.Equal(t, 2, changed.Version)
	old := 1
	_, err = r.UpdatePolicy(owner, keep.ID, PolicyChange{IfVersion: &old})
	kind(t, fault.Conflict, err)
	kind(t, fault.NotFound, r.RemovePolicy(access.With(t.Context(), access.Viewer{TenantID: storetest.Tenant(t, r.store, "other").Tenant(), Role: fleet.RoleOwner}), keep.ID))
	require.NoError(t, r.RemovePolicy(owner, keep.ID))
	all, err := r.Policies(owner)
	require.NoError(t, err)
	assert.Empty(t, all)
	for _, verb := range []string{"addPolicy", "updatePolicy", "removePolicy"} {
		log, err := r.store.AuditEntries(t.Context(), r.viewer.Scope(), fleet.AuditFilter{Action: verb, Outcome: allowed}, 0, 1)
		require.NoError(t, err)
		require.Len(t, log, 1, verb)
		assert.Equal(t, "keep", log[0].TargetName, verb)
	}
}

var allowed, denied = new(fleet.AuditAllowed), new(fleet.AuditDenied)

// A policy decides on the very VM, for buttons and for deeds alike.
func TestPoliciesDecide(t *testing.T) {
	r := newRig(t)
	policies, err := access.NewPolicies([]*fleet.Policy{{Name: "keep", Enabled: true, Text: `
		forbid (principal, action in [Action::"deleteVM", Action::"createVM", Action::"updateVM"], resource is VM) when { resource.hasTag("env") && resource.getTag("env") == "production" };
		permit (principal, action == Action::"startVM", resource is VM) when { resource.hasTag("env") && resource.getTag("env") == "test" };`}})
	require.NoError(t, err)
	production, test := r.make("db-1"), r.make("db-2")
	require.NoError(t, r.store.LabelVM(t.Context(), r.viewer.Scope(), production.ID, "", map[string]string{"env": "production"}))
	require.NoError(t, r.store.LabelVM(t.Context(), r.viewer.Scope(), test.ID, "", map[string]string{"env": "test"}))

	admin := access.With(t.Context(), r.viewer.Under(policies))
	_, err = r.DeleteVM(admin, production.ID, nil, false, false)
	kind(t, fault.Denied, err)
	assert.Contains(t, fault.Of(err).Message, "keep/1")
	d := "changed"
	_, _, _, err = r.UpdateVM(admin, production.ID, fleet.VMChange{Description: &d})
	kind(t, fault.Denied, err)
	db := r.newVM("db-3")
	db.Tags = map[string]string{"env": "production"}
	_, _, err = r.CreateVM(admin, db)
	kind(t, fault.Denied, err)

	v := r.viewer
	v.Role = fleet.RoleViewer
	viewer := access.With(t.Context(), v.Under(policies))
	_, err = r.Power(viewer, test.ID, drivers.PowerStart)
	kind(t, fault.Conflict, err) // it runs; they might
	_, err = r.Power(viewer, production.ID, drivers.PowerStart)
	kind(t, fault.Denied, err)

	log, err := r.store.AuditEntries(t.Context(), r.viewer.Scope(), fleet.AuditFilter{Action: "deleteVM", Outcome: denied}, 0, 1)
	require.NoError(t, err)
	require.Len(t, log, 1)
	assert.Equal(t, []any{"keep/1"}, log[0].Detail["policies"], "whoever was refused is told less than the log")

	what, err := r.WhatMay(r.ctx, r.viewer.UserID, "deleteVM", nil)
	require.NoError(t, err)
	assert.True(t, what.Allowed)
	assert.Equal(t, []string{"roles-operator"}, what.Policies)
	_, err = r.WhatMay(r.ctx, r.viewer.UserID, "fly", nil)
	kind(t, fault.Invalid, err)
}
