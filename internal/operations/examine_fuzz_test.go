package operations

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/novacron/novacron/internal/fault"
)

// Whatever a file begins with: what passes as a qcow2 stands alone.
func FuzzExamine(f *testing.F) {
	head := make([]byte, 112)
	copy(head, "QFI\xfb\x00\x00\x00\x03")
	f.Add(head, int64(1<<20), "")
	f.Add([]byte("# Disk DescriptorFile"), int64(512), "raw")
	f.Add(append(make([]byte, 510), 0x55, 0xaa), int64(512), "raw")
	f.Add([]byte("\x1f\x8b"), int64(2), "qcow2")
	f.Fuzz(func(t *testing.T, head []byte, size int64, said string) {
		is, err := examine(bytes.NewReader(head), size, said)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%v is not about the file", err)
			}
			return
		}
		if said != "" && is != said {
			t.Fatalf("%s passes as %s", is, said)
		}
		if is == "qcow2" && (binary.BigEndian.Uint64(head[8:]) != 0 || binary.BigEndian.Uint32(head[4:]) == 3 && binary.BigEndian.Uint64(head[72:])&4 != 0) {
			t.Fatal("an image that needs another file passes")
		}
	})
}
