package idp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The library tells the default logger each of its routes and refusals.
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	goleak.VerifyTestMain(m)
}

const (
	webSecret = "kept by the server"
	callback  = "http://vms.example/auth/callback"
	goodbye   = "http://vms.example/bye"
	audience  = "vms-api"
)

// party is a relying party: go-oidc for what it trusts, net/http for what it asks.
type party struct {
	t        *testing.T
	idp      *Provider
	client   Client
	http     *http.Client
	ctx      context.Context
	provider *oidc.Provider
}

func newParty(t *testing.T) *party {
	web := Client{ID: "web", Secret: webSecret, RedirectURIs: []string{callback}, PostLogoutRedirectURIs: []string{goodbye}}
	p := Start(t, Options{Audience: audience, Clients: []Client{web, {ID: "cli", RedirectURIs: []string{"http://127.0.0.1/callback"}}}})
	plain := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	ctx := oidc.ClientContext(t.Context(), plain)
	provider, err := oidc.NewProvider(ctx, p.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	return &party{t: t, idp: p, client: web, http: plain, ctx: ctx, provider: provider}
}

// attempt is what a relying party keeps while a person signs in.
type attempt struct {
	state, nonce, verifier string
	query                  url.Values
}

func (p *party) attempt() attempt {
	a := attempt{state: rand.Text(), nonce: rand.Text(), verifier: rand.Text() + rand.Text()}
	challenge := sha256.Sum256([]byte(a.verifier))
	a.query = url.Values{
		"response_type":         {"code"},
		"client_id":             {p.client.ID},
		"redirect_uri":          {callback},
		"scope":                 {"openid profile email offline_access"},
		"state":                 {a.state},
		"nonce":                 {a.nonce},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
	}
	return a
}

func (p *party) authorizeURL(a attempt) string {
	return p.provider.Endpoint().AuthURL + "?" + a.query.Encode()
}

// code takes a person through the login page.
func (p *party) code(a attempt, name string) string {
	p.t.Helper()
	back := SignIn(p.t, p.authorizeURL(a), name, Password)
	if got := back.Query().Get("state"); got != a.state {
		p.t.Fatalf("state %q came back as %q", a.state, got)
	}
	if !strings.HasPrefix(back.String(), callback+"?") || back.Query().Get("code") == "" {
		p.t.Fatalf("sent to %s", back)
	}
	return back.Query().Get("code")
}

type answer struct {
	Status       int    `json:"-"`
	AccessToken  string `json:"access_token"`
	IDToken      string `json:"id_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int    `json:"expires_in"`
	Error        string `json:"error"`
}

// post sends a form and reads the JSON that comes back into v.
func (p *party) post(address string, form url.Values, v any) int {
	p.t.Helper()
	response, err := p.http.PostForm(address, form)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(v); err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode
}

func (p *party) token(form url.Values) answer {
	p.t.Helper()
	if !form.Has("client_id") {
		form.Set("client_id", p.client.ID)
		form.Set("client_secret", p.client.Secret)
	}
	var a answer
	a.Status = p.post(p.provider.Endpoint().TokenURL, form, &a)
	return a
}

func redemption(code, verifier string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
}

func (p *party) redeem(code, verifier string) answer { return p.token(redemption(code, verifier)) }

func (p *party) refresh(token string) answer {
	return p.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

func (p *party) signIn(name string) answer {
	p.t.Helper()
	a := p.attempt()
	return p.redeem(p.code(a, name), a.verifier)
}

func (p *party) refused(a answer, status int, reason string) {
	p.t.Helper()
	if a.Status != status || a.Error != reason || a.AccessToken != "" {
		p.t.Errorf("want %d %s, got %+v", status, reason, a)
	}
}

// idToken is what the token says to one that has just fetched the keys.
func (p *party) idToken(raw string) (*oidc.IDToken, map[string]any) {
	p.t.Helper()
	token, err := p.provider.Verifier(&oidc.Config{ClientID: p.client.ID}).Verify(p.ctx, raw)
	if err != nil {
		p.t.Fatal(err)
	}
	return token, claimsOf(p.t, token)
}

func claimsOf(t *testing.T, token interface{ Claims(any) error }) map[string]any {
	t.Helper()
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// about checks what the claims say of a person.
func about(t *testing.T, claims map[string]any, person Person) {
	t.Helper()
	var groups []any
	for _, group := range person.Groups {
		groups = append(groups, group)
	}
	for name, want := range map[string]any{
		"sub":                person.Subject(),
		"name":               person.FullName,
		"preferred_username": person.Name,
		"email":              person.Email,
		"email_verified":     person.EmailVerified,
		"groups":             groups,
		organisation:         person.Organisation(),
	} {
		if !reflect.DeepEqual(claims[name], want) {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
}

func header(t *testing.T, raw string) map[string]any {
	t.Helper()
	part, _, _ := strings.Cut(raw, ".")
	var fields map[string]any
	if err := json.NewDecoder(base64.NewDecoder(base64.RawURLEncoding, strings.NewReader(part))).Decode(&fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

func TestCodeFlow(t *testing.T) {
	p := newParty(t)
	for _, person := range People() {
		a := p.attempt()
		got := p.redeem(p.code(a, person.Name), a.verifier)
		token, claims := p.idToken(got.IDToken)
		if token.Nonce != a.nonce {
			t.Errorf("nonce %q came back as %q", a.nonce, token.Nonce)
		}
		if err := token.VerifyAccessToken(got.AccessToken); err != nil {
			t.Error(err)
		}
		if !reflect.DeepEqual(token.Audience, []string{p.client.ID}) {
			t.Errorf("the identity token is for %v", token.Audience)
		}
		if claims["sid"] == nil {
			t.Error("the identity token has no sid")
		}
		about(t, claims, person)

		access, err := p.provider.Verifier(&oidc.Config{ClientID: audience}).Verify(p.ctx, got.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(access.Audience, []string{audience}) {
			t.Errorf("the access token is for %v", access.Audience)
		}
		about(t, claimsOf(t, access), person)
		if typ := header(t, got.AccessToken)["typ"]; typ != "at+jwt" {
			t.Errorf("the access token is a %v", typ)
		}
		if typ := header(t, got.IDToken)["typ"]; typ != "JWT" {
			t.Errorf("the identity token is a %v", typ)
		}

		status, info := p.userInfo(got.AccessToken)
		if status != http.StatusOK {
			t.Errorf("userinfo answered %d", status)
		}
		about(t, info, person)
		if status, _ := p.userInfo(got.IDToken); status != http.StatusUnauthorized {
			t.Errorf("userinfo took an identity token with %d", status)
		}
	}
	if calls := p.idp.TokenCalls(); calls != len(People()) {
		t.Errorf("%d calls for tokens were counted, want %d", calls, len(People()))
	}
}

func (p *party) userInfo(token string) (int, map[string]any) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.provider.UserInfoEndpoint(), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := p.http.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	var claims map[string]any
	if err := json.NewDecoder(response.Body).Decode(&claims); err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, claims
}

func TestLoginPage(t *testing.T) {
	p := newParty(t)
	response, err := p.http.Get(p.authorizeURL(p.attempt()))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	address, err := response.Location()
	if err != nil {
		t.Fatal(err)
	}
	text := func(response *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.Status + "\n" + string(body)
	}
	shown := text(p.http.Get(address.String()))
	for _, person := range People() {
		_, group, _ := strings.Cut(shown, "<h2>"+person.Organisation()+"</h2>")
		group, _, _ = strings.Cut(group, "</ul>")
		if !strings.Contains(group, person.Name) || !strings.Contains(group, person.FullName) {
			t.Errorf("%s is not shown under %s", person.Name, person.Organisation())
		}
	}
	for _, wrong := range []url.Values{
		{"name": {"ada"}, "password": {"monday"}},
		{"name": {"eve"}, "password": {Password}},
		{"name": {"ada"}},
	} {
		if got := text(p.http.PostForm(address.String(), wrong)); !strings.HasPrefix(got, "403") || !strings.Contains(got, refusedLogin) {
			t.Errorf("%v was answered %s", wrong, got)
		}
	}
	right := url.Values{"name": {"ada"}, "password": {Password}}
	if got := text(p.http.PostForm(address.String(), right)); !strings.HasPrefix(got, "303") {
		t.Errorf("the right password was answered %s", got)
	}
	if got := text(p.http.PostForm(address.String(), right)); !strings.HasPrefix(got, "400") {
		t.Errorf("the same page signed in twice: %s", got)
	}
}

func TestCodesAreGoodOnce(t *testing.T) {
	p := newParty(t)
	a := p.attempt()
	code := p.code(a, "ada")
	first := p.redeem(code, a.verifier)
	p.refused(p.redeem(code, a.verifier), http.StatusBadRequest, "invalid_grant")
	p.refused(p.refresh(first.RefreshToken), http.StatusBadRequest, "invalid_grant") // a replay ends what came of the code

	a = p.attempt()
	code = p.code(a, "ada")
	p.refused(p.redeem(code, rand.Text()), http.StatusBadRequest, "invalid_grant")
	p.refused(p.redeem(code, a.verifier), http.StatusBadRequest, "invalid_grant") // one try is all

	a = p.attempt()
	p.refused(p.redeem(p.code(a, "ada"), ""), http.StatusBadRequest, "invalid_request")

	a = p.attempt()
	form := redemption(p.code(a, "ada"), a.verifier)
	form.Set("client_id", "cli")
	p.refused(p.token(form), http.StatusBadRequest, "invalid_grant")

	a = p.attempt()
	form = redemption(p.code(a, "ada"), a.verifier)
	form.Set("client_id", p.client.ID)
	form.Set("client_secret", "guessed")
	p.refused(p.token(form), http.StatusUnauthorized, "invalid_client")

	a = p.attempt()
	form = redemption(p.code(a, "ada"), a.verifier)
	form.Set("redirect_uri", callback+"/elsewhere")
	p.refused(p.token(form), http.StatusBadRequest, "invalid_grant")
}

func TestAuthorizeRefuses(t *testing.T) {
	p := newParty(t)
	for name, x := range map[string]struct {
		change func(url.Values)
		sent   string // the error that the redirect carries; empty when nobody is sent anywhere
	}{
		"an unregistered redirect":     {func(q url.Values) { q.Set("redirect_uri", "http://evil.example/auth/callback") }, ""},
		"a redirect that begins alike": {func(q url.Values) { q.Set("redirect_uri", callback+"/../evil") }, ""},
		"an unknown client":            {func(q url.Values) { q.Set("client_id", "stranger") }, ""},
		"the implicit flow":            {func(q url.Values) { q.Set("response_type", "id_token token") }, "unauthorized_client"},
		"a plain challenge":            {func(q url.Values) { q.Set("code_challenge_method", "plain") }, "invalid_request"},
		"a challenge of no method":     {func(q url.Values) { q.Del("code_challenge_method") }, "invalid_request"},
		"nobody asked":                 {func(q url.Values) { q.Set("prompt", "none") }, "login_required"},
		"a public client without PKCE": {func(q url.Values) {
			q.Set("client_id", "cli")
			q.Set("redirect_uri", "http://127.0.0.1:1234/callback")
			q.Del("code_challenge")
			q.Del("code_challenge_method")
		}, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			a := p.attempt()
			x.change(a.query)
			response, err := p.http.Get(p.authorizeURL(a))
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if x.sent == "" {
				if response.StatusCode != http.StatusBadRequest || response.Header.Get("Location") != "" {
					t.Errorf("answered %s, sent to %q", response.Status, response.Header.Get("Location"))
				}
				return
			}
			back, err := response.Location()
			if err != nil {
				t.Fatal(err)
			}
			said, err := url.ParseQuery(back.RawQuery + back.EscapedFragment()) // the implicit flow is answered in the fragment
			if err != nil || said.Get("error") != x.sent || said.Get("state") != a.state {
				t.Errorf("sent to %s", back)
			}
		})
	}
}

func TestRefresh(t *testing.T) {
	p := newParty(t)
	first := p.signIn("amir")
	_, before := p.idToken(first.IDToken)

	changed := People()[1]
	changed.Groups = []string{"acme-admins", "acme-operators"}
	p.idp.Put(changed)
	second := p.refresh(first.RefreshToken)
	token, after := p.idToken(second.IDToken)
	about(t, after, changed)
	if after["sid"] != before["sid"] || token.Nonce != "" {
		t.Errorf("sid %v and nonce %q after a refresh, sid %v before", after["sid"], token.Nonce, before["sid"])
	}

	third := p.refresh(second.RefreshToken)
	p.refused(p.refresh(second.RefreshToken), http.StatusBadRequest, "invalid_grant")
	p.refused(p.refresh(third.RefreshToken), http.StatusBadRequest, "invalid_grant") // a replay ends the family

	a := p.attempt()
	a.query.Set("scope", "openid")
	if got := p.redeem(p.code(a, "amir"), a.verifier); got.RefreshToken != "" || got.IDToken == "" {
		t.Errorf("a refresh token without offline_access: %+v", got)
	}

	held := p.signIn("amir").RefreshToken
	p.idp.Remove("amir")
	p.refused(p.refresh(held), http.StatusBadRequest, "invalid_grant")
}

func TestRevocation(t *testing.T) {
	p := newParty(t)
	held := p.signIn("ada").RefreshToken
	var endpoints struct {
		Revocation string `json:"revocation_endpoint"`
	}
	if err := p.provider.Claims(&endpoints); err != nil {
		t.Fatal(err)
	}
	response, err := p.http.PostForm(endpoints.Revocation, url.Values{"token": {held}, "client_id": {p.client.ID}, "client_secret": {p.client.Secret}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("revocation answered %s", response.Status)
	}
	p.refused(p.refresh(held), http.StatusBadRequest, "invalid_grant")
}

func TestClientCredentials(t *testing.T) {
	p := newParty(t)
	robot := Client{ID: "robot", Secret: "oil", Claims: map[string]any{"groups": []any{"acme-robots"}}}
	p.idp.Register(robot)
	got := p.token(url.Values{"grant_type": {"client_credentials"}, "client_id": {robot.ID}, "client_secret": {robot.Secret}})
	token, err := p.provider.Verifier(&oidc.Config{ClientID: audience}).Verify(p.ctx, got.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if groups := claimsOf(t, token)["groups"]; token.Subject != robot.ID || !reflect.DeepEqual(groups, robot.Claims["groups"]) {
		t.Errorf("the token is %s's, of %v", token.Subject, groups)
	}
	p.refused(p.token(url.Values{"grant_type": {"client_credentials"}, "client_id": {robot.ID}, "client_secret": {"rust"}}), http.StatusUnauthorized, "invalid_client")
	p.refused(p.token(url.Values{"grant_type": {"client_credentials"}, "client_id": {"cli"}}), http.StatusBadRequest, "unauthorized_client")
}

func TestRotationAndLies(t *testing.T) {
	p := newParty(t)
	verifier := func() *oidc.IDTokenVerifier { return p.provider.Verifier(&oidc.Config{ClientID: p.client.ID}) }
	old := p.signIn("gita").IDToken
	before := p.idp.Public()
	if err := p.idp.Rotate(); err != nil {
		t.Fatal(err)
	}
	if reflect.DeepEqual(before, p.idp.Public()) {
		t.Error("the key is the old one")
	}
	if _, err := verifier().Verify(p.ctx, p.signIn("gita").IDToken); err != nil {
		t.Errorf("the new key is not found: %v", err)
	}
	provider, err := oidc.NewProvider(p.ctx, p.idp.Issuer()) // one that has not seen the old key
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Verifier(&oidc.Config{ClientID: p.client.ID}).Verify(p.ctx, old); err == nil {
		t.Error("the old key is still published")
	}

	p.idp.OnIDToken(func(claims map[string]any) { claims["nonce"] = "another" })
	a := p.attempt()
	if token, _ := p.idToken(p.redeem(p.code(a, "gita"), a.verifier).IDToken); token.Nonce != "another" {
		t.Errorf("the nonce is %q", token.Nonce)
	}
	p.idp.OnIDToken(nil)
	a = p.attempt()
	if token, _ := p.idToken(p.redeem(p.code(a, "gita"), a.verifier).IDToken); token.Nonce != a.nonce {
		t.Errorf("the nonce is %q", token.Nonce)
	}

	honest := map[string]any{"iss": p.idp.Issuer(), "aud": p.client.ID, "sub": "x", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}
	if _, err := verifier().Verify(p.ctx, p.idp.Sign(nil, honest)); err != nil {
		t.Errorf("a token signed by hand is refused: %v", err)
	}
	for name, token := range map[string]string{
		"no algorithm": p.idp.Sign(map[string]any{"alg": "none"}, honest),
		"a secret's":   p.idp.Sign(map[string]any{"alg": "HS256"}, honest),
		"another key":  p.idp.Sign(map[string]any{"kid": "another"}, honest),
		"ended":        p.idp.Sign(nil, merge(honest, map[string]any{"exp": time.Now().Add(-time.Hour).Unix()})),
		"for others":   p.idp.Sign(nil, merge(honest, map[string]any{"aud": "others"})),
	} {
		if _, err := verifier().Verify(p.ctx, token); err == nil {
			t.Errorf("%s: the relying party took it", name)
		}
	}
	if fields := header(t, p.idp.Sign(map[string]any{"kid": nil, "typ": "x"}, honest)); !reflect.DeepEqual(fields, map[string]any{"alg": "RS256", "typ": "x"}) {
		t.Errorf("the header is %v", fields)
	}
}

func TestLogout(t *testing.T) {
	p := newParty(t)
	posted := make(chan string, len(People()))
	ear := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { posted <- r.PostFormValue("logout_token") }))
	t.Cleanup(ear.Close)
	p.client.BackChannelLogoutURI = ear.URL
	p.idp.Register(p.client)
	var endpoints struct {
		EndSession string `json:"end_session_endpoint"`
		Supported  bool   `json:"backchannel_logout_supported"`
	}
	if err := p.provider.Claims(&endpoints); err != nil {
		t.Fatal(err)
	}
	if !endpoints.Supported {
		t.Error("discovery does not say that back-channel logout is supported")
	}
	heard := func(sid any) {
		t.Helper()
		if len(posted) == 0 {
			t.Fatal("nobody was told")
		}
		raw := <-posted
		token, err := p.provider.Verifier(&oidc.Config{ClientID: p.client.ID}).VerifyLogout(p.ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		if token.Subject != People()[0].Subject() || token.SessionID != sid || header(t, raw)["typ"] != "logout+jwt" || claimsOf(t, token)["jti"] == nil {
			t.Errorf("posted %+v, want session %v", token, sid)
		}
	}
	endSession := func(query url.Values) *http.Response {
		t.Helper()
		response, err := p.http.Get(endpoints.EndSession + "?" + query.Encode())
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response
	}

	first, second := p.signIn("ada"), p.signIn("ada")
	_, claims := p.idToken(first.IDToken)
	gone := endSession(url.Values{"id_token_hint": {first.IDToken}, "post_logout_redirect_uri": {goodbye}, "state": {"s"}})
	if to := gone.Header.Get("Location"); to != goodbye+"?state=s" {
		t.Errorf("answered %s, sent to %q", gone.Status, to)
	}
	heard(claims["sid"])
	p.refused(p.refresh(first.RefreshToken), http.StatusBadRequest, "invalid_grant")
	if status, _ := p.userInfo(first.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("userinfo answered %d after sign-out", status)
	}
	if got := p.refresh(second.RefreshToken); got.Error != "" {
		t.Errorf("another browser's session ended, too: %s", got.Error)
	}

	_, claims = p.idToken(second.IDToken)
	bystander := p.signIn("amir")
	if err := p.idp.SignOut(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	heard(claims["sid"])
	if got := p.refresh(bystander.RefreshToken); got.Error != "" || len(posted) > 0 {
		t.Errorf("somebody else was signed out: %q, %d more told", got.Error, len(posted))
	}

	for name, query := range map[string]url.Values{
		"an address not registered": {"id_token_hint": {bystander.IDToken}, "post_logout_redirect_uri": {"http://evil.example"}},
		"an address of nobody's":    {"post_logout_redirect_uri": {goodbye}},
		"a hint that is no token":   {"id_token_hint": {"x"}},
		"an access token as hint":   {"id_token_hint": {bystander.AccessToken}},
		"another client's hint":     {"id_token_hint": {bystander.IDToken}, "client_id": {"cli"}},
	} {
		if got := endSession(query); got.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: answered %s", name, got.Status)
		}
	}
	if len(posted) > 0 {
		t.Error("a refused sign-out told somebody")
	}

	ear.Close()
	if err := p.idp.SignOut(t.Context(), "amir"); err == nil {
		t.Error("a client that cannot be told is passed over in silence")
	}
}

// A browser that signs in to two clients has one session, and leaves both at once.
func TestOneBrowser(t *testing.T) {
	p := newParty(t)
	posted := make(chan string, len(People()))
	ear := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { posted <- r.URL.Path }))
	t.Cleanup(ear.Close)
	cookie := ""
	for _, id := range []string{"first", "second"} {
		p.client = Client{ID: id, Secret: webSecret, RedirectURIs: []string{callback}, BackChannelLogoutURI: ear.URL + "/" + id}
		p.idp.Register(p.client)
		response, err := p.http.Get(p.authorizeURL(p.attempt()))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		page, err := response.Location()
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, page.String(), strings.NewReader(url.Values{"name": {"gus"}, "password": {Password}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Cookie", cookie)
		if response, err = p.http.Do(request); err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		cookie, _, _ = strings.Cut(response.Header.Get("Set-Cookie"), ";")
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.idp.Issuer()+"/end-session", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Cookie", cookie)
	response, err := p.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	close(posted)
	var told []string
	for path := range posted {
		told = append(told, path)
	}
	if !reflect.DeepEqual(told, []string{"/first", "/second"}) {
		t.Errorf("told were %v", told)
	}
}

func TestDeviceFlow(t *testing.T) {
	p := newParty(t)
	type authorization struct {
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
		Page       string `json:"verification_uri"`
		Complete   string `json:"verification_uri_complete"`
	}
	begin := func() authorization {
		var a authorization
		if status := p.post(p.provider.Endpoint().DeviceAuthURL, url.Values{"client_id": {"cli"}, "scope": {"openid offline_access"}}, &a); status != http.StatusOK {
			t.Fatalf("answered %d", status)
		}
		return a
	}
	poll := func(a authorization) answer {
		return p.token(url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {a.DeviceCode}, "client_id": {"cli"}})
	}
	reply := func(page, code, password, word string) int {
		t.Helper()
		response, err := p.http.PostForm(page, url.Values{"user_code": {code}, "name": {"gita"}, "password": {password}, "answer": {word}})
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}

	a := begin()
	shown, err := p.http.Get(a.Complete)
	if err != nil {
		t.Fatal(err)
	}
	defer shown.Body.Close()
	body, err := io.ReadAll(shown.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(body), "cli asks") || !strings.Contains(string(body), a.UserCode) {
		t.Errorf("the page does not say who asks:\n%s", body)
	}
	p.refused(poll(a), http.StatusBadRequest, "authorization_pending")
	p.refused(poll(a), http.StatusBadRequest, "slow_down")
	if status := reply(a.Page, a.UserCode, "monday", "allow"); status != http.StatusForbidden {
		t.Errorf("a wrong password was answered %d", status)
	}
	if status := reply(a.Page, "BBBB-BBBB", Password, "allow"); status != http.StatusNotFound {
		t.Errorf("a wrong code was answered %d", status)
	}
	typed := strings.ToLower(strings.ReplaceAll(a.UserCode, "-", " "))
	if status := reply(a.Complete, typed, Password, "allow"); status != http.StatusOK {
		t.Errorf("the right code was answered %d", status)
	}
	got := poll(a)
	token, err := p.provider.Verifier(&oidc.Config{ClientID: "cli"}).Verify(p.ctx, got.IDToken)
	if err != nil {
		t.Fatal(err)
	}
	about(t, claimsOf(t, token), People()[2])
	p.refused(poll(a), http.StatusBadRequest, "invalid_grant")
	again := p.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.RefreshToken}, "client_id": {"cli"}})
	if again.AccessToken == "" {
		t.Errorf("the device cannot refresh: %+v", again)
	}

	a = begin()
	if status := reply(a.Page, a.UserCode, Password, "deny"); status != http.StatusOK {
		t.Errorf("turning it away was answered %d", status)
	}
	p.refused(poll(a), http.StatusBadRequest, "access_denied")
}

func TestNewRefuses(t *testing.T) {
	for _, o := range []Options{
		{},
		{Issuer: "localhost:9000"},
		{Issuer: "http://localhost:9000/realm"},
		{Issuer: "http://localhost:9000", Clients: []Client{{Secret: "x"}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}
