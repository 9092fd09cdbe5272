package libvirt

import (
	"bytes"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

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
			defer func() { _ = v.Free() }()
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
