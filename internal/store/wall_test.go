package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

// things are the ids of one of each noun.
type things struct{ tenant, policy, user, token, provider, host, vm, image, parent, operation uuid.UUID }

func nothing() things {
	id := uuid.New
	return things{id(), id(), id(), id(), id(), id(), id(), id(), id(), id()}
}

// furnished is an organisation that has one of everything.
func furnished(t *testing.T, s *store.Store, name string) things {
	t.Helper()
	ctx, scope := t.Context(), storetest.Tenant(t, s, name)
	of := nothing()
	of.tenant = scope.Tenant()
	require.NoError(t, s.SetLimits(ctx, scope, of.tenant, fleet.Limits{fleet.CountVMs: 10}))
	storetest.Person(t, s, scope, &fleet.User{ID: of.user, Name: name + "-ann", PasswordHash: "h"}, fleet.RoleAdmin)
	require.NoError(t, s.InsertPolicy(ctx, &fleet.Policy{ID: of.policy, TenantID: of.tenant, Name: "keep", Text: "forbid (principal, action, resource);", Version: 1}))
	require.NoError(t, s.InsertToken(ctx, &fleet.APIToken{ID: of.token, TenantID: of.tenant, UserID: of.user, Name: "ci", Hash: of.token[:], Role: fleet.RoleViewer}))
	require.NoError(t, s.InsertProvider(ctx, &fleet.Provider{ID: of.provider, TenantID: of.tenant, Name: "lab", Kind: drivers.KindFake}))
	require.NoError(t, s.InsertHost(ctx, &fleet.HypervisorHost{ID: of.host, TenantID: of.tenant, ProviderID: of.provider, Name: "n", Status: fleet.HostActive}))
	require.NoError(t, s.InsertVM(ctx, &fleet.VM{
		ID: of.vm, TenantID: of.tenant, ProviderID: of.provider, HostID: &of.host, Ref: "ref", Name: "canary", Management: fleet.Managed, ObservedStatus: fleet.VMRunning,
		Tags: map[string]string{"kept": "secret"}, VCPUs: 2, MemoryMiB: 64, Disks: []drivers.Disk{{Name: "vda", Pool: "p", Volume: "vol"}},
	}))
	require.NoError(t, s.InsertImage(ctx, &fleet.Image{ID: of.image, TenantID: of.tenant, ProviderID: of.provider, Name: "debian", Pool: "p", Volume: "img"}))
	for _, o := range []*fleet.Operation{
		{ID: of.parent, Kind: fleet.Bulk},
		{ID: of.operation, Kind: fleet.StartVM, ParentID: &of.parent, ProviderID: &of.provider, TargetType: fleet.TargetVM, TargetID: &of.vm, TargetName: "canary"},
	} {
		o.TenantID = of.tenant
		require.NoError(t, s.InsertOperation(ctx, o))
	}
	require.NoError(t, s.Tx(ctx, func(tx *store.Store) error {
		if err := tx.Audit(ctx, &fleet.AuditEntry{TenantID: of.tenant, Actor: "ann", Action: "startVM"}); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, (&fleet.VM{ID: of.vm, TenantID: of.tenant, ProviderID: of.provider}).Event(fleet.Added))
	}))
	return of
}

// scoped has a call of every method of a Store that takes a scope.
var scoped = map[string]func(context.Context, *store.Store, fleet.Scope, things) (any, error){
	"AuditEntries": func(ctx context.Context, s *store.Store, scope fleet.Scope, _ things) (any, error) {
		return s.AuditEntries(ctx, scope, fleet.AuditFilter{}, 0, 10)
	},
	"EventsAfter": func(ctx context.Context, s *store.Store, scope fleet.Scope, _ things) (any, error) {
		all, _, err := s.EventsAfter(ctx, scope, fleet.Cursor{}, 10)
		return len(all), err
	},
	"Hosts": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.Hosts(ctx, scope, &of.provider)
	},
	"Host": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.Host(ctx, scope, of.host)
	},
	"HostUse": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return values(s.HostUse(ctx, scope, []uuid.UUID{of.host}))
	},
	"HostsByID": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return values(s.HostsByID(ctx, scope, []uuid.UUID{of.host}))
	},
	"HostsByProvider": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return values(s.HostsByProvider(ctx, scope, []uuid.UUID{of.provider}))
	},
	"Images": func(ctx context.Context, s *store.Store, scope fleet.Scope, _ things) (any, error) {
		return s.Images(ctx, scope, nil)
	},
	"Image": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.Image(ctx, scope, of.image)
	},
	"ImageByVolume": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.ImageByVolume(ctx, scope, of.provider, drivers.VolumeRef{Pool: "p", Volume: "img"})
	},
	"ImagesByID": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return values(s.ImagesByID(ctx, scope, []uuid.UUID{of.image}))
	},
	"DeleteImage": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return done, s.DeleteImage(ctx, scope, of.image)
	},
	"Operation": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.Operation(ctx, scope, of.operation)
	},
	"LockOperation": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.LockOperation(ctx, scope, of.operation)
	},
	"OperationsByID": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return values(s.OperationsByID(ctx, scope, []uuid.UUID{of.operation}))
	},
	"ActiveOperations": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return values(s.ActiveOperations(ctx, scope, []uuid.UUID{of.vm}))
	},
	"Operations": func(ctx context.Context, s *store.Store, scope fleet.Scope, _ things) (any, error) {
		page, err := s.Operations(ctx, scope, fleet.OperationQuery{First: 10})
		return len(page.Operations), err
	},
	"CountOperations": func(ctx context.Context, s *store.Store, scope fleet.Scope, _ things) (any, error) {
		return s.CountOperations(ctx, scope, fleet.OperationFilter{})
	},
	"OperationChildren": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return values(s.OperationChildren(ctx, scope, []uuid.UUID{of.parent}))
	},
	"OperationChildCounts": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return values(s.OperationChildCounts(ctx, scope, []uuid.UUID{of.parent}))
	},
	"Tenants": func(ctx context.Context, s *store.Store, scope fleet.Scope, _ things) (any, error) {
		return s.Tenants(ctx, scope)
	},
	"Tenant": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.Tenant(ctx, scope, of.tenant)
	},
	"User": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.User(ctx, scope, of.user)
	},
	"UserByName": func(ctx context.Context, s *store.Store, scope fleet.Scope, _ things) (any, error) {
		return s.UserByName(ctx, scope, "acme-ann")
	},
	"SetPassword": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return done, s.SetPassword(ctx, scope, of.user, "stolen")
	},
	"Policies": func(ctx context.Context, s *store.Store, scope fleet.Scope, _ things) (any, error) {
		return s.Policies(ctx, scope)
	},
	"Policy": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.Policy(ctx, scope, of.policy)
	},
	"UpdatePolicy": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return done, s.UpdatePolicy(ctx, scope, &fleet.Policy{ID: of.policy, TenantID: of.tenant, Name: "keep", Text: "stolen", Version: 1})
	},
	"DeletePolicy": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return done, s.DeletePolicy(ctx, scope, of.policy)
	},
	"LockTenant": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return done, s.LockTenant(ctx, scope, of.tenant)
	},
	"People": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.People(ctx, scope, of.user)
	},
	"CountPeople": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		all, err := s.CountPeople(ctx, scope)
		return all[of.tenant], err
	},
	"InUse": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		all, err := s.InUse(ctx, scope)
		return all[of.tenant].VMs, err
	},
	"SetLimits": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return done, s.SetLimits(ctx, scope, of.tenant, fleet.Limits{fleet.CountVMs: 1000})
	},
	"LockLimits": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.LockLimits(ctx, scope, of.tenant)
	},
	"SetSnapshots": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		if err := s.SetSnapshots(ctx, scope, of.vm, 3); err != nil {
			return nil, err
		}
		return s.VM(ctx, scope, of.vm)
	},
	"AddSnapshots": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		if err := s.AddSnapshots(ctx, scope, of.vm, 1); err != nil {
			return nil, err
		}
		return s.VM(ctx, scope, of.vm)
	},
	"DeleteGrant": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		before, err := s.Grants(ctx, scope, of.user)
		for _, g := range before {
			if err == nil {
				err = s.DeleteGrant(ctx, scope, of.user, g.ID)
			}
		}
		if err != nil {
			return nil, err
		}
		after, err := s.Grants(ctx, scope, of.user)
		return len(before) - len(after), err
	},
	"DeleteGrants": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		before, err := s.Grants(ctx, scope, of.user)
		if err == nil {
			err = s.DeleteGrants(ctx, scope, of.user, fleet.GrantByHand)
		}
		if err != nil {
			return nil, err
		}
		after, err := s.Grants(ctx, scope, of.user)
		return len(before) - len(after), err
	},
	"Grants": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.Grants(ctx, scope, of.user)
	},
	"Tokens": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.Tokens(ctx, scope, of.user)
	},
	"DeleteToken": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return done, s.DeleteToken(ctx, scope, of.user, of.token)
	},
	"Providers": func(ctx context.Context, s *store.Store, scope fleet.Scope, _ things) (any, error) {
		return s.Providers(ctx, scope)
	},
	"Provider": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.Provider(ctx, scope, of.provider)
	},
	"ProvidersByID": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return values(s.ProvidersByID(ctx, scope, []uuid.UUID{of.provider}))
	},
	"UpdateProvider": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return done, s.UpdateProvider(ctx, scope, &fleet.Provider{ID: of.provider, TenantID: of.tenant, Name: "mine", Kind: drivers.KindFake, SettingsVersion: 1})
	},
	"RequestRefresh": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return done, s.RequestRefresh(ctx, scope, of.provider)
	},
	"DeleteProvider": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return done, s.DeleteProvider(ctx, scope, of.provider)
	},
	"VM": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.VM(ctx, scope, of.vm)
	},
	"LockVM": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.LockVM(ctx, scope, of.vm)
	},
	"VMsByID": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return values(s.VMsByID(ctx, scope, []uuid.UUID{of.vm}))
	},
	"VMByRef": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.VMByRef(ctx, scope, of.provider, "ref")
	},
	"LabelVM": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return done, s.LabelVM(ctx, scope, of.vm, "mine", nil)
	},
	"SetManagement": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return done, s.SetManagement(ctx, scope, of.vm, fleet.Managed)
	},
	"VMsWithVolume": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.VMsWithVolume(ctx, scope, of.provider, drivers.VolumeRef{Pool: "p", Volume: "vol"})
	},
	"VMCounts": func(ctx context.Context, s *store.Store, scope fleet.Scope, _ things) (any, error) {
		return s.VMCounts(ctx, scope, fleet.VMFilter{})
	},
	"VMCountsByProvider": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return values(s.VMCountsByProvider(ctx, scope, []uuid.UUID{of.provider}))
	},
	"VMPage": vmPage(fleet.VMFilter{}),
	"VMMarks": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.VMMarks(ctx, scope, of.provider, nil)
	},
	"LockVMsSeen": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.LockVMsSeen(ctx, scope, of.provider, []drivers.Ref{"ref"}, nil)
	},
	"RefsElsewhere": func(ctx context.Context, s *store.Store, scope fleet.Scope, _ things) (any, error) {
		return s.RefsElsewhere(ctx, scope, uuid.New(), []drivers.Ref{"ref"})
	},
	"RunningVMs": func(ctx context.Context, s *store.Store, scope fleet.Scope, of things) (any, error) {
		return s.RunningVMs(ctx, scope, of.provider, false)
	},
}

const done = "done"

// values leaves the keys of a map out: they are what was asked.
func values[K comparable, V any](m map[K]V, err error) (any, error) {
	return slices.Collect(maps.Values(m)), err
}

func vmPage(f fleet.VMFilter) func(context.Context, *store.Store, fleet.Scope, things) (any, error) {
	return func(ctx context.Context, s *store.Store, scope fleet.Scope, _ things) (any, error) {
		page, err := s.VMPage(ctx, scope, fleet.VMQuery{Filter: f, First: 10})
		if err != nil {
			return nil, err
		}
		return len(page.VMs), nil
	}
}

// Each read and write of one organisation's things, with its condition taken away (the system's scope has
// none), shows and changes nothing of another's: not even that it is there.
func TestWall(t *testing.T) {
	s := storetest.New(t)
	acme, other := furnished(t, s, "acme"), storetest.Tenant(t, s, "other")
	cases := maps.Clone(scoped)
	for name, f := range map[string]fleet.VMFilter{
		"VMPage by words": {Search: "canary"}, "VMPage by a tag": {Tags: []fleet.Tag{{Key: "kept", Value: "secret"}}}, "VMPage by a tag's key": {Tags: []fleet.Tag{{Key: "kept"}}},
		"VMPage by id": {IDs: []uuid.UUID{acme.vm}},
	} {
		cases[name] = vmPage(f)
	}
	// as tells what somebody gets, in a transaction that is taken back.
	as := func(t *testing.T, wall fleet.Scope, call func(context.Context, *store.Store, fleet.Scope, things) (any, error), of things) string {
		t.Helper()
		var told any
		var failed error
		undo := errors.New("undo")
		ctx := store.Walled(t.Context(), wall)
		err := s.Tx(ctx, func(tx *store.Store) error {
			told, failed = call(ctx, tx, fleet.System(), of)
			return undo
		})
		require.ErrorContains(t, err, "undo")
		if failed != nil {
			return string(fault.KindOf(failed))
		}
		text, err := json.Marshal(told)
		require.NoError(t, err)
		return strings.ReplaceAll(string(text), "null", "[]")
	}
	for name, call := range cases {
		t.Run(name, func(t *testing.T) {
			absent := as(t, other, call, nothing())
			assert.Equal(t, absent, as(t, other, call, acme), "what another has is told apart from what there is not")
			assert.Equal(t, as(t, fleet.Scope{}, call, nothing()), as(t, fleet.Scope{}, call, acme), "nobody sees something")
			assert.NotEqual(t, absent, as(t, fleet.Within(acme.tenant), call, acme), "the call finds nothing even for those whose it is: it proves nothing")
		})
	}
	of := reflect.TypeFor[*store.Store]()
	for i := range of.NumMethod() {
		m := of.Method(i)
		if m.Type.NumIn() > 2 && m.Type.In(2) == reflect.TypeFor[fleet.Scope]() {
			assert.Contains(t, scoped, m.Name, "a method without a case here")
		}
	}
}

// Whoever writes behind a wall cannot write to the other side of it, nor touch what was audited.
func TestWallAgainstWrites(t *testing.T) {
	s := storetest.New(t)
	acme, other := furnished(t, s, "acme"), storetest.Tenant(t, s, "other")
	ctx := store.Walled(t.Context(), other)
	for name, write := range map[string]func() error{
		"a VM": func() error {
			return s.InsertVM(ctx, &fleet.VM{ID: fleet.NewID(), TenantID: acme.tenant, ProviderID: acme.provider, Name: "planted"})
		},
		"a provider": func() error {
			return s.InsertProvider(ctx, &fleet.Provider{ID: fleet.NewID(), TenantID: acme.tenant, Name: "planted"})
		},
		"a token": func() error {
			return s.InsertToken(ctx, &fleet.APIToken{ID: fleet.NewID(), TenantID: acme.tenant, UserID: acme.user, Hash: []byte("x")})
		},
		"an entry": func() error { return s.Audit(ctx, &fleet.AuditEntry{TenantID: acme.tenant, Actor: "planted"}) },
		"a session": func() error {
			return s.InsertSession(ctx, &fleet.Session{Hash: []byte("x"), UserID: acme.user, ExpiresAt: time.Now().Add(time.Hour)})
		},
		"an operation": func() error {
			return s.InsertOperation(ctx, &fleet.Operation{ID: fleet.NewID(), TenantID: acme.tenant, Kind: fleet.ShutdownVM})
		},
	} {
		require.Error(t, write(), name)
	}
	for _, wall := range []fleet.Scope{fleet.Within(acme.tenant), fleet.System()} {
		for _, statement := range []string{"UPDATE audit SET actor = 'nobody'", "DELETE FROM audit", "TRUNCATE audit", "DROP TABLE audit"} {
			require.ErrorContains(t, s.Execute(store.Walled(t.Context(), wall), statement), "42501", statement)
		}
	}
}

// One connection that works for one after the other never mixes them up, nor when a statement fails or is called off.
func TestWallMovesWithItsConnection(t *testing.T) {
	s := storetest.New(t)
	s.OneConnection()
	a, b := furnished(t, s, "acme"), furnished(t, s, "other")
	for i := range 60 {
		mine := []things{a, b}[i%2]
		ctx, cancel := context.WithCancel(store.Walled(t.Context(), fleet.Within(mine.tenant)))
		switch i % 5 {
		case 1:
			_ = s.Execute(ctx, "SELECT 1 / 0")
		case 2:
			_ = s.Tx(ctx, func(tx *store.Store) error { return tx.Execute(ctx, "SELECT 1 / 0") })
		case 3:
			_, err := s.Tenants(t.Context(), fleet.System())
			require.NoError(t, err)
		}
		all, err := s.Tenants(ctx, fleet.System())
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.Equal(t, mine.tenant, all[0].ID)
		cancel()
		_, err = s.Tenants(ctx, fleet.System())
		require.Error(t, err)
	}
	err := s.Tx(store.Walled(t.Context(), fleet.Within(a.tenant)), func(tx *store.Store) error {
		_, err := tx.Tenants(store.Walled(t.Context(), fleet.Within(b.tenant)), fleet.System())
		return err
	})
	kind(t, fault.Internal, err)
}

// Every table is on one side of the wall or known to be of no organisation.
func TestWallIsWhole(t *testing.T) {
	s := storetest.New(t)
	ofNobody := []string{"audit_seals", "audit_sent", "event_floor", "goose_db_version", "issuers"}
	open, err := s.Texts(t.Context(), `SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
		AND (NOT c.relrowsecurity OR 2 <> (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid)) ORDER BY 1`)
	require.NoError(t, err)
	require.Equal(t, ofNobody, open)
	seen, err := s.Texts(t.Context(), `SELECT t || ' ' || p FROM unnest('{audit_seals,audit_sent,event_floor,goose_db_version,issuers}'::text[]) t,
		unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) p WHERE has_table_privilege('novacron_tenant', t, p) ORDER BY 1`)
	require.NoError(t, err)
	require.Equal(t, []string{"event_floor SELECT"}, seen)
	// a part is reached through its whole alone, and there is the wall
	parts, err := s.Texts(t.Context(), `SELECT c.relname || ' ' || r || ' ' || p FROM pg_class c, unnest('{novacron_house,novacron_tenant}'::text[]) r,
		unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) p WHERE c.relispartition AND c.relkind = 'r' AND has_table_privilege(r, c.oid, p)`)
	require.NoError(t, err)
	require.Empty(t, parts)
}

// The server's own user need not own anything.
func TestWallForOneWhoOwnsNothing(t *testing.T) {
	url := storetest.URL(t)
	of := furnished(t, storetest.Open(t, url), "acme")
	owner := storetest.OpenOwned(t, url)
	name := "novacron_app_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	require.NoError(t, owner.Execute(t.Context(), "CREATE ROLE "+name+" LOGIN NOINHERIT"))
	t.Cleanup(func() { _ = owner.Execute(context.Background(), "DROP ROLE "+name) })
	as := strings.Replace(url, "user=novacron", "user="+name, 1)
	if as == url {
		t.Skip("the server of NOVACRON_TEST_DATABASE_URL lets in nobody else")
	}
	stranger := storetest.Open(t, as)
	_, err := stranger.VM(t.Context(), fleet.System(), of.vm)
	kind(t, fault.Internal, err)
	assert.Contains(t, fault.Of(err).Remedy, "GRANT")
	require.NoError(t, owner.Execute(t.Context(), "GRANT novacron_house, novacron_tenant TO "+name))
	app := storetest.Open(t, as)
	_, err = app.VM(t.Context(), fleet.System(), of.vm)
	require.NoError(t, err)
	_, err = app.VM(store.Walled(t.Context(), fleet.Within(of.tenant)), fleet.Within(of.tenant), of.vm)
	require.NoError(t, err)
	require.Error(t, app.Execute(t.Context(), "RESET ROLE; DELETE FROM audit"))
}
