package main

import (
	"context"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// measures are what a server tells of itself at /metrics.
type measures struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	limited  *prometheus.CounterVec
}

func newMeasures() *measures {
	m := &measures{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "novacron_http_request_seconds", Help: "Time to answer HTTP requests, streams left out.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route", "code"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "novacron_http_limited_total", Help: "Requests and operations of websockets that were refused for a rate limit, by whose it was.",
		}, []string{"limit"}),
	}
	m.registry.MustRegister(m.requests, m.limited, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *measures) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// timed measures requests by their route. An address that somebody made up is no route, so that
// nobody can make up metrics.
func (m *measures) timed(mux *http.ServeMux, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isStream(r) {
			next.ServeHTTP(w, r)
			return
		}
		began, s := time.Now(), &status{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(s, r)
		_, route := mux.Handler(r)
		m.requests.WithLabelValues(route, strconv.Itoa(s.code)).Observe(time.Since(began).Seconds())
	})
}

type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int)        { s.code = code; s.ResponseWriter.WriteHeader(code) }
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// listenMetrics opens the operator's own door, where nobody has to sign in: metrics for whoever gets there, and Go's
// profiles for this machine. nil without one.
func (h *house) listenMetrics(ctx context.Context) (*http.Server, error) {
	address := env("NOVACRON_METRICS_LISTEN")
	if address == "" {
		return nil, nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, wrongBecause("NOVACRON_METRICS_LISTEN", "Choose an address and port that are free, such as 127.0.0.1:9464; leave it empty for none.", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", h.measures.handler())
	mux.HandleFunc("/debug/pprof/", pprof.Index) // profiles by their names, too
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: profilesWithin(mux), ReadTimeout: headerWithin, WriteTimeout: answerWithin, IdleTimeout: idleConnection, MaxHeaderBytes: maxHeader}
	go func() { _ = server.Serve(listener) }()
	h.log.Info("serving metrics", "address", listener.Addr().String())
	return server, nil
}

// profilesWithin keeps profiles to this machine: a collector of metrics is often another one, and what a process
// does is nobody's business there.
func profilesWithin(next *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if _, route := next.Handler(r); route != "GET /metrics" && (err != nil || !peer.Addr().Unmap().IsLoopback()) {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
