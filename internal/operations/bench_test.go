package operations

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// BenchmarkLookForWork is one look for work at a provider that has as much as it may, with thousands
// of operations in its queue: a bulk action makes it happen once for each VM.
func BenchmarkLookForWork(b *testing.B) {
	r := newRig(b)
	e := New(r.store, fakeConns(r.world), silence{}, discard(), quick())
	parent, err := e.Make(fleet.Bulk, Bulk{})
	require.NoError(b, err)
	parent.TenantID = r.scope.Tenant()
	var parts []*fleet.Operation
	for i := range 5000 {
		v := &fleet.VM{ID: fleet.NewID(), TenantID: r.scope.Tenant(), ProviderID: r.provider.ID, Name: fmt.Sprint(i), Management: fleet.Managed, ObservedStatus: fleet.VMStopped}
		require.NoError(b, r.store.InsertVM(b.Context(), v))
		o, err := e.Make(fleet.StartVM, Power{})
		require.NoError(b, err)
		o.TenantID, o.ProviderID, o.TargetType, o.TargetID = r.scope.Tenant(), &r.provider.ID, fleet.TargetVM, &v.ID
		parts = append(parts, o)
	}
	began := time.Now()
	require.NoError(b, r.store.Tx(b.Context(), func(tx *store.Store) error {
		_, err := e.EnqueueAll(b.Context(), tx, parent, parts)
		return err
	}))
	enqueued := time.Since(began)
	all, err := r.store.LeaseOperations(b.Context(), "x", time.Hour, 64, 16)
	require.NoError(b, err)
	require.Len(b, all, 17)
	for b.Loop() {
		none, err := r.store.LeaseOperations(b.Context(), "x", time.Hour, 64, 16)
		require.NoError(b, err)
		require.Empty(b, none)
	}
	b.ReportMetric(float64(enqueued.Milliseconds()), "ms/5000-enqueued")
}
