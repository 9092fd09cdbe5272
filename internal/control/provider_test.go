package control

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/secrets"
)

func TestProviderSecrets(t *testing.T) {
	r := newRig(t)
	n := fleet.NewProvider{Name: "kvm-1", Kind: drivers.KindLibvirt, Transport: drivers.TransportTLS, Host: "kvm-1.example.org",
		Secrets: drivers.Secrets{CACert: []byte("ca-canary"), ClientCert: []byte("cert"), ClientKey: []byte("key-canary")}}
	p, err := r.AddProvider(r.ctx, n)
	require.NoError(t, err)
	require.NotContains(t, string(p.Credentials), "canary")
	_, err = r.AddProvider(r.ctx, n)
	refused(t, err, fault.Exists, "name")

	host, version := "kvm-2.example.org", p.SettingsVersion
	p, err = r.UpdateProvider(r.ctx, p.ID, fleet.ProviderChange{IfVersion: &version, Host: &host, Secrets: drivers.Secrets{CACert: []byte("new-ca")}})
	require.NoError(t, err)
	require.Equal(t, version+1, p.SettingsVersion)
	var s drivers.Secrets
	require.NoError(t, r.box.OpenJSON(p.Credentials, secrets.ProviderAAD(p.TenantID, p.ID), &s))
	require.Equal(t, "new-ca", string(s.CACert), "what is given replaces")
	require.Equal(t, "key-canary", string(s.ClientKey), "what is left out stays")
	_, err = r.UpdateProvider(r.ctx, p.ID, fleet.ProviderChange{IfVersion: &version, Host: &host})
	require.Equal(t, fault.Conflict, fault.KindOf(err))
	bad := "host/system?command=id"
	_, err = r.UpdateProvider(r.ctx, p.ID, fleet.ProviderChange{Host: &bad})
	refused(t, err, fault.Invalid, "host")

	log, err := r.store.AuditEntries(t.Context(), r.viewer.Scope(), fleet.AuditFilter{}, 0, 100)
	require.NoError(t, err)
	text, err := json.Marshal(log)
	require.NoError(t, err)
	require.NotContains(t, string(text), "canary")
}

func TestTestProvider(t *testing.T) {
	r := newRig(t)
	found, err := r.TestProvider(r.ctx, fleet.NewProvider{Name: "x", Kind: drivers.KindFake, Host: "vms-7"})
	require.NoError(t, err)
	require.Nil(t, found.Problem)
	require.Equal(t, 7, found.Found.VMCount)
	require.Positive(t, found.Found.CPUs)
	again, err := r.TestProvider(r.ctx, fleet.NewProvider{Name: "x", Kind: drivers.KindFake, Host: "h1"})
	require.NoError(t, err)
	require.Contains(t, again.Found.Warnings[0], "added already")
	found, err = r.TestProvider(r.ctx, fleet.NewProvider{Name: "x", Kind: drivers.KindFake, Host: "wrong-password"})
	require.NoError(t, err)
	require.Equal(t, fault.Unauthorized, found.Problem.Kind)
	_, err = r.TestProvider(r.ctx, fleet.NewProvider{Name: "x", Kind: drivers.KindLibvirt, Transport: drivers.TransportSSH, Host: "h"})
	refused(t, err, fault.Invalid, "user")
}

func TestOneConnectionToAnAddress(t *testing.T) {
	r := newRig(t)
	n := fleet.NewProvider{Name: "a", Kind: drivers.KindLibvirt, Transport: drivers.TransportLocal}
	_, err := r.AddProvider(r.ctx, n)
	require.NoError(t, err)
	n.Name = "b"
	_, err = r.AddProvider(r.ctx, n)
	refused(t, err, fault.Exists, "host")
}

func TestTestProviderChange(t *testing.T) {
	r := newRig(t)
	before := r.provider
	other, wrong := "vms-7", "wrong-password"
	found, err := r.TestProviderChange(r.ctx, before.ID, fleet.ProviderChange{})
	require.NoError(t, err)
	require.Nil(t, found.Problem)
	require.Empty(t, found.Found.Warnings, "it is no duplicate of itself")
	found, err = r.TestProviderChange(r.ctx, before.ID, fleet.ProviderChange{Host: &other})
	require.NoError(t, err)
	require.Equal(t, 7, found.Found.VMCount)
	found, err = r.TestProviderChange(r.ctx, before.ID, fleet.ProviderChange{Host: &wrong})
	require.NoError(t, err)
	require.Equal(t, fault.Unauthorized, found.Problem.Kind)
	bad := "a b"
	_, err = r.TestProviderChange(r.ctx, before.ID, fleet.ProviderChange{Host: &bad})
	refused(t, err, fault.Invalid, "host")
	_, err = r.TestProviderChange(r.ctx, fleet.NewID(), fleet.ProviderChange{})
	refused(t, err, fault.NotFound, "")
	after, err := r.store.Provider(t.Context(), r.viewer.Scope(), before.ID)
	require.NoError(t, err)
	require.Equal(t, before.Host, after.Host)
	require.Equal(t, before.SettingsVersion, after.SettingsVersion)
}

func TestRemoveProvider(t *testing.T) {
	r := newRig(t)
	v := r.make("web-hang-stop")
	o, err := r.Power(r.ctx, v.ID, drivers.PowerShutdown)
	require.NoError(t, err)
	require.Equal(t, fault.Conflict, fault.KindOf(r.RemoveProvider(r.ctx, r.provider.ID)), "while operations are under way")
	_, err = r.CancelOperation(r.ctx, o.ID)
	require.NoError(t, err)
	require.Equal(t, fleet.OperationCanceled, r.end(o).Status)
	o, err = r.CancelOperation(r.ctx, o.ID)
	require.NoError(t, err, "one that has ended stays as it is")
	_, err = r.RetryOperation(r.ctx, o.ID)
	require.Equal(t, fault.Conflict, fault.KindOf(err))
	_, err = r.RefreshProvider(r.ctx, r.provider.ID)
	require.NoError(t, err)
	require.NoError(t, r.RemoveProvider(r.ctx, r.provider.ID))
	_, err = r.store.VM(t.Context(), r.viewer.Scope(), v.ID)
	require.Equal(t, fault.NotFound, fault.KindOf(err))
	require.Equal(t, fault.NotFound, fault.KindOf(r.RemoveProvider(r.ctx, r.provider.ID)))
}

func TestTokens(t *testing.T) {
	r := newRig(t)
	_, secret, err := r.CreateAPIToken(r.ctx, "ci", fleet.RoleOperator, nil)
	require.NoError(t, err)
	require.Contains(t, secret, "ncr_")
	_, _, err = r.CreateAPIToken(r.as(fleet.RoleOperator), "more", fleet.RoleAdmin, nil)
	refused(t, err, fault.Denied, "role")
	past := time.Now().Add(-time.Minute)
	_, _, err = r.CreateAPIToken(r.ctx, "old", fleet.RoleViewer, &past)
	refused(t, err, fault.Invalid, "expiresAt")
	all, err := r.store.Tokens(t.Context(), r.viewer.Scope(), r.viewer.UserID)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, fault.NotFound, fault.KindOf(r.RevokeAPIToken(r.stranger(), all[0].ID)))
	_, _, err = r.CreateAPIToken(r.ctx, "mine", fleet.RoleAdmin, nil)
	require.NoError(t, err)
	tokens, err := r.store.Tokens(t.Context(), r.viewer.Scope(), r.viewer.UserID)
	require.NoError(t, err)
	refused(t, r.RevokeAPIToken(r.as(fleet.RoleViewer), tokens[0].ID), fault.Denied, "")
	require.NoError(t, r.RevokeAPIToken(r.ctx, all[0].ID))
}

func TestAdoptAndRelease(t *testing.T) {
	r := newRig(t)
	v := r.make("web-1")
	v, err := r.ReleaseVM(r.ctx, v.ID)
	require.NoError(t, err)
	require.Equal(t, fleet.Discovered, v.Management)
	_, err = r.Power(r.ctx, v.ID, drivers.PowerOff)
	require.ErrorContains(t, err, "not managed here")
	_, err = r.ReleaseVM(r.ctx, v.ID)
	require.NoError(t, err, "already: success")
	v, err = r.AdoptVM(r.ctx, v.ID)
	require.NoError(t, err)
	require.Equal(t, fleet.Managed, v.Management)
}
