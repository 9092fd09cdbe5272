package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/audit"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/store"
)

func auditCommand() *cobra.Command {
	var head string
	verify := &cobra.Command{
		Use: "verify", Short: "Hold every line of the audit log against its seal, and say what was changed", Args: cobra.NoArgs,
		Long: "Hold every line of the audit log against its seal, and every seal against the one before. The last line is\nthe newest seal: keep it elsewhere, and nobody who can write to the database can make another log that a later\nverify --head would take for this one. A running server writes it to its log every hour.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd.Context(), func(s *store.Store) error { return verifyAudit(cmd, s, head) })
		},
	}
	verify.Flags().StringVar(&head, "head", "", "a seal that was kept elsewhere, as verify and the server's log tell it")
	c := &cobra.Command{Use: "audit", Short: "The audit log"}
	c.AddCommand(verify)
	return c
}

// auditOptions are what the settings say.
func auditOptions(days int, log *slog.Logger) (o audit.Options, err error) {
	o = audit.Options{MoreDays: days - 365, Log: log}
	if o.MoreDays < 0 {
		return o, wrong("NOVACRON_KEEP_AUDIT", "Keep the audit log for 365 days at the least.")
	}
	var cas []byte
	if file := env("NOVACRON_AUDIT_SYSLOG_CA"); file != "" {
		if cas, err = os.ReadFile(file); err != nil {
			return o, wrongBecause("NOVACRON_AUDIT_SYSLOG_CA", "Name a file with certificates in PEM.", err)
		}
	}
	if address := env("NOVACRON_AUDIT_SYSLOG"); address != "" {
		if o.Syslog, err = audit.NewSyslog(address, cas); err != nil {
			return o, wrongBecause("NOVACRON_AUDIT_SYSLOG", fault.Of(err).Remedy, err)
		}
	}
	return o, nil
}

func verifyAudit(cmd *cobra.Command, s *store.Store, head string) error {
	v, err := audit.Verify(cmd.Context(), s, head)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	for _, one := range v.Findings {
		fmt.Fprintln(out, one)
	}
	fmt.Fprintf(out, "%d lines in %d seals", v.Lines, v.Seals)
	if v.Expired > 0 {
		fmt.Fprintf(out, ", and %d more whose time is over", v.Expired)
	}
	fmt.Fprintln(out)
	if v.Head != nil {
		fmt.Fprintln(out, audit.Head(v.Head))
	}
	if len(v.Findings) > 0 {
		return fault.New(fault.Conflict, "the audit log is not what was written").With("Compare it with a backup, and with what was streamed elsewhere.")
	}
	return nil
}
