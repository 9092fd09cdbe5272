package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serverWith starts a server of this test's own.
func serverWith(t *testing.T, settings ...string) *server {
	t.Helper()
	s, err := newServer(t, t.TempDir(), settings...)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, s.stop(syscall.SIGTERM))
		s.keepsSecrets(t)
	})
	return s
}

// send gives the status, the header and the body of an answer.
func send(t *testing.T, method, url, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, res.Header, string(text)
}

// TestMetricsListener: a door for the operator's collectors, at which nobody signs in and nothing else is.
func TestMetricsListener(t *testing.T) {
	inner, err := freeAddress()
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(inner)
	require.NoError(t, err)
	s := serverWith(t, "NOVACRON_METRICS_LISTEN=:"+port)
	token := "Bearer " + s.tokens["viewer"]
	code, _, _ := send(t, http.MethodPost, "http://"+s.address+"/graphql", `{"query":"{viewer{id}}"}`, "Content-Type", "application/json", "Authorization", token)
	require.Equal(t, http.StatusOK, code)

	code, _, text := send(t, http.MethodGet, "http://"+inner+"/metrics", "")
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, text, `novacron_http_request_seconds_count{code="200",route="/graphql"} 1`)
	code, _, text = send(t, http.MethodGet, "http://"+s.address+"/metrics", "", "Authorization", token)
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, text, `novacron_http_request_seconds_count{code="200",route="/graphql"} 1`)
	code, _, _ = send(t, http.MethodGet, "http://"+s.address+"/metrics", "")
	assert.Equal(t, http.StatusUnauthorized, code)

	for _, path := range []string{"/graphql", "/auth/issuers", "/readyz", "/"} {
		code, _, _ = send(t, http.MethodGet, "http://"+inner+path, "", "Authorization", token)
		assert.Equal(t, http.StatusNotFound, code, path)
	}
	for path, here := range map[string]int{"/debug/pprof/": http.StatusOK, "/debug/pprof/goroutine?debug=1": http.StatusOK, "/debug/pprof/cmdline": http.StatusOK} {
		code, _, _ = send(t, http.MethodGet, "http://"+inner+path, "")
		assert.Equal(t, here, code, path)
		code, _, _ = send(t, http.MethodGet, "http://"+s.address+path, "", "Authorization", token)
		assert.Equal(t, http.StatusNotFound, code, path)
		if elsewhere := ownAddress(t); elsewhere != "" {
			code, _, _ = send(t, http.MethodGet, "http://"+net.JoinHostPort(elsewhere, port)+path, "")
			assert.Equal(t, http.StatusNotFound, code, path)
			code, _, _ = send(t, http.MethodGet, "http://"+net.JoinHostPort(elsewhere, port)+"/metrics", "")
			assert.Equal(t, http.StatusOK, code, path)
		}
	}
}

// ownAddress is one of this machine's by which it looks to itself like another; empty when it has none.
func ownAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	return ""
}

// TestRates: what a token has too much of is refused with the time to wait, on websockets too, and counted for the operator.
func TestRates(t *testing.T) {
	const most = 20
	inner, err := freeAddress()
	require.NoError(t, err)
	s := serverWith(t, "NOVACRON_RATE_TOKEN="+strconv.Itoa(most), "NOVACRON_METRICS_LISTEN="+inner)
	ask := func(who string) (int, http.Header, string) {
		return send(t, http.MethodPost, "http://"+s.address+"/graphql", `{"query":"{viewer{id}}"}`, "Content-Type", "application/json", "Authorization", "Bearer "+s.tokens[who])
	}
	taken := 0
	code, header, text := ask("viewer")
	for ; code == http.StatusOK && taken < 10*most; taken++ {
		code, header, text = ask("viewer")
	}
	assert.GreaterOrEqual(t, taken, most)
	require.Equal(t, http.StatusTooManyRequests, code)
	assert.Contains(t, text, `"code":"EXHAUSTED"`)
	assert.Contains(t, text, `"retryAfter":`+header.Get("Retry-After"))
	sub, err := (&session{server: s, token: s.tokens["viewer"]}).subscribe([]byte(`{"query":"{viewer{id}}"}`))
	require.NoError(t, err)
	defer sub.cancel()
	said, err := at(<-sub.events, ".errors[0].extensions.code")
	require.NoError(t, err)
	assert.Equal(t, "EXHAUSTED", said, "on a websocket")
	code, _, _ = ask("operator")
	assert.Equal(t, http.StatusOK, code, "another token")
	_, _, text = send(t, http.MethodGet, "http://"+inner+"/metrics", "")
	assert.Regexp(t, `novacron_http_limited_total{limit="token"} [1-9]`, text)
}

// TestTokenInAddress: addresses are in logs and histories, so a token there is no token, wherever it is sent to.
func TestTokenInAddress(t *testing.T) {
	s := serverWith(t)
	token := s.tokens["admin"]
	for _, name := range []string{"token", "access_token", "authorization", "Authorization", "api_key", "bearer"} {
		for _, value := range []string{token, "Bearer+" + token} {
			query := "?" + name + "=" + value
			code, _, _ := send(t, http.MethodPost, "http://"+s.address+"/graphql"+query, `{"query":"{viewer{id}}"}`, "Content-Type", "application/json")
			assert.Equal(t, http.StatusUnauthorized, code, query)
			code, _, _ = send(t, http.MethodGet, "http://"+s.address+"/metrics"+query, "")
			assert.Equal(t, http.StatusUnauthorized, code, query)
		}
	}
	code, _, _ := send(t, http.MethodPost, "http://"+token+"@"+s.address+"/graphql", `{"query":"{viewer{id}}"}`, "Content-Type", "application/json")
	assert.Equal(t, http.StatusUnauthorized, code, "as user and password")
}

// TestPersistedOperations: with a manifest nothing else is taken, not even of an owner, by whatever transport.
func TestPersistedOperations(t *testing.T) {
	const known = "{ viewer { name } }"
	sum := sha256.Sum256([]byte(known))
	text, err := json.Marshal(map[string]string{hex.EncodeToString(sum[:]): known})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "operations.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	s := serverWith(t, "NOVACRON_PERSISTED_OPERATIONS="+file)
	ask := func(body, accept string) string {
		_, _, answer := send(t, http.MethodPost, "http://"+s.address+"/graphql", body, "Content-Type", "application/json", "Accept", accept, "Authorization", "Bearer "+s.tokens["admin"])
		return answer
	}
	for what, body := range map[string]string{
		"the document": `{"query":"` + known + `"}`,
		"its hash":     fmt.Sprintf(`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"%x"}}}`, sum),
	} {
		assert.Contains(t, ask(body, "application/json"), `"name":"admin"`, what)
	}
	for what, body := range map[string]string{
		"another one": `{"query":"{ viewer { id } }"}`, "introspection": `{"query":"{ __schema { types { name } } }"}`,
		"a subscription": `{"query":"subscription { heartbeat(seconds: 1) }"}`,
	} {
		for _, accept := range []string{"application/json", "text/event-stream"} {
			assert.Contains(t, ask(body, accept), `"code":"DENIED"`, "%s, %s", what, accept)
		}
	}
	sub, err := (&session{server: s, token: s.tokens["admin"]}).subscribe([]byte(`{"query":"subscription { heartbeat(seconds: 1) }"}`))
	require.NoError(t, err)
	defer sub.cancel()
	for range sub.events {
		t.Fatal("an event")
	}
	assert.ErrorContains(t, sub.failed, `"code":"DENIED"`, "on a websocket")
}
