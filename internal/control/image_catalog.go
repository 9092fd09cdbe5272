package control

import (
	"context"
	"os"

	"github.com/novacron/novacron/internal/fleet"
)

// offer is an image of the catalogue and how its checksum is found.
type offer struct {
	fleet.CatalogImage
	sums string // a list of checksums that the distribution publishes beside it
	file string // on our own disk
}

// tinyKey is NovaCron's own image: a kernel and a shell that honour a seed and run a guest agent.
const tinyKey = "novacron-tiny"

// offers are the distributions' own images, from their own servers: those for NoCloud, and of the
// current point release where a distribution has a name for that.
var offers = []offer{
	debian("debian-13", "Debian 13", "trixie", "debian-13"),
	debian("debian-12", "Debian 12", "bookworm", "debian-12"),
	ubuntu("ubuntu-24.04", "24.04"),
	ubuntu("ubuntu-22.04", "22.04"),
	linux("fedora-43", "Fedora 43", "fedora", 560<<20, 1024,
		"https://download.fedoraproject.org/pub/fedora/linux/releases/43/Cloud/x86_64/images/", "Fedora-Cloud-Base-Generic-43-1.6.x86_64.qcow2", "Fedora-Cloud-43-1.6-x86_64-CHECKSUM"),
	linux("rocky-9", "Rocky Linux 9", "rocky", 620<<20, 1024,
		"https://dl.rockylinux.org/pub/rocky/9/images/x86_64/", "Rocky-9-GenericCloud-Base.latest.x86_64.qcow2", "Rocky-9-GenericCloud-Base.latest.x86_64.qcow2.CHECKSUM"),
	linux("almalinux-9", "AlmaLinux 9", "almalinux", 520<<20, 1024,
		"https://repo.almalinux.org/almalinux/9/cloud/x86_64/images/", "AlmaLinux-9-GenericCloud-latest.x86_64.qcow2", "CHECKSUM"),
	linux("opensuse-leap-15.6", "openSUSE Leap 15.6", "opensuse", 330<<20, 768,
		"https://download.opensuse.org/distribution/leap/15.6/appliances/", "openSUSE-Leap-15.6-Minimal-VM.x86_64-Cloud.qcow2", "openSUSE-Leap-15.6-Minimal-VM.x86_64-Cloud.qcow2.sha256"),
	linux("alpine-3.22", "Alpine Linux 3.22", "alpine", 200<<20, 256,
		"https://dl-cdn.alpinelinux.org/alpine/v3.22/releases/cloud/", "nocloud_alpine-3.22.4-x86_64-bios-cloudinit-r0.qcow2", "nocloud_alpine-3.22.4-x86_64-bios-cloudinit-r0.qcow2.sha512"),
}

func linux(key, name, user string, size int64, memory int, dir, file, sums string) offer {
	return offer{CatalogImage: fleet.CatalogImage{Key: key, Name: name, OS: name, Architecture: "x86_64", URL: dir + file, SizeBytes: size,
		DefaultUser: user, MinMemoryMiB: memory, Available: true}, sums: dir + sums}
}

func debian(key, name, release, file string) offer {
	return linux(key, name, "debian", 340<<20, 512, "https://cloud.debian.org/images/cloud/"+release+"/latest/", file+"-genericcloud-amd64.qcow2", "SHA512SUMS")
}

func ubuntu(key, release string) offer {
	return linux(key, "Ubuntu "+release+" LTS", "ubuntu", 600<<20, 1024, "https://cloud-images.ubuntu.com/releases/"+release+"/release/",
		"ubuntu-"+release+"-server-cloudimg-amd64.img", "SHA256SUMS")
}

// catalog is all that can be imported with one click, here and now.
func (c *Control) catalog() []offer {
	tiny := offer{CatalogImage: fleet.CatalogImage{Key: tinyKey, Name: "NovaCron Tiny", OS: "NovaCron Tiny", Architecture: "x86_64",
		DefaultUser: "root", MinMemoryMiB: 96}, file: c.o.TinyImage}
	if info, err := os.Stat(c.o.TinyImage); err == nil && info.Mode().IsRegular() {
		tiny.Available, tiny.SizeBytes = true, info.Size()
	} else {
		tiny.Reason = "It is not installed here: NOVACRON_TINY_IMAGE names no file"
	}
	return append([]offer{tiny}, offers...)
}

// Catalog is the images that can be imported with one click.
func (c *Control) Catalog(ctx context.Context) ([]fleet.CatalogImage, error) {
	if _, err := c.may(ctx, "imageCatalog"); err != nil {
		return nil, err
	}
	all := c.catalog()
	shown := make([]fleet.CatalogImage, len(all))
	for i, o := range all {
		shown[i] = o.CatalogImage
	}
	return shown, nil
}
