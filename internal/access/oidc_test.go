package access_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/e2e/idp"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/outside"
	"github.com/novacron/novacron/internal/store/storetest"
)

const (
	us       = "https://vms.example.org"
	audience = "novacron-api"
)

// sso is a place whose people are vouched for by a real issuer.
type sso struct {
	place
	t      *testing.T
	idp    *idp.Provider
	issuer *fleet.Issuer
	mux    http.Handler
}

// rules are those of two organisations with two kinds of people each.
var rules = []fleet.ClaimRule{
	{Claim: "groups", Value: "acme-admins", Organisation: "acme", Role: fleet.RoleAdmin},
	{Claim: "groups", Value: "acme-operators", Organisation: "acme", Role: fleet.RoleOperator},
	{Claim: "groups", Value: "globex-admins", Organisation: "globex", Role: fleet.RoleAdmin},
	{Claim: "groups", Value: "globex-viewers", Organisation: "globex", Role: fleet.RoleViewer},
}

func newSSO(t *testing.T) *sso {
	t.Helper()
	s := storetest.New(t)
	var log bytes.Buffer
	p := &sso{place: place{store: s, log: &log}, t: t}
	p.idp = idp.Start(t, idp.Options{Audience: audience, Clients: []idp.Client{{ID: "novacron", Secret: "client-canary", RedirectURIs: []string{us + "/auth/callback"}}}})
	p.issuer = &fleet.Issuer{
		ID: fleet.NewID(), Name: "Company", URL: p.idp.Issuer(), ClientID: "novacron", ClientSecret: []byte("sealed"), Scopes: []string{"profile", "email", "groups"},
		Audience: audience, Algorithms: []string{"RS256"}, Rules: rules, Managed: fleet.IssuerHere, Enabled: true,
	}
	require.NoError(t, p.issuer.Check())
	require.NoError(t, s.InsertIssuer(t.Context(), p.issuer))
	var err error
	p.door, err = access.NewDoor(s, access.Options{Log: slog.New(slog.NewTextHandler(&log, nil)), PublicURL: us,
		Outside: outside.New(thisMachine), ClientSecret: func(*fleet.Issuer) (string, error) { return "client-canary", nil }})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth/issuers", p.door.ServeIssuers)
	mux.HandleFunc("GET /auth/issuers/{id}", p.door.ServeBegin)
	mux.HandleFunc("GET /auth/callback", p.door.ServeCallback)
	mux.HandleFunc("POST /auth/back-channel-logout", p.door.ServeBackChannelLogout)
	p.mux = p.door.Guard(mux)
	return p
}

// browser keeps cookies as one does.
type browser map[string]*http.Cookie

func (p *sso) visit(b browser, method, address, form string) *http.Response {
	p.t.Helper()
	r := httptest.NewRequest(method, address, strings.NewReader(form))
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range b {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	p.mux.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if b[c.Name] = c; c.MaxAge < 0 {
			delete(b, c.Name)
		}
	}
	return res
}

// begin goes to the issuer's door.
func (p *sso) begin(b browser, to string) *url.URL {
	p.t.Helper()
	res := p.visit(b, http.MethodGet, us+"/auth/issuers/"+p.issuer.ID.String()+"?to="+url.QueryEscape(to), "")
	require.Equal(p.t, http.StatusFound, res.StatusCode)
	at, err := res.Location()
	require.NoError(p.t, err)
	return at
}

// signIn is the whole way; it gives where the browser ends.
func (p *sso) signIn(b browser, name, to string) *http.Response {
	p.t.Helper()
	back := idp.SignIn(p.t, p.begin(b, to).String(), name, person(p.t, name).Password)
	return p.visit(b, http.MethodGet, back.String(), "")
}

func person(t *testing.T, name string) idp.Person {
	t.Helper()
	for _, p := range idp.People() {
		if p.Name == name {
			return p
		}
	}
	t.Fatal("nobody is called ", name)
	return idp.Person{}
}

func (p *sso) viewer(b browser) (*http.Response, access.Viewer) {
	p.t.Helper()
	for _, c := range b {
		if strings.HasSuffix(c.Name, "novacron_session") {
			return p.ask(http.MethodGet, "/graphql", "Cookie", c.Name+"="+c.Value)
		}
	}
	return p.ask(http.MethodGet, "/graphql")
}

// problem is what the sign-in page is told.
func problem(t *testing.T, res *http.Response) string {
	t.Helper()
	at, err := res.Location()
	require.NoError(t, err)
	require.Equal(t, "/sign-in", at.Path)
	require.NotEmpty(t, at.Query().Get("request"))
	return at.Query().Get("problem")
}

func TestSSO(t *testing.T) {
	p := newSSO(t)
	res := p.visit(browser{}, http.MethodGet, us+"/auth/issuers", "")
	var buttons []map[string]string
	require.NoError(t, json.NewDecoder(res.Body).Decode(&buttons))
	require.Equal(t, []map[string]string{{"id": p.issuer.ID.String(), "name": "Company"}}, buttons)

	tenants := map[string]access.Viewer{}
	for name, role := range map[string]fleet.Role{"ada": fleet.RoleAdmin, "amir": fleet.RoleOperator, "gita": fleet.RoleAdmin, "gus": fleet.RoleViewer} {
		b := browser{}
		res := p.signIn(b, name, "/vms?q=web")
		require.Equal(t, "/vms?q=web", res.Header.Get("Location"))
		require.Len(t, b, 1, "the attempt is over")
		for _, c := range b {
			assert.Equal(t, "__Host-novacron_session", c.Name)
			assert.True(t, c.HttpOnly && c.Secure && c.SameSite == http.SameSiteLaxMode)
		}
		_, v := p.viewer(b)
		assert.Equal(t, name, v.Name)
		assert.Equal(t, role, v.Role)
		assert.False(t, v.PlatformAdmin)
		tenants[name] = v
	}
	assert.Equal(t, tenants["ada"].TenantID, tenants["amir"].TenantID)
	assert.Equal(t, tenants["gita"].TenantID, tenants["gus"].TenantID)
	assert.NotEqual(t, tenants["ada"].TenantID, tenants["gus"].TenantID)

	// The same person again is the same user, with what the groups say now.
	changed := person(t, "amir")
	changed.Groups = []string{"globex-viewers"}
	p.idp.Put(changed)
	b := browser{}
	p.signIn(b, "amir", "/")
	_, v := p.viewer(b)
	assert.Equal(t, tenants["amir"].UserID, v.UserID)
	assert.Equal(t, fleet.RoleViewer, v.Role)
	assert.Equal(t, tenants["gus"].TenantID, v.TenantID)

	// Without any right there is no session.
	changed.Groups = nil
	p.idp.Put(changed)
	b = browser{}
	assert.Equal(t, "no-role", problem(t, p.signIn(b, "amir", "/")))
	assert.Empty(t, b)
	for _, secret := range []string{"client-canary", person(t, "ada").Password} {
		assert.NotContains(t, p.log.String(), secret)
	}
}

// Names are for reading: whoever an issuer calls by somebody's name is somebody else.
func TestSSONeverLinksByName(t *testing.T) {
	p := newSSO(t)
	local := storetest.Person(t, p.store, storetest.Tenant(t, p.store, "main"), &fleet.User{Name: "ada", Email: person(t, "ada").Email, PasswordHash: access.HashPassword(password)}, fleet.RoleOwner)
	b := browser{}
	p.signIn(b, "ada", "/")
	_, v := p.viewer(b)
	assert.NotEqual(t, local.ID, v.UserID)
	assert.Equal(t, "ada@Company", v.Name)
	_, _, err := p.door.SignIn(t.Context(), "ada@Company", "", peer)
	require.Error(t, err, "nobody with an issuer has a password")
}

func TestSSOAbuse(t *testing.T) {
	p := newSSO(t)
	callback := func(b browser, q url.Values) *http.Response {
		return p.visit(b, http.MethodGet, us+"/auth/callback?"+q.Encode(), "")
	}
	begun := func() (browser, url.Values) {
		b := browser{}
		return b, idp.SignIn(t, p.begin(b, "/vms").String(), "ada", person(t, "ada").Password).Query()
	}
	t.Run("another browser's answer", func(t *testing.T) {
		_, q := begun()
		b := browser{}
		assert.Equal(t, "expired", problem(t, callback(b, q)))
		assert.Empty(t, b)
	})
	t.Run("an attacker's answer in a victim's browser", func(t *testing.T) {
		_, theirs := begun()
		b, own := begun()
		own.Set("code", theirs.Get("code"))
		assert.Equal(t, "refused", problem(t, callback(b, own)), "the code was made for another verifier")
		assert.Empty(t, b)
	})
	t.Run("no state, a foreign one", func(t *testing.T) {
		for _, state := range []string{"", "x", strings.Repeat("A", 43)} {
			b, q := begun()
			q.Set("state", state)
			assert.Equal(t, "expired", problem(t, callback(b, q)))
		}
	})
	t.Run("a code twice", func(t *testing.T) {
		b, q := begun()
		kept := browser{}
		for k, c := range b {
			kept[k] = c
		}
		require.Equal(t, "/vms", callback(b, q).Header.Get("Location"))
		assert.Equal(t, "expired", problem(t, callback(b, q)), "the attempt is over")
		assert.Equal(t, "refused", problem(t, callback(kept, q)), "the code is used up")
	})
	t.Run("another nonce", func(t *testing.T) {
		p.idp.OnIDToken(func(claims map[string]any) { claims["nonce"] = "another" })
		defer p.idp.OnIDToken(nil)
		b, q := begun()
		assert.Equal(t, "refused", problem(t, callback(b, q)))
		assert.Empty(t, b)
	})
	t.Run("another audience, issuer, or over", func(t *testing.T) {
		for claim, value := range map[string]any{"aud": "somebody-else", "iss": "https://evil.example", "exp": time.Now().Add(-time.Hour).Unix(), "sub": ""} {
			p.idp.OnIDToken(func(claims map[string]any) { claims[claim] = value })
			b, q := begun()
			assert.Equal(t, "refused", problem(t, callback(b, q)), claim)
			assert.Empty(t, b)
		}
		p.idp.OnIDToken(nil)
	})
	t.Run("an answer that says it is of another issuer", func(t *testing.T) {
		b, q := begun()
		q.Set("iss", "https://evil.example")
		calls := p.idp.TokenCalls()
		assert.Equal(t, "refused", problem(t, callback(b, q)))
		assert.Equal(t, calls, p.idp.TokenCalls(), "the code is shown to nobody")
	})
	t.Run("pages that are not ours", func(t *testing.T) {
		for _, to := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/ok\r\nSet-Cookie: a=b", "vms", strings.Repeat("/", 3000)} {
			b := browser{}
			at := p.signIn(b, "gus", to).Header.Get("Location")
			assert.Equal(t, "/", at, to)
		}
	})
	t.Run("an old session stays what it is", func(t *testing.T) {
		b := browser{}
		p.signIn(b, "gus", "/")
		old := b["__Host-novacron_session"].Value
		p.signIn(b, "ada", "/")
		assert.NotEqual(t, old, b["__Host-novacron_session"].Value, "fixation")
		_, v := p.ask(http.MethodGet, "/graphql", "Cookie", "__Host-novacron_session="+old)
		assert.Equal(t, "gus", v.Name)
	})
	t.Run("no such issuer", func(t *testing.T) {
		for _, id := range []string{"x", fleet.NewID().String()} {
			assert.Equal(t, "unknown", problem(t, p.visit(browser{}, http.MethodGet, us+"/auth/issuers/"+id, "")))
		}
	})
	t.Run("an address that nobody has verified", func(t *testing.T) {
		someone := person(t, "gus")
		someone.EmailVerified = false
		p.idp.Put(someone)
		b := browser{}
		p.signIn(b, "gus", "/")
		_, v := p.viewer(b)
		u, err := p.store.User(t.Context(), fleet.System(), v.UserID)
		require.NoError(t, err)
		assert.Empty(t, u.Email)
	})
	t.Run("switched off", func(t *testing.T) {
		b := browser{}
		p.signIn(b, "gita", "/")
		_, v := p.viewer(b)
		u, err := p.store.User(t.Context(), fleet.System(), v.UserID)
		require.NoError(t, err)
		now := time.Now()
		u.DeactivatedAt = &now
		require.NoError(t, p.store.UpdateUser(t.Context(), u))
		res, _ := p.viewer(b)
		assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
		assert.Equal(t, "deactivated", problem(t, p.signIn(browser{}, "gita", "/")))
	})
}

// thisMachine is where tests have their servers.
var thisMachine = netip.MustParsePrefix("127.0.0.0/8")

// An issuer's address that somebody typed in leads outside only; one of the settings' is trusted.
func TestIssuersInside(t *testing.T) {
	for home, reached := range map[fleet.IssuerHome]bool{fleet.IssuerHere: false, fleet.IssuerOfSettings: true} {
		var asked atomic.Bool
		inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Store(true)
			http.NotFound(w, r)
		}))
		defer inner.Close()
		s := storetest.New(t)
		i := &fleet.Issuer{ID: fleet.NewID(), Name: "Inner", URL: inner.URL, ClientID: "x", Algorithms: []string{"RS256"}, Managed: home, Enabled: true}
		require.NoError(t, s.InsertIssuer(t.Context(), i))
		door, err := access.NewDoor(s, access.Options{Log: slog.New(slog.DiscardHandler), PublicURL: us})
		require.NoError(t, err)
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, us+"/auth/issuers/"+i.ID.String(), nil)
		r.SetPathValue("id", i.ID.String())
		door.Guard(http.HandlerFunc(door.ServeBegin)).ServeHTTP(w, r)
		assert.Equal(t, "away", problem(t, w.Result()))
		assert.Equal(t, reached, asked.Load(), home)
	}
}

// One whose issuer is away is told so, and nobody else waits for it.
func TestSSOIssuerAway(t *testing.T) {
	p := newSSO(t)
	dead := httptest.NewServer(http.NotFoundHandler())
	away := &fleet.Issuer{ID: fleet.NewID(), Name: "Gone", URL: dead.URL, ClientID: "x", Algorithms: []string{"RS256"}, Managed: fleet.IssuerHere, Enabled: true}
	dead.Close()
	require.NoError(t, p.store.InsertIssuer(t.Context(), away))
	assert.Equal(t, "away", problem(t, p.visit(browser{}, http.MethodGet, us+"/auth/issuers/"+away.ID.String(), "")))
	assert.Equal(t, "/", p.signIn(browser{}, "ada", "/").Header.Get("Location"))
}

func TestBackChannelLogout(t *testing.T) {
	p := newSSO(t)
	ada, again, gus := browser{}, browser{}, browser{}
	p.signIn(ada, "ada", "/")
	p.signIn(again, "ada", "/")
	p.signIn(gus, "gus", "/")
	post := func(token string) int {
		return p.visit(browser{}, http.MethodPost, us+"/auth/back-channel-logout", url.Values{"logout_token": {token}}.Encode()).StatusCode
	}
	status := func(b browser) int { res, _ := p.viewer(b); return res.StatusCode }
	subject := person(t, "ada").Subject()
	good := map[string]any{"iss": p.idp.Issuer(), "aud": "novacron", "sub": subject, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "jti": "1",
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}
	with := func(name string, value any) map[string]any {
		claims := map[string]any{name: value}
		for k, v := range good {
			if k != name {
				claims[k] = v
			}
		}
		if value == nil {
			delete(claims, name)
		}
		return claims
	}
	head := map[string]any{"typ": "logout+jwt"}
	for name, claims := range map[string]map[string]any{
		"an ID token": with("events", nil), "with a nonce": with("nonce", "n"), "for another client": with("aud", "other"), "of nobody": with("sub", nil),
		"of long ago": with("exp", time.Now().Add(-time.Hour).Unix()), "of another issuer": with("iss", "https://evil.example"),
	} {
		assert.Equal(t, http.StatusBadRequest, post(p.idp.Sign(head, claims)), name)
	}
	assert.Equal(t, http.StatusBadRequest, post(""))
	assert.Equal(t, http.StatusOK, status(ada))
	require.Equal(t, http.StatusOK, post(p.idp.Sign(head, good)))
	assert.Equal(t, http.StatusUnauthorized, status(ada))
	assert.Equal(t, http.StatusUnauthorized, status(again))
	assert.Equal(t, http.StatusOK, status(gus))
}

func TestBearerJWT(t *testing.T) {
	p := newSSO(t)
	now := time.Now()
	good := func() map[string]any {
		return map[string]any{"iss": p.idp.Issuer(), "aud": audience, "sub": "robot-7", "client_id": "terraform", "groups": []string{"acme-operators"},
			"iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	}
	ask := func(token string, headers ...string) (*http.Response, access.Viewer) {
		return p.ask(http.MethodGet, "/graphql", append([]string{"Authorization", "Bearer " + token}, headers...)...)
	}
	head := map[string]any{"typ": "at+jwt"}
	res, v := ask(p.idp.Sign(head, good()))
	require.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "terraform", v.Name)
	assert.Equal(t, fleet.RoleOperator, v.Role)
	_, again := ask(p.idp.Sign(head, good()))
	assert.Equal(t, v.UserID, again.UserID)

	with := func(name string, value any) string {
		claims := good()
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
		return p.idp.Sign(head, claims)
	}
	parts := strings.Split(p.idp.Sign(head, good()), ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`))
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	twice := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(claims), "{", `{"groups":["acme-admins"],`, 1)))
	for name, token := range map[string]string{
		"alg none":                   none + "." + parts[1] + ".",
		"alg None with a signature":  base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"None"}`)) + "." + parts[1] + "." + parts[2],
		"HS256 with the public key":  hs256(t, p.idp, good()),
		"its own key":                p.idp.Sign(map[string]any{"jwk": map[string]any{"kty": "oct", "k": "AAAA"}}, good()),
		"a key elsewhere":            p.idp.Sign(map[string]any{"jku": "https://evil.example/keys"}, good()),
		"a certificate elsewhere":    p.idp.Sign(map[string]any{"x5u": "https://evil.example/cert"}, good()),
		"a key id that is a path":    p.idp.Sign(map[string]any{"kid": "../../etc/passwd"}, good()),
		"another's claims":           parts[0] + "." + twice + "." + parts[2],
		"changed":                    parts[0] + "." + parts[1] + "." + strings.ToUpper(parts[2]),
		"an audience that is others": with("aud", "novacron"),
		"no audience":                with("aud", nil),
		"another issuer":             with("iss", "https://evil.example"),
		"over":                       with("exp", now.Add(-2*time.Minute).Unix()),
		"never over":                 with("exp", nil),
		"not yet":                    with("nbf", now.Add(time.Hour).Unix()),
		"of nobody":                  with("sub", nil),
		"an ID token":                with("nonce", "n"),
		"a logout token":             p.idp.Sign(map[string]any{"typ": "logout+jwt"}, good()),
		"huge":                       with("x", strings.Repeat("a", 20<<10)),
		"dots":                       "..",
	} {
		res, _ := ask(token)
		assert.Equal(t, http.StatusUnauthorized, res.StatusCode, name)
	}
	res, _ = ask(with("groups", nil))
	assert.Equal(t, http.StatusForbidden, res.StatusCode, "whom the rules give nothing")

	// Somebody in two organisations says for which.
	both := with("groups", []string{"acme-operators", "globex-viewers"})
	res, _ = ask(both)
	assert.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	_, v = ask(both, "X-NovaCron-Organisation", "globex")
	assert.Equal(t, fleet.RoleViewer, v.Role)
	res, _ = ask(both, "X-NovaCron-Organisation", "other")
	assert.Equal(t, http.StatusForbidden, res.StatusCode)

	// Keys change, and what was signed with the old one is worth nothing.
	old := p.idp.Sign(head, good())
	require.NoError(t, p.idp.Rotate())
	res, _ = ask(p.idp.Sign(head, good()))
	assert.Equal(t, http.StatusOK, res.StatusCode)
	res, _ = ask(old)
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
}

// A clock that is a little off is borne.
func TestBearerClockSkew(t *testing.T) {
	p := newSSO(t)
	token := p.idp.Sign(map[string]any{"typ": "at+jwt"}, map[string]any{"iss": p.idp.Issuer(), "aud": audience, "sub": "r", "groups": []string{"acme-operators"},
		"exp": time.Now().Add(-10 * time.Second).Unix()})
	res, _ := p.ask(http.MethodGet, "/graphql", "Authorization", "Bearer "+token)
	assert.Equal(t, http.StatusOK, res.StatusCode)
}

// hs256 is a token signed with the text of the public key, for those who let a token choose how it is checked.
func hs256(t *testing.T, p *idp.Provider, claims map[string]any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(p.Public())
	require.NoError(t, err)
	key := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	body, err := json.Marshal(claims)
	require.NoError(t, err)
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"at+jwt"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
