package faults

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// result is one row of the table.
type result struct {
	id, fault, promise, measured string
	kept                         bool
}

var table struct {
	sync.Mutex
	rows []result
}

// report adds to the table, and fails the test for a promise that was not kept.
func (r *rig) report(id, fault, promise string, kept bool, format string, args ...any) {
	r.t.Helper()
	row := result{id, fault, promise, fmt.Sprintf(format, args...), kept}
	table.Lock()
	table.rows = append(table.rows, row)
	table.Unlock()
	r.say("%s: %s (%s)", id, row.measured, promise)
	if !kept {
		r.t.Errorf("%s: promised %s, measured %s", id, promise, row.measured)
	}
}

func TestMain(m *testing.M) {
	code := m.Run()
	if len(table.rows) > 0 {
		text := markdown()
		fmt.Print("\n", text)
		if file := os.Getenv("NOVACRON_TEST_FAULTS_TABLE"); file != "" {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				fmt.Fprintln(os.Stderr, err)
				code = 1
			}
		}
	}
	os.Exit(code)
}

func markdown() string {
	var b strings.Builder
	b.WriteString("| | Fault | Promise | Measured | Kept |\n| --- | --- | --- | --- | --- |\n")
	slices.SortStableFunc(table.rows, func(a, b result) int { return cmp.Compare(a.id, b.id) })
	for _, r := range table.rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.id, r.fault, r.promise, r.measured, map[bool]string{true: "yes", false: "**no**"}[r.kept])
	}
	return b.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
