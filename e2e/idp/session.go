package idp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// session is one browser in which one person signed in, and the clients that they signed in to. Nobody
// is let in by it: it ties together what ends together.
type session struct {
	id      string // sid
	person  string
	clients map[string]bool
	ended   bool
}

const sessionCookie = "idp_session"

// begin joins the browser's session if it is the person's, else opens one. The caller holds the lock.
func (p *Provider) begin(browser string, person Person, c client) *session {
	s, ok := p.sessions[browser]
	if !ok || s.person != person.Name {
		s = &session{id: rand.Text(), person: person.Name, clients: map[string]bool{}}
		p.sessions[s.id] = s
	}
	s.clients[c.ID] = true
	p.log.Info("signed in", "person", person.Name, "client", c.ID)
	return s
}

// SignOut ends all sessions of the person with that name and returns when their clients have been told.
// Refresh tokens end too. The error is of those that did not take their logout token.
func (p *Provider) SignOut(ctx context.Context, name string) error {
	p.mu.Lock()
	var theirs []*session
	for s := range maps.Values(p.sessions) {
		if s.person == name {
			theirs = append(theirs, s)
		}
	}
	p.mu.Unlock()
	return p.end(ctx, theirs...)
}

func (p *Provider) end(ctx context.Context, ended ...*session) error {
	type notice struct {
		client client
		sid    string
		person string
	}
	var notices []notice
	p.mu.Lock()
	for _, s := range ended {
		if s.ended {
			continue // by somebody else, who tells the clients
		}
		s.ended = true
		delete(p.sessions, s.id)
		for _, id := range slices.Sorted(maps.Keys(s.clients)) {
			if c := p.clients[id]; c.BackChannelLogoutURI != "" {
				notices = append(notices, notice{c, s.id, s.person})
			}
		}
		p.log.Info("signed out", "person", s.person)
	}
	p.mu.Unlock()
	var failures []error
	for _, n := range notices {
		if err := p.post(ctx, n.client, p.LogoutToken(n.client.ID, Person{Name: n.person}.Subject(), n.sid)); err != nil {
			failures = append(failures, fmt.Errorf("telling %s: %w", n.client.ID, err))
		}
	}
	return errors.Join(failures...)
}

// LogoutToken is one of OpenID Connect Back-Channel Logout 1.0, as posted to clients. Without a sid it
// is for all sessions of the subject.
func (p *Provider) LogoutToken(clientID, subject, sid string) string {
	now := time.Now()
	claims := map[string]any{
		"iss":    p.issuer,
		"aud":    clientID,
		"sub":    subject,
		"iat":    now.Unix(),
		"exp":    now.Add(logoutLasts).Unix(),
		"jti":    rand.Text(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	if sid != "" {
		claims["sid"] = sid
	}
	return p.Sign(map[string]any{"typ": typeLogoutToken}, claims)
}

func (p *Provider) post(ctx context.Context, c client, token string) error {
	body := strings.NewReader(url.Values{"logout_token": {token}}.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BackChannelLogoutURI, body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := p.posts.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("answered %s", response.Status)
	}
	return nil
}
