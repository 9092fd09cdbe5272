package drivers

import (
	"context"
	"io"
	"time"
)

// The optional capabilities. A driver has one by having its methods, and opens with its table of
// contents: var _ drivers.Resizer = (*Driver)(nil).

// Resizer changes a VM's size.
type Resizer interface {
	// PlanResize says for each changed field how it would reach vm as it stands. It does no I/O.
	PlanResize(vm VM, want Resize) []Verdict
	// Resize applies want: live where the plan says so, otherwise to the stored definition.
	// Conflict when the VM no longer allows what the plan promised, Invalid (and nothing changed) when
	// the plan says IMPOSSIBLE. Already so: success.
	// Memory comes and goes with the guest's help: the task lasts until the guest has exactly what was asked
	// for, or for GuestDeadline; then it is done with a Note of how far the guest has come.
	Resize(ctx context.Context, ref Ref, want Resize) (Task, error)
}

// DeviceAttacher attaches and detaches disks and NICs, live when the VM runs. The change is
// also stored, so that it outlives a restart.
type DeviceAttacher interface {
	// AttachDisk adds a disk and names it. The same token again adopts what the first call attached.
	AttachDisk(ctx context.Context, ref Ref, token string, d DiskRequest) (Disk, error)
	// DetachDisk removes a disk by its name and does to its volume what fate says. Not there: success.
	DetachDisk(ctx context.Context, ref Ref, name string, fate DiskFate) error
	// AttachNIC adds a NIC. The request's MAC is set by the caller, so that a repeated call finds its own.
	AttachNIC(ctx context.Context, ref Ref, n NICRequest) (NIC, error)
	// DetachNIC removes a NIC by its MAC. Not there: success.
	DetachNIC(ctx context.Context, ref Ref, mac string) error
}

// Snapshotter keeps and brings back earlier states of a VM.
type Snapshotter interface {
	// Snapshots lists a VM's snapshots, parents before children.
	Snapshots(ctx context.Context, ref Ref) ([]Snapshot, error)
	// CreateSnapshot takes one. The same token again adopts what the first call made.
	CreateSnapshot(ctx context.Context, ref Ref, r SnapshotRequest) (Snapshot, error)
	// RestoreSnapshot brings the VM back to it; what was not in a snapshot is lost.
	// A snapshot with memory leaves the VM as it was then (running or paused), one without leaves it off.
	// One that fails leaves the VM as it was; where it cannot, the error's remedy says what it is now.
	RestoreSnapshot(ctx context.Context, ref Ref, name string) (Task, error)
	// DeleteSnapshot removes one; its children move to its parent. Already gone: success.
	DeleteSnapshot(ctx context.Context, ref Ref, name string) (Task, error)
}

// Snapshot is an earlier state of a VM.
type Snapshot struct {
	Name        string    `json:"name"` // its identity within the VM
	Description string    `json:"description"`
	Parent      string    `json:"parent"`  // empty for a root
	Current     bool      `json:"current"` // the VM's state goes on from this one
	CreatedAt   time.Time `json:"createdAt"`
	State       State     `json:"state"` // of the VM when it was taken
	Memory      bool      `json:"memory"`
	External    bool      `json:"external"`
	Disks       []string  `json:"disks"` // by name, those whose content it keeps; without one of them it cannot be restored
	Token       string    `json:"token"`
}

// Watcher tells at once when something may have changed.
type Watcher interface {
	// Watch calls emit for every hint until ctx ends (nil) or the connection is lost (the error).
	// A hint may come twice, late, out of order or not at all: it says where to look, not what is there.
	// emit returns quickly.
	Watch(ctx context.Context, emit func(Hint)) error
}

// Hint says that a VM, or (Ref empty) the host itself, may have changed.
type Hint struct {
	Ref  Ref
	Gone bool // the provider says that the VM no longer exists
	Why  string
}

// Surveyor describes what VMs can be made of.
type Surveyor interface {
	Survey(ctx context.Context) (Survey, error)
	// Volumes lists the volumes of one pool. NotFound when there is no such pool.
	Volumes(ctx context.Context, pool string) ([]Volume, error)
}

// Survey is a provider's nodes, storage and networks at one moment.
type Survey struct {
	Nodes    []Node    `json:"nodes"`
	Pools    []Pool    `json:"pools"`
	Networks []Network `json:"networks"`
}

// Node is a host that runs VMs.
type Node struct {
	Name         string            `json:"name"`
	UUID         string            `json:"uuid"` // of the machine: tells when one host is added twice
	CPUModel     string            `json:"cpuModel"`
	CPUs         int               `json:"cpus"` // logical
	Sockets      int               `json:"sockets"`
	Cores        int               `json:"cores"`   // a socket
	Threads      int               `json:"threads"` // a core
	MHz          int               `json:"mhz"`
	MemoryMiB    int64             `json:"memoryMiB"`
	MemoryFree   int64             `json:"memoryFreeMiB"`
	CPUPercent   float64           `json:"cpuPercent"` // busy, of all CPUs, since the last survey; -1 when not known yet
	NUMA         []NUMA            `json:"numa"`
	Architecture string            `json:"architecture"`
	Machines     []string          `json:"machines"` // machine types that VMs can have
	Firmwares    []Firmware        `json:"firmwares"`
	Accelerators []Accelerator     `json:"accelerators"`
	Versions     map[string]string `json:"versions"` // "libvirt": "9.0.0", "QEMU": "7.2.22"
}

// NUMA is a memory cell of a node.
type NUMA struct {
	ID        int   `json:"id"`
	MemoryMiB int64 `json:"memoryMiB"`
	CPUs      []int `json:"cpus"`
}

// Pool is a place for volumes.
type Pool struct {
	Name          string `json:"name"`
	Type          string `json:"type"` // "dir", "nfs", "logical", …
	Active        bool   `json:"active"`
	Path          string `json:"path"`
	CapacityBytes int64  `json:"capacityBytes"`
	FreeBytes     int64  `json:"freeBytes"`
}

// Volume is a disk image, an ISO or any other file of a pool.
type Volume struct {
	Pool          string `json:"pool"`
	Name          string `json:"name"`
	Format        string `json:"format"` // "qcow2", "raw", "iso"
	Path          string `json:"path"`
	CapacityBytes int64  `json:"capacityBytes"`
	UsedBytes     int64  `json:"usedBytes"`
	Backing       string `json:"backing"`
}

// Network is what a NIC can be plugged into.
type Network struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // "network" or "bridge", as NICRequest.Type
	Mode   string `json:"mode"` // "nat", "isolated", "bridge", …
	Active bool   `json:"active"`
	Bridge string `json:"bridge"`
	CIDR   string `json:"cidr"` // empty when it has no address of its own
}

// ImageStore takes disk images in and gives them up.
type ImageStore interface {
	// PutVolume makes a volume from r, which has size bytes. The content is checked before the volume
	// can be used: Invalid when it is not an image of that format, refers to another file, or r turns out
	// to have more or fewer bytes; then no volume is left.
	// A volume of that name that the same token made is replaced; any other is Exists.
	PutVolume(ctx context.Context, v VolumeRef, token, format string, size int64, r io.Reader) (Volume, error)
	// DeleteVolume removes one. Already gone: success. Conflict while a VM or an overlay uses it.
	DeleteVolume(ctx context.Context, v VolumeRef) error
}

// Sampler reads usage, many VMs in one call.
type Sampler interface {
	// Sample reads the running ones among refs (all when nil). A VM that cannot be read is left out.
	Sample(ctx context.Context, refs []Ref) (map[Ref]Sample, error)
}

// Sample is counters of one VM at one moment. Rates are made by subtracting two of them.
type Sample struct {
	At                                                   time.Time     `json:"at"`
	CPUTime                                              time.Duration `json:"cpuTime"` // of all vCPUs since it started
	VCPUs                                                int           `json:"vcpus"`
	MemoryMiB                                            int64         `json:"memoryMiB"`     // given to the guest
	MemoryUsedMiB                                        int64         `json:"memoryUsedMiB"` // by the guest's own count; -1 when it does not say
	MemoryRSSMiB                                         int64         `json:"memoryRssMiB"`  // of the host's memory
	DiskReadBytes, DiskWriteBytes, DiskReads, DiskWrites int64
	NetRxBytes, NetTxBytes                               int64
}

// Guester asks the guests themselves, through their agent or the network's leases.
type Guester interface {
	// Guest reads many guests in one call. A guest that cannot be asked is there with Agent false.
	Guest(ctx context.Context, refs []Ref) (map[Ref]Guest, error)
}

// Guest is what a guest says of itself.
type Guest struct {
	Agent       bool         `json:"agent"` // the guest agent answered; without it only leases are known
	Hostname    string       `json:"hostname"`
	OS          string       `json:"os"`
	Addresses   []Address    `json:"addresses"`
	FileSystems []FileSystem `json:"fileSystems"`
}

// Address is an address of a guest, and who says so.
type Address struct {
	Address   string `json:"address"` // without prefix length
	Prefix    int    `json:"prefix"`
	MAC       string `json:"mac"`
	Interface string `json:"interface"` // the guest's own name for it; empty when only a lease is known
	Source    string `json:"source"`    // "agent", "lease"
}

// FileSystem is one mounted in a guest.
type FileSystem struct {
	Mount      string   `json:"mount"`
	Type       string   `json:"type"`
	TotalBytes int64    `json:"totalBytes"`
	UsedBytes  int64    `json:"usedBytes"`
	Disks      []string `json:"disks"`
}

// ConsoleKind is a way to see and type into a VM.
type ConsoleKind string

// The consoles.
const (
	ConsoleSerial ConsoleKind = "SERIAL"
	ConsoleVNC    ConsoleKind = "VNC"
)

// ConsoleRequest asks for a console.
type ConsoleRequest struct {
	Kind ConsoleKind
	// TakeOver ends the session of whoever has the serial line open: it has one viewer at a time.
	TakeOver bool
}

// Consoler opens consoles.
type Consoler interface {
	// Console opens one. The stream is the console's own protocol: bytes of the serial line, or RFB.
	// It does not end with ctx: it lasts until one side, the VM or the connection closes it.
	// Conflict when the VM is not running or the line is somebody else's, Unsupported with the reason when it cannot be reached.
	Console(ctx context.Context, ref Ref, r ConsoleRequest) (io.ReadWriteCloser, error)
}

// Documenter shows the provider's own document of a VM: a domain's XML.
type Documenter interface {
	Document(ctx context.Context, ref Ref) (string, error)
}
