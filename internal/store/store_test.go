package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, storetest.Ignore()...) }

func TestTx(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	scope := storetest.Tenant(t, s, "acme")

	var ran []string
	sad := errors.New("sad")
	err := s.Tx(ctx, func(tx *store.Store) error {
		tx.AfterCommit(func() { ran = append(ran, "never") })
		require.NoError(t, tx.InsertTenant(ctx, &fleet.Tenant{ID: fleet.NewID(), Name: "undone"}))
		return sad
	})
	assert.ErrorIs(t, err, sad)
	assert.Empty(t, ran)

	err = s.Tx(ctx, func(tx *store.Store) error {
		return tx.Tx(ctx, func(inner *store.Store) error {
			inner.AfterCommit(func() { ran = append(ran, "after") })
			assert.Empty(t, ran)
			return inner.InsertTenant(ctx, &fleet.Tenant{ID: fleet.NewID(), Name: "kept"})
		})
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"after"}, ran)

	all, err := s.Tenants(ctx, fleet.System())
	require.NoError(t, err)
	require.Len(t, all, 2)
	assert.Equal(t, "kept", all[1].Name)

	mine, err := s.Tenants(ctx, scope)
	require.NoError(t, err)
	assert.Len(t, mine, 1)
	none, err := s.Tenants(ctx, fleet.Scope{})
	require.NoError(t, err)
	assert.Empty(t, none, "the zero scope sees nothing")

	err = s.InsertTenant(ctx, &fleet.Tenant{ID: fleet.NewID(), Name: "kept"})
	assert.True(t, fault.Is(err, fault.Exists), "%v", err)
	assert.Equal(t, "name", fault.Of(err).Field)
}

func TestMigrateDownAndUp(t *testing.T) {
	s := storetest.Open(t, storetest.Empty(t))
	ctx := context.Background()
	for range 2 {
		require.NoError(t, s.Migrate(ctx))
		require.NoError(t, s.Migrate(ctx), "twice without harm")
		require.NoError(t, s.MigrateDown(ctx))
	}
}

func TestUnreadableURL(t *testing.T) {
	_, err := store.Open(t.Context(), "postgres://me:secret@:port/")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "secret")
	_, err = store.Open(t.Context(), "postgres:///x?host=/nowhere")
	assert.True(t, fault.Is(err, fault.Unavailable), "%v", err)
}
