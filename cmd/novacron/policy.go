package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

func policyCommand() *cobra.Command {
	test := &cobra.Command{
		Use: "test CASES.json POLICY.cedar...", Short: "Hold policies against what they are to allow and to refuse", Args: cobra.MinimumNArgs(2),
		Long: `Hold policies against what they are to allow and to refuse, without a server or a database. CASES.json is a list:

  [{"name": "operators cannot delete production", "allowed": false, "by": ["keep/1"],
    "role": "OPERATOR", "user": "ann", "action": "deleteVM",
    "on": {"type": "VM", "provider": "0192f3a0-…", "attributes": {"name": "db-1"}, "tags": {"env": "production"}}}]

by, user, and of on all but type may be left out. Each file is a policy by its name without ".cedar".`,
		RunE: func(cmd *cobra.Command, args []string) error { return testPolicies(cmd, args[0], args[1:]) },
	}
	c := &cobra.Command{Use: "policy", Short: "Policies"}
	c.AddCommand(test)
	return c
}

// policyCase is one of the cases of a test.
type policyCase struct {
	Name    string           `json:"name"`
	Role    fleet.Role       `json:"role"`
	User    string           `json:"user"`
	Action  fleet.Permission `json:"action"`
	Allowed bool             `json:"allowed"`
	By      []string         `json:"by"` // the policies that decide; nil: whichever
	On      struct {
		Type       string            `json:"type"`
		Provider   uuid.UUID         `json:"provider"`
		Attributes map[string]string `json:"attributes"`
		Tags       map[string]string `json:"tags"`
	} `json:"on"`
}

func testPolicies(cmd *cobra.Command, cases string, files []string) error {
	var own []*fleet.Policy
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return fault.New(fault.Invalid, "the policy %s cannot be read", file).With("Name a file with Cedar in it.").Because(err)
		}
		p := &fleet.Policy{Name: strings.TrimSuffix(filepath.Base(file), ".cedar"), Text: string(text), Enabled: true}
		if err := p.Check(); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		own = append(own, p)
	}
	policies, err := access.NewPolicies(own)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(cases)
	if err != nil {
		return fault.New(fault.Invalid, "the cases %s cannot be read", cases).With("Name a file with a list of cases.").Because(err)
	}
	var all []policyCase
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		return fault.New(fault.Invalid, "%s is no list of cases: %v", cases, err).With("See novacron policy test --help.")
	}
	failed := 0
	for i, c := range all {
		said, err := c.try(policies)
		if err != nil {
			return fault.New(fault.Invalid, "case %d, %q: %v", i+1, c.Name, err).With("See novacron policy test --help.")
		}
		word := "ok  "
		if said != "" {
			word = "FAIL"
			failed++
		}
		fmt.Fprintln(cmd.OutOrStdout(), strings.TrimSpace(fmt.Sprintf("%s %s%s", word, c.Name, said)))
	}
	if failed > 0 {
		return fault.New(fault.Conflict, "%d of %d cases are not as they should be", failed, len(all)).With("Change the policies, or what is expected of them.")
	}
	return nil
}

// try says what is not as it should be.
func (c policyCase) try(policies *access.Policies) (string, error) {
	if !slices.Contains(fleet.Roles, c.Role) {
		return "", fmt.Errorf("role is OWNER, ADMIN, OPERATOR or VIEWER")
	}
	if c.Action.Least() == "" {
		return "", fmt.Errorf("there is no action %.60q", c.Action)
	}
	if !slices.Contains([]string{"VM", "Provider", "Image", "Operation", "Person", "Organisation"}, c.On.Type) {
		return "", fmt.Errorf("on.type is VM, Provider, Image, Operation, Person or Organisation")
	}
	tenant := fleet.NewID()
	got := policies.Decide(access.Viewer{TenantID: tenant, UserID: fleet.NewID(), Name: c.User, Role: c.Role}, c.Action,
		fleet.Resource{Type: c.On.Type, ID: fleet.NewID(), Tenant: tenant, Provider: c.On.Provider, Attributes: c.On.Attributes, Tags: c.On.Tags})
	by := "nothing permits it"
	if len(got.Policies) > 0 {
		by = "by " + strings.Join(got.Policies, ", ")
	}
	if got.Broken != "" {
		by += ", which cannot be evaluated: " + got.Broken
	}
	if got.Allowed != c.Allowed || c.By != nil && !slices.Equal(slices.Sorted(slices.Values(c.By)), got.Policies) {
		return fmt.Sprintf(": allowed %t, %s", got.Allowed, by), nil
	}
	return "", nil
}
