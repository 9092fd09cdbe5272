package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// withStore opens the database for one command of its owner.
func withStore(ctx context.Context, do func(*store.Store) error) error {
	url := env("NOVACRON_DATABASE_URL")
	if url == "" {
		return wrong("NOVACRON_DATABASE_URL", "Set it to postgres://user:password@host:5432/novacron.")
	}
	s, err := store.OpenOwned(ctx, url)
	if err != nil {
		return err
	}
	defer s.Close()
	return do(s)
}

func migrateCommand() *cobra.Command {
	up := &cobra.Command{
		Use: "migrate", Short: "Bring the database to this version's shape", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd.Context(), func(s *store.Store) error { return s.Migrate(cmd.Context()) })
		},
	}
	var sure bool
	down := &cobra.Command{
		Use: "down", Short: "Take all of it back, and with it everything stored", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !sure {
				return fault.New(fault.Invalid, "this removes everything that is stored").With("Say --yes if that is what you want.")
			}
			return withStore(cmd.Context(), func(s *store.Store) error { return s.MigrateDown(cmd.Context()) })
		},
	}
	down.Flags().BoolVar(&sure, "yes", false, "really remove everything")
	up.AddCommand(down)
	return up
}

func bootstrapCommand() *cobra.Command {
	var tenant, name string
	var reset bool
	c := &cobra.Command{
		Use: "bootstrap", Short: "Make the first organisation and its administrator, and print the sign-in", Args: cobra.NoArgs,
		Long: "Make the first organisation and its administrator, and print the sign-in. A later run says that they exist\nand changes nothing, unless --reset-password asks for a new password.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd.Context(), func(s *store.Store) error { return bootstrap(cmd, s, tenant, name, reset) })
		},
	}
	c.Flags().StringVar(&tenant, "tenant", "main", "the organisation's name")
	c.Flags().StringVar(&name, "name", "admin", "the administrator's sign-in name")
	c.Flags().BoolVar(&reset, "reset-password", false, "give the administrator a new password, which ends their sessions")
	return c
}

func bootstrap(cmd *cobra.Command, s *store.Store, tenant, name string, reset bool) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	if err := firstErr(fleet.CheckName("tenant", tenant), fleet.CheckName("name", name)); err != nil {
		return err
	}
	password := access.NewPassword()
	u, err := s.UserByName(ctx, fleet.System(), name)
	switch {
	case err == nil && !reset:
		fmt.Fprintf(out, "%s exists already. A new password: %s bootstrap --name %s --reset-password\n", name, os.Args[0], name)
		return nil
	case err == nil:
		err = s.SetPassword(ctx, fleet.System(), u.ID, access.HashPassword(password))
	case fault.Is(err, fault.NotFound):
		err = s.Tx(ctx, func(tx *store.Store) error { return firstPeople(ctx, tx, tenant, name, password) })
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Name:     %s\nPassword: %s\nIt is not shown again.\n", name, password)
	return nil
}

func firstPeople(ctx context.Context, s *store.Store, tenant, name, password string) error {
	tenants, err := s.Tenants(ctx, fleet.System())
	if err != nil {
		return err
	}
	var t *fleet.Tenant
	for _, have := range tenants {
		if have.Name == tenant {
			t = have
		}
	}
	if t == nil {
		t = &fleet.Tenant{ID: fleet.NewID(), Name: tenant}
		if err := s.InsertTenant(ctx, t); err != nil {
			return err
		}
	}
	u := &fleet.User{ID: fleet.NewID(), TenantID: t.ID, Name: name, PasswordHash: access.HashPassword(password), PlatformAdmin: true}
	if err := s.InsertUser(ctx, u); err != nil {
		return err
	}
	return s.InsertGrant(ctx, &fleet.Grant{ID: fleet.NewID(), TenantID: t.ID, UserID: u.ID, Role: fleet.RoleOwner, Source: fleet.GrantByHand, GrantedBy: "NovaCron"})
}

func firstErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func tokenCommand() *cobra.Command {
	var name, role, user string
	var expires time.Duration
	create := &cobra.Command{
		Use: "create", Short: "Make an API token and print it, alone, on standard output", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd.Context(), func(s *store.Store) error { return createToken(cmd, s, user, name, role, expires) })
		},
	}
	create.Flags().StringVar(&role, "role", "viewer", "what its bearer may do: owner, admin, operator, viewer")
	create.Flags().StringVar(&name, "name", "cli", "what it is for")
	create.Flags().StringVar(&user, "user", "admin", "whose it is")
	create.Flags().DurationVar(&expires, "expires", 0, "when it stops working, such as 720h; 0 for never")
	c := &cobra.Command{Use: "token", Short: "API tokens"}
	c.AddCommand(create)
	return c
}

func createToken(cmd *cobra.Command, s *store.Store, user, name, role string, expires time.Duration) error {
	r := fleet.Role(strings.ToUpper(role))
	if !fleet.RoleOwner.Includes(r) {
		return fault.Field("role", "Use owner, admin, operator or viewer.", "%q is no role", role)
	}
	if err := fleet.CheckName("name", name); err != nil {
		return err
	}
	u, err := s.UserByName(cmd.Context(), fleet.System(), user)
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "there is no user %s", user).With("Make the first one with novacron bootstrap, or name another with --user.")
	}
	if err != nil {
		return err
	}
	grants, err := s.Grants(cmd.Context(), fleet.Within(u.TenantID), u.ID)
	if err != nil {
		return err
	}
	if own := fleet.Highest(grants); !own.Includes(r) {
		return fault.Field("role", "Ask for at most the owner's own.", "%s is no more than %s", user, strings.ToLower(string(own)))
	}
	var until *time.Time
	if expires > 0 {
		t := time.Now().Add(expires)
		until = &t
	}
	t, secret := access.NewAPIToken(u.TenantID, u.ID, name, r, until)
	if err := s.InsertToken(cmd.Context(), t); err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), secret)
	return nil
}
