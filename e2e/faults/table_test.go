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
	test                         string
	hosts                        int
}

var table struct {
	sync.Mutex
	rows []result
}

// report adds to the table, and fails the test for a promise that was not kept.
func (r *rig) report(id, fault, promise string, kept bool, format string, args ...any) {
	r.t.Helper()
	row := result{id, fault, promise, fmt.Sprintf(format, args...), kept, r.t.Name(), len(r.hosts)}
	table.Lock()
	table.rows = append(table.rows, row)
	table.Unlock()
	r.say("%s: %s (%s)", id, row.measured, promise)
	if !kept {
		r.t.Errorf("%s: promised %s, measured %s", id, promise, row.measured)
	}
}

// confess adds a row for a test that failed at something that no row of it tells: the table has no test that is silent about its end.
func (r *rig) confess() {
	table.Lock()
	defer table.Unlock()
	told := slices.ContainsFunc(table.rows, func(row result) bool { return row.test == r.t.Name() && !row.kept })
	if r.t.Failed() && !told {
		table.rows = append(table.rows, result{"", strings.TrimPrefix(r.t.Name(), "Test"), "the test passes", "it failed", false, r.t.Name(), len(r.hosts)})
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

// markdown has the test in its last column: a run of some tests exchanges their rows alone (scripts/test).
func markdown() string {
	var b strings.Builder
	slices.SortStableFunc(table.rows, func(a, b result) int { return cmp.Compare(a.id, b.id) })
	for _, r := range table.rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s, %d hosts, %s |\n", r.id, cell(r.fault), cell(r.promise), cell(r.measured),
			map[bool]string{true: "yes", false: "**no**"}[r.kept], r.test, r.hosts, cmp.Or(os.Getenv("NOVACRON_TEST_RUN"), "by hand"))
	}
	return b.String()
}

func cell(text string) string { return strings.NewReplacer("|", "\\|", "\n", " ").Replace(text) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
