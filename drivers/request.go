package drivers

import "time"

// CreateRequest is a VM to be made. The caller has checked it against fleet's rules; a driver
// checks what only it can know (free names, pools, networks, limits of its host).
type CreateRequest struct {
	Token       string // the operation's id: calling again with it adopts what the first call made
	Owner       string // the tenant's id: the VM says for ever whose it is
	Node        string // which host, where there are several
	Name        string
	Description string
	VCPUs       int
	VCPUsMax    int   // 0: VCPUs
	MemoryMiB   int64 //
	MemoryMax   int64 // MiB; 0: MemoryMiB
	Firmware    Firmware
	Machine     string      // empty: the provider's newest stable one
	Accelerator Accelerator // empty: the connection's
	Disks       []DiskRequest
	NICs        []NICRequest
	Seed        *Seed // cloud-init; nil for none
	Autostart   bool
	Start       bool
}

// DiskRequest is a disk to be made or attached. Exactly one of Image, Volume and nothing says where
// its content comes from: a copy of an image, an existing volume used as it is, or an empty disk.
type DiskRequest struct {
	Pool          string     // where a new volume goes; empty: the first pool
	CapacityBytes int64      // 0 with an Image: as large as the image
	Format        string     // "qcow2" (default) or "raw"
	Bus           string     // default "virtio"
	Image         *VolumeRef // copy this volume
	Clone         CloneMode  // how
	Volume        *VolumeRef // use this volume itself
	ReadOnly      bool
	CDROM         bool
}

// VolumeRef names a volume of the provider's storage.
type VolumeRef struct {
	Pool   string `json:"pool"`
	Volume string `json:"volume"`
}

// CloneMode is how a disk is made from an image.
type CloneMode string

// COPY_ON_WRITE is instant and needs the image to stay; FULL copies every byte.
const (
	CloneCopyOnWrite CloneMode = "COPY_ON_WRITE"
	CloneFull        CloneMode = "FULL"
)

// NICRequest is a NIC to be made or attached.
type NICRequest struct {
	Type    string // "network" (default), "bridge", "user"
	Network string // name of the network or bridge; empty: the first network, or "user" where there is none
	Model   string // default "virtio"
	MAC     string // empty: made up by the provider
}

// Seed is the content of a cloud-init NoCloud seed.
type Seed struct {
	Hostname      string
	User          string   // its login name; empty: the image's own
	SSHKeys       []string // authorized_keys lines
	UserData      string   // verbatim; when set, Hostname, User and SSHKeys go into meta-data and vendor-data only
	NetworkConfig string   // verbatim, cloud-init version 1 or 2; empty: DHCP
}

// DiskFate says what becomes of a disk when its VM is deleted or it is detached.
type DiskFate string

// The fates.
const (
	DiskDelete DiskFate = "DELETE"
	DiskKeep   DiskFate = "KEEP"
)

// DeleteOptions says what goes with a VM. Images that disks are overlays of are never touched.
type DeleteOptions struct {
	Disks     map[string]DiskFate // by Disk.Name; a disk that is not named is kept
	Snapshots bool                // false: refuse (Conflict) if there are any
	NVRAM     DiskFate            // the UEFI variables; default DELETE
	Token     string              // when set, the VM is found by its create token should Ref be empty
}

// Resize is a change of a VM's size. Nil and empty mean unchanged.
type Resize struct {
	VCPUs     *int             `json:"vcpus,omitempty"`
	VCPUsMax  *int             `json:"vcpusMax,omitempty"`
	MemoryMiB *int64           `json:"memoryMiB,omitempty"`
	MemoryMax *int64           `json:"memoryMaxMiB,omitempty"`
	Disks     map[string]int64 `json:"disks,omitempty"` // new capacity in bytes, by Disk.Name; only ever larger
}

// GuestDeadline is how long a guest may take to give back memory, or to take what it was given, before the change counts
// as done without it: a guest may be short of memory, or know no balloon.
const GuestDeadline = 2 * time.Minute

// Verdict is what a change of one field means for the VM.
type Verdict struct {
	Field   string `json:"field"`   // "vcpus", "memoryMiB", "disks.vda"
	Current string `json:"current"` // as shown: "2", "1024 MiB", "10 GiB"
	Wanted  string `json:"wanted"`
	Impact  Impact `json:"impact"`
	Reason  string `json:"reason"` // why it is so, one sentence, for people
}

// Impact is how a change reaches the VM.
type Impact string

// The impacts. With RESTART the change is stored and comes with the next start.
const (
	ImpactNone       Impact = "NONE"       // it is so already
	ImpactLive       Impact = "LIVE"       // at once: while it runs, without interruption, or it is off
	ImpactRestart    Impact = "RESTART"    // needs a stop and a start
	ImpactImpossible Impact = "IMPOSSIBLE" // cannot be done
)

// SnapshotRequest is a snapshot to be taken.
type SnapshotRequest struct {
	Token       string // as CreateRequest.Token
	Name        string
	Description string
	Memory      bool // with the running VM's memory; false: disks only
	External    bool // as overlay files rather than inside the image
	Quiesce     bool // ask the guest agent to freeze its file systems meanwhile
}
