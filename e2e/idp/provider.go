// Package idp is an OpenID Connect provider for development and tests. It speaks the protocol over
// HTTP as any other does: discovery, authorization code with PKCE, refresh, the device flow, client
// credentials, userinfo, and logout from either end. Everything is kept in memory. It is no place for
// real accounts: passwords are plain, and whoever holds a Provider can sign anything.
package idp

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Options shape a Provider.
type Options struct {
	// Issuer is the origin under which relying parties reach it: http://localhost:9000.
	Issuer  string
	Clients []Client
	// People may sign in; none means those of People.
	People []Person
	// Audience is whom access tokens are for; empty means the provider itself, for userinfo only.
	Audience string
	// Lifetime is that of identity and access tokens; zero means five minutes.
	Lifetime time.Duration
	// Log hears who signs in and out; nil means nobody does.
	Log *slog.Logger
}

const (
	pageLasts   = 10 * time.Minute // a sign-in that was begun, and a device's code
	codeLasts   = time.Minute
	logoutLasts = 2 * time.Minute
	logoutWaits = 3 * time.Second // for a client to take a logout token
	pollEvery   = time.Second
)

// Provider is one issuer. It is safe for concurrent use.
type Provider struct {
	issuer, audience string
	lifetime         time.Duration
	log              *slog.Logger
	handler          http.Handler
	posts            *http.Client
	tokenCalls       atomic.Int64

	mu       sync.Mutex
	keys     []key // the last one signs and is published
	clients  map[string]client
	people   []Person
	idToken  func(map[string]any)
	logins   map[string]*login
	codes    map[string]*grant
	refresh  map[string]*grant
	sessions map[string]*session
	devices  map[string]*device // by device code
}

// New makes a provider with a fresh key.
func New(o Options) (*Provider, error) {
	issuer, err := url.Parse(o.Issuer)
	if err != nil {
		return nil, fmt.Errorf("reading the issuer: %w", err)
	}
	if err := op.ValidateIssuer(o.Issuer, true); err != nil {
		return nil, fmt.Errorf("issuer %q: %w", o.Issuer, err)
	}
	if issuer.Path != "" && issuer.Path != "/" {
		return nil, fmt.Errorf("issuer %q has a path, and only the root is served", o.Issuer)
	}
	p := &Provider{
		issuer:   o.Issuer,
		audience: o.Audience,
		lifetime: o.Lifetime,
		log:      o.Log,
		// A connection kept alive would outlast the test that it was for.
		posts:    &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: logoutWaits},
		clients:  map[string]client{},
		people:   o.People,
		logins:   map[string]*login{},
		codes:    map[string]*grant{},
		refresh:  map[string]*grant{},
		sessions: map[string]*session{},
		devices:  map[string]*device{},
	}
	if p.audience == "" {
		p.audience = o.Issuer
	}
	if p.lifetime == 0 {
		p.lifetime = 5 * time.Minute
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.people == nil {
		p.people = People()
	}
	for _, c := range o.Clients {
		if c.ID == "" {
			return nil, errors.New("a client has no id")
		}
		p.Register(c)
	}
	if err := p.Rotate(); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+loginPath, p.showLogin)
	mux.HandleFunc("POST "+loginPath, p.takeLogin)
	mux.HandleFunc("GET "+devicePath, p.showDevice)
	mux.HandleFunc("POST "+devicePath, p.takeDevice)
	mux.HandleFunc("GET "+signedOutPath, p.showSignedOut)
	mux.Handle("/", op.RegisterServer(protocol{p: p}, endpoints()))
	p.handler = mux
	return p, nil
}

const (
	loginPath     = "/login"
	devicePath    = "/device"
	signedOutPath = "/signed-out"
	tokenPath     = "/token"
)

func endpoints() op.Endpoints {
	return op.Endpoints{
		Authorization:       op.NewEndpoint("/authorize"),
		Token:               op.NewEndpoint(tokenPath),
		Userinfo:            op.NewEndpoint("/userinfo"),
		Revocation:          op.NewEndpoint("/revoke"),
		EndSession:          op.NewEndpoint("/end-session"),
		JwksURI:             op.NewEndpoint("/keys"),
		DeviceAuthorization: op.NewEndpoint("/device/authorize"),
	}
}

// discovery is written here because the library's own promises the implicit flow.
func (p *Provider) discovery() *oidc.DiscoveryConfiguration {
	e := endpoints()
	return &oidc.DiscoveryConfiguration{
		Issuer:                            p.issuer,
		AuthorizationEndpoint:             e.Authorization.Absolute(p.issuer),
		TokenEndpoint:                     e.Token.Absolute(p.issuer),
		UserinfoEndpoint:                  e.Userinfo.Absolute(p.issuer),
		RevocationEndpoint:                e.Revocation.Absolute(p.issuer),
		EndSessionEndpoint:                e.EndSession.Absolute(p.issuer),
		JwksURI:                           e.JwksURI.Absolute(p.issuer),
		DeviceAuthorizationEndpoint:       e.DeviceAuthorization.Absolute(p.issuer),
		ScopesSupported:                   []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess},
		ResponseTypesSupported:            []string{string(oidc.ResponseTypeCode)},
		ResponseModesSupported:            []string{string(oidc.ResponseModeQuery)},
		GrantTypesSupported:               client{Client{Secret: "any"}}.GrantTypes(),
		SubjectTypesSupported:             []string{"public"},
		IDTokenSigningAlgValuesSupported:  []string{string(algorithm)},
		TokenEndpointAuthMethodsSupported: []oidc.AuthMethod{oidc.AuthMethodBasic, oidc.AuthMethodPost, oidc.AuthMethodNone},
		CodeChallengeMethodsSupported:     []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256},
		ClaimsSupported:                   []string{"sub", "name", "preferred_username", "email", "email_verified", "groups", "sid"},
		BackChannelLogoutSupported:        true,
		BackChannelLogoutSessionSupported: true,
	}
}

// Issuer is what relying parties are configured with.
func (p *Provider) Issuer() string { return p.issuer }

// TokenCalls counts the requests to the token endpoint, the refused ones too.
func (p *Provider) TokenCalls() int { return int(p.tokenCalls.Load()) }

func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == tokenPath {
		p.tokenCalls.Add(1)
	}
	p.handler.ServeHTTP(w, r)
}
