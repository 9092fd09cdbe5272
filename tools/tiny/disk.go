//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	sectorSize = 512
	mib        = 1 << 20

	// Where the master boot record keeps the second partition: 16 bytes per entry from 446 on, its
	// first sector at +8, its length in sectors at +12.
	mbrStart2, mbrLength2 = 446 + 16 + 8, 446 + 16 + 12

	ext4ResizeFS = 0x40086610 // EXT4_IOC_RESIZE_FS, _IOW('f', 16, __u64)
)

// diskSize says how many bytes a block device holds, by its kernel name ("vda", "vda2").
func diskSize(name string) (int64, error) {
	text, err := os.ReadFile(filepath.Join("/sys/class/block", name, "size"))
	if err != nil {
		return 0, fmt.Errorf("reading the size of %s: %w", name, err)
	}
	sectors, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading the size of %s: %w", name, err)
	}
	return sectors * sectorSize, nil
}

// grow makes partition 2 reach the end of the disk and the mounted ext4 file system reach the end
// of the partition, while both are in use. A disk that is full already is left alone.
func grow(disk string) error {
	part := partition2(disk)
	size, err := diskSize(disk)
	if err != nil {
		return err
	}
	was, err := diskSize(part)
	if err != nil {
		return err
	}
	dev, err := os.OpenFile("/dev/"+disk, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("growing %s: %w", disk, err)
	}
	defer dev.Close()

	var record [sectorSize]byte
	if _, err := dev.ReadAt(record[:], 0); err != nil {
		return fmt.Errorf("reading the partition table of %s: %w", disk, err)
	}
	sectors, ok := stretchPartition2(&record, size/sectorSize)
	if !ok {
		return nil
	}
	if _, err := dev.WriteAt(record[:], 0); err != nil {
		return fmt.Errorf("writing the partition table of %s: %w", disk, err)
	}
	start := int64(binary.LittleEndian.Uint32(record[mbrStart2:]))
	if err := resizePartition(dev, 2, start*sectorSize, sectors*sectorSize); err != nil {
		return fmt.Errorf("telling the kernel of the larger %s: %w", part, err)
	}
	if err := resizeExt4("/", sectors*sectorSize); err != nil {
		return fmt.Errorf("growing the file system on %s: %w", part, err)
	}
	say("GREW %s %d MiB (root file system %d -> %d MiB) uptime=%s", disk, size/mib, was/mib, sectors*sectorSize/mib, uptime())
	return nil
}

func partition2(disk string) string {
	if last := disk[len(disk)-1]; last >= '0' && last <= '9' {
		return disk + "p2" // nvme0n1 -> nvme0n1p2
	}
	return disk + "2"
}

// stretchPartition2 edits a master boot record so that partition 2 ends where the disk does. It
// says the new length in sectors, and whether anything had to change. The format ends at 2 TiB.
func stretchPartition2(record *[sectorSize]byte, diskSectors int64) (int64, bool) {
	if !bytes.Equal(record[510:], []byte{0x55, 0xaa}) {
		return 0, false
	}
	start := int64(binary.LittleEndian.Uint32(record[mbrStart2:]))
	length := int64(binary.LittleEndian.Uint32(record[mbrLength2:]))
	want := min(diskSectors-start, 1<<32-1)
	want -= want % 8 // whole file system blocks of 4 KiB
	if start == 0 || length == 0 || want <= length {
		return length, false
	}
	binary.LittleEndian.PutUint32(record[mbrLength2:], uint32(want))
	return want, true
}

// resizePartition changes the kernel's idea of a partition that is in use; re-reading the whole
// table is refused then. (linux/blkpg.h)
func resizePartition(disk *os.File, number int32, start, length int64) error {
	partition := struct {
		start, length   int64
		number          int32
		devname, volume [64]byte
		_               [4]byte
	}{start: start, length: length, number: number}
	request := struct {
		op, flags, length int32
		_                 int32
		data              unsafe.Pointer
	}{op: unix.BLKPG_RESIZE_PARTITION, length: int32(unsafe.Sizeof(partition)), data: unsafe.Pointer(&partition)}
	return ioctl(disk, unix.BLKPG, unsafe.Pointer(&request))
}

func resizeExt4(mountPoint string, size int64) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(mountPoint, &fs); err != nil {
		return err
	}
	dir, err := os.Open(mountPoint)
	if err != nil {
		return err
	}
	defer dir.Close()
	blocks := uint64(size / fs.Bsize)
	return ioctl(dir, ext4ResizeFS, unsafe.Pointer(&blocks))
}

func ioctl(f *os.File, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// isSeedLabel tells whether a device, of which the first 40 KiB are given, carries the volume label
// of a NoCloud seed: "cidata" in either case, on ISO 9660 or FAT.
func isSeedLabel(head []byte) (fstype string, ok bool) {
	label := func(from, length int) bool {
		return len(head) >= from+length &&
			strings.EqualFold(strings.TrimRight(string(head[from:from+length]), " \x00"), "cidata")
	}
	switch {
	case len(head) > 32774 && string(head[32769:32774]) == "CD001" && label(32808, 32):
		return "iso9660", true
	case label(43, 11), label(71, 11): // FAT12/16, FAT32
		return "vfat", true
	}
	return "", false
}

// findSeed looks through all disks and partitions for a NoCloud seed.
func findSeed() (device, fstype string, found bool) {
	entries, err := os.ReadDir("/sys/class/block")
	if err != nil {
		return "", "", false
	}
	head := make([]byte, 40<<10)
	for _, e := range entries {
		device := "/dev/" + e.Name()
		f, err := os.Open(device)
		if err != nil {
			continue // an empty CD drive
		}
		n, _ := f.ReadAt(head, 0) // a device shorter than that is judged by what it has
		_ = f.Close()
		if fstype, ok := isSeedLabel(head[:n]); ok {
			return device, fstype, true
		}
	}
	return "", "", false
}
