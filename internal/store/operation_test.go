package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store/storetest"
)

func TestOperationPages(t *testing.T) {
	s := storetest.New(t)
	mine, other := storetest.Tenant(t, s, "mine"), storetest.Tenant(t, s, "other")
	var newest []uuid.UUID
	for i := range 7 {
		o := &fleet.Operation{ID: fleet.NewID(), TenantID: mine.Tenant(), Kind: fleet.StartVM, TargetName: fmt.Sprint(i)}
		if i%2 == 0 {
			o.Status, o.Kind = fleet.OperationSucceeded, fleet.ShutdownVM
		}
		require.NoError(t, s.InsertOperation(t.Context(), o))
		newest = append([]uuid.UUID{o.ID}, newest...)
	}
	var got []uuid.UUID
	for after, pages := "", 0; ; pages++ {
		require.Less(t, pages, 4)
		page, err := s.Operations(t.Context(), mine, fleet.OperationQuery{First: 3, After: after})
		require.NoError(t, err)
		require.Equal(t, after != "", page.HasPrevious)
		for _, o := range page.Operations {
			got = append(got, o.ID)
			after = o.Cursor()
		}
		if !page.HasNext {
			break
		}
	}
	require.Equal(t, newest, got, "newest first, each once")
	active := true
	n, err := s.CountOperations(t.Context(), mine, fleet.OperationFilter{Active: &active})
	require.NoError(t, err)
	require.Equal(t, 3, n)
	n, err = s.CountOperations(t.Context(), mine, fleet.OperationFilter{Status: []fleet.OperationStatus{}})
	require.NoError(t, err)
	require.Zero(t, n, "these none are not all")
	for _, scope := range []fleet.Scope{other, {}} {
		page, err := s.Operations(t.Context(), scope, fleet.OperationQuery{First: 3})
		require.NoError(t, err)
		require.Empty(t, page.Operations)
		_, err = s.Operation(t.Context(), scope, newest[0])
		require.True(t, fault.Is(err, fault.NotFound))
	}
	for _, bad := range []string{"x", "o", "oAAAA", "o" + newest[0].String()} {
		_, err = s.Operations(t.Context(), mine, fleet.OperationQuery{First: 3, After: bad})
		require.Equal(t, "after", fault.Of(err).Field)
	}
}

// TestPlaceVM: the inventory may be faster than the operation to see what that has made.
func TestPlaceVM(t *testing.T) {
	s := storetest.New(t)
	scope := storetest.Tenant(t, s, "mine")
	p := &fleet.Provider{ID: fleet.NewID(), TenantID: scope.Tenant(), Name: "h1", Kind: drivers.KindFake}
	require.NoError(t, s.InsertProvider(t.Context(), p))
	vm := func(ref drivers.Ref, m fleet.Management) *fleet.VM {
		v := &fleet.VM{ID: fleet.NewID(), TenantID: scope.Tenant(), ProviderID: p.ID, Name: "web", Ref: ref, Management: m, ObservedStatus: fleet.VMStopped}
		require.NoError(t, s.InsertVM(t.Context(), v))
		return v
	}
	twin, made := vm("r1", fleet.Discovered), vm("", fleet.Managed)
	made.Ref = "r1"
	gone, err := s.PlaceVM(t.Context(), made)
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{twin.ID}, gone)
	gone, err = s.PlaceVM(t.Context(), made)
	require.NoError(t, err, "again: success")
	require.Empty(t, gone)
}

func TestPurgeOperations(t *testing.T) {
	s := storetest.New(t)
	mine := storetest.Tenant(t, s, "mine")
	const day = 24 * time.Hour
	insert := func(age time.Duration, status fleet.OperationStatus, parent *uuid.UUID) uuid.UUID {
		at := time.Now().Add(-age)
		o := &fleet.Operation{ID: fleet.FirstID(at), TenantID: mine.Tenant(), Kind: fleet.StartVM, Status: status, ParentID: parent}
		copy(o.ID[8:], fleet.NewID().NodeID())
		if status.Ended() {
			o.FinishedAt = &at
		}
		require.NoError(t, s.InsertOperation(t.Context(), o))
		return o.ID
	}
	old := insert(91*day, fleet.OperationFailed, nil)
	gone := []uuid.UUID{old, insert(91*day, fleet.OperationSucceeded, &old)}
	kept := []uuid.UUID{
		insert(91*day, fleet.OperationStuck, nil),
		insert(91*day, fleet.OperationWaiting, nil),
		insert(89*day, fleet.OperationSucceeded, nil),
	}
	n, err := s.PurgeOperations(t.Context(), 90*day)
	require.NoError(t, err)
	require.EqualValues(t, 1, n, "the part goes with its whole")
	left, err := s.OperationsByID(t.Context(), mine, append(gone, kept...))
	require.NoError(t, err)
	require.Len(t, left, len(kept))
	for _, id := range kept {
		require.Contains(t, left, id)
	}
}
