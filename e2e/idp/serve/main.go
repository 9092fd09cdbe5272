// Command serve runs the development OpenID Connect provider.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/novacron/novacron/e2e/idp"
)

const (
	headerWaits   = 5 * time.Second
	shutdownWaits = 5 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

// run serves until the context ends.
func run(ctx context.Context, args []string, out, errs io.Writer) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(errs)
	listen := flags.String("listen", "127.0.0.1:9000", "address to listen on")
	issuer := flags.String("issuer", "http://localhost:9000", "origin under which browsers and clients reach it")
	audience := flags.String("audience", "novacron-api", "whom access tokens are for")
	lifetime := flags.Duration("lifetime", 0, "lifetime of identity and access tokens (default 5m)")
	web := idp.Client{}
	flags.StringVar(&web.ID, "client-id", "novacron", "client that people sign in to")
	flags.StringVar(&web.Secret, "client-secret", "", "its secret; a client without one is public")
	flags.Func("redirect-uri", "where it may have people sent; may be repeated", appendTo(&web.RedirectURIs))
	flags.Func("post-logout-uri", "where it may have them sent after sign-out; may be repeated", appendTo(&web.PostLogoutRedirectURIs))
	flags.StringVar(&web.BackChannelLogoutURI, "back-channel-uri", "", "where it is told that a session has ended")
	terminal := flags.String("cli-client-id", "novacron-cli", "public client for the device flow; empty for none")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("what is %q?", strings.Join(flags.Args(), " "))
	}
	// The library tells the default logger each of its routes.
	log := slog.New(slog.NewTextHandler(errs, nil))
	slog.SetDefault(slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: slog.LevelWarn})))
	clients := []idp.Client{web}
	if *terminal != "" {
		clients = append(clients, idp.Client{ID: *terminal})
	}
	provider, err := idp.New(idp.Options{Issuer: *issuer, Clients: clients, Audience: *audience, Lifetime: *lifetime, Log: log})
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *listen)
	if err != nil {
		return err
	}
	welcome(out, *issuer, listener.Addr())
	server := &http.Server{Handler: provider, ReadHeaderTimeout: headerWaits}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownWaits)
	defer cancel()
	return server.Shutdown(grace)
}

func appendTo(list *[]string) func(string) error {
	return func(value string) error {
		*list = append(*list, value)
		return nil
	}
}

func welcome(out io.Writer, issuer string, address net.Addr) {
	fmt.Fprintf(out, "OpenID Connect provider %s on %s. Who can sign in:\n\n", issuer, address)
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "  NAME\tPASSWORD\tORGANISATION\tGROUPS\tWHO")
	for _, p := range idp.People() {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\n", p.Name, p.Password, p.Organisation(), strings.Join(p.Groups, ", "), p.FullName)
	}
	_ = table.Flush()
}
