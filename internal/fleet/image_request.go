package fleet

import "github.com/google/uuid"

// NewImage is an image that somebody wants brought. Of Catalog and URL exactly one.
type NewImage struct {
	ProviderID uuid.UUID
	Pool       string // empty: the host's first
	Catalog    string // a key of the catalogue
	URL        string
	Checksum   string // SHA-256 or SHA-512, hexadecimal; needed for http
	Name       string // empty: the catalogue's or the file's
	Format     string // empty: told by the content's first bytes
}

// NewUpload is an image that somebody wants to send.
type NewUpload struct {
	ProviderID uuid.UUID
	Pool       string // empty: the host's first
	Name       string
	SizeBytes  int64
	Format     string // empty: told by the content's first bytes
	Checksum   string // SHA-256, hexadecimal; empty: not verified
}

// VolumeImage is a volume that somebody wants to use as an image.
type VolumeImage struct {
	ProviderID uuid.UUID
	Pool       string
	Volume     string
	Name       string // empty: the volume's
	OS         string
}

// CatalogImage is an image that can be imported with one click.
type CatalogImage struct {
	Key          string // "debian-12"
	Name         string
	OS           string
	Architecture string
	URL          string // empty when it is part of NovaCron
	SizeBytes    int64  // about; 0 when not known
	DefaultUser  string
	MinMemoryMiB int
	Available    bool
	Reason       string // why not
}

// The bounds of images.
const (
	MaxImageBytes = 64 << 30 // of a file that is brought
	MaxURL        = 2000
)
