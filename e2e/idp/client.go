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

func (c client) GetID() string                    { return c.ID }
func (c client) RedirectURIs() []string           { return c.Client.RedirectURIs }
func (c client) PostLogoutRedirectURIs() []string { return c.Client.PostLogoutRedirectURIs }

func (c client) ApplicationType() op.ApplicationType {
	if c.public() {
		return op.ApplicationTypeNative
	}
	return op.ApplicationTypeWeb
}

func (c client) AuthMethod() oidc.AuthMethod {
	if c.public() {
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodBasic
}

func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

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

// What follows shapes tokens that the library would make; ours are made in token.go.

func (c client) LoginURL(string) string                                       { return loginPath }
func (c client) AccessTokenType() op.AccessTokenType                          { return op.AccessTokenTypeJWT }
func (c client) IDTokenLifetime() time.Duration                               { return 0 }
func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string     { return unchanged }
func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string { return unchanged }
func (c client) IDTokenUserinfoClaimsAssertion() bool                         { return true }
func (c client) ClockSkew() time.Duration                                     { return 0 }

func unchanged(scopes []string) []string { return scopes }
