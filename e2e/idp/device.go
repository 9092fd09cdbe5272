package idp

import (
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// device is one that waits for its person to let it in, by a code that they type elsewhere.
type device struct {
	userCode string
	client   client
	scopes   []string
	until    time.Time
	polled   time.Time
	denied   bool
	grant    *grant // once allowed
}

// DeviceAuthorization gives a device its two codes.
func (s protocol) DeviceAuthorization(_ context.Context, r *op.ClientRequest[oidc.DeviceAuthorizationRequest]) (*op.Response, error) {
	shape := op.UserCodeBase20
	userCode, err := op.NewUserCode([]rune(shape.CharSet), shape.CharAmount, shape.DashInterval)
	if err != nil {
		return nil, err
	}
	code, now := rand.Text(), time.Now()
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	maps.DeleteFunc(s.p.devices, func(_ string, d *device) bool { return now.After(d.until.Add(pageLasts)) })
	s.p.devices[code] = &device{userCode: plainCode(userCode), client: r.Client.(client), scopes: r.Data.Scopes, until: now.Add(pageLasts)}
	page := op.NewEndpoint(devicePath).Absolute(s.p.issuer)
	return noStore(&oidc.DeviceAuthorizationResponse{
		DeviceCode:              code,
		UserCode:                userCode,
		VerificationURI:         page,
		VerificationURIComplete: page + "?" + url.Values{"user_code": {userCode}}.Encode(),
		ExpiresIn:               int(pageLasts / time.Second),
		Interval:                int(pollEvery / time.Second),
	}), nil
}

// DeviceToken answers a device that asks whether it was let in.
func (s protocol) DeviceToken(_ context.Context, r *op.ClientRequest[oidc.DeviceAccessTokenRequest]) (*op.Response, error) {
	g, refresh, err := s.poll(r.Client.GetID(), r.Data.DeviceCode)
	if err != nil {
		return nil, err
	}
	return s.p.tokens(g, g.scopes, "", refresh)
}

func (s protocol) poll(clientID, code string) (*grant, string, error) {
	now := time.Now()
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	d, ok := s.p.devices[code]
	if !ok || d.client.ID != clientID {
		return nil, "", oidc.ErrInvalidGrant().WithDescription("no such device code")
	}
	early := now.Sub(d.polled) < pollEvery
	d.polled = now
	switch {
	case d.denied:
		return nil, "", oidc.ErrAccessDenied()
	case d.grant != nil:
		delete(s.p.devices, code)
		return d.grant, s.p.renew(d.grant), nil
	case now.After(d.until):
		return nil, "", oidc.ErrExpiredDeviceCode()
	case early:
		return nil, "", oidc.ErrSlowDown()
	}
	return nil, "", oidc.ErrAuthorizationPending()
}

func (p *Provider) showDevice(w http.ResponseWriter, r *http.Request) {
	p.show(w, http.StatusOK, p.deviceView(r.FormValue("user_code"), ""))
}

func (p *Provider) takeDevice(w http.ResponseWriter, r *http.Request) {
	v := p.deviceView(r.PostFormValue("user_code"), r.PostFormValue("name"))
	person, ok := p.authenticate(v.Name, r.PostFormValue("password"))
	if !ok {
		v.Refused = refusedLogin
		p.show(w, http.StatusForbidden, v)
		return
	}
	allow := r.PostFormValue("answer") == "allow"
	client, ok := p.decide(v.UserCode, person, allow)
	switch {
	case !ok:
		v.Refused = "No device waits with this code. It may have ended: look at the device again."
		p.show(w, http.StatusNotFound, v)
	case allow:
		p.show(w, http.StatusOK, view{Title: "The device is let in", Lead: client + " goes on as " + person.FullName + ". You can close this page."})
	default:
		p.show(w, http.StatusOK, view{Title: "The device is turned away", Lead: client + " gets nothing. You can close this page."})
	}
}

func (p *Provider) deviceView(userCode, name string) view {
	v := view{Title: "Let a device in", Device: true, UserCode: userCode, Name: name}
	p.mu.Lock()
	defer p.mu.Unlock()
	if d, ok := p.waiting(userCode); ok {
		v.Lead = d.client.ID + " asks"
	}
	return v
}

// decide answers the device that waits with the code, and names its client.
func (p *Provider) decide(userCode string, person Person, allow bool) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, ok := p.waiting(userCode)
	if !ok {
		return "", false
	}
	d.denied = !allow
	if allow {
		// A session of its own: the device stays when the browser signs out.
		d.grant = &grant{client: d.client, session: p.begin("", person, d.client), scopes: d.scopes, signedIn: time.Now()}
	}
	return d.client.ID, true
}

// waiting is the device with that code, if it has no answer yet. The caller holds the lock.
func (p *Provider) waiting(userCode string) (*device, bool) {
	for _, d := range p.devices {
		if d.userCode == plainCode(userCode) && !d.denied && d.grant == nil && time.Now().Before(d.until) {
			return d, true
		}
	}
	return nil, false
}

// plainCode forgives case, dashes and spaces.
func plainCode(typed string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(typed))
}
