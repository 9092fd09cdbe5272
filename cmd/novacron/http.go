package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/novacron/novacron/graph"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
)

// handler is all that the server answers. Streams (websockets, event streams) end with stopping.
func (h *house) handler(stopping context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /auth/sign-in", h.door.ServeSignIn)
	mux.HandleFunc("POST /auth/sign-out", h.door.ServeSignOut)
	mux.HandleFunc("GET /auth/issuers", h.door.ServeIssuers)
	mux.HandleFunc("GET /auth/issuers/{id}", h.door.ServeBegin)
	mux.HandleFunc("GET /auth/callback", h.door.ServeCallback)
	mux.HandleFunc("POST /auth/back-channel-logout", h.door.ServeBackChannelLogout)
	mux.Handle("/graphql", graph.Handler(h.resolvers, graph.Options{
		Log: h.log, RequestID: access.RequestID, Fresh: h.source.With, Admit: h.door.Admit, Take: h.door.Take, Manifest: h.manifest,
		Explorer: strings.TrimSuffix(env("NOVACRON_PUBLIC_URL"), "/") + "/explorer",
	}))
	mux.HandleFunc("GET /console/{ticket}", h.serveConsole)
	mux.HandleFunc("PUT /uploads/{ticket}", h.serveUpload)
	mux.HandleFunc("GET /api/{file}", h.serveAudit)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", h.serveReady)
	mux.Handle("GET /metrics", h.measures.handler())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fault.WriteHTTP(w, 0, access.RequestID(r.Context()), fault.New(fault.NotFound, "there is nothing here").With("The API is at /graphql."))
	})
	return single(h.door.Guard(h.parting(h.measures.timed(mux, ending(stopping, mux)))))
}

// single ends a connection after a request in chunks, as RFC 9112, 6.3 wants it of one that had a length too: a proxy
// that went by the length has taken for its body what to us would be the next request. net/http does not tell the two apart.
func single(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// parting has clients give their connections up once the server stops: one that is closed in the moment in which
// a request comes in by it loses that request.
func (h *house) parting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.stopping.Load() && !isStream(r) {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// sendBuffer is what may be on its way to a stream's client. The system would let it grow to megabytes: messages that
// cost as much to make as anybody's, for one who has long stopped reading. What waits with us instead costs nothing,
// since changes of the same thing become one.
const sendBuffer = 64 << 10

type connectionKey struct{}

// withConnection is the http.Server's ConnContext.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return context.WithValue(ctx, connectionKey{}, c)
}

// ending lets streams last, and ends their contexts when the server stops: nothing else would end them.
func ending(stopping context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isStream(r) {
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			defer context.AfterFunc(stopping, cancel)()
			r = r.WithContext(ctx)
			_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
			if c, ok := r.Context().Value(connectionKey{}).(*net.TCPConn); ok {
				_ = c.SetWriteBuffer(sendBuffer)
			}
		}
		next.ServeHTTP(w, r)
	})
}

func isStream(r *http.Request) bool {
	return r.Header.Get("Upgrade") != "" || strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// redisAnswers asks it for a moment only: whoever asks whether we are ready shall not wait for Redis.
func (h *house) redisAnswers(ctx context.Context) bool {
	ctx, done := context.WithTimeout(ctx, 300*time.Millisecond)
	defer done()
	return h.redis == nil || h.redis.Ping(ctx).Err() == nil
}

// serveReady tells whether requests should be sent here. Strangers see it, so it names no more than what
// does not answer.
func (h *house) serveReady(w http.ResponseWriter, r *http.Request) {
	ctx, done := context.WithTimeout(r.Context(), 2*time.Second)
	defer done()
	answer, code := "ready\n", http.StatusOK
	switch {
	case h.stopping.Load():
		answer, code = "stopping\n", http.StatusServiceUnavailable
	case h.store.Ping(ctx) != nil:
		answer, code = "the database does not answer\n", http.StatusServiceUnavailable
	case !h.redisAnswers(ctx):
		answer = "ready, but Redis does not answer\n" // everything works without it, only slower
	}
	w.WriteHeader(code)
	_, _ = w.Write([]byte(answer))
}
