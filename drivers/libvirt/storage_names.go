package libvirt

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"
	"unicode"
)

// Names of the volumes that we make. They derive from the VM's name, for people, and from the
// token, so that a call that is made again finds what the first one made and never meets a
// stranger's volume.

// digest is a short, stable stand-in for words that may be long or strange.
func digest(words ...string) string {
	h := sha256.New()
	for _, w := range words {
		h.Write([]byte(w))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// ownName is the stem of a volume made for a VM: "web1-3f2a9c01b7de-0".
func ownName(vmName, token, what string) string {
	return readable(vmName) + "-" + digest(token, vmName) + "-" + what
}

// readable makes a VM's name fit for a file's: VMs made by others can be called anything.
func readable(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r)) {
			return r
		}
		return '_'
	}, name)
	clean = strings.TrimLeft(clean, ".-_")
	if clean == "" {
		return "vm"
	}
	return clean[:min(len(clean), 120)]
}

// overlayMark stands in the names of the overlays that external snapshots make: before it the name
// of the disk's first file without its extension, after it the overlay's own digest.
const overlayMark = ".snap-"

// overlayName is the volume that a disk goes on in after an external snapshot.
func overlayName(current, id string) string { return stem(current) + overlayMark + id + ".qcow2" }

// stem is what the files of one disk have in common.
func stem(file string) string {
	name := path.Base(file)
	if i := strings.LastIndex(name, overlayMark); i >= 0 {
		return name[:i]
	}
	name = strings.TrimSuffix(name, path.Ext(name))
	return name[:min(len(name), maxVolumeName)]
}

// isOverlay tells whether a file has the name of an overlay of ours.
func isOverlay(file string) bool { return strings.Contains(path.Base(file), overlayMark) }

// Markers are empty volumes whose names say that another volume is still being written, or who
// wrote it: libvirt keeps no word of ours with a volume. They are not shown.
const markerPrefix = ".novacron-"

const (
	making = "making" // not whole yet: must not be used
	made   = "made"   // whole, and whose
)

// markerName names the marker of a volume for a token; without one, what all of them begin with.
func markerName(state, volume, token string) string {
	prefix := markerPrefix + state + "-" + digest(volume) + "-"
	if token == "" {
		return prefix
	}
	return prefix + digest(token)
}
