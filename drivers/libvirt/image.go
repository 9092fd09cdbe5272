package libvirt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/novacron/novacron/internal/fault"
)

// Formats that volumes can have. An ISO is raw to QEMU.
const (
	formatQcow2 = "qcow2"
	formatRaw   = "raw"
	formatISO   = "iso"
)

const (
	// maxVirtual bounds what a guest can be shown: far above any real disk, far below the exabytes
	// that a forged header claims to make QEMU reserve tables.
	maxVirtual = int64(64) << 40

	// headSize is how much of an image is read before it may be used: QEMU's own limit for the
	// extensions of a header, and beyond an ISO's first descriptor at 32 KiB.
	headSize = 64 << 10

	// maxVolumeName leaves room for what is appended to names of files, which have 255 bytes.
	maxVolumeName = 200
)

// checkPlainName refuses what could be anything but the plain name of one thing in one place: paths,
// options, QEMU's protocols (nbd:, json:), and characters that cannot be seen.
func checkPlainName(field, noun, name string) error {
	remedy := fmt.Sprintf("Use up to %d letters, digits, dots, hyphens, underscores and single spaces; begin with a letter or digit.", maxVolumeName)
	wrong := func(format string, a ...any) error {
		return fault.Field(field, remedy, "the name of a %s "+format, append([]any{noun}, a...)...)
	}
	switch {
	case name == "":
		return wrong("is missing")
	case len(name) > maxVolumeName:
		return wrong("has %d bytes", len(name))
	case !utf8.ValidString(name):
		return wrong("is not UTF-8 text")
	case name[0] == '.' || name[0] == '-':
		return wrong("begins with %q", name[:1])
	case strings.TrimSpace(name) != name:
		return wrong("begins or ends with a space")
	}
	for _, r := range name {
		if strings.ContainsRune(`/\:,"'<>&|*?`, r) || !unicode.IsPrint(r) {
			return wrong("has the character %q in it", r)
		}
	}
	return nil
}

// checkVolumeName is checkPlainName for volumes.
func checkVolumeName(field, name string) error { return checkPlainName(field, "volume", name) }

// magics are the first bytes of what is not a plain disk, with what to do about it.
var magics = []struct {
	at    int
	magic string
	what  string // "a VMDK image"
}{
	{0, "QFI\xfb", "a qcow2 image"},
	{0, "QED\x00", "a QED image"},
	{0, "KDMV", "a VMDK image"},
	{0, "COWD", "a VMDK image"},
	{0, "# Disk DescriptorFile", "a VMDK descriptor"},
	{0, "vhdxfile", "a VHDX image"},
	{0, "conectix", "a VHD image"},
	{64, "\x7f\x10\xda\xbe", "a VDI image"},
	{0, "WithoutFreeSpace", "a Parallels image"},
	{0, "WithouFreSpacExt", "a Parallels image"},
	{0, "Bochs Virtual HD Image", "a Bochs image"},
	{0, "#!/bin/sh\n#V2.0 Format\nmodprobe cloop", "a cloop image"},
	{0, "LUKS\xba\xbe", "an encrypted LUKS volume"},
	{0, "\x1f\x8b", "compressed by gzip"},
	{0, "\xfd7zXZ\x00", "compressed by xz"},
	{0, "\x28\xb5\x2f\xfd", "compressed by zstd"},
	{0, "BZh", "compressed by bzip2"},
	{0, "\x04\x22\x4d\x18", "compressed by lz4"},
	{0, "PK\x03\x04", "a ZIP archive"},
	{0, "7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{257, "ustar", "a tar archive, perhaps an OVA"},
	{0, "<!DOCTYPE", "a web page"},
	{0, "<!doctype", "a web page"},
	{0, "<html", "a web page"},
}

// recognise says what content looks like; empty for a plain disk or an ISO.
func recognise(head []byte) string {
	for _, m := range magics {
		if len(head) >= m.at+len(m.magic) && string(head[m.at:m.at+len(m.magic)]) == m.magic {
			return m.what
		}
	}
	return ""
}

// isISO tells whether content has an ISO 9660 or UDF descriptor.
func isISO(head []byte) bool {
	const at = 32<<10 + 1
	return len(head) >= at+5 && (string(head[at:at+5]) == "CD001" || string(head[at:at+5]) == "BEA01")
}

// checkContent decides from the first headSize bytes of an image of size bytes whether it may be
// kept as a volume of that format, and tells the capacity a guest will see. What it lets through
// refers to no other file, so that whatever reads it can be led nowhere.
func checkContent(format string, head []byte, size int64) (int64, error) {
	if size <= 0 || len(head) == 0 {
		return 0, fault.Field("size", "Choose the image's file again.", "the image is empty")
	}
	switch format {
	case formatQcow2:
		if what := recognise(head); what != "a qcow2 image" {
			return 0, notAn("a qcow2 image", what)
		}
		h, err := parseQcow2(head, size)
		if err == nil {
			err = h.selfContained()
		}
		return h.virtual, err
	case formatRaw, formatISO:
		if what := recognise(head); what != "" {
			return 0, notAn(map[string]string{formatRaw: "a raw disk", formatISO: "an ISO"}[format], what)
		}
		if format == formatISO && !isISO(head) {
			return 0, notAn("an ISO", "")
		}
		if size > maxVirtual {
			return 0, tooLarge(size)
		}
		return size, nil
	}
	return 0, fault.Field("format", "Convert it first: qemu-img convert -O qcow2 FILE image.qcow2", "images are taken as qcow2, raw and iso only")
}

// notAn is the error about content that is not what it is called.
func notAn(want, is string) error {
	if is == "" {
		return fault.Field("format", "Choose the format that the file has.", "the content is not %s", want)
	}
	remedy := "Convert it first: qemu-img convert -O qcow2 FILE image.qcow2"
	switch {
	case is == "a qcow2 image":
		remedy = "Choose qcow2 as its format."
	case strings.HasPrefix(is, "compressed"), strings.Contains(is, "archive"):
		remedy = "Unpack it first."
	case is == "a web page":
		remedy = "Check the address: it answered with a page, not with an image."
	case strings.Contains(is, "LUKS"):
		remedy = "Decrypt it first: we hold no key for it."
	}
	return fault.Field("format", remedy, "the content is not %s but %s", want, is)
}

func tooLarge(n int64) error {
	return fault.Field("size", "Check that the image is what you think it is.", "the image claims a size of %d GiB, more than any disk here may have", n>>30)
}

// qcow2 is what the header of an image says.
type qcow2 struct {
	version       uint32
	virtual       int64
	backing       string // the file it is an overlay of
	backingFormat string // as the header says; empty when it does not
	external      bool   // its data is in another file
	encrypted     bool
	corrupt       bool
}

// qcow2Fixed is the part of the header that both versions have; QEMU's docs/interop/qcow2.rst.
type qcow2Fixed struct {
	Magic                 uint32
	Version               uint32
	BackingFileOffset     uint64
	BackingFileSize       uint32
	ClusterBits           uint32
	Size                  uint64
	CryptMethod           uint32
	L1Size                uint32
	L1TableOffset         uint64
	RefcountTableOffset   uint64
	RefcountTableClusters uint32
	NbSnapshots           uint32
	SnapshotsOffset       uint64
}

// qcow2V3 follows it in version 3.
type qcow2V3 struct {
	Incompatible, Compatible, Autoclear uint64
	RefcountOrder, HeaderLength         uint32
}

const (
	qcow2Corrupt  = 1 << 1 // incompatible features
	qcow2External = 1 << 2
	qcow2Known    = 1<<5 - 1

	qcow2ExtEnd        = 0
	qcow2ExtBacking    = 0xe2792aca
	qcow2ExtData       = 0x44415441
	qcow2ExtEncryption = 0x0537be77
)

// parseQcow2 reads a header that may be hostile. It refuses what QEMU would refuse and whatever
// does not fit into a file of size bytes; what it returns is not yet judged to be harmless.
func parseQcow2(head []byte, size int64) (qcow2, error) {
	broken := func(format string, a ...any) (qcow2, error) {
		return qcow2{}, fault.Field("image", "Check it with qemu-img check, or fetch it again.", "the qcow2 header is broken: "+format, a...)
	}
	var f qcow2Fixed
	if n, _ := binary.Decode(head, binary.BigEndian, &f); n == 0 {
		return broken("it ends early")
	}
	if f.Magic != 0x514649fb {
		return qcow2{}, notAn("a qcow2 image", "")
	}
	if f.Version != 2 && f.Version != 3 {
		return broken("version %d is unknown", f.Version)
	}
	if f.ClusterBits < 9 || f.ClusterBits > 21 {
		return broken("clusters of 2^%d bytes", f.ClusterBits)
	}
	if f.Size == 0 || f.Size > uint64(maxVirtual) {
		return qcow2{}, tooLarge(int64(min(f.Size, 1<<62)))
	}
	const maxL1, maxRefcount, maxSnapshots = 32 << 20, 8 << 20, 65536 // QEMU's own limits
	switch {
	case uint64(f.L1Size)*8 > maxL1, !liesIn(f.L1TableOffset, uint64(f.L1Size)*8, size):
		return broken("its table lies outside the file")
	case uint64(f.RefcountTableClusters)<<f.ClusterBits > maxRefcount, f.RefcountTableOffset == 0, f.RefcountTableOffset >= uint64(size):
		return broken("its reference counts lie outside the file")
	case f.NbSnapshots > maxSnapshots, f.NbSnapshots > 0 && f.SnapshotsOffset >= uint64(size):
		return broken("its snapshots lie outside the file")
	}
	h := qcow2{version: f.Version, virtual: int64(f.Size), encrypted: f.CryptMethod != 0}
	from := uint32(72)
	if f.Version == 3 {
		var v qcow2V3
		if n, _ := binary.Decode(head[72:], binary.BigEndian, &v); n == 0 {
			return broken("it ends early")
		}
		if v.Incompatible&^qcow2Known != 0 {
			return broken("it needs features that are unknown here")
		}
		if v.HeaderLength < 104 || v.HeaderLength > 1<<f.ClusterBits || v.HeaderLength%8 != 0 {
			return broken("its length is %d", v.HeaderLength)
		}
		if v.RefcountOrder > 6 {
			return broken("reference counts of 2^%d bits", v.RefcountOrder)
		}
		h.corrupt = v.Incompatible&qcow2Corrupt != 0
		h.external = v.Incompatible&qcow2External != 0
		from = v.HeaderLength
	}
	if f.BackingFileOffset != 0 || f.BackingFileSize != 0 {
		const maxBacking = 1023
		to := f.BackingFileOffset + uint64(f.BackingFileSize)
		if f.BackingFileSize == 0 || f.BackingFileSize > maxBacking || f.BackingFileOffset > uint64(len(head)) || to > uint64(len(head)) {
			return broken("the name of its backing file lies elsewhere")
		}
		h.backing = string(head[f.BackingFileOffset:to])
	}
	// Extensions end at an end mark, at the backing file's name or at the end of the first cluster.
	end := min(uint64(len(head)), 1<<f.ClusterBits)
	if f.BackingFileOffset != 0 {
		end = min(end, f.BackingFileOffset)
	}
	for at := uint64(from); at+8 <= end; {
		kind, n := binary.BigEndian.Uint32(head[at:]), uint64(binary.BigEndian.Uint32(head[at+4:]))
		if kind == qcow2ExtEnd {
			break
		}
		at += 8
		if n > end-at {
			return broken("an extension is longer than it")
		}
		switch kind {
		case qcow2ExtBacking:
			h.backingFormat = string(head[at : at+n])
		case qcow2ExtData:
			h.external = true
		case qcow2ExtEncryption:
			h.encrypted = true
		}
		at += (n + 7) &^ 7
	}
	return h, nil
}

// liesIn tells whether n bytes at offset lie in a file of size bytes.
func liesIn(offset, n uint64, size int64) bool {
	return offset <= uint64(size) && n <= uint64(size)-offset
}

// selfContained refuses an image that leads to other files: with a backing file of /etc/shadow it
// would show the host's secrets to a guest (CVE-2024-32498 and its kind).
func (h qcow2) selfContained() error {
	const flatten = "Make it stand alone: qemu-img convert -O qcow2 FILE image.qcow2"
	switch {
	case h.backing != "":
		return fault.Field("image", flatten, "the image is an overlay of another file")
	case h.external:
		return fault.Field("image", flatten, "the image keeps its data in another file")
	case h.encrypted:
		return fault.Field("image", "Decrypt it first: we hold no key for it.", "the image is encrypted")
	case h.corrupt:
		return fault.Field("image", "Repair it with qemu-img check -r all, or fetch it again.", "the image is marked as corrupt")
	}
	return nil
}

// isQcow2 tells whether content begins with qcow2's magic.
func isQcow2(head []byte) bool { return bytes.HasPrefix(head, []byte("QFI\xfb")) }
