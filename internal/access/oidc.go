package access

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"
	"golang.org/x/oauth2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// attempt is a sign-in that has begun. The browser keeps it, in a cookie that only we get and only for a while:
// so a stranger can neither finish it in another browser nor fill our database with beginnings.
type attempt struct {
	Issuer   uuid.UUID
	State    string // comes back with the code: the answer is to what this browser asked
	Nonce    string // comes back in the ID token: it was made for this attempt
	Verifier string // PKCE: who only saw the code cannot use it
	To       string // where the browser was going
}

const (
	attemptCookie = "novacron_attempt_" // and the state's beginning: two tabs may sign in at once
	attemptLasts  = 10 * time.Minute
	maxTo         = 2000
)

func (d *Door) attemptCookie(r *http.Request, state string) *http.Cookie {
	c := &http.Cookie{Name: attemptCookie + state[:min(8, len(state))], Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(attemptLasts.Seconds())}
	if d.secure(r) {
		c.Name, c.Secure = "__Host-"+c.Name, true
	}
	return c
}

// ServeIssuers is GET /auth/issuers: [{id, name}], what the sign-in page offers beside a password.
func (d *Door) ServeIssuers(w http.ResponseWriter, r *http.Request) {
	known, err := d.issuers.all(House(r.Context()))
	if err != nil {
		fault.WriteHTTP(w, 0, RequestID(r.Context()), err)
		return
	}
	type button struct {
		ID   uuid.UUID `json:"id"`
		Name string    `json:"name"`
	}
	all := make([]button, len(known))
	for n, i := range known {
		all[n] = button{i.ID, i.Name}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(all)
}

// ServeBegin is GET /auth/issuers/{id}?to=/vms: on to the issuer, and back to the page in the end.
func (d *Door) ServeBegin(w http.ResponseWriter, r *http.Request) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		id = uuid.Nil
	}
	to := ourPage(r.URL.Query().Get("to"))
	i, err := d.issuers.find(House(r.Context()), func(i *fleet.Issuer) bool { return i.ID == id })
	if err != nil {
		d.failed(w, r, to, err)
		return
	}
	config, err := i.config(d.callback(r))
	if err != nil {
		d.failed(w, r, to, err)
		return
	}
	a := attempt{Issuer: i.ID, State: NewSecret(), Nonce: NewSecret(), Verifier: oauth2.GenerateVerifier(), To: to}
	text, err := json.Marshal(a)
	if err != nil {
		d.failed(w, r, to, err)
		return
	}
	c := d.attemptCookie(r, a.State)
	c.Value = base64.RawURLEncoding.EncodeToString(text)
	http.SetCookie(w, c)
	http.Redirect(w, r, config.AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), http.StatusFound)
}

// ServeCallback is GET /auth/callback, to which the issuer sends the browser back: a session, and on to the page.
func (d *Door) ServeCallback(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	a, err := d.attempted(w, r, q.Get("state"))
	if err != nil {
		d.failed(w, r, "", err)
		return
	}
	secret, expires, err := d.finish(r, a, q)
	if err != nil {
		d.failed(w, r, a.To, err)
		return
	}
	d.setCookie(w, r, secret, expires)
	http.Redirect(w, r, a.To, http.StatusFound)
}

var errExpired = fault.New(fault.Invalid, "this sign-in was not begun in this browser, or too long ago").With("Sign in again.")

// attempted is the attempt that the state belongs to, which is over with this.
func (d *Door) attempted(w http.ResponseWriter, r *http.Request, state string) (*attempt, error) {
	if state == "" {
		return nil, errExpired
	}
	kept := d.attemptCookie(r, state)
	cookie, err := r.Cookie(kept.Name)
	if err != nil {
		return nil, errExpired
	}
	kept.MaxAge = -1
	http.SetCookie(w, kept)
	text, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	a := new(attempt)
	if err != nil || json.Unmarshal(text, a) != nil || subtle.ConstantTimeCompare([]byte(a.State), []byte(state)) != 1 {
		return nil, errExpired
	}
	a.To = ourPage(a.To)
	return a, nil
}

// finish exchanges the code, and opens a session for whom the issuer names.
func (d *Door) finish(r *http.Request, a *attempt, q url.Values) (secret string, expires time.Time, err error) {
	ctx := House(r.Context())
	i, err := d.issuers.find(ctx, func(i *fleet.Issuer) bool { return i.ID == a.Issuer })
	if err != nil {
		return "", expires, err
	}
	refused := fault.New(fault.Denied, "%s did not sign you in", i.Name).With("Try again, or ask those who run it.")
	// RFC 9207: an answer of another issuer's than was asked.
	if from := q.Get("iss"); from != "" && from != i.URL {
		return "", expires, refused.Because(errors.New("the answer is of another issuer: " + from))
	}
	if q.Get("error") != "" {
		return "", expires, refused.Because(errors.New(q.Get("error") + ": " + q.Get("error_description")))
	}
	config, err := i.config(d.callback(r))
	if err != nil {
		return "", expires, err
	}
	got, err := config.Exchange(oidc.ClientContext(ctx, i.client), q.Get("code"), oauth2.VerifierOption(a.Verifier))
	var answered *oauth2.RetrieveError
	if errors.As(err, &answered) {
		return "", expires, refused.Because(err)
	}
	if err != nil {
		return "", expires, fault.New(fault.Unavailable, "%s does not answer", i.Name).With("Try again.").Because(err)
	}
	raw, _ := got.Extra("id_token").(string)
	token, claims, err := i.verify(ctx, i.ClientID, raw)
	if err != nil {
		return "", expires, err
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(a.Nonce)) != 1 {
		return "", expires, refused.Because(errors.New("the ID token was made for another sign-in"))
	}
	user, err := d.welcome(ctx, i, token.Subject, claims)
	if err != nil {
		return "", expires, err
	}
	sid, _ := claims["sid"].(string)
	return d.open(ctx, user, &fleet.Session{IssuerID: &i.ID, IssuerSID: sid}, d.origin(r))
}

// backChannelLogout is where issuers say that somebody has signed out.
const backChannelLogout = "/auth/back-channel-logout"

// ServeBackChannelLogout is POST /auth/back-channel-logout, logout_token=…: the sessions that it names end
// (OpenID Connect Back-Channel Logout 1.0).
func (d *Door) ServeBackChannelLogout(w http.ResponseWriter, r *http.Request) {
	ctx, id := House(r.Context()), RequestID(r.Context())
	r.Body = http.MaxBytesReader(w, r.Body, 2*maxJWT)
	raw := r.PostFormValue("logout_token")
	i, err := d.issuerOf(ctx, raw)
	if err != nil {
		fault.WriteHTTP(w, http.StatusBadRequest, id, err)
		return
	}
	token, claims, err := i.verifyLogout(ctx, raw)
	if err != nil {
		d.log.Warn("a logout token was refused", "issuer", i.Name, "error", err)
		fault.WriteHTTP(w, http.StatusBadRequest, id, err)
		return
	}
	sid, _ := claims["sid"].(string)
	n, err := d.store.EndIssuerSessions(ctx, i.ID, sid, token.Subject)
	if err != nil {
		fault.WriteHTTP(w, 0, id, err)
		return
	}
	d.log.Info("signed out by the issuer", "issuer", i.Name, "sessions", n)
}

// callback is the address that the issuer knows.
func (d *Door) callback(r *http.Request) string {
	if d.options.PublicURL != "" {
		return strings.TrimSuffix(d.options.PublicURL, "/") + "/auth/callback"
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + "/auth/callback"
}

// ourPage is the page to go to, if it is one of ours.
func ourPage(to string) string {
	u, err := url.Parse(to)
	odd := strings.ContainsFunc(to, func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f })
	if err != nil || odd || len(to) > maxTo || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
		return "/"
	}
	return to
}

// problems are the words for what went wrong that the sign-in page has sentences for. It gets no sentence from
// here: whoever makes somebody follow a link could otherwise write on our page.
var problems = map[fault.Kind]string{
	fault.Invalid: "expired", fault.Unavailable: "away", fault.Denied: "refused", fault.Unauthorized: "refused", fault.NotFound: "unknown",
}

// failed leads back to the sign-in page, which says why.
func (d *Door) failed(w http.ResponseWriter, r *http.Request, to string, err error) {
	problem := problems[fault.KindOf(err)]
	switch {
	case errors.Is(err, errNoRole):
		problem = "no-role"
	case errors.Is(err, errDeactivated):
		problem = "deactivated"
	case problem == "":
		problem = "failed"
	}
	id := RequestID(r.Context())
	d.log.Warn("sign-in failed", "problem", problem, "error", err, "peer", d.peer(r), "request", id)
	q := url.Values{"problem": {problem}, "request": {id}}
	if to != "" && to != "/" {
		q.Set("to", to)
	}
	http.Redirect(w, r, "/sign-in?"+q.Encode(), http.StatusFound)
}
