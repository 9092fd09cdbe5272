package control

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

func qcow2() []byte {
	b := make([]byte, 64<<10)
	copy(b, "QFI\xfb")
	binary.BigEndian.PutUint32(b[4:], 3)
	binary.BigEndian.PutUint64(b[24:], 1<<30)
	return b
}

func TestImageRefuses(t *testing.T) {
	r := newRig(t)
	sum := strings.Repeat("a", 64)
	for name, c := range map[string]struct {
		n     fleet.NewImage
		field string
	}{
		"neither":        {fleet.NewImage{}, "url"},
		"both":           {fleet.NewImage{Catalog: "debian-12", URL: "https://example.org/a.qcow2"}, "url"},
		"not offered":    {fleet.NewImage{Catalog: "windows"}, "catalog"},
		"no sum":         {fleet.NewImage{URL: "http://example.org/a.qcow2"}, "checksum"},
		"no checksum":    {fleet.NewImage{URL: "https://example.org/a.qcow2", Checksum: "xyz"}, "checksum"},
		"scheme":         {fleet.NewImage{URL: "file:///etc/shadow", Checksum: sum}, "url"},
		"credentials":    {fleet.NewImage{URL: "https://a:b@example.org/a.qcow2"}, "url"},
		"name":           {fleet.NewImage{URL: "https://example.org/a.qcow2", Name: "../x"}, "name"},
		"no name at all": {fleet.NewImage{URL: "https://example.org/"}, "name"},
		"format":         {fleet.NewImage{URL: "https://example.org/a.qcow2", Format: "vmdk"}, "format"},
		"pool":           {fleet.NewImage{URL: "https://example.org/a.qcow2", Pool: "nowhere"}, "pool"},
	} {
		t.Run(name, func(t *testing.T) {
			c.n.ProviderID = r.provider.ID
			_, _, err := r.ImportImage(r.ctx, c.n)
			refused(t, err, fault.Invalid, c.field)
		})
	}
	_, err := r.RegisterImage(r.ctx, fleet.VolumeImage{ProviderID: r.provider.ID, Pool: "images", Volume: "../../etc/shadow"})
	require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
	_, err = r.RegisterImage(r.ctx, fleet.VolumeImage{ProviderID: r.provider.ID, Pool: "images", Volume: "tiny.qcow2"})
	refused(t, err, fault.Exists, "name")
}

func TestTinyImageAndCatalog(t *testing.T) {
	r := newRig(t)
	all, err := r.Catalog(r.as(fleet.RoleViewer))
	require.NoError(t, err)
	require.False(t, all[0].Available)
	require.NotEmpty(t, all[0].Reason)
	keys := map[string]bool{}
	for _, i := range all {
		require.False(t, keys[i.Key])
		keys[i.Key] = true
	}
	for _, key := range []string{"debian-12", "ubuntu-24.04", "ubuntu-22.04", "fedora-43", "rocky-9", "almalinux-9", "opensuse-leap-15.6", "alpine-3.22"} {
		require.True(t, keys[key], key)
	}
	file := filepath.Join(t.TempDir(), "tiny.qcow2")
	require.NoError(t, os.WriteFile(file, qcow2(), 0o600))
	r.o.TinyImage = file
	o, i, err := r.ImportImage(r.ctx, fleet.NewImage{ProviderID: r.provider.ID, Catalog: tinyKey})
	require.NoError(t, err)
	require.Equal(t, fleet.ImageImporting, i.Status)
	r.ok(o)
	i, err = r.store.Image(t.Context(), r.viewer.Scope(), i.ID)
	require.NoError(t, err)
	require.Equal(t, fleet.ImageReady, i.Status)
	require.FileExists(t, file, "ours stays")

	o, err = r.DeleteImage(r.ctx, i.ID, true)
	require.NoError(t, err)
	r.ok(o)
}

func TestUploadThroughControl(t *testing.T) {
	r := newRig(t)
	image := qcow2()
	n := fleet.NewUpload{ProviderID: r.provider.ID, Name: "mine", SizeBytes: int64(len(image))}
	path, o, i, err := r.UploadImage(r.ctx, n)
	require.NoError(t, err)
	ticket := strings.TrimPrefix(path, "/uploads/")
	require.NoError(t, r.ReceiveUpload(t.Context(), ticket, bytes.NewReader(image), int64(len(image))))
	r.ok(o)
	i, err = r.store.Image(t.Context(), r.viewer.Scope(), i.ID)
	require.NoError(t, err)
	require.Equal(t, fleet.ImageReady, i.Status)
	refused(t, r.ReceiveUpload(t.Context(), ticket, bytes.NewReader(image), int64(len(image))), fault.NotFound, "")

	n.Name = "broken"
	path, o, _, err = r.UploadImage(r.ctx, n)
	require.NoError(t, err)
	err = r.ReceiveUpload(t.Context(), strings.TrimPrefix(path, "/uploads/"), bytes.NewReader(image), 5)
	refused(t, err, fault.Invalid, "sizeBytes")
	require.Equal(t, fleet.OperationCanceled, r.end(o).Status)
	_, _, _, err = r.UploadImage(r.ctx, n) // the failed one gives way
	require.NoError(t, err)
}
