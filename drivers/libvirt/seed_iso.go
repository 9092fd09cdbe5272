package libvirt

import (
	"bytes"
	"encoding/binary"
	"sort"
	"strings"
	"unicode/utf16"

	"github.com/novacron/novacron/internal/fault"
)

// An ISO 9660 image of a few files in its root, with the names as given in both Rock Ridge (Linux)
// and Joliet (Windows). It is written here because the libraries either know no Rock Ridge or pass
// the files, which hold credentials, through a temporary folder; and because the same seed must
// give the same bytes. ECMA-119, IEEE P1282 (RRIP 1.10), Joliet 1.

const (
	sector    = 2048
	isoPVD    = 16 // the sectors of what is fixed
	isoSVD    = 17
	isoEnd    = 18
	isoPathL  = 19
	isoPathM  = 20
	isoJPathL = 21
	isoJPathM = 22
	isoRoot   = 23
	isoJRoot  = 24
	isoFiles  = 25
)

// seedLabel is the file system's label, by which cloud-init knows a NoCloud seed.
const seedLabel = "cidata"

// isoImage makes the image. Names have up to 64 characters; there are no folders.
func isoImage(files map[string][]byte) ([]byte, error) {
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	// ISO 9660 wants records in the order of its own names, which is that of ours: see plainName.
	sort.Slice(names, func(i, j int) bool { return plainName(names[i]) < plainName(names[j]) })

	next := uint32(isoFiles)
	root := append(isoRecord([]byte{0}, isoRoot, sector, true, susp(true, "")), isoRecord([]byte{1}, isoRoot, sector, true, susp(false, ""))...)
	joliet := append(isoRecord([]byte{0}, isoJRoot, sector, true, nil), isoRecord([]byte{1}, isoJRoot, sector, true, nil)...)
	for _, n := range names {
		size := uint32(len(files[n]))
		root = append(root, isoRecord([]byte(plainName(n)+".;1"), next, size, false, susp(false, n))...)
		joliet = append(joliet, isoRecord(ucs2(n+";1"), next, size, false, nil)...)
		next += (size + sector - 1) / sector
	}
	if len(root) > sector || len(joliet) > sector {
		return nil, fault.New(fault.Internal, "too many files for a seed")
	}
	// 150 sectors of nothing at the end, as mkisofs adds: drives read ahead.
	image := make([]byte, (next+150)*sector)
	put := func(at uint32, b []byte) { copy(image[at*sector:], b) }
	put(isoPVD, isoDescriptor(1, next+150, seedLabel, nil, isoPathL, isoPathM, isoRoot))
	put(isoSVD, isoDescriptor(2, next+150, seedLabel, []byte("%/E"), isoJPathL, isoJPathM, isoJRoot))
	put(isoEnd, []byte("\xffCD001\x01"))
	for at, dir := range map[uint32]uint32{isoPathL: isoRoot, isoJPathL: isoJRoot} {
		put(at, append(binary.LittleEndian.AppendUint32([]byte{1, 0}, dir), 1, 0, 0, 0))
		put(at+1, append(binary.BigEndian.AppendUint32([]byte{1, 0}, dir), 0, 1, 0, 0))
	}
	put(isoRoot, root)
	put(isoJRoot, joliet)
	at := uint32(isoFiles)
	for _, n := range names {
		put(at, files[n])
		at += (uint32(len(files[n])) + sector - 1) / sector
	}
	return image, nil
}

// isoDescriptor is a volume descriptor: primary (1), or with escape the Joliet one (2).
func isoDescriptor(kind byte, sectors uint32, label string, escape []byte, pathL, pathM, root uint32) []byte {
	b := make([]byte, sector)
	text := func(at, n int, s string) {
		field := bytes.Repeat([]byte(" "), n)
		if escape != nil {
			field = ucs2(strings.Repeat(" ", n/2))
			copy(field, ucs2(s))
		} else {
			copy(field, s)
		}
		copy(b[at:], field)
	}
	b[0] = kind
	copy(b[1:], "CD001\x01")
	text(8, 32, "")
	text(40, 32, label)
	copy(b[80:], both32(sectors))
	copy(b[88:], escape)
	copy(b[120:], both16(1)) // volumes in the set
	copy(b[124:], both16(1)) // this one's number
	copy(b[128:], both16(sector))
	copy(b[132:], both32(10)) // size of the path table: one folder
	binary.LittleEndian.PutUint32(b[140:], pathL)
	binary.BigEndian.PutUint32(b[148:], pathM)
	copy(b[156:], isoRecord([]byte{0}, root, sector, true, nil))
	for _, f := range [][2]int{{190, 128}, {318, 128}, {446, 128}, {574, 128}, {702, 37}, {739, 37}, {776, 37}} {
		text(f[0], f[1], "")
	}
	for _, at := range []int{813, 830, 847, 864} { // dates, none given
		copy(b[at:], "0000000000000000\x00")
	}
	b[881] = 1
	return b
}

// isoRecord is a directory record.
func isoRecord(name []byte, at, size uint32, dir bool, system []byte) []byte {
	b := make([]byte, 33, 255)
	copy(b[2:], both32(at))
	copy(b[10:], both32(size))
	copy(b[18:], []byte{126, 1, 1, 0, 0, 0, 0}) // 2026-01-01: the same seed, the same bytes
	if dir {
		b[25] = 2
	}
	copy(b[28:], both16(1))
	b[32] = byte(len(name))
	b = append(b, name...)
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	b = append(b, system...)
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	b[0] = byte(len(b))
	return b
}

// susp are a record's Rock Ridge entries. The root's own record announces them.
func susp(first bool, name string) []byte {
	var b []byte
	if first {
		b = append(b, 'S', 'P', 7, 1, 0xbe, 0xef, 0)
	}
	mode := uint32(0o100400)
	if name == "" {
		mode = 0o040500
	}
	b = append(b, 'P', 'X', 36, 1)
	for _, v := range []uint32{mode, 1, 0, 0} { // mode, links, owner, group
		b = append(b, both32(v)...)
	}
	if name != "" {
		b = append(b, 'N', 'M', byte(5+len(name)), 1, 0)
		b = append(b, name...)
	}
	if first {
		// Linux takes Rock Ridge over Joliet only where it is announced.
		b = append(b, 'E', 'R', 18, 1, 10, 0, 0, 1)
		b = append(b, "RRIP_1991A"...)
	}
	return b
}

// plainName is the name for readers that know neither extension: the eight characters of ISO 9660
// level 1. "network-config" and "user-data" stay apart and in order.
func plainName(name string) string {
	n := strings.ToUpper(strings.ReplaceAll(name, "-", ""))
	return n[:min(8, len(n))]
}

// ucs2 is Joliet's spelling.
func ucs2(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.BigEndian.AppendUint16(b, u)
	}
	return b
}

// both32 and both16 are ISO 9660's numbers: little-endian, then big-endian.
func both32(v uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, v), v)
}

func both16(v uint16) []byte {
	return binary.BigEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, v), v)
}
