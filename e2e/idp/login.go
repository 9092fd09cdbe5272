package idp

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// login is a sign-in that the person has yet to finish.
type login struct {
	client  client
	request *oidc.AuthRequest
	until   time.Time
}

const refusedLogin = "The name or the password is wrong."

func (p *Provider) showLogin(w http.ResponseWriter, r *http.Request) {
	if l, ok := p.login(r.FormValue("id")); ok {
		p.show(w, http.StatusOK, loginView(l, l.request.LoginHint))
		return
	}
	p.showGone(w)
}

func (p *Provider) takeLogin(w http.ResponseWriter, r *http.Request) {
	id := r.FormValue("id")
	l, ok := p.login(id)
	if !ok {
		p.showGone(w)
		return
	}
	person, ok := p.authenticate(r.PostFormValue("name"), r.PostFormValue("password"))
	if !ok {
		v := loginView(l, r.PostFormValue("name"))
		v.Refused = refusedLogin
		p.show(w, http.StatusForbidden, v)
		return
	}
	browser := ""
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		browser = cookie.Value
	}
	sid, code, ok := p.finish(id, browser, person)
	if !ok {
		p.showGone(w)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name:     sessionCookie,
		Value:    sid,
		Path:     "/",
		HttpOnly: true,
		Secure:   strings.HasPrefix(p.issuer, "https:"),
		SameSite: http.SameSiteLaxMode,
	})
	http.Redirect(w, r, withQuery(l.request.RedirectURI, url.Values{"code": {code}, "state": {l.request.State}}), http.StatusSeeOther)
}

func (p *Provider) login(id string) (*login, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, ok := p.logins[id]
	return l, ok && time.Now().Before(l.until)
}

// finish turns a sign-in into a code, once.
func (p *Provider) finish(id, browser string, person Person) (sid, code string, ok bool) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	l, ok := p.logins[id]
	if !ok {
		return "", "", false
	}
	delete(p.logins, id)
	// An ended code is kept for a while, so that its reuse is seen for what it is.
	maps.DeleteFunc(p.codes, func(_ string, g *grant) bool { return now.After(g.until.Add(pageLasts)) })
	s := p.begin(browser, person, l.client)
	code = rand.Text()
	p.codes[code] = &grant{client: l.client, session: s, scopes: l.request.Scopes, signedIn: now, request: l.request, until: now.Add(codeLasts)}
	return s.id, code, true
}

func (p *Provider) showGone(w http.ResponseWriter) {
	p.show(w, http.StatusBadRequest, view{Title: "This sign-in has ended", Lead: "Go back to where you came from and start again."})
}

func (p *Provider) showSignedOut(w http.ResponseWriter, _ *http.Request) {
	p.show(w, http.StatusOK, view{Title: "You are signed out", Lead: "You can close this page."})
}

// view is what a page says. With neither Login nor Device it asks nothing.
type view struct {
	Title, Lead   string
	Login, Device bool
	Refused       string
	Name          string
	UserCode      string
	Organisations []organisationView
}

type organisationView struct {
	Name   string
	People []Person
}

func loginView(l *login, name string) view {
	return view{Title: "Sign in", Lead: "to go on to " + l.client.ID, Login: true, Name: name}
}

//go:embed page.html
var pageSource string

var page = template.Must(template.New("page").Parse(pageSource))

func (p *Provider) show(w http.ResponseWriter, status int, v view) {
	if v.Login || v.Device {
		v.Organisations = p.organisations()
	}
	var body bytes.Buffer
	if err := page.Execute(&body, v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	// No form-action: browsers hold it against the redirect that follows the form, too.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w)
}

// organisations are those of the people, in their order.
func (p *Provider) organisations() []organisationView {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []organisationView
	for _, person := range p.people {
		i := slices.IndexFunc(all, func(o organisationView) bool { return o.Name == person.Organisation() })
		if i < 0 {
			i, all = len(all), append(all, organisationView{Name: person.Organisation()})
		}
		all[i].People = append(all[i].People, person)
	}
	return all
}
