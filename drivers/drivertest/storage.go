package drivertest

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// imageBytes is what a guest sees of an image that the tests send.
const imageBytes = 32 << 20

// qcow2 makes the smallest image that there is: a header, one block of reference counts, an empty map.
func qcow2(backing string) []byte {
	const cluster = 64 << 10
	b := make([]byte, 4*cluster)
	copy(b, "QFI\xfb")
	be := binary.BigEndian
	be.PutUint32(b[4:], 3) // version
	if backing != "" {
		be.PutUint64(b[8:], 512)
		be.PutUint32(b[16:], uint32(len(backing)))
		copy(b[512:], backing)
	}
	be.PutUint32(b[20:], 16) // cluster bits
	be.PutUint64(b[24:], imageBytes)
	be.PutUint32(b[36:], 1)         // L1 entries, each for 512 MiB
	be.PutUint64(b[40:], 3*cluster) // L1 table
	be.PutUint64(b[48:], cluster)   // table of reference counts
	be.PutUint32(b[56:], 1)         // its clusters
	be.PutUint32(b[96:], 4)         // 16-bit reference counts
	be.PutUint32(b[100:], 104)      // header length
	be.PutUint64(b[cluster:], 2*cluster)
	for i := range 4 {
		be.PutUint16(b[2*cluster+2*i:], 1)
	}
	return b
}

// put sends an image.
func (x *suite) put(t *testing.T, name, token, format string, content []byte, size int) (drivers.Volume, error) {
	t.Helper()
	ref := drivers.VolumeRef{Pool: x.Pool, Volume: name}
	t.Cleanup(func() { x.unput(t, ref) })
	return as[drivers.ImageStore](x).PutVolume(t.Context(), ref, token, format, int64(size), bytes.NewReader(content))
}

func (x *suite) unput(t *testing.T, ref drivers.VolumeRef) {
	ctx, cancel := background(x.Patience)
	defer cancel()
	if err := as[drivers.ImageStore](x).DeleteVolume(ctx, ref); err != nil {
		t.Logf("removing volume %s: %v", ref.Volume, err)
	}
}

var storageTests = []test{
	{name: "Survey", needs: has[drivers.Surveyor], run: func(t *testing.T, x *suite) {
		s, err := as[drivers.Surveyor](x).Survey(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, s.Nodes)
		for _, n := range s.Nodes {
			assert.NotEmpty(t, n.Name)
			assert.NotEmpty(t, n.UUID)
			assert.Positive(t, n.CPUs)
			assert.Positive(t, n.MemoryMiB)
			assert.NotEmpty(t, n.Architecture)
			assert.NotEmpty(t, n.Versions)
			assert.True(t, n.CPUPercent == -1 || n.CPUPercent >= 0 && n.CPUPercent <= 100)
		}
		for _, p := range s.Pools {
			if p.Name == x.Pool {
				assert.True(t, p.Active)
				assert.Positive(t, p.CapacityBytes)
				assert.Positive(t, p.FreeBytes)
				return
			}
		}
		require.Fail(t, "the pool of the setup is not in the survey")
	}},
	{name: "Volumes", needs: has[drivers.Surveyor], run: func(t *testing.T, x *suite) {
		d := x.disks(x.vm(t, false))[0]
		v, ok := x.volumes(t)[d.Volume]
		require.True(t, ok, "a VM's disk is a volume of its pool")
		assert.Equal(t, d.CapacityBytes, v.CapacityBytes)
		assert.Equal(t, x.Pool, v.Pool)
		assert.NotEmpty(t, v.Format)
		_, err := as[drivers.Surveyor](x).Volumes(t.Context(), x.name())
		wants(t, err, fault.NotFound)
	}},
	{name: "PutVolume", needs: has[drivers.ImageStore], run: func(t *testing.T, x *suite) {
		raw, name, token := bytes.Repeat([]byte("no image at all "), 1<<16), x.name()+".img", random(16)
		v, err := x.put(t, name, token, "raw", raw, len(raw))
		require.NoError(t, err)
		assert.Equal(t, int64(len(raw)), v.CapacityBytes)
		assert.Equal(t, "raw", v.Format)
		x.volume(t, name, true, "sent")
		_, err = x.put(t, name, token, "raw", raw[:1<<19], 1<<19)
		require.NoError(t, err, "the same token replaces what it made")
		assert.Equal(t, int64(1<<19), x.volumes(t)[name].CapacityBytes)
		_, err = x.put(t, name, random(16), "raw", raw, len(raw))
		wants(t, err, fault.Exists)
		assert.Equal(t, int64(1<<19), x.volumes(t)[name].CapacityBytes, "what was refused changes nothing")
		require.NoError(t, as[drivers.ImageStore](x).DeleteVolume(t.Context(), drivers.VolumeRef{Pool: x.Pool, Volume: name}))
		x.volume(t, name, false, "deleted")
		require.NoError(t, as[drivers.ImageStore](x).DeleteVolume(t.Context(), drivers.VolumeRef{Pool: x.Pool, Volume: name}), "already gone")
	}},
	{name: "ImageInUse", needs: has[drivers.ImageStore], run: func(t *testing.T, x *suite) {
		image, name := qcow2(""), x.name()+".qcow2"
		v, err := x.put(t, name, random(16), "qcow2", image, len(image))
		require.NoError(t, err)
		assert.EqualValues(t, imageBytes, v.CapacityBytes, "the size that a guest sees, not that of the file")
		assert.Equal(t, "qcow2", v.Format)
		ref := drivers.VolumeRef{Pool: x.Pool, Volume: name}
		r := x.request()
		r.Disks = []drivers.DiskRequest{{Pool: x.Pool, Image: &ref, Clone: drivers.CloneCopyOnWrite}}
		vm := x.create(t, r)
		assert.NotEmpty(t, x.disks(vm)[0].Backing)
		wants(t, as[drivers.ImageStore](x).DeleteVolume(t.Context(), ref), fault.Conflict)
		own := drivers.VolumeRef{Pool: x.disks(vm)[0].Pool, Volume: x.disks(vm)[0].Volume}
		wants(t, as[drivers.ImageStore](x).DeleteVolume(t.Context(), own), fault.Conflict)
		r = x.request()
		r.Disks = []drivers.DiskRequest{{Pool: x.Pool, Image: &ref, Clone: drivers.CloneFull, CapacityBytes: 48 << 20}}
		full := x.create(t, r)
		assert.Empty(t, x.disks(full)[0].Backing, "a full clone stands by itself")
		assert.Equal(t, int64(48<<20), x.disks(full)[0].CapacityBytes)
		x.remove(t, vm.Ref)
		require.NoError(t, as[drivers.ImageStore](x).DeleteVolume(t.Context(), ref), "nobody uses it any more")
		x.power(t, full.Ref, drivers.PowerStart)
	}},
	{name: "BadImageIsInvalid", needs: has[drivers.ImageStore], run: func(t *testing.T, x *suite) {
		good := qcow2("")
		for what, c := range map[string]struct {
			format  string
			content []byte
			size    int
		}{
			"no qcow2":                 {"qcow2", bytes.Repeat([]byte("<html>"), 1<<12), 6 << 12},
			"a backing file":           {"qcow2", qcow2("/etc/passwd"), len(good)},
			"shorter than announced":   {"raw", make([]byte, 1<<19), 1 << 20},
			"longer than announced":    {"raw", make([]byte, 1<<20), 1 << 19},
			"cut off":                  {"qcow2", good[:20], 20},
			"raw that is really qcow2": {"raw", qcow2("/etc/passwd"), len(good)},
			"unknown format":           {"floppy", good, len(good)},
			"empty":                    {"raw", nil, 0},
		} {
			name := x.name() + ".img"
			_, err := x.put(t, name, random(16), c.format, c.content, c.size)
			require.Error(t, err, what)
			wants(t, err, fault.Invalid)
			x.volume(t, name, false, what+": it is left behind")
		}
		ref := drivers.VolumeRef{Pool: x.Pool, Volume: x.name()}
		_, err := as[drivers.ImageStore](x).PutVolume(t.Context(), ref, random(16), "raw", 1<<20, io.LimitReader(broken{}, 1<<20))
		require.Error(t, err, "the sender broke off")
		x.volume(t, ref.Volume, false, "half an image")
	}},
	{name: "BadNameIsRefused", needs: has[drivers.ImageStore], run: func(t *testing.T, x *suite) {
		for _, name := range []string{"", ".", "..", "../" + x.name(), "/etc/" + x.name(), "a\x00b", "a\nb"} {
			_, err := as[drivers.ImageStore](x).PutVolume(t.Context(), drivers.VolumeRef{Pool: x.Pool, Volume: name}, random(16), "raw", 512, bytes.NewReader(make([]byte, 512)))
			require.Error(t, err, "%q", name)
			wants(t, err, fault.Invalid)
		}
		_, err := as[drivers.ImageStore](x).PutVolume(t.Context(), drivers.VolumeRef{Pool: x.name(), Volume: x.name()}, random(16), "raw", 512, bytes.NewReader(make([]byte, 512)))
		wants(t, err, fault.NotFound, fault.Invalid)
	}},
}

// broken is a sender that breaks off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
