//go:build linux

package main

import (
	"encoding/binary"
	"testing"
)

func TestStretchPartition2(t *testing.T) {
	const start = 41 * 2048
	for name, test := range map[string]struct {
		length, disk, want int64
		changed            bool
	}{
		"a larger disk":          {100, 1 << 20, 1<<20 - start, true},
		"whole blocks only":      {100, start + 111, 104, true},
		"full already":           {1<<20 - start, 1 << 20, 1<<20 - start, false},
		"a smaller disk":         {1 << 20, 1 << 19, 1 << 20, false},
		"the format's own end":   {100, 1 << 33, 1<<32 - 8, true},
		"no second partition":    {0, 1 << 20, 0, false},
		"less than one block":    {8, start + 15, 8, false},
		"exactly one more block": {8, start + 16, 16, true},
	} {
		t.Run(name, func(t *testing.T) {
			var record [sectorSize]byte
			record[510], record[511] = 0x55, 0xaa
			binary.LittleEndian.PutUint32(record[mbrStart2:], start)
			binary.LittleEndian.PutUint32(record[mbrLength2:], uint32(test.length))
			got, changed := stretchPartition2(&record, test.disk)
			if got != test.want || changed != test.changed {
				t.Errorf("got %d %v, want %d %v", got, changed, test.want, test.changed)
			}
			if kept := int64(binary.LittleEndian.Uint32(record[mbrLength2:])); kept != test.want {
				t.Errorf("the record says %d, want %d", kept, test.want)
			}
		})
	}
}

func TestIsSeedLabel(t *testing.T) {
	iso := make([]byte, 40<<10)
	copy(iso[32769:], "CD001")
	copy(iso[32808:], "cidata                          ")
	fat16 := make([]byte, 512)
	copy(fat16[43:], "CIDATA     ")
	fat32 := make([]byte, 512)
	copy(fat32[71:], "CIDATA     ")
	for name, test := range map[string]struct {
		head []byte
		want string
	}{
		"ISO 9660": {iso, "iso9660"}, "FAT16": {fat16, "vfat"}, "FAT32": {fat32, "vfat"},
		"empty": {nil, ""}, "another disk": {make([]byte, 40<<10), ""},
	} {
		if got, _ := isSeedLabel(test.head); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
