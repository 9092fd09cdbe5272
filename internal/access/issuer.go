package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

const (
	issuersFresh  = 5 * time.Second // how soon a change of an issuer's settings is felt
	issuerAnswers = 10 * time.Second
	clockSkew     = 30 * time.Second // how far an issuer's clock may differ from ours
	maxAnswer     = 1 << 20
)

// issuers keeps what is known of each issuer. Discovery is read when it is first needed, so that one that is
// away keeps nobody from starting, nor from signing in elsewhere.
type issuers struct {
	store  *store.Store
	secret func(*fleet.Issuer) (string, error)
	given  *http.Client // for issuers whose addresses people gave: they lead outside only
	set    *http.Client // for those of the settings, which are trusted

	mu    sync.Mutex
	read  time.Time
	known []*issuer
}

// issuer is one of them, with its settings as they were when it was met.
type issuer struct {
	*fleet.Issuer
	secret func(*fleet.Issuer) (string, error)
	client *http.Client

	mu       sync.Mutex
	provider *oidc.Provider
	tried    time.Time
	failed   error
}

// all are the issuers that may vouch for people now.
func (s *issuers) all(ctx context.Context) ([]*issuer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.read) < issuersFresh {
		return s.known, nil
	}
	rows, err := s.store.Issuers(ctx)
	if err != nil {
		return nil, err
	}
	var now []*issuer
	for _, row := range rows {
		if !row.Enabled {
			continue
		}
		i := &issuer{Issuer: row, secret: s.secret, client: s.given}
		if row.Managed == fleet.IssuerOfSettings {
			i.client = s.set
		}
		for _, old := range s.known {
			if old.ID == row.ID && old.Version == row.Version {
				i = old
			}
		}
		now = append(now, i)
	}
	s.known, s.read = now, time.Now()
	return now, nil
}

// find gives the first that is meant.
func (s *issuers) find(ctx context.Context, meant func(*fleet.Issuer) bool) (*issuer, error) {
	all, err := s.all(ctx)
	for _, i := range all {
		if meant(i.Issuer) {
			return i, err
		}
	}
	if err == nil {
		err = fault.New(fault.NotFound, "there is no such issuer").With("Choose one of those on the sign-in page.")
	}
	return nil, err
}

// client talks to issuers by a transport: briefly, and to nobody that they refer to.
func client(t http.RoundTripper) *http.Client {
	return &http.Client{
		Timeout:   issuerAnswers,
		Transport: bounded{t},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("an issuer's endpoint does not redirect")
		},
	}
}

// bounded ends answers that are too long.
type bounded struct{ http.RoundTripper }

// RoundTrip is the RoundTripper's.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = http.MaxBytesReader(nil, res.Body, maxAnswer)
	}
	return res, err
}

// discover reads the discovery document once it is needed; one who did not answer is asked again a few seconds later.
func (i *issuer) discover() (*oidc.Provider, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.provider != nil {
		return i.provider, nil
	}
	if i.failed == nil || time.Since(i.tried) > issuersFresh {
		// The provider keeps the context for reading keys later on.
		i.provider, i.failed = oidc.NewProvider(oidc.ClientContext(context.Background(), i.client), i.URL)
		i.tried = time.Now()
	}
	if i.failed != nil {
		return nil, fault.New(fault.Unavailable, "%s does not answer as an issuer should", i.Name).
			With("Try again, or sign in another way; an administrator finds the cause in the log.").Because(i.failed)
	}
	return i.provider, nil
}

// config is for asking for a code and exchanging it.
func (i *issuer) config(redirect string) (*oauth2.Config, error) {
	p, err := i.discover()
	if err != nil {
		return nil, err
	}
	c := &oauth2.Config{ClientID: i.ClientID, Endpoint: p.Endpoint(), RedirectURL: redirect, Scopes: append([]string{oidc.ScopeOpenID}, i.Scopes...)}
	if len(i.ClientSecret) > 0 {
		if c.ClientSecret, err = i.secret(i.Issuer); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// verify checks a token of the issuer's for an audience: signature by an allowed algorithm, issuer, audience and times.
func (i *issuer) verify(ctx context.Context, audience, raw string) (*oidc.IDToken, map[string]any, error) {
	p, err := i.discover()
	if err != nil {
		return nil, nil, err
	}
	verifier := p.Verifier(&oidc.Config{
		ClientID: audience, SupportedSigningAlgs: i.Algorithms, Now: func() time.Time { return time.Now().Add(-clockSkew) },
	})
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, nil, fault.New(fault.Unauthorized, "the token of %s is not valid", i.Name).With("Sign in again, or send a valid token.").Because(err)
	}
	claims, err := claimsOf(token)
	return token, claims, err
}

func claimsOf(token *oidc.IDToken) (map[string]any, error) {
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return nil, fault.New(fault.Unauthorized, "the token's claims cannot be read").Because(err)
	}
	if token.Subject == "" || len(token.Subject) > 255 {
		return nil, fault.New(fault.Unauthorized, "the token names nobody").Because(fmt.Errorf("sub of %d bytes", len(token.Subject)))
	}
	return claims, nil
}
