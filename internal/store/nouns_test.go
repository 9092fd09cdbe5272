package store_test

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
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

func kind(t testing.TB, want fault.Kind, err error) {
	t.Helper()
	assert.True(t, fault.Is(err, want), "want %s, got %v", want, err)
}

func TestPeople(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	acme, other := storetest.Tenant(t, s, "acme"), storetest.Tenant(t, s, "other")
	u := &fleet.User{ID: fleet.NewID(), TenantID: acme.Tenant(), Name: "ann", PasswordHash: "h"}
	require.NoError(t, s.InsertUser(ctx, u))
	err := s.InsertUser(ctx, &fleet.User{ID: fleet.NewID(), TenantID: other.Tenant(), Name: "ann"})
	kind(t, fault.Exists, err)
	assert.Equal(t, "name", fault.Of(err).Field)
	got, err := s.UserByName(ctx, fleet.System(), "ann")
	require.NoError(t, err)
	assert.Equal(t, u.ID, got.ID)
	_, err = s.UserByName(ctx, other, "ann")
	kind(t, fault.NotFound, err)
	_, err = s.UserByName(ctx, acme, "a\x00")
	kind(t, fault.Invalid, err)

	for name, c := range map[string]struct {
		expires time.Duration
		found   bool
	}{"live": {time.Hour, true}, "expired": {-time.Second, false}} {
		require.NoError(t, s.InsertSession(ctx, &fleet.Session{Hash: []byte(name), ID: uuid.New(), UserID: u.ID, ExpiresAt: time.Now().Add(c.expires)}))
		who, _, err := s.UserBySession(ctx, []byte(name), time.Hour)
		if c.found {
			require.NoError(t, err)
			assert.Equal(t, u.ID, who.ID)
		} else {
			kind(t, fault.NotFound, err)
		}
	}
	require.NoError(t, s.DeleteExpired(ctx))
	kind(t, fault.NotFound, s.SetPassword(ctx, other, u.ID, "stolen"))
	require.NoError(t, s.SetPassword(ctx, acme, u.ID, "new"))
	_, _, err = s.UserBySession(ctx, []byte("live"), time.Hour)
	kind(t, fault.NotFound, err)
	require.NoError(t, s.DeleteSession(ctx, []byte("live")), "already gone")

	soon := time.Now().Add(-time.Second)
	live := &fleet.APIToken{ID: fleet.NewID(), TenantID: acme.Tenant(), UserID: u.ID, Name: "ci", Prefix: "nc_", Hash: []byte("t1"), Role: fleet.RoleViewer}
	require.NoError(t, s.InsertToken(ctx, live))
	require.NoError(t, s.InsertToken(ctx, &fleet.APIToken{ID: fleet.NewID(), TenantID: acme.Tenant(), UserID: u.ID, Hash: []byte("t2"), Role: fleet.RoleViewer, ExpiresAt: &soon}))
	_, token, err := s.UserByToken(ctx, []byte("t1"))
	require.NoError(t, err)
	assert.Equal(t, live.ID, token.ID)
	_, token, err = s.UserByToken(ctx, []byte("t1"))
	require.NoError(t, err)
	assert.NotNil(t, token.LastUsedAt)
	_, _, err = s.UserByToken(ctx, []byte("t2"))
	kind(t, fault.NotFound, err)
	all, err := s.Tokens(ctx, acme, u.ID)
	require.NoError(t, err)
	assert.Len(t, all, 2)
	kind(t, fault.NotFound, s.DeleteToken(ctx, acme, uuid.New(), live.ID))
	require.NoError(t, s.DeleteToken(ctx, acme, u.ID, live.ID))
}

func TestTicketsAreGoodOnce(t *testing.T) {
	s := storetest.New(t)
	acme := storetest.Tenant(t, s, "acme")
	ticket := func(hash string, in time.Duration) {
		require.NoError(t, s.InsertTicket(t.Context(), &fleet.Ticket{
			Hash: []byte(hash), TenantID: acme.Tenant(), Purpose: "console", Payload: json.RawMessage(`{"vm":"1"}`), ExpiresAt: time.Now().Add(in),
		}))
	}
	ticket("a", time.Minute)
	ticket("late", -time.Second)
	_, err := s.UseTicket(t.Context(), "console", []byte("late"))
	kind(t, fault.NotFound, err)
	_, err = s.UseTicket(t.Context(), "upload", []byte("a"))
	kind(t, fault.NotFound, err)
	var used atomic.Int32
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if k, err := s.UseTicket(context.Background(), "console", []byte("a")); err == nil {
				used.Add(1)
				assert.JSONEq(t, `{"vm":"1"}`, string(k.Payload))
			}
		})
	}
	group.Wait()
	assert.EqualValues(t, 1, used.Load())
}

func TestProviders(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	acme, other := storetest.Tenant(t, s, "acme"), storetest.Tenant(t, s, "other")
	p := &fleet.Provider{
		ID: fleet.NewID(), TenantID: acme.Tenant(), Name: "lab", Kind: drivers.KindLibvirt, Transport: drivers.TransportTLS, Host: "h", Port: 1, User: "u",
		Accelerator: drivers.AcceleratorAuto, Credentials: []byte{0, 1, 255},
	}
	require.NoError(t, s.InsertProvider(ctx, p))
	assert.False(t, p.CreatedAt.IsZero())
	err := s.InsertProvider(ctx, &fleet.Provider{ID: fleet.NewID(), TenantID: acme.Tenant(), Name: "lab", Kind: drivers.KindFake})
	kind(t, fault.Exists, err)
	assert.Equal(t, "name", fault.Of(err).Field)
	got, err := s.Provider(ctx, acme, p.ID)
	require.NoError(t, err)
	assert.Equal(t, p.Credentials, got.Credentials)
	assert.Equal(t, fleet.ProviderConnecting, got.Status)
	_, err = s.Provider(ctx, other, p.ID)
	kind(t, fault.NotFound, err)
	many, err := s.ProvidersByID(ctx, acme, []uuid.UUID{p.ID, uuid.New()})
	require.NoError(t, err)
	assert.Len(t, many, 1)
	many, err = s.ProvidersByID(ctx, acme, nil)
	require.NoError(t, err)
	assert.Empty(t, many)

	// two people change the settings that they both looked at
	a, b := *got, *got
	a.Host, b.Host = "a", "b"
	require.NoError(t, s.UpdateProvider(ctx, acme, &a))
	assert.Equal(t, 2, a.SettingsVersion)
	kind(t, fault.Conflict, s.UpdateProvider(ctx, acme, &b))
	kind(t, fault.NotFound, s.UpdateProvider(ctx, other, &a))
	kind(t, fault.NotFound, s.RequestRefresh(ctx, other, p.ID))
	require.NoError(t, s.RequestRefresh(ctx, acme, p.ID))

	op := fleet.NewID()
	kind(t, fault.NotFound, s.DeleteProvider(ctx, other, p.ID))
	_, err = s.VMCountsByProvider(ctx, acme, nil)
	require.NoError(t, err)
	require.NoError(t, s.InsertVM(ctx, &fleet.VM{ID: fleet.NewID(), TenantID: acme.Tenant(), ProviderID: p.ID, Name: "v", Management: fleet.Managed, OperationID: &op}))
	h := &fleet.HypervisorHost{ID: fleet.NewID(), TenantID: acme.Tenant(), ProviderID: p.ID, Name: "n", Status: fleet.HostActive}
	require.NoError(t, s.InsertHost(ctx, h))
	of, err := s.HostsByProvider(ctx, acme, []uuid.UUID{p.ID})
	require.NoError(t, err)
	assert.Len(t, of[p.ID], 1)
	hosts, err := s.HostsByID(ctx, other, []uuid.UUID{h.ID})
	require.NoError(t, err)
	assert.Empty(t, hosts)
	i := &fleet.Image{ID: fleet.NewID(), TenantID: acme.Tenant(), ProviderID: p.ID, Name: "debian", Pool: "p", Volume: "v", Status: fleet.ImageReady}
	require.NoError(t, s.InsertImage(ctx, i))
	again := *i
	again.ID, again.Name = fleet.NewID(), "other"
	err = s.InsertImage(ctx, &again)
	kind(t, fault.Exists, err)
	assert.Equal(t, "volume", fault.Of(err).Field)
	i.OS = "Debian 12"
	require.NoError(t, s.UpdateImage(ctx, i))
	images, err := s.ImagesByID(ctx, acme, []uuid.UUID{i.ID})
	require.NoError(t, err)
	assert.Equal(t, "Debian 12", images[i.ID].OS)
	kind(t, fault.NotFound, s.DeleteImage(ctx, other, i.ID))

	require.NoError(t, s.DeleteProvider(ctx, acme, p.ID))
	list, err := s.Images(ctx, acme, nil)
	require.NoError(t, err)
	assert.Empty(t, list)
}

func TestVMWrites(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	acme, other := storetest.Tenant(t, s, "acme"), storetest.Tenant(t, s, "other")
	p := provider(t, s, acme, "lab", fleet.ProviderConnected)
	v := &fleet.VM{ID: fleet.NewID(), TenantID: acme.Tenant(), ProviderID: p.ID, Ref: "r", Name: "v", Management: fleet.Discovered, ObservedStatus: fleet.VMStopped, Version: 1}
	require.NoError(t, s.InsertVM(ctx, v))
	assert.Equal(t, fleet.VMStopped, v.Status)
	first, second, starting := fleet.NewID(), fleet.NewID(), fleet.VMStarting
	require.NoError(t, s.SetIntent(ctx, v.ID, first, &starting))
	require.NoError(t, s.SetIntent(ctx, v.ID, first, &starting), "twice is once")
	kind(t, fault.Conflict, s.SetIntent(ctx, v.ID, second, &starting))
	kind(t, fault.NotFound, s.SetIntent(ctx, uuid.New(), second, &starting))
	require.NoError(t, s.EndIntent(ctx, v.ID, second), "somebody else's end is not ours")
	got, err := s.VM(ctx, acme, v.ID)
	require.NoError(t, err)
	assert.Equal(t, fleet.VMStarting, got.Status)
	require.NoError(t, s.EndIntent(ctx, v.ID, first))

	kind(t, fault.NotFound, s.LabelVM(ctx, other, v.ID, "d", nil))
	require.NoError(t, s.LabelVM(ctx, acme, v.ID, "it's \\ ? ??", map[string]string{"a": "b?"}))
	kind(t, fault.NotFound, s.SetManagement(ctx, other, v.ID, fleet.Managed))
	require.NoError(t, s.SetManagement(ctx, acme, v.ID, fleet.Managed))
	require.NoError(t, s.Tx(ctx, func(tx *store.Store) error {
		got, err = tx.LockVM(ctx, acme, v.ID)
		return err
	}))
	assert.Equal(t, "it's \\ ? ??", got.Description)
	assert.Equal(t, map[string]string{"a": "b?"}, got.Tags)
	assert.Equal(t, 2, got.Version)
	assert.Equal(t, fleet.VMStopped, got.Status)
	got, err = s.VMByRef(ctx, acme, p.ID, "r")
	require.NoError(t, err)
	assert.Equal(t, v.ID, got.ID)
	many, err := s.VMsByID(ctx, other, []uuid.UUID{v.ID})
	require.NoError(t, err)
	assert.Empty(t, many)
	require.NoError(t, s.DeleteVM(ctx, v.ID))
	require.NoError(t, s.DeleteVM(ctx, v.ID))
}

func TestAudit(t *testing.T) {
	s := storetest.New(t)
	acme := storetest.Tenant(t, s, "acme")
	for _, action := range []string{"startVM", "deleteVM"} {
		require.NoError(t, s.Audit(t.Context(), &fleet.AuditEntry{TenantID: acme.Tenant(), Actor: "ann", Action: action}))
	}
	all, err := s.AuditEntries(t.Context(), acme, fleet.AuditFilter{}, 0, 10)
	require.NoError(t, err)
	require.Len(t, all, 2)
	assert.Equal(t, "deleteVM", all[0].Action)
	all, err = s.AuditEntries(t.Context(), acme, fleet.AuditFilter{}, all[0].ID, 10)
	require.NoError(t, err)
	assert.Len(t, all, 1)
	all, err = s.AuditEntries(t.Context(), fleet.Scope{}, fleet.AuditFilter{}, 0, 10)
	require.NoError(t, err)
	assert.Empty(t, all)
}
