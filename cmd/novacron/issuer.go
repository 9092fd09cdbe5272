package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/secrets"
)

// adoptIssuer keeps the issuer of the settings as the settings say. Without one, whichever was there before
// vouches for nobody any more.
func (h *house) adoptIssuer(ctx context.Context) error {
	wanted, secret, err := issuerOfSettings()
	if err != nil {
		return err
	}
	all, err := h.store.Issuers(ctx)
	if err != nil {
		return err
	}
	for _, i := range all {
		switch {
		case wanted != nil && i.URL == wanted.URL:
			wanted.ID, wanted.Version = i.ID, i.Version
		case i.Managed == fleet.IssuerOfSettings && i.Enabled:
			i.Enabled = false
			if err := h.store.UpdateIssuer(ctx, i); err != nil {
				return err
			}
		}
	}
	if wanted == nil {
		return nil
	}
	write := h.store.UpdateIssuer
	if wanted.ID == uuid.Nil {
		wanted.ID, write = fleet.NewID(), h.store.InsertIssuer
	}
	if secret != "" {
		if wanted.ClientSecret, err = h.box.SealJSON(secret, secrets.IssuerAAD(wanted.ID)); err != nil {
			return err
		}
	}
	err = write(ctx, wanted)
	if fault.Is(err, fault.Conflict) || fault.Is(err, fault.Exists) { // another replica starts too, with the same settings
		return nil
	}
	return err
}

// issuerOfSettings is the issuer that the settings name, and the client's secret; nil when they name none.
func issuerOfSettings() (*fleet.Issuer, string, error) {
	i := &fleet.Issuer{
		Name: env("NOVACRON_OIDC_NAME"), URL: env("NOVACRON_OIDC_ISSUER"), ClientID: env("NOVACRON_OIDC_CLIENT_ID"),
		Scopes: strings.Fields(env("NOVACRON_OIDC_SCOPES")), Audience: env("NOVACRON_OIDC_AUDIENCE"), Algorithms: []string{"RS256"},
		Managed: fleet.IssuerOfSettings, Enabled: true,
	}
	if i.URL == "" {
		return nil, "", nil
	}
	d := json.NewDecoder(strings.NewReader(env("NOVACRON_OIDC_RULES")))
	d.DisallowUnknownFields()
	if err := d.Decode(&i.Rules); err != nil {
		return nil, "", wrongBecause("NOVACRON_OIDC_RULES", `Give a list: [{"claim": "groups", "value": "vm-admins", "organisation": "main", "role": "ADMIN"}].`, err)
	}
	if err := i.Check(); err != nil {
		return nil, "", wrongBecause("NOVACRON_OIDC_*", fault.Of(err).Remedy, err)
	}
	secret := env("NOVACRON_OIDC_CLIENT_SECRET")
	if file := env("NOVACRON_OIDC_CLIENT_SECRET_FILE"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, "", wrongBecause("NOVACRON_OIDC_CLIENT_SECRET_FILE", "Name a file that can be read.", err)
		}
		secret = string(bytes.TrimSpace(text))
	}
	return i, secret, nil
}
