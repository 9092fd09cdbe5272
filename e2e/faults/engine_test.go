package faults

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The faults that need a hand inside the process, at each step of each kind of operation, are tests of the engine
// itself. They are run here again for their row in the table.
func TestEngine(t *testing.T) {
	skipUnlessWanted(t)
	for _, row := range []struct{ id, test, fault, promise string }{
		{"F12", "TestKilledAtEachStep", "the worker vanishes before and after each step", "another ends it, with the same result"},
		{"F13", "TestStepsTwice", "each step done twice", "the same result as once"},
		{"F13", "TestEachStepFails", "each step fails, before and after its effect; each undo once and twice", "all is as before"},
		{"F14", "TestKilledWhileUndoing", "the worker vanishes before and after each undo", "another undoes the rest"},
	} {
		t.Run(row.test, func(t *testing.T) {
			passed, failed := map[string]bool{}, []string{}
			out, err := exec.Command("go", "test", "-race", "-count=1", "-json", "-run", "^"+row.test+"$", "../../internal/operations").Output()
			for line := range strings.Lines(string(out)) {
				var e struct{ Action, Test string }
				require.NoError(t, json.Unmarshal([]byte(line), &e), line)
				switch {
				case e.Action == "pass" && e.Test != "":
					passed[e.Test] = true
				case e.Action == "fail" && e.Test != "":
					failed = append(failed, e.Test)
				}
			}
			delete(passed, row.test) // the parent of one for each kind
			require.NotEmpty(t, passed)
			r := &rig{t: t}
			r.report(row.id, row.fault, row.promise, err == nil, "%d kinds of operation, failed: %v", len(passed), failed)
		})
	}
}
