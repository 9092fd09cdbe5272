package drivers

import "time"

// State is where a VM stands, in one vocabulary for all providers. The provider's own word goes
// beside it, in VM.ProviderState.
type State string

// The states a provider can report. PAUSED keeps memory in RAM, SUSPENDED has it on disk.
const (
	StateRunning   State = "RUNNING"
	StatePaused    State = "PAUSED"
	StateSuspended State = "SUSPENDED"
	StateStopped   State = "STOPPED"
	StateStarting  State = "STARTING"
	StateStopping  State = "STOPPING"
	StateMigrating State = "MIGRATING"
	StateError     State = "ERROR"
	StateUnknown   State = "UNKNOWN"
)

// Accelerator is how a VM's CPU is run.
type Accelerator string

// AUTO takes KVM where the host has it. QEMU is emulation: slow, works everywhere.
const (
	AcceleratorAuto Accelerator = "AUTO"
	AcceleratorKVM  Accelerator = "KVM"
	AcceleratorQEMU Accelerator = "QEMU"
)

// Firmware is what a VM boots with.
type Firmware string

// The firmwares.
const (
	FirmwareBIOS Firmware = "BIOS"
	FirmwareUEFI Firmware = "UEFI"
)

// VM is one virtual machine as its provider describes it at this moment.
type VM struct {
	Ref           Ref    `json:"ref"`
	Name          string `json:"name"`
	Node          string `json:"node"`          // the host it is on, by the name in Survey.Nodes; empty where there is but one
	Token         string `json:"token"`         // the CreateRequest's, when we made it
	Owner         string `json:"owner"`         // as Token
	State         State  `json:"state"`         //
	StateReason   string `json:"stateReason"`   // why it is so, in lower case words: "booted", "crashed", "I/O error"
	ProviderState string `json:"providerState"` // the provider's own word: "shut off"

	Description  string      `json:"description"`
	VCPUs        int         `json:"vcpus"`           // online now, or at the next start when stopped
	VCPUsMax     int         `json:"vcpusMax"`        // up to which they can be added without a restart
	MemoryMiB    int64       `json:"memoryMiB"`       // the guest's at present
	MemoryWanted int64       `json:"memoryWantedMiB"` // MiB; what it was given: a running guest that has another amount is on its way there, or declines
	MemoryMax    int64       `json:"memoryMaxMiB"`    // MiB; up to which it can grow without a restart
	Architecture string      `json:"architecture"`    // "x86_64"
	Machine      string      `json:"machine"`         // the provider's machine type: "pc-q35-7.2"
	Firmware     Firmware    `json:"firmware"`
	Accelerator  Accelerator `json:"accelerator"` // KVM or QEMU; empty where the question makes no sense
	Autostart    bool        `json:"autostart"`
	Disks        []Disk      `json:"disks"`
	NICs         []NIC       `json:"nics"`

	// Pending are changes that its stored definition has and the running VM has not: they come with the next start.
	Pending []PendingChange `json:"pending"`

	SerialConsole bool `json:"serialConsole"` // it has one
	VNC           bool `json:"vnc"`           // it has one
	GuestAgent    bool `json:"guestAgent"`    // its channel is there and the agent has opened it

	// Problem says why the rest of this VM could not be read; empty when all of it was.
	Problem string `json:"problem"`
}

// PendingChange is one field that a restart will change.
type PendingChange struct {
	Field   string `json:"field"`   // as in the API: "vcpus", "memoryMiB"
	Current string `json:"current"` //
	Next    string `json:"next"`    //
}

// Disk is a drive of a VM.
type Disk struct {
	Name          string `json:"name"`          // the guest-side target: "vda"; a disk's identity within its VM
	Device        string `json:"device"`        // "disk", "cdrom", "floppy"
	Bus           string `json:"bus"`           // "virtio", "scsi", "sata", "ide", "usb"
	Format        string `json:"format"`        // "qcow2", "raw"
	Pool          string `json:"pool"`          // empty when the file lies outside all pools
	Volume        string `json:"volume"`        // the volume's name in its pool
	Path          string `json:"path"`          // at the provider; empty for an empty drive
	Backing       string `json:"backing"`       // the file it is an overlay of; empty for none
	CapacityBytes int64  `json:"capacityBytes"` // what the guest sees
	UsedBytes     int64  `json:"usedBytes"`     // what it takes at the provider; 0 when not known
	ReadOnly      bool   `json:"readOnly"`
	Seed          bool   `json:"seed"` // it is the cloud-init seed that we made
}

// NIC is a network interface of a VM.
type NIC struct {
	MAC     string `json:"mac"`     // lower case, colons; a NIC's identity within its VM
	Type    string `json:"type"`    // "network", "bridge", "direct", "user"
	Network string `json:"network"` // the network's, bridge's or device's name
	Model   string `json:"model"`   // "virtio", "e1000"
	LinkUp  bool   `json:"linkUp"`
}

// PowerAction is a change of power state. Each says what it does.
type PowerAction string

// The power actions.
const (
	PowerStart    PowerAction = "START"     // boot it, or go on from where SUSPEND left it
	PowerShutdown PowerAction = "SHUTDOWN"  // ask the guest; done when it is off; Deadline if it does not within ShutdownDeadline
	PowerOff      PowerAction = "POWER_OFF" // pull the plug: unsaved data is lost
	PowerReboot   PowerAction = "REBOOT"    // ask the guest
	PowerReset    PowerAction = "RESET"     // press the button: unsaved data is lost
	PowerPause    PowerAction = "PAUSE"     // stop the CPUs, keep memory in RAM
	PowerResume   PowerAction = "RESUME"    // undo PAUSE or SUSPEND
	PowerSuspend  PowerAction = "SUSPEND"   // memory to disk, then off
)

// ShutdownDeadline is how long a guest may take to shut down before SHUTDOWN answers Deadline.
// Windows installing updates takes longer; then a person decides, not we.
const ShutdownDeadline = 3 * time.Minute

// Task is work under way at a provider. One that has Done set needs no Poll.
type Task struct {
	ID       string  `json:"id"`       // the driver's own; empty when it was done at once
	Ref      Ref     `json:"ref"`      // the VM it is about
	Done     bool    `json:"done"`     //
	Progress float64 `json:"progress"` // 0 to 1
	Note     string  `json:"note"`     // what it is doing, for people; when it is done, what is still to be known
}

// Done is the task of a call that has already finished.
func Done(ref Ref) Task { return Task{Ref: ref, Done: true, Progress: 1} }
