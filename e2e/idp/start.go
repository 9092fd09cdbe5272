package idp

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Start serves a provider for as long as the test runs; the issuer is the server's address.
func Start(t testing.TB, o Options) *Provider {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	o.Issuer = "http://" + server.Listener.Addr().String()
	p, err := New(o)
	if err != nil {
		server.Close()
		t.Fatal(err)
	}
	server.Config.Handler = p
	server.Start()
	t.Cleanup(server.Close)
	return p
}

// SignIn does what a person does in a browser without cookies: it follows a relying party's redirect to the
// login page, fills it in, and returns where it is sent, which is the relying party's callback.
func SignIn(t testing.TB, authorize, name, password string) *url.URL {
	t.Helper()
	browser := &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if next.URL.Host != via[0].URL.Host || next.URL.Path != loginPath {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
	// visit returns the page that the browser ends on, and where it would be sent from there.
	visit := func(method, address, body string) (at, sent *url.URL) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if sent, err = response.Location(); err != nil && !errors.Is(err, http.ErrNoLocation) {
			t.Fatal(err)
		}
		if method == http.MethodPost && sent == nil {
			t.Fatalf("the login page answered %s", response.Status)
		}
		return response.Request.URL, sent
	}
	page, callback := visit(http.MethodGet, authorize, "")
	if callback == nil {
		_, callback = visit(http.MethodPost, page.String(), url.Values{"name": {name}, "password": {password}}.Encode())
	}
	return callback
}
