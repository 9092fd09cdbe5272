package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/secrets"
)

// How long a server takes to end. At first it only says that it is not ready, so that whoever sends it requests
// sends them elsewhere. Then requests under way may finish, steps of operations too; what has not by then another
// replica goes on with, or the next start.
const (
	leaving       = 2 * time.Second
	requestsDrain = 10 * time.Second
	wholeDrain    = 30 * time.Second
)

// How long one request may take of a connection. Streams and uploads have no such end: see ending and serveUpload.
const (
	headerWithin   = 10 * time.Second
	requestWithin  = 30 * time.Second // with its body
	answerWithin   = 2 * time.Minute  // to be made and taken
	idleConnection = 2 * time.Minute
	maxHeader      = 64 << 10
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run the API server", Args: cobra.NoArgs,
		Long: "Run the API server: GraphQL at /graphql, and the work behind it.\n\n" + settingsHelp(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := logger()
			if err != nil {
				return err
			}
			slog.SetDefault(log) // what libraries print by the package log is lines of this log too
			warnOfUnknown(log)
			return serve(cmd.Context(), log)
		},
	}
}

// serve runs until ctx ends, and then in order: not ready any more, no new requests, streams closed, requests
// finished, steps finished or handed over, connections closed.
func serve(ctx context.Context, log *slog.Logger) error {
	h, err := build(ctx, log)
	if err != nil {
		return err
	}
	defer h.close()

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", env("NOVACRON_LISTEN"))
	if err != nil {
		return wrongBecause("NOVACRON_LISTEN", "Choose an address and port that are free, such as 127.0.0.1:8081.", err)
	}
	if h.certificates != nil {
		listener = tls.NewListener(listener, h.certificates.config())
	}
	metrics, err := h.listenMetrics(ctx)
	if err != nil {
		return err
	}
	if metrics != nil {
		defer func() { _ = metrics.Close() }() // last: the end can be watched, too
	}
	stopping, stopStreams := context.WithCancel(context.WithoutCancel(ctx))
	defer stopStreams()
	server := &http.Server{
		Handler:           h.handler(stopping),
		ConnContext:       withConnection,
		ReadHeaderTimeout: headerWithin,
		ReadTimeout:       requestWithin,
		WriteTimeout:      answerWithin,
		IdleTimeout:       idleConnection,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var work sync.WaitGroup
	for _, run := range h.background {
		work.Go(func() { run(working) })
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	log.Info("serving", "address", listener.Addr().String(), "version", ourVersion())

	select {
	case err := <-failed:
		return fault.New(fault.Internal, "the server ended").Because(err)
	case <-ctx.Done():
	}
	log.Info("stopping")
	end := time.Now().Add(wholeDrain)
	h.stopping.Store(true)
	time.Sleep(leaving)
	stopStreams()
	stopWork()
	draining, done := context.WithTimeout(context.WithoutCancel(ctx), requestsDrain)
	defer done()
	if err := server.Shutdown(draining); err != nil {
		log.Warn("requests were cut off", "error", err)
		_ = server.Close()
	}
	if !waited(&work, time.Until(end)) {
		log.Warn("work was handed over before it ended")
	}
	log.Info("stopped")
	return nil
}

func waited(group *sync.WaitGroup, most time.Duration) bool {
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-time.After(most):
		return false
	}
}

// connectRedis gives a client, or nil when no Redis is configured. One that does not answer yet is
// no reason not to start: everything works without it, only slower.
func connectRedis(ctx context.Context, log *slog.Logger) (*redis.Client, error) {
	url := env("NOVACRON_REDIS_URL")
	if url == "" {
		log.Warn("no NOVACRON_REDIS_URL: this must be the only replica")
		return nil, nil
	}
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, wrong("NOVACRON_REDIS_URL", "Give redis://user:password@host:6379/0 or unix:///path.") // the cause may quote the password
	}
	o.ClientName = "novacron"
	o.ContextTimeoutEnabled = true // whoever gives a deadline means it: a slow Redis would hold /readyz up
	client := redis.NewClient(o)
	ping, done := context.WithTimeout(ctx, 2*time.Second)
	defer done()
	if err := client.Ping(ping).Err(); err != nil {
		log.Warn("Redis does not answer yet", "error", err)
	}
	return client, nil
}

func newDoor(h *house) (*access.Door, error) {
	trusted, err := proxies()
	if err != nil {
		return nil, err
	}
	limits, err := rates()
	if err != nil {
		return nil, err
	}
	return access.NewDoor(h.store, access.Options{
		PublicURL: env("NOVACRON_PUBLIC_URL"), Proxies: trusted, Log: h.log,
		Outside: h.outside, Rates: limits, Redis: h.redis, Limited: func(limit string) { h.measures.limited.WithLabelValues(limit).Inc() },
		ClientSecret: func(i *fleet.Issuer) (secret string, err error) {
			return secret, h.box.OpenJSON(i.ClientSecret, secrets.IssuerAAD(i.ID), &secret)
		},
	})
}

// sweep removes what has expired, now and then.
func (h *house) sweep(ctx context.Context) {
	tick := time.NewTicker(10 * time.Minute)
	defer tick.Stop()
	for {
		if err := h.store.DeleteExpired(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("removing expired sessions", "error", err)
		}
		if h.keepOperations > 0 {
			if _, err := h.store.PurgeOperations(ctx, h.keepOperations); err != nil && ctx.Err() == nil {
				h.log.Warn("removing old operations", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
