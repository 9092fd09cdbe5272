package libvirt

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// unique is a name that no other run has.
func unique(prefix string) string {
	var b [4]byte
	_, _ = rand.Read(b[:])
	return prefix + hex.EncodeToString(b[:])
}

// scratchPool makes a pool of the test's own on the host, and removes it with all that is in it.
func scratchPool(t *testing.T, d *Driver) string {
	t.Helper()
	name := unique("nvtest-")
	x := libvirtxml.StoragePool{Type: "dir", Name: name, Target: &libvirtxml.StoragePoolTarget{Path: "/var/lib/libvirt/" + name}}
	doc, err := x.Marshal()
	require.NoError(t, err)
	require.NoError(t, d.do(t.Context(), func(c *libvirt.Connect) error {
		p, err := c.StoragePoolDefineXML(doc, 0)
		if err != nil {
			return err
		}
		defer func() { _ = p.Free() }()
		if err := p.Build(0); err != nil {
			return err
		}
		return p.Create(0)
	}))
	t.Cleanup(func() {
		err := d.do(context.Background(), func(c *libvirt.Connect) error {
			p, err := c.LookupStoragePoolByName(name)
			if err != nil {
				return err
			}
			defer func() { _ = p.Free() }()
			_ = p.Refresh(0)
			vols, err := p.ListAllStorageVolumes(0)
			for i := range vols {
				_ = vols[i].Delete(0)
				_ = vols[i].Free()
			}
			if err != nil {
				return err
			}
			if err := p.Destroy(); err != nil {
				return err
			}
			_ = p.Delete(0)
			return p.Undefine()
		})
		assert.NoError(t, err)
	})
	return name
}

// poolNames are all volumes of a pool, markers too.
func poolNames(t *testing.T, d *Driver, pool string) []string {
	t.Helper()
	var names []string
	require.NoError(t, d.do(t.Context(), func(c *libvirt.Connect) error {
		p, err := c.LookupStoragePoolByName(pool)
		if err != nil {
			return err
		}
		defer func() { _ = p.Free() }()
		if err := p.Refresh(0); err != nil {
			return err
		}
		names, err = p.ListStorageVolumes()
		return err
	}))
	return names
}

// content downloads a whole volume.
func content(t *testing.T, d *Driver, pool, name string, n int) []byte {
	t.Helper()
	var b []byte
	require.NoError(t, d.long(t.Context(), func(c *libvirt.Connect) error {
		p, err := findPool(c, pool, "pool")
		if err != nil {
			return err
		}
		defer p.free()
		v, err := p.findVolume(name)
		if err != nil {
			return err
		}
		defer func() { _ = v.Free() }()
		b, err = readHead(c, v, n)
		return err
	}))
	return b
}

// imageFile makes a qcow2 image of 8 MiB with data at its beginning.
func imageFile(t *testing.T) []byte {
	t.Helper()
	f := filepath.Join(t.TempDir(), "i.qcow2")
	qemuImg(t, "-f", "qcow2", f, "8M")
	b, err := os.ReadFile(f)
	require.NoError(t, err)
	return b
}

func TestPutVolume(t *testing.T) {
	d := testDriver(t)
	pool := scratchPool(t, d)
	ctx := t.Context()
	qcow := imageFile(t)
	ref := drivers.VolumeRef{Pool: pool, Volume: "base.qcow2"}
	put := func(ref drivers.VolumeRef, token, format string, b []byte) (drivers.Volume, error) {
		return d.PutVolume(ctx, ref, token, format, int64(len(b)), bytes.NewReader(b))
	}
	v, err := put(ref, "t1", "qcow2", qcow)
	require.NoError(t, err)
	assert.Equal(t, drivers.Volume{Pool: pool, Name: "base.qcow2", Format: "qcow2", Path: "/var/lib/libvirt/" + pool + "/base.qcow2", CapacityBytes: 8 << 20, UsedBytes: v.UsedBytes}, v)
	assert.Equal(t, qcow, content(t, d, pool, "base.qcow2", len(qcow)+1))

	t.Run("same token replaces", func(t *testing.T) {
		_, err := put(ref, "t1", "qcow2", qcow)
		require.NoError(t, err)
	})
	t.Run("another token does not", func(t *testing.T) {
		_, err := put(ref, "t2", "qcow2", qcow)
		assert.Equal(t, fault.Exists, fault.KindOf(err), "%v", err)
		assert.Equal(t, "volume", fault.Of(err).Field)
	})
	t.Run("raw, larger than a message", func(t *testing.T) {
		raw := make([]byte, 3<<20+512)
		_, _ = rand.Read(raw[:1<<20])
		raw[0] = 0
		v, err := put(drivers.VolumeRef{Pool: pool, Volume: "r.img"}, "t3", "raw", raw)
		require.NoError(t, err)
		assert.Equal(t, "raw", v.Format)
		assert.EqualValues(t, len(raw), v.CapacityBytes)
		assert.True(t, bytes.Equal(raw, content(t, d, pool, "r.img", len(raw)+1)))
	})
	t.Run("ISO", func(t *testing.T) {
		iso, err := isoImage(map[string][]byte{"a": []byte("b")})
		require.NoError(t, err)
		v, err := put(drivers.VolumeRef{Pool: pool, Volume: "x.iso"}, "t4", "iso", iso)
		require.NoError(t, err)
		assert.Equal(t, "iso", v.Format)
	})
	t.Run("refused before anything is there", func(t *testing.T) {
		before := poolNames(t, d, pool)
		overlay, _ := qemuImg(t, "-f", "qcow2", "-u", "-F", "raw", "-b", "/etc/shadow", filepath.Join(t.TempDir(), "o"), "1M")
		for _, c := range []struct {
			name, format string
			b            []byte
			kind         fault.Kind
		}{
			{"a.qcow2", "qcow2", overlay, fault.Invalid},
			{"a.qcow2", "raw", qcow, fault.Invalid},
			{"../a.qcow2", "qcow2", qcow, fault.Invalid},
			{"a.vmdk", "vmdk", []byte("KDMV" + strings.Repeat("x", 1000)), fault.Invalid},
			{"a.qcow2", "qcow2", nil, fault.Invalid},
		} {
			_, err := put(drivers.VolumeRef{Pool: pool, Volume: c.name}, "t5", c.format, c.b)
			assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
		}
		_, err := d.PutVolume(ctx, drivers.VolumeRef{Pool: pool, Volume: "big.raw"}, "t6", "raw", 1<<50, &zeros{})
		assert.Error(t, err)
		_, err = put(drivers.VolumeRef{Pool: "no such pool", Volume: "a"}, "t6", "qcow2", qcow)
		assert.Equal(t, fault.NotFound, fault.KindOf(err))
		assert.ElementsMatch(t, before, poolNames(t, d, pool))
	})
	t.Run("broken off", func(t *testing.T) {
		before := poolNames(t, d, pool)
		part := io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), brokenReader{})
		_, err := d.PutVolume(ctx, drivers.VolumeRef{Pool: pool, Volume: "part.raw"}, "t7", "raw", 8<<20, part)
		assert.Equal(t, fault.Canceled, fault.KindOf(err), "%v", err)
		_, err = d.PutVolume(ctx, drivers.VolumeRef{Pool: pool, Volume: "part.raw"}, "t7", "raw", 8<<20, bytes.NewReader(make([]byte, 1<<20)))
		assert.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
		assert.ElementsMatch(t, before, poolNames(t, d, pool), "nothing stays")
	})
	t.Run("canceled", func(t *testing.T) {
		before := poolNames(t, d, pool)
		ctx, cancel := context.WithCancel(ctx)
		r, w := io.Pipe()
		go func() {
			_, _ = w.Write(make([]byte, 1<<20))
			cancel()
			time.Sleep(time.Second)
			_ = w.CloseWithError(errors.New("gone"))
		}()
		_, err := d.PutVolume(ctx, drivers.VolumeRef{Pool: pool, Volume: "c.raw"}, "t8", "raw", 8<<20, r)
		assert.Equal(t, fault.Canceled, fault.KindOf(err), "%v", err)
		assert.ElementsMatch(t, before, poolNames(t, d, pool), "nothing stays")
	})
	t.Run("listed without markers", func(t *testing.T) {
		vols, err := d.Volumes(ctx, pool)
		require.NoError(t, err)
		var names []string
		for _, v := range vols {
			names = append(names, v.Name)
		}
		assert.Equal(t, []string{"base.qcow2", "r.img", "x.iso"}, names)
		_, err = d.Volumes(ctx, "no such pool")
		assert.Equal(t, fault.NotFound, fault.KindOf(err))
	})
	t.Run("deleted twice", func(t *testing.T) {
		for range 2 {
			for _, n := range []string{"base.qcow2", "r.img", "x.iso"} {
				require.NoError(t, d.DeleteVolume(ctx, drivers.VolumeRef{Pool: pool, Volume: n}))
			}
		}
		assert.Empty(t, poolNames(t, d, pool), "markers go too")
	})
}

type zeros struct{}

func (*zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// visible leaves markers out.
func visible(names []string) []string {
	var v []string
	for _, n := range names {
		if !strings.HasPrefix(n, markerPrefix) {
			v = append(v, n)
		}
	}
	return v
}
