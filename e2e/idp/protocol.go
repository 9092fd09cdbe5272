package idp

import (
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// protocol answers what the library has parsed and has found well-formed.
type protocol struct {
	op.UnimplementedServer
	p *Provider
}

var _ op.Server = protocol{}

// Health is good for as long as anyone answers.
func (s protocol) Health(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	return op.NewResponse(op.Status{Status: "ok"}), nil
}

// Ready is Health: there is nothing to wait for.
func (s protocol) Ready(ctx context.Context, r *op.Request[struct{}]) (*op.Response, error) {
	return s.Health(ctx, r)
}

// Discovery is the provider's own.
func (s protocol) Discovery(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	return op.NewResponse(s.p.discovery()), nil
}

// Keys are never cached, so that a rotation shows at once.
func (s protocol) Keys(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	return noStore(s.p.keySet()), nil
}

// VerifyAuthRequest finds the client; the library then checks its redirect.
func (s protocol) VerifyAuthRequest(_ context.Context, r *op.Request[oidc.AuthRequest]) (*op.ClientRequest[oidc.AuthRequest], error) {
	c, ok := s.p.client(r.Data.ClientID)
	if !ok {
		return nil, oidc.ErrInvalidRequestRedirectURI().WithDescription("no such client")
	}
	return &op.ClientRequest[oidc.AuthRequest]{Request: r, Client: c}, nil
}

// Authorize sends the person to the login page.
func (s protocol) Authorize(_ context.Context, r *op.ClientRequest[oidc.AuthRequest]) (*op.Redirect, error) {
	c := r.Client.(client)
	switch request := r.Data; {
	case request.RequestParam != "":
		return nil, oidc.ErrRequestNotSupported()
	case request.ResponseMode != "" && request.ResponseMode != oidc.ResponseModeQuery:
		return nil, oidc.ErrInvalidRequest().WithDescription("response_mode must be query")
	case request.CodeChallenge == "" && c.public():
		return nil, oidc.ErrInvalidRequest().WithDescription("a public client must use PKCE")
	case request.CodeChallenge != "" && request.CodeChallengeMethod != oidc.CodeChallengeMethodS256:
		return nil, oidc.ErrInvalidRequest().WithDescription("code_challenge_method must be S256")
	case slices.Contains(request.Prompt, oidc.PromptNone):
		return nil, oidc.ErrLoginRequired().WithDescription("everyone is asked every time")
	}
	id := rand.Text()
	now := time.Now()
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	maps.DeleteFunc(s.p.logins, func(_ string, l *login) bool { return now.After(l.until) })
	s.p.logins[id] = &login{client: c, request: r.Data, until: now.Add(pageLasts)}
	return op.NewRedirect(loginPath + "?" + url.Values{"id": {id}}.Encode()), nil
}

// VerifyClient checks the secret; a public client has none to give.
func (s protocol) VerifyClient(_ context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	c, ok := s.p.client(r.Data.ClientID)
	if !ok || !same(c.Secret, r.Data.ClientSecret) {
		// The library would answer 400, which RFC 6749 allows only to those who sent no header.
		return nil, op.NewStatusError(oidc.ErrInvalidClient().WithDescription("no such client, or its secret is wrong"), http.StatusUnauthorized)
	}
	return c, nil
}

// CodeExchange gives tokens for a code.
func (s protocol) CodeExchange(_ context.Context, r *op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
	g, refresh, err := s.redeem(r.Client.GetID(), r.Data)
	if err != nil {
		return nil, err
	}
	return s.p.tokens(g, g.scopes, g.request.Nonce, refresh)
}

// redeem takes a code for the one time that it is good, even if it is then refused.
func (s protocol) redeem(clientID string, r *oidc.AccessTokenRequest) (*grant, string, error) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	g, ok := s.p.codes[r.Code]
	if !ok || g.client.ID != clientID {
		return nil, "", oidc.ErrInvalidGrant().WithDescription("no such code")
	}
	if g.redeemed {
		g.refresh = "" // whoever had it first may be a thief
		return nil, "", oidc.ErrInvalidGrant().WithDescription("the code was used before")
	}
	g.redeemed = true
	var challenge *oidc.CodeChallenge
	if g.request.CodeChallenge != "" {
		challenge = &oidc.CodeChallenge{Challenge: g.request.CodeChallenge, Method: g.request.CodeChallengeMethod}
	}
	switch {
	case time.Now().After(g.until):
		return nil, "", oidc.ErrInvalidGrant().WithDescription("the code has ended")
	case g.session.ended:
		return nil, "", oidc.ErrInvalidGrant().WithDescription("the session has ended")
	case r.RedirectURI != g.request.RedirectURI:
		return nil, "", oidc.ErrInvalidGrant().WithDescription("the code was sent to another redirect_uri")
	}
	if err := op.AuthorizeCodeChallenge(r.CodeVerifier, challenge); err != nil {
		return nil, "", err
	}
	return g, s.p.renew(g), nil
}

// RefreshToken gives tokens for a refresh token, and the next one.
func (s protocol) RefreshToken(_ context.Context, r *op.ClientRequest[oidc.RefreshTokenRequest]) (*op.Response, error) {
	g, refresh, err := s.rotate(r.Client.GetID(), r.Data)
	if err != nil {
		return nil, err
	}
	scopes := g.scopes
	if len(r.Data.Scopes) > 0 {
		scopes = r.Data.Scopes
	}
	return s.p.tokens(g, scopes, "", refresh)
}

func (s protocol) rotate(clientID string, r *oidc.RefreshTokenRequest) (*grant, string, error) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	g, ok := s.p.refresh[r.RefreshToken]
	switch {
	case !ok || g.client.ID != clientID:
		return nil, "", oidc.ErrInvalidGrant().WithDescription("no such refresh token")
	case g.refresh != r.RefreshToken:
		g.refresh = "" // one of the two who had it is a thief
		return nil, "", oidc.ErrInvalidGrant().WithDescription("the refresh token was used before, or revoked")
	case g.session.ended:
		return nil, "", oidc.ErrInvalidGrant().WithDescription("the session has ended")
	}
	for _, scope := range r.Scopes {
		if !slices.Contains(g.scopes, scope) {
			return nil, "", oidc.ErrInvalidScope()
		}
	}
	return g, s.p.renew(g), nil
}

// ClientCredentialsExchange gives a client an access token of its own.
func (s protocol) ClientCredentialsExchange(_ context.Context, r *op.ClientRequest[oidc.ClientCredentialsRequest]) (*op.Response, error) {
	c := r.Client.(client)
	token := s.p.accessToken(c, r.Data.Scope, merge(c.Claims, map[string]any{"sub": c.ID}))
	return noStore(s.p.answer(token, r.Data.Scope)), nil
}

// UserInfo says of the person what their tokens say, for as long as the session lasts.
func (s protocol) UserInfo(_ context.Context, r *op.Request[oidc.UserInfoRequest]) (*op.Response, error) {
	refused := func(why string) error {
		return op.NewStatusError(oidc.ErrAccessDenied().WithDescription("%s", why), http.StatusUnauthorized)
	}
	claims, err := s.p.verify(r.Data.AccessToken, typeAccessToken)
	if err != nil {
		return nil, refused("the access token is not ours")
	}
	if end, _ := claims["exp"].(float64); time.Now().After(time.Unix(int64(end), 0)) {
		return nil, refused("the access token has ended")
	}
	sid, _ := claims["sid"].(string)
	s.p.mu.Lock()
	session, ok := s.p.sessions[sid]
	s.p.mu.Unlock()
	if !ok {
		return nil, refused("the session has ended")
	}
	person, ok := s.p.person(session.person)
	if !ok {
		return nil, refused("the person is gone")
	}
	return noStore(person.claims()), nil
}

// Revocation ends refresh tokens. An access token lives out its time, as a JWT does.
func (s protocol) Revocation(_ context.Context, r *op.ClientRequest[oidc.RevocationRequest]) (*op.Response, error) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if g, ok := s.p.refresh[r.Data.Token]; ok && g.client.ID == r.Client.GetID() {
		g.refresh = ""
	}
	return op.NewResponse(nil), nil
}

// EndSession ends the session that the hint names, else the browser's.
func (s protocol) EndSession(ctx context.Context, r *op.Request[oidc.EndSessionRequest]) (*op.Redirect, error) {
	clientID, sid := r.Data.ClientID, ""
	if cookie, err := (&http.Request{Header: r.Header}).Cookie(sessionCookie); err == nil {
		sid = cookie.Value
	}
	if r.Data.IdTokenHint != "" {
		claims, err := s.p.verify(r.Data.IdTokenHint, typeIDToken)
		if err != nil {
			return nil, oidc.ErrInvalidRequest().WithDescription("id_token_hint is none of ours").WithParent(err)
		}
		if azp, _ := claims["azp"].(string); clientID == "" {
			clientID = azp
		} else if clientID != azp {
			return nil, oidc.ErrInvalidRequest().WithDescription("id_token_hint is another client's")
		}
		sid, _ = claims["sid"].(string)
	}
	next := signedOutPath
	if uri := r.Data.PostLogoutRedirectURI; uri != "" {
		c, ok := s.p.client(clientID)
		if !ok {
			return nil, oidc.ErrInvalidRequest().WithDescription("post_logout_redirect_uri needs id_token_hint or client_id")
		}
		if err := op.ValidateEndSessionPostLogoutRedirectURI(uri, c); err != nil {
			return nil, err
		}
		next = withQuery(uri, url.Values{"state": {r.Data.State}})
	}
	s.p.mu.Lock()
	session, ok := s.p.sessions[sid]
	s.p.mu.Unlock()
	if ok {
		// The browser may go on before the last client has been told.
		if err := s.p.end(context.WithoutCancel(ctx), session); err != nil {
			s.p.log.Warn("back-channel logout", "error", err)
		}
	}
	return op.NewRedirect(next), nil
}

// withQuery adds what is not empty to an address that the client registered.
func withQuery(uri string, more url.Values) string {
	u, err := url.Parse(uri)
	if err != nil {
		return uri
	}
	query := u.Query()
	for name := range more {
		if value := more.Get(name); value != "" {
			query.Set(name, value)
		}
	}
	u.RawQuery = query.Encode()
	return u.String()
}
