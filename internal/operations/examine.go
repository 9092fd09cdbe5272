package operations

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// examine tells a file's format by its content, and refuses what must not become a disk: a file that is
// no image, one of another format than was said, one that draws on other files of the host.
func examine(f io.ReaderAt, size int64, said string) (string, error) {
	head := make([]byte, 64<<10)
	n, err := f.ReadAt(head, 0)
	if err != nil && n == 0 {
		return "", fault.New(fault.Invalid, "the file is empty")
	}
	head = head[:n]
	is := ""
	switch {
	case bytes.HasPrefix(head, []byte("QFI\xfb")):
		is = "qcow2"
		if err := examineQCOW2(head); err != nil {
			return "", err
		}
	case packed(head) != "":
		return "", fault.New(fault.Invalid, "the file is packed with %s", packed(head)).At("format").With("Unpack it and bring what was inside.")
	case bytes.HasPrefix(head, []byte("KDMV")), bytes.HasPrefix(head, []byte("vhdxfile")), bytes.HasPrefix(head, []byte("conectix")), bytes.HasPrefix(head, []byte("# Disk DescriptorFile")):
		return "", fault.New(fault.Invalid, "the file is another hypervisor's disk").At("format").With("Convert it first: qemu-img convert -O qcow2.")
	case n > 0x8006 && string(head[0x8001:0x8006]) == "CD001":
		is = "iso"
	case n >= 512 && head[510] == 0x55 && head[511] == 0xaa:
		is = "raw"
	}
	switch {
	case is == "iso" && said == "raw", is == "" && said == "raw" && size%512 == 0:
		return "raw", nil // a disk without a partition table; an ISO that is a disk too
	case is == "":
		return "", fault.New(fault.Invalid, "the file is no disk image").At("format").With("Bring a qcow2 or raw image or an ISO.")
	case said != "" && said != is:
		return "", fault.New(fault.Invalid, "the file is %s, not %s", is, said).At("format").With("Say what it is, or leave it out.")
	}
	return is, nil
}

// examineQCOW2 looks at the header: QEMU's docs/interop/qcow2.txt.
func examineQCOW2(head []byte) error {
	if len(head) < 104 {
		return fault.New(fault.Invalid, "the file breaks off in its header")
	}
	version, backing, capacity := binary.BigEndian.Uint32(head[4:]), binary.BigEndian.Uint64(head[8:]), binary.BigEndian.Uint64(head[24:])
	const externalData = 1 << 2
	switch {
	case version != 2 && version != 3:
		return fault.New(fault.Invalid, "the file is qcow%d, which nobody reads any more", version)
	case backing != 0:
		return fault.New(fault.Invalid, "the image needs another file, its backing file").With("Flatten it first: qemu-img convert -O qcow2.")
	case version == 3 && binary.BigEndian.Uint64(head[72:])&externalData != 0:
		return fault.New(fault.Invalid, "the image keeps its data in another file").With("Flatten it first: qemu-img convert -O qcow2.")
	case capacity > fleet.MaxDiskBytes:
		return fault.New(fault.Invalid, "the image claims a disk of %d TiB", capacity>>40)
	case binary.BigEndian.Uint32(head[32:]) != 0:
		return fault.New(fault.Invalid, "the image is encrypted").With("Decrypt it first: qemu-img convert -O qcow2.")
	}
	return nil
}

func packed(head []byte) string {
	for magic, name := range map[string]string{"\x1f\x8b": "gzip", "\xfd7zXZ\x00": "xz", "\x28\xb5\x2f\xfd": "zstd", "BZh": "bzip2", "PK\x03\x04": "zip", "7z\xbc\xaf": "7-Zip"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return name
		}
	}
	return ""
}
