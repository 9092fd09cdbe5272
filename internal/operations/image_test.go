package operations

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/outside"
	"github.com/novacron/novacron/internal/store"
)

// qcow2 is the beginning of an image: version 3, 1 GiB, no backing file.
func qcow2() []byte {
	b := make([]byte, 64<<10)
	copy(b, "QFI\xfb")
	binary.BigEndian.PutUint32(b[4:], 3)
	binary.BigEndian.PutUint64(b[24:], 1<<30)
	return b
}

func sum256(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }

func (r *rig) importImage(e *Engine, in ImportImage) (*fleet.Operation, *fleet.Image) {
	r.t.Helper()
	i := &fleet.Image{ID: fleet.NewID(), TenantID: r.scope.Tenant(), ProviderID: r.provider.ID, Name: "brought-" + fleet.NewID().String(),
		Pool: "images", Status: fleet.ImageImporting}
	i.Volume = i.Name + ".img"
	require.NoError(r.t, r.store.InsertImage(r.t.Context(), i))
	in.Volume = drivers.VolumeRef{Pool: i.Pool, Volume: i.Volume}
	o, err := e.Make(fleet.ImportImage, in)
	require.NoError(r.t, err)
	o.TenantID, o.ProviderID, o.TargetType, o.TargetID, o.TargetName = r.scope.Tenant(), &r.provider.ID, fleet.TargetImage, &i.ID, i.Name
	if in.Upload {
		o.RunAt = time.Now().Add(time.Hour)
	}
	require.NoError(r.t, r.store.Tx(r.t.Context(), func(tx *store.Store) error { return e.Enqueue(r.t.Context(), tx, o, nil) }))
	return o, i
}

// server has some files, and counts nothing else.
func server(t *testing.T, files map[string][]byte) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to, ok := strings.CutPrefix(r.URL.Path, "/redirect/"); ok {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		content, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestImport(t *testing.T) {
	r := newRig(t)
	e := r.engine(quick())
	image := qcow2()
	backed := qcow2()
	binary.BigEndian.PutUint64(backed[8:], 512)
	sum512 := sha512.Sum512(image)
	s := server(t, map[string][]byte{
		"/a.qcow2": image, "/backed.qcow2": backed, "/page.html": []byte("<html>not found</html>"), "/a.qcow2.xz": []byte("\xfd7zXZ\x00 and so on"),
	})
	for name, c := range map[string]struct {
		in     ImportImage
		status fleet.OperationStatus
		reason string
	}{
		"sha256":      {ImportImage{URL: s.URL + "/a.qcow2", Checksum: sum256(image)}, fleet.OperationSucceeded, ""},
		"sha512":      {ImportImage{URL: s.URL + "/a.qcow2", Checksum: hex.EncodeToString(sum512[:])}, fleet.OperationSucceeded, ""},
		"wrong sum":   {ImportImage{URL: s.URL + "/a.qcow2", Checksum: sum256(backed)}, fleet.OperationFailed, "not what was promised"},
		"no sum":      {ImportImage{URL: s.URL + "/a.qcow2"}, fleet.OperationFailed, "needs a checksum"},
		"backed":      {ImportImage{URL: s.URL + "/backed.qcow2", Checksum: sum256(backed)}, fleet.OperationFailed, "needs another file"},
		"no image":    {ImportImage{URL: s.URL + "/page.html", Checksum: sum256([]byte("<html>not found</html>"))}, fleet.OperationFailed, "no disk image"},
		"packed":      {ImportImage{URL: s.URL + "/a.qcow2.xz", Checksum: sum256([]byte("\xfd7zXZ\x00 and so on"))}, fleet.OperationFailed, "packed with xz"},
		"other kind":  {ImportImage{URL: s.URL + "/a.qcow2", Checksum: sum256(image), Format: "raw"}, fleet.OperationFailed, "is qcow2, not raw"},
		"not there":   {ImportImage{URL: s.URL + "/b.qcow2", Checksum: sum256(image)}, fleet.OperationFailed, "answered 404"},
		"credentials": {ImportImage{URL: "https://me:secret@example.org/a.qcow2"}, fleet.OperationFailed, "holds credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			o, i := r.importImage(e.Engine, c.in)
			o = r.end(o.ID)
			require.Equal(t, c.status, o.Status, "%v", o.Error)
			i, err := r.store.Image(t.Context(), r.scope, i.ID)
			require.NoError(t, err)
			if c.status == fleet.OperationSucceeded {
				require.Equal(t, fleet.ImageReady, i.Status)
				require.Equal(t, sum256(image), i.SHA256)
				require.Equal(t, "qcow2", i.Format)
				require.EqualValues(t, 1<<30, i.CapacityBytes)
				return
			}
			require.Contains(t, o.Error.Message, c.reason)
			require.Equal(t, fleet.ImageFailed, i.Status)
			require.NotContains(t, r.digest(), i.Volume, "no pool has seen it")
		})
	}
	left, err := os.ReadDir(e.o.Images.Dir)
	require.NoError(t, err)
	require.Empty(t, left, "no file stays behind")
}

// thisMachine is where tests have their servers.
var thisMachine = netip.MustParsePrefix("127.0.0.0/8")

// TestFetchOnlyFromOutside: what is outside is told where it is judged, internal/outside.
func TestFetchOnlyFromOutside(t *testing.T) {
	s := server(t, map[string][]byte{"/a": qcow2()})
	var f Fetcher
	open := func(url string) error {
		response, err := f.open(t.Context(), url, true)
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	}
	for _, url := range []string{s.URL + "/a", strings.Replace(s.URL, "127.0.0.1", "localhost", 1) + "/a", "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/"} {
		err := open(url)
		require.Error(t, err, url)
		require.Equal(t, fault.Invalid, fault.KindOf(err), "%s: %v", url, err)
		require.Equal(t, "url", fault.Of(err).Field)
		require.Contains(t, err.Error(), "not a public one", url)
	}
	for _, url := range []string{"file:///etc/passwd", "gopher://x/", "ftp://x/", "https:opaque", "https:///path", "//x/y", "x"} {
		err := open(url)
		require.Equal(t, fault.Invalid, fault.KindOf(err), url)
	}
	f.Outside = outside.New(thisMachine)
	require.NoError(t, open(s.URL+"/a"))
	err := open(s.URL + "/redirect/file:///etc/passwd")
	require.Equal(t, fault.Invalid, fault.KindOf(err), "a redirect is a URL too: %v", err)
}

func TestFindSum(t *testing.T) {
	a, b := strings.Repeat("a", 64), strings.Repeat("b", 128)
	list := "# a comment\n" + a + " *ubuntu.img\n" + b + "  debian.qcow2\nSHA256 (Fedora.qcow2) = " + a + "\nSHA256 (x) = short\n"
	require.Equal(t, a, findSum(list, "ubuntu.img"))
	require.Equal(t, b, findSum(list, "debian.qcow2"))
	require.Equal(t, a, findSum(list, "Fedora.qcow2"))
	require.Empty(t, findSum(list, "x"))
	require.Empty(t, findSum(list, "other"))
}

func TestUpload(t *testing.T) {
	r := newRig(t)
	e := r.engine(quick())
	image := qcow2()
	o, i := r.importImage(e.Engine, ImportImage{Upload: true, Size: int64(len(image)), Checksum: sum256(image)})
	require.NoError(t, e.RunHere(t.Context(), o.ID, bytes.NewReader(image)))
	got, err := r.store.Image(t.Context(), r.scope, i.ID)
	require.NoError(t, err)
	require.Equal(t, fleet.ImageReady, got.Status)
	require.Error(t, e.RunHere(t.Context(), o.ID, bytes.NewReader(image)), "once")

	o, _ = r.importImage(e.Engine, ImportImage{Upload: true, Size: int64(len(image))})
	require.ErrorContains(t, e.RunHere(t.Context(), o.ID, bytes.NewReader(image[:1000])), "1000 bytes came of 65536")
	require.Equal(t, fleet.OperationFailed, r.end(o.ID).Status)

	// Whoever sends goes away in the middle.
	o, _ = r.importImage(e.Engine, ImportImage{Upload: true, Size: int64(len(image))})
	ctx, leave := context.WithCancel(t.Context())
	from, to := io.Pipe()
	go func() { _, _ = to.Write(image[:100]); leave() }()
	require.Error(t, e.RunHere(ctx, o.ID, from))
	require.Equal(t, fleet.OperationCanceled, r.end(o.ID).Status)

	// Nobody sends anything until it is due.
	o, _ = r.importImage(e.Engine, ImportImage{Upload: true, Size: 1})
	require.NoError(t, r.store.Tx(t.Context(), func(tx *store.Store) error {
		o, err := tx.LockOperation(t.Context(), r.scope, o.ID)
		require.NoError(t, err)
		return tx.ResumeOperation(t.Context(), o) // due now
	}))
	ended := r.end(o.ID)
	require.Equal(t, fleet.OperationCanceled, ended.Status)
	require.Equal(t, "nothing was sent", ended.Error.Message)
}

func ExampleCheckImageURL() {
	fmt.Println(CheckImageURL("http://example.org/a.qcow2", false))
	// Output: checksum: without encryption an image needs a checksum
}
