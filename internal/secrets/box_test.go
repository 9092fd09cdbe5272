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

// A key is exchanged while others read and write: nothing is ever closed to anybody.
func TestRotate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets.json")
	server, err := OpenBox(file)
	require.NoError(t, err)
	old, err := server.Seal([]byte("old"), nil)
	require.NoError(t, err)
	first := server.Primary()
	require.Equal(t, first, KeyOf(old))
	require.NoError(t, os.Chmod(file, 0o640))

	id, err := Rotate(file)
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm(), "whoever could read it still can")
	command, err := OpenBox(file)
	require.NoError(t, err)
	require.Equal(t, id, command.Primary())
	fresh, err := command.Seal([]byte("new"), nil)
	require.NoError(t, err)
	require.Equal(t, id, KeyOf(fresh))

	// The server has not looked yet: it opens the new one all the same, and from then on seals with the new key.
	require.Equal(t, first, server.Primary())
	plain, err := server.Open(fresh, nil)
	require.NoError(t, err)
	require.Equal(t, "new", string(plain))
	require.Equal(t, id, server.Primary())
	_, err = server.Open(old, nil)
	require.NoError(t, err)

	ids, err := Retire(file)
	require.NoError(t, err)
	require.Equal(t, []uint32{first}, ids)
	changed, err := server.Refresh()
	require.NoError(t, err)
	require.True(t, changed)
	_, err = server.Open(old, nil)
	require.True(t, fault.Is(err, fault.Internal))
	_, err = server.Open(fresh, nil)
	require.NoError(t, err)

	// A file that is broken or away takes nothing from whoever has read it.
	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	_, err = server.Refresh()
	require.Error(t, err)
	_, err = Rotate(file)
	require.True(t, fault.Is(err, fault.Invalid))
	require.NoError(t, os.Remove(file))
	_, err = server.Refresh()
	require.Error(t, err)
	_, err = server.Open(fresh, nil)
	require.NoError(t, err)
	require.Zero(t, KeyOf([]byte("x")))
}
