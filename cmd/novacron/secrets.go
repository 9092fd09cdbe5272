package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/operations"
	"github.com/novacron/novacron/internal/secrets"
	"github.com/novacron/novacron/internal/store"
)

func secretsCommand() *cobra.Command {
	withKey := func(do func(cmd *cobra.Command, s *store.Store, file string) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, _ []string) error {
			file, err := secretsKeyFile()
			if err != nil {
				return err
			}
			if _, err := os.Stat(file); err != nil { // to open the box would make one
				return wrongBecause("NOVACRON_SECRETS_KEY_FILE", "Name the file that the servers have.", err)
			}
			return withStore(cmd.Context(), func(s *store.Store) error { return do(cmd, s, file) })
		}
	}
	var wait time.Duration
	rotate := &cobra.Command{
		Use: "rotate", Short: "Add a key, and seal everything with it", Args: cobra.NoArgs,
		Long: "Add a key to the key file, and seal everything with it that is sealed. Servers go on meanwhile: they look at the\nfile every few seconds, and the old keys still open. If servers have files of their own, copy this one to them\nwhile the command waits. When it has ended, novacron secrets retire removes the old keys.",
		RunE: withKey(func(cmd *cobra.Command, s *store.Store, file string) error { return rotateKey(cmd, s, file, wait) }),
	}
	rotate.Flags().DurationVar(&wait, "wait", 3*secrets.LookEvery, "until all servers have the new key file")
	retire := &cobra.Command{
		Use: "retire", Short: "Remove the old keys once nothing is sealed with them", Args: cobra.NoArgs,
		Long: "Remove the old keys from the key file, if nothing in the database is sealed with them. Keep a copy of the file for\nas long as you keep backups that were made before: the credentials in them need the old keys.",
		RunE: withKey(retireKeys),
	}
	status := &cobra.Command{
		Use: "status", Short: "Tell with which keys how much is sealed", Args: cobra.NoArgs,
		RunE: withKey(func(cmd *cobra.Command, s *store.Store, file string) error { return tellKeys(cmd, s, file) }),
	}
	c := &cobra.Command{Use: "secrets", Short: "The key that seals credentials"}
	c.AddCommand(rotate, retire, status)
	return c
}

func rotateKey(cmd *cobra.Command, s *store.Store, file string, wait time.Duration) error {
	out := cmd.OutOrStdout()
	id, err := secrets.Rotate(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The key %d is in %s, and seals from now on.\n", id, file)
	if wait > 0 {
		fmt.Fprintf(out, "Waiting %s for the servers to read it.\n", wait)
	}
	select {
	case <-cmd.Context().Done():
		return cmd.Context().Err()
	case <-time.After(wait):
	}
	box, err := secrets.OpenBox(file)
	if err != nil {
		return err
	}
	n, err := reseal(cmd.Context(), s, box)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d values are sealed with it now.\n", n)
	return tellKeys(cmd, s, file)
}

// reseal seals with the primary key what another has sealed. One that is changed meanwhile is looked at again.
func reseal(ctx context.Context, s *store.Store, box *secrets.Box) (n int, err error) {
	for again := true; again; {
		again = false
		all, err := s.SealedValues(ctx)
		if err != nil {
			return n, err
		}
		for _, v := range all {
			if v.Of == "operations" || secrets.KeyOf(v.Value) == box.Primary() {
				continue
			}
			plain, err := box.Open(v.Value, aadOf(v))
			if err != nil {
				return n, fault.New(fault.Conflict, "the secret of %s %s cannot be opened with any key of the file", v.Of, v.ID).
					With("Bring the key file back that sealed it, or give that secret again.").Because(err)
			}
			now, err := box.Seal(plain, aadOf(v))
			if err != nil {
				return n, err
			}
			done, err := s.Reseal(ctx, v, now)
			if err != nil {
				return n, err
			}
			if done {
				n++
			}
			again = again || !done
		}
	}
	return n, nil
}

func aadOf(v store.Sealed) []byte {
	switch v.Of {
	case "providers":
		return secrets.ProviderAAD(v.TenantID, v.ID)
	case "issuers":
		return secrets.IssuerAAD(v.ID)
	}
	return operations.SeedAAD(v.ID)
}

func tellKeys(cmd *cobra.Command, s *store.Store, file string) error {
	box, err := secrets.OpenBox(file)
	if err != nil {
		return err
	}
	by, err := sealedBy(cmd.Context(), s)
	if err != nil {
		return err
	}
	for id, n := range by {
		fmt.Fprintf(cmd.OutOrStdout(), "key %d%s: %d values\n", id, map[bool]string{true: ", which seals", false: ""}[id == box.Primary()], n)
	}
	return nil
}

// sealedBy is how much each key has sealed.
func sealedBy(ctx context.Context, s *store.Store) (map[uint32]int, error) {
	all, err := s.SealedValues(ctx)
	by := map[uint32]int{}
	for _, v := range all {
		by[secrets.KeyOf(v.Value)]++
	}
	return by, err
}

func retireKeys(cmd *cobra.Command, s *store.Store, file string) error {
	box, err := secrets.OpenBox(file)
	if err != nil {
		return err
	}
	by, err := sealedBy(cmd.Context(), s)
	if err != nil {
		return err
	}
	for id, n := range by {
		if id != box.Primary() {
			return fault.New(fault.Conflict, "%d values are sealed with the key %d", n, id).With("Run novacron secrets rotate, and wait until open operations have ended.")
		}
	}
	ids, err := secrets.Retire(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "Removed: %d keys. Backups that were made before need them: keep a copy of the old file with those.\n", len(ids))
	return nil
}
