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
	"sync"
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
		defer p.Free()
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
			defer p.Free()
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
		defer p.Free()
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
		defer v.Free()
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
		iso, err := isoImage("cidata", map[string][]byte{"a": []byte("b")})
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

func TestMakeDisk(t *testing.T) {
	d := testDriver(t)
	pool := scratchPool(t, d)
	ctx := t.Context()
	qcow := imageFile(t)
	put := func(name, format string, b []byte) *drivers.VolumeRef {
		ref := drivers.VolumeRef{Pool: pool, Volume: name}
		_, err := d.PutVolume(ctx, ref, "img", format, int64(len(b)), bytes.NewReader(b))
		require.NoError(t, err)
		return &ref
	}
	base := put("base.qcow2", "qcow2", qcow)
	raw := put("base.raw", "raw", bytes.Repeat([]byte("novacron"), 1<<17))
	volume := func(file string) *libvirtxml.StorageVolume {
		var x *libvirtxml.StorageVolume
		require.NoError(t, d.do(ctx, func(c *libvirt.Connect) error {
			v, err := c.LookupStorageVolByPath(file)
			if err != nil {
				return err
			}
			defer v.Free()
			x, err = volumeXML(v)
			return err
		}))
		return x
	}

	for name, c := range map[string]struct {
		r               drivers.DiskRequest
		format, backing string
		capacity        int64
	}{
		"overlay of qcow2":   {drivers.DiskRequest{Pool: pool, Image: base, CapacityBytes: 16 << 20}, "qcow2", "qcow2", 16 << 20},
		"overlay of raw":     {drivers.DiskRequest{Pool: pool, Image: raw}, "qcow2", "raw", 1 << 20},
		"full copy":          {drivers.DiskRequest{Pool: pool, Image: base, Clone: drivers.CloneFull, CapacityBytes: 16 << 20}, "qcow2", "", 16 << 20},
		"full copy as raw":   {drivers.DiskRequest{Pool: pool, Image: base, Clone: drivers.CloneFull, Format: "raw"}, "raw", "", 8 << 20},
		"full copy from raw": {drivers.DiskRequest{Pool: pool, Image: raw, Clone: drivers.CloneFull, CapacityBytes: 2 << 20}, "qcow2", "", 2 << 20},
		"empty":              {drivers.DiskRequest{Pool: pool, CapacityBytes: 1 << 30}, "qcow2", "", 1 << 30},
		"empty raw":          {drivers.DiskRequest{Pool: pool, CapacityBytes: 1 << 30, Format: "raw"}, "raw", "", 1 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			file, format, err := d.makeDisk(ctx, "web <1>", 0, name, c.r)
			require.NoError(t, err)
			assert.Equal(t, c.format, format)
			x := volume(file)
			assert.Equal(t, c.format, x.Target.Format.Type)
			assert.EqualValues(t, c.capacity, x.Capacity.Value)
			if c.backing == "" {
				assert.Nil(t, x.BackingStore)
			} else {
				require.NotNil(t, x.BackingStore)
				head := content(t, d, pool, filepath.Base(file), headSize)
				h, err := parseQcow2(head, maxVirtual)
				require.NoError(t, err)
				assert.Equal(t, c.backing, h.backingFormat, "the format is written, never guessed")
			}
			again, _, err := d.makeDisk(ctx, "web <1>", 0, name, c.r)
			require.NoError(t, err)
			assert.Equal(t, file, again, "adopted")
			other, _, err := d.makeDisk(ctx, "web <1>", 0, name+"'", c.r)
			require.NoError(t, err)
			assert.NotEqual(t, file, other, "another token, another volume")
			require.NoError(t, d.removeDisk(ctx, other))
			require.NoError(t, d.removeDisk(ctx, file))
			require.NoError(t, d.removeDisk(ctx, file), "already gone")
		})
	}
	assert.ElementsMatch(t, []string{"base.qcow2", "base.raw"}, visible(poolNames(t, d, pool)))

	t.Run("image in use", func(t *testing.T) {
		file, _, err := d.makeDisk(ctx, "vm", 0, "o", drivers.DiskRequest{Pool: pool, Image: base})
		require.NoError(t, err)
		err = d.DeleteVolume(ctx, *base)
		assert.Equal(t, fault.Conflict, fault.KindOf(err), "%v", err)
		assert.Equal(t, fault.Conflict, fault.KindOf(d.removeDisk(ctx, "/var/lib/libvirt/"+pool+"/base.qcow2")))
		_, _, err = d.makeDisk(ctx, "vm", 1, "o", drivers.DiskRequest{Volume: base})
		assert.Equal(t, fault.Conflict, fault.KindOf(err), "writing to it would break the overlay: %v", err)
		got, format, err := d.makeDisk(ctx, "vm", 1, "o", drivers.DiskRequest{Volume: base, ReadOnly: true})
		require.NoError(t, err)
		assert.Equal(t, "qcow2", format)
		assert.Equal(t, "/var/lib/libvirt/"+pool+"/base.qcow2", got)
		overlay := drivers.VolumeRef{Pool: pool, Volume: filepath.Base(file)}
		_, _, err = d.makeDisk(ctx, "vm", 2, "o", drivers.DiskRequest{Volume: &overlay})
		require.NoError(t, err, "an overlay of ours can be attached again")
		_, _, err = d.makeDisk(ctx, "vm", 2, "o", drivers.DiskRequest{Pool: pool, Image: &overlay})
		assert.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
		require.NoError(t, d.removeDisk(ctx, file))
	})
	t.Run("refused", func(t *testing.T) {
		missing := &drivers.VolumeRef{Pool: pool, Volume: "none"}
		protocol := &drivers.VolumeRef{Pool: pool, Volume: "nbd:127.0.0.1:1"}
		for name, c := range map[string]struct {
			r     drivers.DiskRequest
			kind  fault.Kind
			field string
		}{
			"no size":             {drivers.DiskRequest{Pool: pool}, fault.Invalid, "capacityBytes"},
			"negative":            {drivers.DiskRequest{Pool: pool, CapacityBytes: -1}, fault.Invalid, "capacityBytes"},
			"huge":                {drivers.DiskRequest{Pool: pool, CapacityBytes: 1 << 62}, fault.Invalid, "capacityBytes"},
			"smaller than image":  {drivers.DiskRequest{Pool: pool, Image: base, CapacityBytes: 1 << 20}, fault.Invalid, "capacityBytes"},
			"format":              {drivers.DiskRequest{Pool: pool, Format: "vmdk", CapacityBytes: 1 << 30}, fault.Invalid, "format"},
			"raw overlay":         {drivers.DiskRequest{Pool: pool, Image: base, Format: "raw"}, fault.Invalid, "format"},
			"no such image":       {drivers.DiskRequest{Pool: pool, Image: missing}, fault.NotFound, "image.volume"},
			"protocol":            {drivers.DiskRequest{Pool: pool, Image: protocol}, fault.Invalid, "image.volume"},
			"no such pool":        {drivers.DiskRequest{Pool: "x", CapacityBytes: 1 << 30}, fault.NotFound, "pool"},
			"wrong format of raw": {drivers.DiskRequest{Volume: raw, Format: "qcow2"}, fault.Invalid, "format"},
		} {
			_, _, err := d.makeDisk(ctx, "vm", 0, "r", c.r)
			assert.Equal(t, c.kind, fault.KindOf(err), "%s: %v", name, err)
			assert.Equal(t, c.field, fault.Of(err).Field, name)
		}
		assert.Equal(t, fault.Conflict, fault.KindOf(d.removeDisk(ctx, "/etc/hostname")), "outside the pools")
		assert.Equal(t, fault.Conflict, fault.KindOf(d.removeDisk(ctx, "/var/lib/libvirt/"+pool+"/../x")), "outside the pools")
	})
	t.Run("a raw disk whose guest wrote a header", func(t *testing.T) {
		evil := drivers.VolumeRef{Pool: pool, Volume: "disk.raw"}
		head, _ := qemuImg(t, "-f", "qcow2", "-u", "-F", "raw", "-b", "/etc/shadow", filepath.Join(t.TempDir(), "o"), "1M")
		require.NoError(t, d.do(ctx, func(c *libvirt.Connect) error {
			p, err := findPool(c, pool, "pool")
			if err != nil {
				return err
			}
			defer p.free()
			for _, n := range []string{"disk.raw", "disk.img", "disk.qcow2"} {
				v, err := p.create(n, "raw", 4<<20, nil)
				if err != nil {
					return err
				}
				if err := send(c, v, int64(len(head)), bytes.NewReader(head)); err != nil {
					return err
				}
				_ = v.Free()
			}
			return p.refresh(ctx, refreshPatience)
		}))
		_, format, err := d.makeDisk(ctx, "vm", 0, "e", drivers.DiskRequest{Volume: &evil})
		require.NoError(t, err)
		assert.Equal(t, "raw", format, "its name says so")
		for _, n := range []string{"disk.raw", "disk.img", "disk.qcow2"} {
			ref := &drivers.VolumeRef{Pool: pool, Volume: n}
			for _, mode := range []drivers.CloneMode{drivers.CloneCopyOnWrite, drivers.CloneFull} {
				_, _, err = d.makeDisk(ctx, "vm", 0, "e", drivers.DiskRequest{Pool: pool, Image: ref, Clone: mode})
				assert.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
			}
			if n != "disk.raw" {
				_, _, err = d.makeDisk(ctx, "vm", 0, "e", drivers.DiskRequest{Volume: ref})
				assert.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
			}
		}
	})
	t.Run("at once", func(t *testing.T) {
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				_, _, err := d.makeDisk(ctx, unique("par"), i, "p", drivers.DiskRequest{Pool: pool, Image: base, Clone: []drivers.CloneMode{drivers.CloneFull, drivers.CloneCopyOnWrite}[i%2]})
				assert.NoError(t, err)
			}()
		}
		wg.Wait()
	})
}

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

func TestBrokenCopyIsMadeAnew(t *testing.T) {
	d := testDriver(t)
	pool := scratchPool(t, d)
	ctx := t.Context()
	qcow := imageFile(t)
	base := drivers.VolumeRef{Pool: pool, Volume: "base.qcow2"}
	_, err := d.PutVolume(ctx, base, "i", "qcow2", int64(len(qcow)), bytes.NewReader(qcow))
	require.NoError(t, err)
	name := ownName("vm", "tok", "0") + ".qcow2"
	require.NoError(t, d.do(ctx, func(c *libvirt.Connect) error {
		p, err := findPool(c, pool, "pool")
		if err != nil {
			return err
		}
		defer p.free()
		if err := p.mark(making, name, name); err != nil {
			return err
		}
		v, err := p.create(name, "raw", 4096, nil)
		if err == nil {
			_ = v.Free()
		}
		return err
	}))
	_, _, err = d.makeDisk(ctx, "x", 0, "y", drivers.DiskRequest{Volume: &drivers.VolumeRef{Pool: pool, Volume: name}})
	assert.Equal(t, fault.Conflict, fault.KindOf(err), "not whole: %v", err)
	file, _, err := d.makeDisk(ctx, "vm", 0, "tok", drivers.DiskRequest{Pool: pool, Image: &base, Clone: drivers.CloneFull})
	require.NoError(t, err)
	assert.True(t, isQcow2(content(t, d, pool, filepath.Base(file), 512)))
	require.NoError(t, d.removeDisk(ctx, file))
	assert.Equal(t, []string{"base.qcow2"}, visible(poolNames(t, d, pool)))
}

func TestSurvey(t *testing.T) {
	d := testDriver(t)
	pool := scratchPool(t, d)
	s, err := d.Survey(t.Context())
	require.NoError(t, err)
	require.Len(t, s.Nodes, 1)
	n := s.Nodes[0]
	t.Logf("%+v", s)
	assert.Equal(t, "hosta", n.Name)
	assert.NotEmpty(t, n.UUID)
	assert.Positive(t, n.CPUs)
	assert.Equal(t, n.CPUs, n.Sockets*n.Cores*n.Threads*max(1, len(n.NUMA))/max(1, len(n.NUMA)))
	assert.Greater(t, n.MemoryMiB, n.MemoryFree)
	assert.Positive(t, n.MemoryFree)
	assert.EqualValues(t, -1, n.CPUPercent, "not known yet")
	assert.Contains(t, n.Machines, "q35")
	assert.Contains(t, n.Firmwares, drivers.FirmwareUEFI)
	assert.Contains(t, n.Accelerators, drivers.AcceleratorQEMU)
	assert.NotEmpty(t, n.NUMA)
	assert.Contains(t, n.Versions, "QEMU")
	var pools, networks []string
	for _, p := range s.Pools {
		pools = append(pools, p.Name)
		if p.Name == pool {
			assert.True(t, p.Active)
			assert.Positive(t, p.FreeBytes)
			assert.Equal(t, "dir", p.Type)
		}
	}
	for _, w := range s.Networks {
		networks = append(networks, w.Name)
	}
	assert.Contains(t, pools, pool)
	assert.Contains(t, networks, "default")
	assert.NotContains(t, networks, "virbr0", "it belongs to the network default")
	time.Sleep(50 * time.Millisecond)
	start := time.Now()
	s, err = d.Survey(t.Context())
	require.NoError(t, err)
	t.Logf("second survey: %v, busy %.1f %%", time.Since(start), s.Nodes[0].CPUPercent)
	assert.GreaterOrEqual(t, s.Nodes[0].CPUPercent, 0.0)
	assert.LessOrEqual(t, s.Nodes[0].CPUPercent, 100.0)
}
