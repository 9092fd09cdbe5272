// Command novacron is the server and its operator's tools. It wires the rooms of the house together
// and does nothing else.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/fault"
)

// version is set by the build: -ldflags "-X main.version=v1.2.3".
var version = ""

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{
		Use:           "novacron",
		Short:         "NovaCron manages virtual machines wherever they run",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(serveCommand(), migrateCommand(), bootstrapCommand(), personCommand(), policyCommand(), tokenCommand(), auditCommand(), backupCommand(), restoreCommand(), secretsCommand(), versionCommand())
	if err := root.ExecuteContext(ctx); err != nil {
		report(os.Stderr, err)
		os.Exit(1)
	}
}

// report says what went wrong and what to do about it.
func report(w io.Writer, err error) {
	e := fault.Of(err)
	if e.Kind == fault.Internal {
		fmt.Fprintln(w, "novacron:", err)
	} else {
		fmt.Fprintln(w, "novacron:", e.Error())
	}
	if e.Remedy != "" {
		fmt.Fprintln(w, e.Remedy)
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, Run: func(cmd *cobra.Command, _ []string) {
		fmt.Fprintln(cmd.OutOrStdout(), ourVersion())
	}}
}

// ourVersion is the build's, else the revision that it was built from.
func ourVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "dev-" + s.Value[:12]
			}
		}
	}
	return "dev"
}
