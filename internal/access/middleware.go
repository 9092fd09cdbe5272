package access

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// probes tell how we are. They come from whoever runs us, often, and are not counted.
var probes = map[string]bool{"/healthz": true, "/readyz": true}

// open are the paths that answer strangers too. /auth/sign-out is one because signing out twice is no error.
var open = map[string]bool{
	"/auth/sign-in": true, "/auth/sign-out": true,
	"/auth/issuers": true, "/auth/callback": true, backChannelLogout: true,
}

// isOpen reports whether strangers are answered there.
func isOpen(path string) bool { return open[path] || strings.HasPrefix(path, "/auth/issuers/") }

// Guard puts the viewer into each request's context, and answers strangers itself: 401, whatever
// they asked for, so that they cannot even tell what is there. A websocket to /graphql may be opened
// without credentials, since browsers' clients can only send a token in its first message: see Admit.
func (d *Door) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := requestID(r)
		w.Header().Set("X-Request-Id", id)
		d.guards(w.Header(), r)
		// Until it is known who asks, nothing is to be seen.
		ctx := store.Walled(context.WithValue(r.Context(), requestKey{}, id), fleet.Scope{})
		upgrade := r.Header.Get("Upgrade") != ""
		if err := d.origins.Check(r); err != nil || upgrade && !d.sameOrigin(r) {
			fault.WriteHTTP(w, http.StatusForbidden, id, fault.New(fault.Denied, "this came from another site").
				With("Use the dashboard's own address, or set NOVACRON_PUBLIC_URL to it."))
			return
		}
		if probes[r.URL.Path] {
			next.ServeHTTP(w, r.WithContext(ctx))
			return
		}
		ctx = context.WithValue(ctx, organisationKey{}, r.Header.Get("X-NovaCron-Organisation"))
		c, ok := shown(r)
		ctx, err := d.enter(ctx, r, c, ok)
		if err != nil {
			if fault.Is(err, fault.Unauthorized) {
				w.Header().Set("WWW-Authenticate", `Bearer realm="NovaCron"`)
			}
			fault.WriteHTTP(w, 0, id, err)
			return
		}
		if _, err := From(ctx); err == nil && (upgrade || strings.Contains(r.Header.Get("Accept"), "text/event-stream")) {
			var stop context.CancelFunc
			ctx, stop = d.watched(ctx, c)
			defer stop()
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// guards are headers that keep an answer from being taken for anything but what it is. It is no page: pages have
// their own, see the dashboard's next.config.ts.
func (d *Door) guards(h http.Header, r *http.Request) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if d.secure(r) {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// enter finds out who sends a request, and counts it: by its address alone, where strangers are answered and when
// it is a stranger's.
func (d *Door) enter(ctx context.Context, r *http.Request, c credential, ok bool) (context.Context, error) {
	peer := d.peer(r)
	from := d.rates.address(peer)
	if err := d.rates.known(d.rates.token(from, c)); err != nil {
		return ctx, err
	}
	var err error
	switch {
	case isOpen(r.URL.Path):
	case ok:
		var v Viewer
		if v, err = d.viewer(ctx, c); err == nil {
			v.Address = peer.String()
			ctx, from = With(ctx, v), d.rates.viewer(d.rates.token(from, c), v)
		}
	case r.Header.Get("Upgrade") == "" || r.URL.Path != "/graphql":
		_, err = From(ctx)
	}
	if limit := d.rates.take(ctx, from); limit != nil {
		return ctx, limit
	}
	return context.WithValue(ctx, senderKey{}, from), err
}

// shown is the credential that a request shows: its Authorization header, else its cookie.
func shown(r *http.Request) (credential, bool) {
	if a := r.Header.Get("Authorization"); a != "" {
		return bearer(a)
	}
	for _, name := range []string{secureCookie, plainCookie} {
		if cookie, err := r.Cookie(name); err == nil {
			return credential{secret: cookie.Value}, true
		}
	}
	return credential{}, false
}

// sameOrigin reports whether a websocket is opened by a page of ours, or by no page at all. A
// browser's page cannot set X-Forwarded-Host on one, so a proxy's word for it can be taken.
func (d *Door) sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	return strings.EqualFold(u.Host, r.Host) || strings.EqualFold(u.Host, r.Header.Get("X-Forwarded-Host")) ||
		d.options.PublicURL != "" && strings.EqualFold(origin, strings.TrimSuffix(d.options.PublicURL, "/"))
}

// peer is who is at the other end: the address before the nearest proxy that we trust.
func (d *Door) peer(r *http.Request) netip.Addr {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	peer, _ := netip.ParseAddr(host)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && d.trusted(peer); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		peer = hop
	}
	return peer
}

func (d *Door) trusted(a netip.Addr) bool {
	for _, p := range d.options.Proxies {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

type organisationKey struct{}

// organisation is the one that a request names, for tokens that are good for several.
func organisation(ctx context.Context) string {
	name, _ := ctx.Value(organisationKey{}).(string)
	return name
}

type requestKey struct{}

// RequestID is the id of the request that ctx belongs to; empty when it belongs to none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

var requestPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

// requestID takes a proxy's id for the request, so that its log and ours can be laid side by side.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); requestPattern.MatchString(id) {
		return id
	}
	return fleet.NewID().String()
}
