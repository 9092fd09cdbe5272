package access_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

func TestMain(m *testing.M) {
	slog.SetLogLoggerLevel(slog.LevelError) // the issuer's library tells of each refusal
	goleak.VerifyTestMain(m, storetest.Ignore()...)
}

const password = "correct horse battery"

var peer = access.Origin{Address: netip.MustParseAddr("192.0.2.7"), Agent: "Firefox"}

type place struct {
	store *store.Store
	door  *access.Door
	user  *fleet.User
	log   *bytes.Buffer
}

func newPlace(t *testing.T) place {
	t.Helper()
	s := storetest.New(t)
	scope := storetest.Tenant(t, s, "acme")
	u := storetest.Person(t, s, scope, &fleet.User{Name: "alice", PasswordHash: access.HashPassword(password)}, fleet.RoleOperator)
	var log bytes.Buffer
	d, err := access.NewDoor(s, access.Options{Log: slog.New(slog.NewTextHandler(&log, nil)), PublicURL: "https://vms.example.org"})
	require.NoError(t, err)
	return place{s, d, u, &log}
}

// ask sends a request through the door to a handler that tells who came in.
func (p place) ask(method, path string, headers ...string) (*http.Response, access.Viewer) {
	var came access.Viewer
	h := p.door.Guard(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { came, _ = access.From(r.Context()) }))
	r := httptest.NewRequest(method, "https://vms.example.org"+path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), came
}

func (p place) token(t *testing.T, role fleet.Role, expires *time.Time) (*fleet.APIToken, string) {
	t.Helper()
	token, secret := access.NewAPIToken(p.user.TenantID, p.user.ID, "ci", role, expires)
	require.NoError(t, p.store.InsertToken(t.Context(), token))
	return token, secret
}

func TestStrangersGet401(t *testing.T) {
	p := newPlace(t)
	_, good := p.token(t, fleet.RoleViewer, nil)
	changed := []byte(good)
	changed[20] = "xy"[strings.Count(good[20:21], "x")] // one in 32 has an x there already
	for name, headers := range map[string][]string{
		"nothing":          nil,
		"an empty token":   {"Authorization", "Bearer "},
		"another scheme":   {"Authorization", "Basic YWxpY2U6eA=="},
		"a made-up token":  {"Authorization", "Bearer ncr_" + strings.Repeat("0", 58)},
		"a cut-off token":  {"Authorization", "Bearer " + good[:len(good)-1]},
		"a changed token":  {"Authorization", "Bearer " + string(changed)},
		"a made-up cookie": {"Cookie", "__Host-novacron_session=" + access.NewSecret()},
		"a huge token":     {"Authorization", "Bearer ncr_" + strings.Repeat("a", 30<<10)},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/", "/graphql", "/metrics", "/console/x", "/healthz/../graphql", "/no/such/thing"} {
				res, _ := p.ask(http.MethodGet, path, headers...)
				assert.Equal(t, http.StatusUnauthorized, res.StatusCode, path)
				var a struct {
					Errors []struct {
						Extensions struct{ Code, RequestID string }
					}
				}
				require.NoError(t, json.NewDecoder(res.Body).Decode(&a))
				assert.Equal(t, "UNAUTHORIZED", a.Errors[0].Extensions.Code)
				assert.Equal(t, res.Header.Get("X-Request-Id"), a.Errors[0].Extensions.RequestID)
			}
		})
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		res, _ := p.ask(http.MethodGet, path)
		assert.Equal(t, http.StatusOK, res.StatusCode)
	}
}

func TestTokens(t *testing.T) {
	p := newPlace(t)
	row, secret := p.token(t, fleet.RoleViewer, nil)
	assert.True(t, strings.HasPrefix(secret, "ncr_"))
	assert.True(t, strings.HasPrefix(secret, row.Prefix))
	assert.NotContains(t, string(row.Hash), secret)
	res, v := p.ask(http.MethodGet, "/graphql", "Authorization", "bearer "+secret)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, fleet.RoleViewer, v.Role)
	assert.Equal(t, "alice", v.Name)

	// A token never has more rights than its owner.
	_, admin := p.token(t, fleet.RoleAdmin, nil)
	_, v = p.ask(http.MethodGet, "/graphql", "Authorization", "Bearer "+admin)
	assert.Equal(t, fleet.RoleOperator, v.Role)

	past := time.Now().Add(-time.Second)
	_, expired := p.token(t, fleet.RoleViewer, &past)
	res, _ = p.ask(http.MethodGet, "/graphql", "Authorization", "Bearer "+expired)
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)

	require.NoError(t, p.store.DeleteToken(t.Context(), fleet.Within(p.user.TenantID), p.user.ID, row.ID))
	res, _ = p.ask(http.MethodGet, "/graphql", "Authorization", "Bearer "+secret)
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
}

func TestSignIn(t *testing.T) {
	p := newPlace(t)
	for _, wrong := range [][2]string{{"alice", "wrong"}, {"alice", ""}, {"nobody", password}, {"", ""}, {"alice\x00", password}, {"alice", strings.Repeat("x", 1<<20)}} {
		_, _, err := p.door.SignIn(t.Context(), wrong[0], wrong[1], peer)
		require.True(t, fault.Is(err, fault.Unauthorized), "%v", err)
		assert.Equal(t, "the name or the password is wrong", fault.Of(err).Message)
	}
	denied := fleet.AuditDenied
	refused, err := p.store.AuditEntries(t.Context(), fleet.Within(p.user.TenantID), fleet.AuditFilter{Outcome: &denied}, 0, 100)
	require.NoError(t, err)
	require.Len(t, refused, 3, "alice's own: names that nobody has are in the log alone")
	assert.Equal(t, "192.0.2.7", refused[0].Address)
	secret, expires, err := p.door.SignIn(t.Context(), "alice", password, peer)
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now().Add(7*24*time.Hour), expires, time.Minute)
	_, v := p.ask(http.MethodGet, "/graphql", "Cookie", "__Host-novacron_session="+secret)
	assert.Equal(t, fleet.RoleOperator, v.Role)
	assert.Equal(t, p.user.ID, v.UserID)
	require.NoError(t, p.store.SetPassword(t.Context(), fleet.Within(p.user.TenantID), p.user.ID, access.HashPassword("another long one")))
	res, _ := p.ask(http.MethodGet, "/graphql", "Cookie", "__Host-novacron_session="+secret)
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode, "a new password ends all sessions")
	assert.NotContains(t, p.log.String(), password)
}

// Guessing is slowed down by name and peer; others go on signing in.
func TestSignInIsThrottled(t *testing.T) {
	p := newPlace(t)
	for range 10 {
		_, _, err := p.door.SignIn(t.Context(), "Alice", "wrong", peer)
		require.True(t, fault.Is(err, fault.Unauthorized), "%v", err)
	}
	_, _, err := p.door.SignIn(t.Context(), "alice", password, peer)
	require.True(t, fault.Is(err, fault.Exhausted), "%v", err)
	_, _, err = p.door.SignIn(t.Context(), "alice", password, access.Origin{Address: netip.MustParseAddr("192.0.2.8")})
	require.NoError(t, err)

	// Who has one IPv6 address has 2^64 of them.
	for i := range 10 {
		from := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: byte(i)})
		_, _, err := p.door.SignIn(t.Context(), "bob", "wrong", access.Origin{Address: from})
		require.True(t, fault.Is(err, fault.Unauthorized), "%v", err)
	}
	_, _, err = p.door.SignIn(t.Context(), "bob", "wrong", access.Origin{Address: netip.MustParseAddr("2001:db8::ff")})
	require.True(t, fault.Is(err, fault.Exhausted), "%v", err)
}

func TestOtherSites(t *testing.T) {
	p := newPlace(t)
	_, secret := p.token(t, fleet.RoleViewer, nil)
	for name, c := range map[string]struct {
		method  string
		headers []string
		status  int
	}{
		"another site's form":       {http.MethodPost, []string{"Origin", "https://evil.example"}, http.StatusForbidden},
		"as browsers say it":        {http.MethodPost, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"another site's websocket":  {http.MethodGet, []string{"Upgrade", "websocket", "Origin", "https://evil.example"}, http.StatusForbidden},
		"an origin of null":         {http.MethodGet, []string{"Upgrade", "websocket", "Origin", "null"}, http.StatusForbidden},
		"our own page":              {http.MethodPost, []string{"Origin", "https://vms.example.org"}, http.StatusOK},
		"our own page's websocket":  {http.MethodGet, []string{"Upgrade", "websocket", "Origin", "https://vms.example.org"}, http.StatusOK},
		"a page behind a proxy":     {http.MethodGet, []string{"Upgrade", "websocket", "Origin", "http://localhost:3000", "X-Forwarded-Host", "localhost:3000"}, http.StatusOK},
		"a program without a page":  {http.MethodPost, nil, http.StatusOK},
		"a program's own websocket": {http.MethodGet, []string{"Upgrade", "websocket"}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			res, _ := p.ask(c.method, "/graphql", append(c.headers, "Authorization", "Bearer "+secret)...)
			assert.Equal(t, c.status, res.StatusCode)
		})
	}
}

func TestAnswersAreGuarded(t *testing.T) {
	p := newPlace(t)
	_, secret := p.token(t, fleet.RoleViewer, nil)
	for what, headers := range map[string][]string{"taken": {"Authorization", "Bearer " + secret}, "refused": nil, "of another site": {"Sec-Fetch-Site", "cross-site"}} {
		res, _ := p.ask(http.MethodPost, "/graphql", headers...)
		for name, value := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Strict-Transport-Security": "max-age=31536000",
		} {
			assert.Equal(t, value, res.Header.Get(name), "%s: %s", what, name)
		}
	}
	plain, err := access.NewDoor(p.store, access.Options{Log: slog.New(slog.DiscardHandler), PublicURL: "http://vms.example.org"})
	require.NoError(t, err)
	w := httptest.NewRecorder()
	plain.Guard(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://vms.example.org/healthz", nil))
	assert.Empty(t, w.Header().Get("Strict-Transport-Security"), "without TLS it would lock people out")
}

// What is open when a session ends is closed soon after.
func TestStreamsEndWithTheirToken(t *testing.T) {
	p := newPlace(t)
	row, secret := p.token(t, fleet.RoleViewer, nil)
	began, ended := make(chan struct{}), make(chan error, 1)
	h := p.door.Guard(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		ended <- context.Cause(r.Context())
	}))
	r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
	r.Header.Set("Authorization", "Bearer "+secret)
	r.Header.Set("Accept", "text/event-stream")
	go h.ServeHTTP(httptest.NewRecorder(), r)
	<-began
	require.NoError(t, p.store.DeleteToken(t.Context(), fleet.Within(p.user.TenantID), p.user.ID, row.ID))
	select {
	case err := <-ended:
		require.ErrorIs(t, err, access.ErrEnded)
	case <-time.After(8 * time.Second):
		t.Fatal("still open")
	}
}

func TestPasswords(t *testing.T) {
	assert.True(t, access.PasswordMatches(access.HashPassword(password), password))
	for _, hash := range []string{"", "$argon2id$", "$argon2id$v=19$m=65536,t=3,p=1$x$y", "$argon2id$v=19$m=65536,t=0,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAA", "plain"} {
		assert.False(t, access.PasswordMatches(hash, password), hash)
	}
	require.Error(t, access.CheckPassword("short"))
	require.NoError(t, access.CheckPassword(access.NewPassword()))
	assert.NotEqual(t, access.NewPassword(), access.NewPassword())
}
