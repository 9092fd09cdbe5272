package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/fault"
)

func TestPolicyCommand(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	keep := file("keep.cedar", `forbid (principal, action == Action::"deleteVM", resource is VM)
		when { resource.hasTag("env") && resource.getTag("env") == "production" } unless { principal in Role::"OWNER" };`)
	run := func(cases string, policies ...string) (string, error) {
		var out bytes.Buffer
		c := policyCommand()
		c.SilenceErrors, c.SilenceUsage = true, true
		c.SetOut(&out)
		c.SetArgs(append([]string{"test", file("cases.json", cases)}, policies...))
		err := c.Execute()
		return out.String(), err
	}
	production := `"action": "deleteVM", "on": {"type": "VM", "tags": {"env": "production"}}}`
	said, err := run(`[{"name": "operators keep production", "role": "OPERATOR", "by": ["keep"], `+production+`,
		{"name": "owners may", "role": "OWNER", "allowed": true, `+production+`,
		{"name": "the rest goes", "role": "OPERATOR", "allowed": true, "action": "deleteVM", "on": {"type": "VM"}}]`, keep)
	require.NoError(t, err)
	assert.Equal(t, "ok   operators keep production\nok   owners may\nok   the rest goes\n", said)

	said, err = run(`[{"name": "viewers delete", "role": "VIEWER", "allowed": true, `+production+`, {"name": "by another", "role": "OPERATOR", "by": ["other"], `+production+`]`, keep)
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	assert.Equal(t, "FAIL viewers delete: allowed false, by keep\nFAIL by another: allowed false, by keep\n", said)

	for name, c := range map[string][2]string{
		"no list":        {`{}`, keep},
		"a misspelling":  {`[{"nam": "x", "role": "OWNER", ` + production + `]`, keep},
		"no such action": {`[{"role": "OWNER", "action": "fly", "on": {"type": "VM"}}]`, keep},
		"no such role":   {`[{"role": "KING", ` + production + `]`, keep},
		"no such type":   {`[{"role": "OWNER", "action": "deleteVM", "on": {"type": "Cat"}}]`, keep},
		"no Cedar":       {`[]`, file("bad.cedar", "allow everything")},
		"no file":        {`[]`, filepath.Join(dir, "none.cedar")},
	} {
		_, err := run(c[0], c[1])
		assert.True(t, fault.Is(err, fault.Invalid), "%s: %v", name, err)
	}
}
