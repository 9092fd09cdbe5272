package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

func personCommand() *cobra.Command {
	named := func(do func(*cobra.Command, *store.Store, *fleet.User) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, args []string) error {
			return withStore(cmd.Context(), func(s *store.Store) error {
				u, err := s.UserByName(cmd.Context(), fleet.System(), args[0])
				if err != nil {
					return err
				}
				return do(cmd, s, u)
			})
		}
	}
	export := &cobra.Command{
		Use: "export NAME", Short: "Print all that is stored of one person, as JSON", Args: cobra.ExactArgs(1),
		RunE: named(func(cmd *cobra.Command, s *store.Store, u *fleet.User) error {
			all, err := s.PersonalData(cmd.Context(), u.ID)
			if err != nil {
				return err
			}
			e := json.NewEncoder(cmd.OutOrStdout())
			e.SetIndent("", "  ")
			return e.Encode(all)
		}),
	}
	var sure bool
	forget := &cobra.Command{
		Use: "forget NAME", Short: "Take out whatever tells who somebody is", Args: cobra.ExactArgs(1),
		Long: "Take out whatever tells who somebody is: name, addresses, sign-ins. Their rights, sessions and tokens end.\nWhat they did stays in the audit log without them, and the log can still be verified. It cannot be taken back.",
		RunE: named(func(cmd *cobra.Command, s *store.Store, u *fleet.User) error {
			if !sure {
				return fault.New(fault.Invalid, "this cannot be taken back").With("Say --yes if that is what you want.")
			}
			if err := s.ForgetPerson(cmd.Context(), u); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is forgotten.\n", u.Name)
			return nil
		}),
	}
	forget.Flags().BoolVar(&sure, "yes", false, "really forget them")
	c := &cobra.Command{Use: "person", Short: "What is stored of a person"}
	c.AddCommand(export, forget)
	return c
}
