package access_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

func policies(t testing.TB, texts ...string) *access.Policies {
	t.Helper()
	var all []*fleet.Policy
	for i, text := range texts {
		all = append(all, &fleet.Policy{Name: "p" + string(rune('0'+i)), Text: text, Enabled: true})
	}
	p, err := access.NewPolicies(all)
	require.NoError(t, err)
	return p
}

var acme = uuid.New()

func somebody(role fleet.Role) access.Viewer {
	return access.Viewer{TenantID: acme, UserID: uuid.New(), Name: "ann", Role: role}
}

// What the house's policies say is what the table of permissions says: the one may stand for the other.
func TestHousePoliciesAreTheTable(t *testing.T) {
	house := policies(t)
	for _, role := range append([]fleet.Role{"", "KING"}, fleet.Roles...) {
		v := somebody(role)
		for _, p := range fleet.Permissions() {
			assert.Equal(t, p.Of(role).Allowed, house.Decide(v, p, v.OnAll()).Allowed, "%s %s", role, p)
		}
	}
	v := somebody(fleet.RoleOwner)
	d := house.Decide(v, "startVM", fleet.OnVM(&fleet.VM{ID: uuid.New(), TenantID: v.TenantID}))
	assert.Equal(t, access.Decision{Allowed: true, Policies: []string{"roles-operator"}}, d)
	assert.False(t, house.Decide(v, "noSuchThing", v.OnAll()).Allowed)

	elsewhere := v
	elsewhere.TenantID = uuid.New()
	for _, on := range []fleet.Resource{elsewhere.OnAll(), fleet.OnVM(&fleet.VM{ID: uuid.New(), TenantID: uuid.New()}), fleet.OnVM(&fleet.VM{ID: uuid.New()})} {
		assert.Equal(t, access.Decision{Policies: []string{"own-organisation"}}, house.Decide(v, "deleteVM", on))
	}
}

func TestPolicies(t *testing.T) {
	production := &fleet.VM{ID: uuid.New(), TenantID: acme, ProviderID: uuid.New(), Name: "db-1", Status: fleet.VMRunning, Tags: map[string]string{"env": "production"}}
	test := &fleet.VM{ID: uuid.New(), TenantID: acme, ProviderID: uuid.New(), Name: "db-2", Status: fleet.VMRunning, Tags: map[string]string{"env": "test"}}
	bare := &fleet.VM{ID: uuid.New(), TenantID: acme, ProviderID: production.ProviderID, Name: "old"}
	p := policies(t,
		`@id("keep") forbid (principal, action in [Action::"deleteVM", Action::"powerOffVM"], resource is VM)
			when { resource.hasTag("env") && resource.getTag("env") == "production" } unless { principal in Role::"OWNER" };`,
		`permit (principal, action == Action::"startVM", resource is VM) when { resource.hasTag("env") && resource.getTag("env") == "test" };`,
		`forbid (principal, action in Action::"OPERATOR", resource in Provider::"`+production.ProviderID.String()+`") when { principal.name == "ann" && resource has name && resource.name like "old*" };`,
	)
	for _, c := range []struct {
		role    fleet.Role
		may     fleet.Permission
		on      *fleet.VM
		allowed bool
		by      string
	}{
		{fleet.RoleOperator, "deleteVM", production, false, "p0/keep"},
		{fleet.RoleAdmin, "powerOffVM", production, false, "p0/keep"},
		{fleet.RoleOwner, "deleteVM", production, true, "roles-operator"},
		{fleet.RoleOperator, "startVM", production, true, "roles-operator"},
		{fleet.RoleOperator, "deleteVM", test, true, "roles-operator"},
		{fleet.RoleViewer, "startVM", test, true, "p1"},
		{fleet.RoleViewer, "startVM", production, false, ""},
		{fleet.RoleViewer, "shutdownVM", test, false, ""},
		{fleet.RoleOwner, "startVM", bare, false, "p2"},
	} {
		v := somebody(c.role).Under(p)
		d := p.Decide(v, c.may, fleet.OnVM(c.on))
		assert.Equal(t, c.allowed, d.Allowed, "%+v", c)
		if c.by == "" {
			assert.Empty(t, d.Policies)
		} else {
			assert.Contains(t, d.Policies, c.by)
		}
		a := v.May(fleet.OnVM(c.on))(c.may)
		assert.Equal(t, c.allowed, a.Allowed)
		if !c.allowed && c.by != "" { // administrators may know
			assert.Equal(t, v.Role.Includes(fleet.RoleAdmin), strings.Contains(a.Reason, c.by), a.Reason)
		}
	}
}

// A policy that was to forbid and cannot be evaluated forbids; one that was to permit permits nothing.
func TestBrokenPolicies(t *testing.T) {
	p := policies(t, `forbid (principal, action == Action::"addProvider", resource) when { resource.name == "x" };`,
		`permit (principal, action == Action::"addPerson", resource) when { resource.name == "x" };`)
	v := somebody(fleet.RoleOwner).Under(p)
	d := p.Decide(v, "addProvider", v.OnAll())
	assert.False(t, d.Allowed)
	assert.NotEmpty(t, d.Broken)
	assert.Contains(t, v.May(v.OnAll())("addProvider").Reason, "cannot be evaluated")
	assert.True(t, p.Decide(v, "startVM", v.OnAll()).Allowed)
	viewer := somebody(fleet.RoleViewer).Under(p)
	assert.False(t, p.Decide(viewer, "addPerson", viewer.OnAll()).Allowed)
}

func TestNoPolicies(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "a comment": "// keep", "no Cedar": "allow all", "half": "permit (principal, action",
		"a misspelt action": `forbid (principal, action == Action::"deleteVMs", resource);`,
		"in a condition":    `permit (principal, action, resource) when { action == Action::"destroy" };`,
	} {
		_, err := access.NewPolicies([]*fleet.Policy{{Name: "p", Text: text, Enabled: true}})
		assert.True(t, fault.Is(err, fault.Invalid), "%s: %v", name, err)
		assert.Equal(t, "text", fault.Of(err).Field)
	}
	_, err := access.NewPolicies([]*fleet.Policy{{Name: "p", Text: "no Cedar", Enabled: false}})
	require.NoError(t, err)
}

// BenchmarkDecision is one decision of an organisation with ten policies of its own.
func BenchmarkDecision(b *testing.B) {
	texts := make([]string, 10)
	for i := range texts {
		texts[i] = `forbid (principal, action == Action::"deleteVM", resource is VM) when { resource.hasTag("env") && resource.getTag("env") == "production" } unless { principal in Role::"OWNER" };`
	}
	p := policies(b, texts...)
	v := somebody(fleet.RoleOperator).Under(p)
	vm := &fleet.VM{ID: uuid.New(), TenantID: acme, ProviderID: uuid.New(), Name: "db-1", Tags: map[string]string{"env": "test", "team": "db"}}
	b.Run("with policies", func(b *testing.B) {
		for b.Loop() {
			v.May(fleet.OnVM(vm))("deleteVM")
		}
	})
	b.Run("by role alone", func(b *testing.B) {
		v := v.Under(nil)
		for b.Loop() {
			v.May(fleet.OnVM(vm))("deleteVM")
		}
	})
}
