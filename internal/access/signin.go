package access

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// The session cookie's names. Browsers take a __Host- cookie over TLS only, and from nobody but us.
const (
	plainCookie  = "novacron_session"
	secureCookie = "__Host-novacron_session"
)

// ServeSignIn is POST /auth/sign-in {name, password}: 204 and a cookie.
func (d *Door) ServeSignIn(w http.ResponseWriter, r *http.Request) {
	id := RequestID(r.Context())
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		fault.WriteHTTP(w, http.StatusUnsupportedMediaType, id, fault.New(fault.Invalid, "the sign-in is no JSON").With("Send Content-Type: application/json."))
		return
	}
	var in struct{ Name, Password string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&in); err != nil {
		fault.WriteHTTP(w, http.StatusBadRequest, id, fault.New(fault.Invalid, "the sign-in cannot be read").With(`Send {"name": "…", "password": "…"}.`).Because(err))
		return
	}
	secret, expires, err := d.SignIn(r.Context(), in.Name, in.Password, d.origin(r))
	if err != nil {
		fault.WriteHTTP(w, 0, id, err)
		return
	}
	d.setCookie(w, r, secret, expires)
	w.WriteHeader(http.StatusNoContent)
}

// ServeSignOut is POST /auth/sign-out: the session ends, everywhere it is open. Nobody signed in: success.
func (d *Door) ServeSignOut(w http.ResponseWriter, r *http.Request) {
	for _, name := range []string{plainCookie, secureCookie} {
		if cookie, err := r.Cookie(name); err == nil {
			if err := d.signOut(r, cookie.Value); err != nil {
				fault.WriteHTTP(w, 0, RequestID(r.Context()), err)
				return
			}
		}
	}
	d.setCookie(w, r, "", time.Unix(1, 0))
	w.WriteHeader(http.StatusNoContent)
}

// signOut ends the session of the secret, if there is one.
func (d *Door) signOut(r *http.Request, secret string) error {
	ctx := House(r.Context())
	user, session, err := d.store.UserBySession(ctx, Digest(secret), sessionIdle)
	if fault.Is(err, fault.NotFound) {
		return d.store.DeleteSession(ctx, Digest(secret))
	}
	if err != nil {
		return err
	}
	v := Viewer{TenantID: session.TenantID, UserID: user.ID, Name: user.Name, Address: d.peer(r).String(), RequestID: RequestID(ctx)}
	return d.store.Tx(ctx, func(tx *store.Store) error {
		if err := tx.DeleteSession(ctx, session.Hash); err != nil {
			return err
		}
		return tx.Audit(ctx, v.Entry("signOut", fleet.AuditAllowed))
	})
}

func (d *Door) origin(r *http.Request) Origin { return Origin{d.peer(r), r.UserAgent()} }

func (d *Door) setCookie(w http.ResponseWriter, r *http.Request, value string, expires time.Time) {
	c := &http.Cookie{Name: plainCookie, Value: value, Path: "/", Expires: expires, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if d.secure(r) {
		c.Name, c.Secure = secureCookie, true
	}
	http.SetCookie(w, c)
}

// secure reports whether the browser came by TLS.
func (d *Door) secure(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(d.options.PublicURL, "https://")
}
