package access

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json" // refuses a name that comes twice

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// maxJWT is more than any issuer needs, and little to parse.
const maxJWT = 16 << 10

var errToken = fault.New(fault.Unauthorized, "this token is not valid").With("Sign in again, or send a valid token.")

func isJWT(secret string) bool { return strings.Count(secret, ".") == 2 }

// peeked is what a token says before anybody has looked at its signature: enough to know whom to ask, and
// to refuse what is meant for something else.
type peeked struct {
	typ    string
	Issuer string `json:"iss"`
	Nonce  any    `json:"nonce"`
}

// peek reads a token without believing it.
func peek(raw string) (p peeked, err error) {
	if len(raw) > maxJWT {
		return p, errToken.Because(errors.New("too long"))
	}
	algorithms := make([]jose.SignatureAlgorithm, len(fleet.IssuerAlgorithms))
	for i, a := range fleet.IssuerAlgorithms {
		algorithms[i] = jose.SignatureAlgorithm(a)
	}
	signed, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil {
		return p, errToken.Because(err)
	}
	head := signed.Signatures[0].Protected
	p.typ, _ = head.ExtraHeaders[jose.HeaderType].(string)
	if head.JSONWebKey != nil || head.ExtraHeaders["jku"] != nil || head.ExtraHeaders["x5u"] != nil || head.ExtraHeaders["crit"] != nil {
		return p, errToken.Because(errors.New("it brings its own key"))
	}
	var all map[string]any
	payload := signed.UnsafePayloadWithoutVerification()
	if err := errors.Join(json.Unmarshal(payload, &all), json.Unmarshal(payload, &p)); err != nil {
		return p, errToken.Because(err)
	}
	return p, nil
}

// issuerOf is whose token it says it is.
func (d *Door) issuerOf(ctx context.Context, raw string) (*issuer, error) {
	p, err := peek(raw)
	if err != nil {
		return nil, err
	}
	i, err := d.issuers.find(ctx, func(i *fleet.Issuer) bool { return i.URL == p.Issuer })
	if fault.Is(err, fault.NotFound) {
		return nil, errToken.Because(err)
	}
	return i, err
}

// bearer is who sends an access token of an issuer's: a program or, by its hand, a person. What it may do the
// rules make of the token's own claims.
func (d *Door) bearer(ctx context.Context, raw string, v Viewer) (Viewer, error) {
	i, err := d.issuerOf(ctx, raw)
	if err != nil {
		return Viewer{}, err
	}
	p, err := peek(raw)
	if err != nil {
		return Viewer{}, err
	}
	// RFC 9068's type; many issuers still say JWT. A logout token, or one of another purpose, is no key.
	if typ := strings.TrimPrefix(strings.ToLower(p.typ), "application/"); i.Audience == "" || p.Nonce != nil || !slices.Contains([]string{"", "jwt", "at+jwt"}, typ) {
		return Viewer{}, errToken.Because(errors.New("not for this: " + typ))
	}
	token, claims, err := i.verify(ctx, i.Audience, raw)
	if err != nil {
		return Viewer{}, err
	}
	if claims["events"] != nil {
		return Viewer{}, errToken.Because(errors.New("a logout token"))
	}
	rights := i.Rights(claims)
	if len(rights) == 0 {
		return Viewer{}, errNoRole
	}
	user, err := d.known(ctx, i, token.Subject, claims, rights)
	if err != nil {
		return Viewer{}, err
	}
	wanted := organisation(ctx)
	for _, r := range rights {
		if wanted == "" && len(rights) > 1 {
			return Viewer{}, fault.New(fault.Invalid, "the token is good for %d organisations", len(rights)).With("Name one in the header X-NovaCron-Organisation.")
		}
		if wanted != "" && wanted != r.Organisation {
			continue
		}
		tenant, err := d.tenant(ctx, r.Organisation)
		if err != nil {
			return Viewer{}, err
		}
		v.TenantID, v.UserID, v.Name, v.Role = tenant.ID, user.ID, user.Name, r.Role
		v.policies, err = d.policies.of(ctx, tenant.ID)
		return v, err
	}
	return Viewer{}, errNoRole
}

// verifyLogout checks a logout token.
func (i *issuer) verifyLogout(ctx context.Context, raw string) (*oidc.IDToken, map[string]any, error) {
	p, err := i.discover()
	if err != nil {
		return nil, nil, err
	}
	// It may name a session alone, and then nobody.
	token, err := p.Verifier(&oidc.Config{
		ClientID: i.ClientID, SupportedSigningAlgs: i.Algorithms, Now: func() time.Time { return time.Now().Add(-clockSkew) },
	}).Verify(ctx, raw)
	if err != nil {
		return nil, nil, errToken.Because(err)
	}
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return nil, nil, errToken.Because(err)
	}
	events, _ := claims["events"].(map[string]any)
	_, said := events["http://schemas.openid.net/event/backchannel-logout"]
	sid, _ := claims["sid"].(string)
	if !said || claims["nonce"] != nil || sid == "" && token.Subject == "" {
		return nil, nil, errToken.Because(errors.New("no logout token"))
	}
	return token, claims, nil
}
