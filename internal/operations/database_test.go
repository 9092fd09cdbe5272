package operations

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/fleet"
)

// TestSurvivesTheDatabase: all connections are cut again and again. Every operation that was accepted
// ends, once, and no VM is left held.
func TestSurvivesTheDatabase(t *testing.T) {
	r := newRig(t)
	o := quick()
	o.Lease, o.Patience = 2*time.Second, time.Minute
	e := r.engine(o)
	var vms []*fleet.VM
	var ids []*fleet.Operation
	for i := range 20 {
		vms = append(vms, r.row(fmt.Sprintf("web-%d", i), ""))
	}
	for _, v := range vms {
		ids = append(ids, r.enqueue(e.Engine, fleet.CreateVM, CreateVM{Request: request(v.Name), Start: true}, v))
	}
	admin, err := sql.Open("pgx", r.url)
	require.NoError(t, err)
	defer admin.Close()
	for range 15 {
		_, _ = admin.ExecContext(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		time.Sleep(30 * time.Millisecond)
	}
	for i, o := range ids {
		ended := r.end(o.ID)
		require.Equal(t, fleet.OperationSucceeded, ended.Status, "%v", ended.Error)
		r.free(vms[i])
	}
	all, err := r.store.AuditEntries(t.Context(), r.scope, fleet.AuditFilter{}, 0, 100)
	require.NoError(t, err)
	require.Len(t, all, len(ids), "each ended once")
}
