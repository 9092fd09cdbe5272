package secrets

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/fault"
)

func TestBox(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys", "secrets.json")
	first, err := OpenBox(file)
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	tenant, provider := uuid.New(), uuid.New()
	secret := map[string]string{"password": "canary"}
	sealed, err := first.SealJSON(secret, ProviderAAD(tenant, provider))
	require.NoError(t, err)
	require.False(t, bytes.Contains(sealed, []byte("canary")))

	again, err := OpenBox(file)
	require.NoError(t, err)
	var opened map[string]string
	require.NoError(t, again.OpenJSON(sealed, ProviderAAD(tenant, provider), &opened))
	require.Equal(t, secret, opened)

	// In another row it is worthless.
	err = again.OpenJSON(sealed, ProviderAAD(uuid.New(), provider), &opened)
	require.True(t, fault.Is(err, fault.Internal), "%v", err)

	nothing, err := first.SealJSON(struct {
		A string `json:"a,omitempty"`
	}{}, nil)
	require.NoError(t, err)
	require.Nil(t, nothing)
}

// Processes that start at once on one fresh key file must all seal with the same key.
func TestOpenBoxAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets.json")
	boxes := make([]*Box, 8)
	var wg sync.WaitGroup
	for i := range boxes {
		wg.Go(func() { boxes[i], _ = OpenBox(file) })
	}
	wg.Wait()
	for _, b := range boxes {
		require.NotNil(t, b)
		sealed, err := b.Seal([]byte("x"), nil)
		require.NoError(t, err)
		_, err = boxes[0].Open(sealed, nil)
		require.NoError(t, err)
	}
}
