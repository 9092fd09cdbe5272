package idp

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// grant is what one sign-in at one client gave it.
type grant struct {
	client   client
	session  *session
	scopes   []string
	signedIn time.Time

	// Of the code flow; a device has none.
	request  *oidc.AuthRequest
	until    time.Time
	redeemed bool

	refresh string // the one token that is good now; earlier ones betray a thief
}

// OnIDToken has each identity token's claims changed before they are signed, for a provider that lies;
// nil undoes it.
func (p *Provider) OnIDToken(change func(claims map[string]any)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idToken = change
}

// renew gives the grant its next refresh token, if it was asked for one. The caller holds the lock.
func (p *Provider) renew(g *grant) string {
	if !slices.Contains(g.scopes, oidc.ScopeOfflineAccess) {
		return ""
	}
	g.refresh = rand.Text()
	p.refresh[g.refresh] = g
	return g.refresh
}

// tokens answers the token endpoint. They are made here because the library writes "typ": "JWT" into
// every header, and gives the access token and the identity token one audience.
func (p *Provider) tokens(g *grant, scopes []string, nonce, refresh string) (*op.Response, error) {
	person, ok := p.person(g.session.person)
	if !ok {
		return nil, oidc.ErrInvalidGrant().WithDescription("the person is gone")
	}
	about := merge(person.claims(), map[string]any{"sid": g.session.id, "auth_time": g.signedIn.Unix()})
	answer := p.answer(p.accessToken(g.client, scopes, about), scopes)
	answer.RefreshToken = refresh
	if slices.Contains(scopes, oidc.ScopeOpenID) {
		hash, err := oidc.ClaimHash(answer.AccessToken, algorithm)
		if err != nil {
			return nil, oidc.ErrServerError().WithParent(err)
		}
		claims := merge(about, p.standard(), map[string]any{
			"aud":     g.client.ID,
			"azp":     g.client.ID,
			"amr":     []string{"pwd"},
			"at_hash": hash,
		})
		if nonce != "" {
			claims["nonce"] = nonce
		}
		p.mu.Lock()
		change := p.idToken
		p.mu.Unlock()
		if change != nil {
			change(claims)
		}
		answer.IDToken = p.Sign(map[string]any{"typ": typeIDToken}, claims)
	}
	return noStore(answer), nil
}

// accessToken is a JWT of RFC 9068.
func (p *Provider) accessToken(c client, scopes []string, about map[string]any) string {
	return p.Sign(map[string]any{"typ": typeAccessToken}, merge(about, p.standard(), map[string]any{
		"aud":       p.audience,
		"client_id": c.ID,
		"jti":       rand.Text(),
		"scope":     strings.Join(scopes, " "),
	}))
}

func (p *Provider) standard() map[string]any {
	now := time.Now()
	return map[string]any{"iss": p.issuer, "iat": now.Unix(), "exp": now.Add(p.lifetime).Unix()}
}

func (p *Provider) answer(accessToken string, scopes []string) *oidc.AccessTokenResponse {
	return &oidc.AccessTokenResponse{
		AccessToken: accessToken,
		TokenType:   oidc.BearerToken,
		ExpiresIn:   uint64(p.lifetime.Seconds()),
		Scope:       scopes,
	}
}

// noStore keeps what is secret out of caches.
func noStore(data any) *op.Response {
	return &op.Response{Header: http.Header{"Cache-Control": {"no-store"}}, Data: data}
}
