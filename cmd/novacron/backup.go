package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/secrets"
	"github.com/novacron/novacron/internal/store"
)

func backupCommand() *cobra.Command {
	var to string
	c := &cobra.Command{
		Use: "backup", Short: "Write what the database holds to a file", Args: cobra.NoArgs,
		Long: `Write what the database holds, all of it as it is at one moment, to a file that novacron restore reads.
Servers go on meanwhile. Not in it are sessions, events and the key file (NOVACRON_SECRETS_KEY_FILE).`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd.Context(), func(s *store.Store) error { return backup(cmd, s, to) })
		},
	}
	c.Flags().StringVar(&to, "to", "", "the file, which appears once it is whole (default standard output)")
	return c
}

func backup(cmd *cobra.Command, s *store.Store, to string) error {
	var made store.Backup
	write := func(w io.Writer) (err error) {
		made, err = s.WriteBackup(cmd.Context(), w, ourVersion(), progress(cmd.ErrOrStderr()))
		return err
	}
	var err error
	if to == "" {
		err = write(cmd.OutOrStdout())
	} else {
		err = whole(to, write)
	}
	if err != nil {
		return err
	}
	key, err := secretsKeyFile()
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "Backed up as of %s. Keep a copy of the key file %s, too: it is not in the backup, and opens the credentials of hosts.\n",
		made.At.UTC().Format(time.RFC3339), key)
	return nil
}

func progress(w io.Writer) func(store.BackupTable) {
	return func(t store.BackupTable) { fmt.Fprintf(w, "%-16s %9d rows\n", t.Name, t.Rows) }
}

// whole makes a file that is there with all its content or not at all, and that its owner alone may read.
func whole(file string, write func(io.Writer) error) error {
	refused := func(err error) error {
		if err == nil {
			return nil
		}
		return fault.New(fault.Invalid, "the file %s cannot be written", file).With("Name one in a folder that is there, has room and is yours to write.").Because(err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return refused(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return refused(err)
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return refused(err)
	}
	folder, err := os.Open(filepath.Dir(file))
	if err != nil {
		return refused(err)
	}
	defer folder.Close()
	return refused(folder.Sync())
}

func restoreCommand() *cobra.Command {
	var from string
	var force bool
	c := &cobra.Command{
		Use: "restore", Short: "Put a backup into an empty database", Args: cobra.NoArgs,
		Long: `Put what novacron backup wrote into an empty database: all of it or nothing. All servers have to be stopped.
Operations that were under way in the backup end as FAILED, everybody has to sign in again, and the hosts are
read anew when novacron serve starts. Nothing is deleted from a host.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd.Context(), func(s *store.Store) error { return restore(cmd, s, from, force) })
		},
	}
	c.Flags().StringVar(&from, "from", "", "the file that novacron backup wrote")
	c.Flags().BoolVar(&force, "force", false, "throw away what the database holds")
	_ = c.MarkFlagRequired("from") // there is one of that name
	return c
}

func restore(cmd *cobra.Command, s *store.Store, from string, force bool) error {
	ctx, out := cmd.Context(), cmd.ErrOrStderr()
	f, err := os.Open(from)
	var info fs.FileInfo
	if err == nil {
		defer f.Close()
		info, err = f.Stat()
	}
	if err != nil {
		return fault.New(fault.Invalid, "the backup cannot be read").With("Name a file that novacron backup wrote.").Because(err)
	}
	b, err := store.ReadBackup(f, info.Size())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The backup is of %s, %s ago, by NovaCron %s. What has changed since is not in it.\n",
		b.At.UTC().Format(time.RFC3339), time.Since(b.At).Round(time.Second), b.Program)
	done, err := s.RestoreBackup(ctx, b, force, progress(out))
	if err != nil {
		return err
	}
	if done.Operations > 0 {
		fmt.Fprintf(out, "Operations that were under way then and are FAILED now: %d. What they did afterwards is not known: look at their VMs.\n", done.Operations)
	}
	if done.VMs > 0 {
		fmt.Fprintf(out, "VMs that were just being made and are forgotten: %d. Those that are at their hosts appear again.\n", done.VMs)
	}
	fmt.Fprintln(out, "Everybody has to sign in again. API tokens are those of the backup: ones deleted since are good again.")
	fmt.Fprintln(out, "When novacron serve starts it reads all hosts: VMs made since appear again, without their labels, and nothing is deleted there.")
	return tryKey(ctx, s, out)
}

// tryKey says whether the key file that a server would use opens the credentials that were restored.
func tryKey(ctx context.Context, s *store.Store, out io.Writer) error {
	file, err := secretsKeyFile()
	if err != nil {
		return err
	}
	all, err := s.Providers(ctx, fleet.System())
	if err != nil {
		return err
	}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) { // to open the box would make one
		fmt.Fprintf(out, "The key file %s is not there. Bring it back, or type the credentials of hosts in again.\n", file)
		return nil
	}
	box, err := secrets.OpenBox(file)
	if err != nil {
		return wrongBecause("NOVACRON_SECRETS_KEY_FILE", "Name the file that the backed-up servers had.", err)
	}
	for _, p := range all {
		var ignored drivers.Secrets
		if err := box.OpenJSON(p.Credentials, secrets.ProviderAAD(p.TenantID, p.ID), &ignored); err != nil {
			fmt.Fprintf(out, "The key file %s is another one: it does not open the credentials of %s. Bring the right one back, or type them in again.\n", file, p.Name)
		}
	}
	return nil
}
