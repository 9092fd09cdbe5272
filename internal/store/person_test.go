package store_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

// Whoever is forgotten is nowhere in the database any more; what they did is.
func TestForgetPerson(t *testing.T) {
	url := storetest.URL(t)
	s, l := storetest.Open(t, url), look(t, url)
	defer l.db.Close()
	of := furnished(t, s, "acme")
	scope, ctx := fleet.Within(of.tenant), t.Context()
	ann := storetest.Person(t, s, scope, &fleet.User{Name: "zz-ann", FullName: "Zz Ann Example", Email: "zz-ann@acme.example", Subject: "zz-subject", PasswordHash: "zz-hash"}, fleet.RoleAdmin)
	bob := storetest.Person(t, s, scope, &fleet.User{Name: "bob"}, fleet.RoleOwner)
	require.NoError(t, s.InsertToken(ctx, &fleet.APIToken{ID: fleet.NewID(), TenantID: of.tenant, UserID: ann.ID, Name: "zz-laptop", Hash: []byte("zz-token"), Role: fleet.RoleViewer}))
	require.NoError(t, s.InsertSession(ctx, &fleet.Session{ID: fleet.NewID(), Hash: []byte("zz-cookie"), TenantID: of.tenant, UserID: ann.ID, Address: "192.0.2.99", Agent: "zz-browser", ExpiresAt: time.Now().Add(time.Hour)}))
	require.NoError(t, s.InsertGrant(ctx, &fleet.Grant{ID: fleet.NewID(), TenantID: of.tenant, UserID: bob.ID, Role: fleet.RoleViewer, Source: fleet.GrantByHand, GrantedBy: ann.Name}))
	require.NoError(t, s.InsertOperation(ctx, &fleet.Operation{ID: fleet.NewID(), TenantID: of.tenant, Kind: fleet.Bulk, UserID: &ann.ID, RequestedBy: ann.Name}))
	require.NoError(t, s.Audit(ctx, &fleet.AuditEntry{TenantID: of.tenant, Actor: ann.Name, UserID: &ann.ID, Address: "192.0.2.99", Action: "startVM"}))
	require.NoError(t, s.Audit(ctx, &fleet.AuditEntry{TenantID: of.tenant, Actor: "bob", UserID: &bob.ID, Action: "grantRole", TargetType: fleet.TargetPerson, TargetID: &ann.ID, TargetName: ann.Name}))

	owner := storetest.OpenOwned(t, url)
	stored, err := owner.PersonalData(ctx, ann.ID)
	require.NoError(t, err)
	text, err := json.Marshal(stored)
	require.NoError(t, err)
	for _, has := range []string{"Zz Ann Example", "zz-ann@acme.example", "zz-laptop", "192.0.2.99", "zz-browser", "grantRole", "BULK"} {
		assert.Contains(t, string(text), has)
	}
	assert.NotContains(t, string(text), "zz-hash")
	assert.NotContains(t, string(text), "hash")

	require.NoError(t, owner.ForgetPerson(ctx, ann))
	var all strings.Builder
	for _, table := range store.BackupTables() {
		all.WriteString(l.all(table))
	}
	for _, gone := range []string{"zz-", "Zz Ann", "192.0.2.99"} {
		assert.NotContains(t, all.String(), gone)
	}
	entries, err := s.AuditEntries(ctx, scope, fleet.AuditFilter{}, 0, 10)
	require.NoError(t, err)
	assert.Equal(t, []string{"forgetPerson", "grantRole", "startVM"}, []string{entries[0].Action, entries[1].Action, entries[2].Action})
	assert.Equal(t, fleet.Forgotten, entries[2].Actor)
	assert.Equal(t, "bob", entries[1].Actor)
	require.True(t, fault.Is(s.ForgetPerson(ctx, bob), fault.Internal), "the server's own role may not")
	require.NoError(t, owner.ForgetPerson(ctx, ann), "again is no harm")
}
