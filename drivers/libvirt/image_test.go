package libvirt

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/fault"
)

// qemuImg makes an image by the real tool and gives its first bytes and its size.
func qemuImg(t testing.TB, args ...string) (head []byte, size int64) {
	t.Helper()
	if _, err := exec.LookPath("qemu-img"); err != nil {
		t.Skip("qemu-img is not installed")
	}
	file := args[len(args)-2]
	out, err := exec.Command("qemu-img", append([]string{"create", "-q"}, args...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return b[:min(len(b), headSize)], int64(len(b))
}

func TestCheckContent(t *testing.T) {
	dir := t.TempDir()
	f := func(n string) string { return filepath.Join(dir, n) }
	require.NoError(t, os.WriteFile(f("base.raw"), make([]byte, 1<<20), 0o600))
	make1 := func(args ...string) func() ([]byte, int64) {
		return func() ([]byte, int64) { return qemuImg(t, args...) }
	}
	bytesOf := func(s string) func() ([]byte, int64) {
		return func() ([]byte, int64) { return []byte(s), 1 << 20 }
	}
	iso := strings.Repeat("\x00", 32<<10) + "\x01CD001\x01"
	for name, c := range map[string]struct {
		format  string
		make    func() ([]byte, int64)
		virtual int64
		refused string
	}{
		"qcow2":               {"qcow2", make1("-f", "qcow2", f("a"), "3G"), 3 << 30, ""},
		"qcow2 of version 2":  {"qcow2", make1("-f", "qcow2", "-o", "compat=0.10", f("b"), "1M"), 1 << 20, ""},
		"extended L2":         {"qcow2", make1("-f", "qcow2", "-o", "extended_l2=on,cluster_size=128k", f("c"), "1G"), 1 << 30, ""},
		"zstd":                {"qcow2", make1("-f", "qcow2", "-o", "compression_type=zstd", f("d"), "1G"), 1 << 30, ""},
		"smallest clusters":   {"qcow2", make1("-f", "qcow2", "-o", "cluster_size=512", f("e"), "1M"), 1 << 20, ""},
		"overlay":             {"qcow2", make1("-f", "qcow2", "-F", "raw", "-b", f("base.raw"), f("f"), "1M"), 0, "overlay of another file"},
		"data file":           {"qcow2", make1("-f", "qcow2", "-o", "data_file="+f("g.data"), f("g"), "1M"), 0, "data in another file"},
		"raw external data":   {"qcow2", make1("-f", "qcow2", "-o", "data_file_raw=on,data_file="+f("h.data"), f("h"), "1M"), 0, "data in another file"},
		"LUKS in qcow2":       {"qcow2", make1("-f", "qcow2", "--object", "secret,id=s,data=x", "-o", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10", f("i"), "1M"), 0, "encrypted"},
		"absurd size":         {"qcow2", make1("-f", "qcow2", "-o", "cluster_size=2M", f("j"), "65T"), 0, "more than any disk"},
		"VMDK as qcow2":       {"qcow2", make1("-f", "vmdk", f("k"), "1M"), 0, "not a qcow2 image but a VMDK image"},
		"VMDK":                {"vmdk", make1("-f", "vmdk", f("l"), "1M"), 0, "qcow2, raw and iso only"},
		"VMDK descriptor":     {"raw", make1("-f", "vmdk", "-o", "subformat=monolithicFlat", f("m"), "1M"), 0, "VMDK descriptor"},
		"VDI":                 {"raw", make1("-f", "vdi", f("n"), "1M"), 0, "VDI image"},
		"VHDX":                {"raw", make1("-f", "vhdx", f("o"), "1M"), 0, "VHDX image"},
		"VHD":                 {"raw", make1("-f", "vpc", f("p"), "1M"), 0, "VHD image"},
		"qcow2 called raw":    {"raw", make1("-f", "qcow2", f("q"), "1M"), 0, "not a raw disk but a qcow2 image"},
		"raw":                 {"raw", make1("-f", "raw", f("r"), "1M"), 1 << 20, ""},
		"raw called qcow2":    {"qcow2", make1("-f", "raw", f("s"), "1M"), 0, "not a qcow2 image"},
		"gzip":                {"raw", bytesOf("\x1f\x8b\x08"), 0, "compressed by gzip"},
		"web page":            {"qcow2", bytesOf("<!DOCTYPE html>"), 0, "web page"},
		"ISO":                 {"iso", bytesOf(iso), 1 << 20, ""},
		"ISO as raw":          {"raw", bytesOf(iso), 1 << 20, ""},
		"no ISO":              {"iso", bytesOf("hello"), 0, "not an ISO"},
		"empty":               {"raw", func() ([]byte, int64) { return nil, 0 }, 0, "empty"},
		"magic and no more":   {"qcow2", bytesOf("QFI\xfb"), 0, "ends early"},
		"unknown format":      {"../x", bytesOf("x"), 0, "qcow2, raw and iso only"},
		"truncated behind L1": {"qcow2", func() ([]byte, int64) { h, _ := qemuImg(t, "-f", "qcow2", f("t"), "1G"); return h, 100 << 10 }, 0, "outside the file"},
	} {
		t.Run(name, func(t *testing.T) {
			head, size := c.make()
			virtual, err := checkContent(c.format, head, size)
			if c.refused == "" {
				require.NoError(t, err)
				assert.Equal(t, c.virtual, virtual)
				return
			}
			require.ErrorContains(t, err, c.refused)
			assert.Equal(t, fault.Invalid, fault.KindOf(err))
			assert.NotEmpty(t, fault.Of(err).Remedy)
		})
	}
}

func TestQcow2Overlay(t *testing.T) {
	base := filepath.Join(t.TempDir(), "base")
	qemuImg(t, "-f", "qcow2", base, "2M")
	head, size := qemuImg(t, "-f", "qcow2", "-F", "qcow2", "-b", base, base+"o", "4M")
	h, err := parseQcow2(head, size)
	require.NoError(t, err)
	assert.Equal(t, qcow2{version: 3, virtual: 4 << 20, backing: base, backingFormat: "qcow2"}, h)
}

func TestCheckVolumeName(t *testing.T) {
	for _, good := range []string{"debian-12.qcow2", "a", "Windows Server 2025 (de).iso", "ümläut_1.raw", strings.Repeat("a", 200)} {
		assert.NoError(t, checkVolumeName("v", good), good)
	}
	for _, bad := range []string{"", ".", "..", ".hidden", "-rf", "../x", "a/b", `a\b`, "/etc/shadow", "nbd:host:1", `json:{"driver":"raw"}`, "fd:3",
		"a\nb", "a\x00b", "a\x7fb", "a\u2028b", "a\u202eb", "a\ufffeb", "a\ufeffb", " a", "a ", "a\u00a0b", "\xff\xfe", "a,b", "a\"b", "a'b", "a<b", strings.Repeat("a", 201), strings.Repeat("a", 65536)} {
		err := checkVolumeName("volume", bad)
		require.Error(t, err, "%q", bad)
		assert.Equal(t, fault.Invalid, fault.KindOf(err))
		assert.Equal(t, "volume", fault.Of(err).Field)
	}
}

func FuzzQcow2(f *testing.F) {
	head, size := qemuImg(f, "-f", "qcow2", filepath.Join(f.TempDir(), "x"), "1G")
	f.Add(head[:512], size)
	f.Add([]byte("QFI\xfb"), int64(4))
	overlay, size := qemuImg(f, "-f", "qcow2", "-u", "-F", "raw", "-b", "/etc/shadow", filepath.Join(f.TempDir(), "y"), "1G")
	f.Add(overlay[:512], size)
	f.Fuzz(func(t *testing.T, head []byte, size int64) {
		virtual, err := checkContent(formatQcow2, head, size)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%v is not about the input", err)
			}
			return
		}
		if virtual <= 0 || virtual > maxVirtual {
			t.Fatalf("let through a size of %d", virtual)
		}
		if len(head) < 72 || binary.BigEndian.Uint64(head[8:]) != 0 || binary.BigEndian.Uint32(head[16:]) != 0 {
			t.Fatal("let through a backing file")
		}
		if binary.BigEndian.Uint32(head[4:]) == 3 && binary.BigEndian.Uint64(head[72:])&^(1|8|16) != 0 {
			t.Fatal("let through an external data file, a corrupt image or an unknown feature")
		}
	})
}

func FuzzVolumeName(f *testing.F) {
	for _, s := range []string{"a.qcow2", "../a", "nbd:x", "a\x00", "\u202e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if checkVolumeName("v", name) != nil {
			return
		}
		if filepath.Base(name) != name || filepath.Clean(name) != name || len(name) > 200 || bytes.ContainsAny([]byte(name), "\x00\n:/\\") {
			t.Fatalf("%q is not a plain name", name)
		}
	})
}
