package faults

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ledger is what NovaCron has promised: the operations that it accepted.
type ledger struct {
	mu  sync.Mutex
	all map[string]bool
}

func (l *ledger) add(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[string]bool{}
	}
	l.all[id] = true
}

// check holds what NovaCron says against what it promised and against what the hosts have.
//
//	I1  every accepted operation ends, once
//	I2  none is lost
//	I3  nothing was done twice: one VM for each that was asked for
//	I4  what is listed is what the hosts have
//	I5  each accepted change is in the audit log
//	I6  no replica has grown: goroutines and descriptors are as they were before
func (r *rig) check(l *ledger, most time.Duration) {
	t := r.t
	t.Helper()
	var broken []string
	hold := func(kept bool, invariant, format string, args ...any) {
		if !kept {
			broken = append(broken, invariant+": "+fmt.Sprintf(format, args...))
		}
	}
	ids := make([]string, 0, len(l.all))
	for id := range l.all {
		ids = append(ids, id)
	}
	began := time.Now()
	for _, id := range ids {
		r.admin.ended(id, max(time.Second, most-time.Since(began)))
	}
	db, err := sql.Open("pgx", r.postgres.base)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	var open, audited, accepted int
	row := func(to *int, query string) { require.NoError(t, db.QueryRow(query).Scan(to), query) }
	for ; ; time.Sleep(100 * time.Millisecond) {
		row(&open, `SELECT count(*) FROM operations WHERE status IN ('QUEUED', 'RUNNING', 'WAITING', 'UNDOING', 'STUCK')`)
		if open == 0 || time.Since(began) > most {
			break
		}
	}
	hold(open == 0, "I1", "%d operations without an end", open)
	row(&accepted, `SELECT count(*) FROM operations WHERE parent_id IS NULL`)
	hold(accepted >= len(ids), "I2", "%d of %d accepted operations are there", accepted, len(ids))
	row(&audited, `SELECT count(*) FROM operations o WHERE parent_id IS NULL AND NOT EXISTS (SELECT FROM audit a WHERE a.operation_id = o.id)`)
	hold(audited == 0, "I5", "%d operations that nobody wrote down", audited)
	for _, h := range r.hosts {
		var diff string
		for began := time.Now(); ; time.Sleep(200 * time.Millisecond) {
			if diff = r.difference(h); diff == "" || time.Since(began) > 30*time.Second {
				break
			}
		}
		hold(diff == "", "I3, I4", "%s: %s", h.name, diff)
	}
	for _, p := range r.replicas {
		assert.Empty(t, p.complaints(), "the replica's log")
		var now use
		for began := time.Now(); ; time.Sleep(time.Second) { // connections of a rush are closed a minute later
			if now = p.use(r.admin); !now.grown(p.idle, len(r.hosts)) || time.Since(began) > 100*time.Second {
				break
			}
		}
		hold(!now.grown(p.idle, len(r.hosts)), "I6", "from %+v to %+v", p.idle, now)
	}
	r.report("I1–I6", strings.TrimPrefix(t.Name(), "Test"), "hold at its end", len(broken) == 0, "%d operations; %s",
		accepted, cmp.Or(strings.Join(broken, "; "), "all hold"))
}

// difference is how the list differs from what the host has; nothing when it does not.
func (r *rig) difference(h *host) string {
	ours := map[string]string{}
	var twice []string
	for _, v := range r.admin.vms(h.id) {
		if _, ok := ours[v.Name]; ok {
			twice = append(twice, v.Name+" is listed twice")
		}
		ours[v.Name] = v.Status
	}
	var wrong []string
	theirs := map[string]string{}
	for line := range strings.Lines(h.virsh(r.t, "list", "--all")) {
		f := strings.Fields(line)
		if len(f) >= 3 {
			theirs[f[1]] = strings.Join(f[2:], " ")
		}
	}
	for name, state := range theirs {
		want := map[string]string{"running": "RUNNING", "shut off": "STOPPED", "paused": "PAUSED"}[state]
		if ours[name] != want {
			wrong = append(wrong, fmt.Sprintf("%s is %s at the host and %q here", name, state, ours[name]))
		}
	}
	for name, status := range ours {
		if _, ok := theirs[name]; !ok {
			wrong = append(wrong, fmt.Sprintf("%s is %s here and not at the host", name, status))
		}
	}
	wrong = append(wrong, twice...)
	slices.Sort(wrong)
	return strings.Join(wrong, "; ")
}

// seed makes VMs that are off on every host, and gives the ids by host.
func (r *rig) seed(each int) map[string][]string {
	r.t.Helper()
	ids, l := map[string][]string{}, &ledger{}
	for _, h := range r.hosts {
		for n := range each {
			id, op, err := r.admin.create(context.Background(), h.id, fmt.Sprintf("web-%d-%s", n, h.name), false)
			require.NoError(r.t, err)
			l.add(op)
			ids[h.id] = append(ids[h.id], id)
		}
	}
	for op := range l.all {
		o := r.admin.ended(op, 2*time.Minute)
		require.Equal(r.t, "SUCCEEDED", o.Status, "%+v", o.Error)
	}
	r.t.Cleanup(r.clear)
	return ids
}

// clear removes all VMs from the hosts: the next test begins with empty ones.
func (r *rig) clear() {
	for _, h := range r.hosts {
		h.do(r.t, "exec", "sh", "-c", `for d in $(virsh -q list --all --name); do virsh -q destroy $d; virsh -q undefine --nvram --snapshots-metadata --managed-save $d; done
			for v in $(virsh -q vol-list default | awk '{print $1}'); do virsh -q vol-delete $v default; done; true`)
	}
}
