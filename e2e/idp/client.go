package idp

import (
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Client is a relying party.
type Client struct {
	ID string
	// Secret is taken by basic authentication or in the form. A client without one is public: it must
	// use PKCE, and may be redirected to any port of its own machine.
	Secret                 string
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	// BackChannelLogoutURI is posted a logout token when a session that the client takes part in ends.
	BackChannelLogoutURI string
	// Claims are those of the access tokens that the client gets for itself, by client credentials.
	Claims map[string]any
}

// Register adds a client, or changes the one of that id.
func (p *Provider) Register(c Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients[c.ID] = client{c}
}

func (p *Provider) client(id string) (client, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.clients[id]
	return c, ok
}

// client is a Client as the library asks about it.
type client struct{ Client }

var _ op.Client = client{}

func (c client) public() bool { return c.Secret == "" }

// GetID is the client_id.
func (c client) GetID() string { return c.ID }

// RedirectURIs are compared as strings.
func (c client) RedirectURIs() []string { return c.Client.RedirectURIs }

// PostLogoutRedirectURIs are compared as strings.
func (c client) PostLogoutRedirectURIs() []string { return c.Client.PostLogoutRedirectURIs }

// ApplicationType is native for public clients: the library then passes over a loopback redirect's port.
func (c client) ApplicationType() op.ApplicationType {
	if c.public() {
		return op.ApplicationTypeNative
	}
	return op.ApplicationTypeWeb
}

// AuthMethod tells the library who is public.
func (c client) AuthMethod() oidc.AuthMethod {
	if c.public() {
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodBasic
}

// ResponseTypes leave out the implicit flow.
func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

// GrantTypes are all that are served.
func (c client) GrantTypes() []oidc.GrantType {
	types := []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeDeviceCode}
	if !c.public() {
		types = append(types, oidc.GrantTypeClientCredentials)
	}
	return types
}

// DevMode lets a registered redirect be plain http.
func (c client) DevMode() bool { return true }

// IsScopeAllowed lets any scope into the access token.
func (c client) IsScopeAllowed(string) bool { return true }

// The rest shapes tokens and redirects that the library would make. Ours are made in token.go and protocol.go.

// LoginURL is never asked for.
func (c client) LoginURL(string) string { return loginPath }

// AccessTokenType is never asked for.
func (c client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

// IDTokenLifetime is never asked for.
func (c client) IDTokenLifetime() time.Duration { return 0 }

// RestrictAdditionalIdTokenScopes is never asked for.
func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string { return nil }

// RestrictAdditionalAccessTokenScopes is never asked for.
func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string { return nil }

// IDTokenUserinfoClaimsAssertion is never asked for.
func (c client) IDTokenUserinfoClaimsAssertion() bool { return true }

// ClockSkew is never asked for.
func (c client) ClockSkew() time.Duration { return 0 }
