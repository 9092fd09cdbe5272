// Package drivers is the contract between NovaCron and whatever runs virtual machines.
//
// Implementers write a Driver: a small core that every provider has, and as many of the optional
// capabilities in capabilities.go as theirs can do. Callers never see a Driver: they hold a *Conn,
// which adds deadlines, limits, health and error context to every call and answers
// fault.Unsupported where a capability is missing.
//
// The driver's words are the provider's truth. What NovaCron makes of them (its own ids, tenants,
// what is wanted rather than seen) is no concern of this package.
package drivers

import (
	"context"
	"io"
	"iter"
	"time"
)

// Kind names a family of providers.
type Kind string

// The providers. A kind is stored and shown; it never changes its spelling.
const (
	KindFake    Kind = "FAKE"
	KindLibvirt Kind = "LIBVIRT"
)

// Ref is a VM's own id at its provider: a domain's UUID, an instance id. Unique within one
// connection only; opaque outside the driver that made it.
type Ref string

// Driver is one open connection to a provider. All methods are safe for concurrent use, end soon
// after their context does, and return errors classified by package fault.
type Driver interface {
	// Info tells the facts of this connection. It does no I/O: they were read when it was opened.
	Info() Info

	// Ping makes the cheapest round trip that proves the provider answers.
	Ping(ctx context.Context) error

	// List yields every VM that the credentials can see, in no order. At most one error is yielded,
	// and last: a loop that ends without one has seen everything, and only then may a caller conclude
	// that a VM is gone. A VM that cannot be read whole is yielded with its Problem set, not skipped.
	List(ctx context.Context, o ListOptions) iter.Seq2[VM, error]

	// Get reads one VM. NotFound when there is none.
	Get(ctx context.Context, ref Ref) (VM, error)

	// Create makes a VM and, if asked, starts it. Task.Ref is the new VM once the task is done.
	// Calling again with the same Token adopts what the first call made, even if its reply was lost:
	// it never makes a second VM. Exists when the name is taken by a VM of another token.
	// A create that fails leaves nothing behind that Delete of the same token's VM would not remove.
	Create(ctx context.Context, r CreateRequest) (Task, error)

	// Delete removes a VM and does to each of its disks what o says. One that runs is switched off first.
	// A VM that is already gone is a success; so is one whose disks are.
	Delete(ctx context.Context, ref Ref, o DeleteOptions) (Task, error)

	// Power changes the power state. A VM that is already so is a success.
	Power(ctx context.Context, ref Ref, to PowerAction) (Task, error)

	// Poll reports how a task stands. Any process may ask, after any restart of ours. The error of work
	// that has failed is Poll's error, however often it is asked; NotFound when it knows of no such task.
	Poll(ctx context.Context, t Task) (Task, error)

	// Close ends the connection and whatever calls are under way. Safe to call twice.
	io.Closer
}

// Config is all that is needed to open a connection. It holds typed fields only: no URI and no
// option string of a user ever reaches a provider's library.
type Config struct {
	Kind        Kind
	Name        string      // what the user calls the connection; for messages only
	Transport   Transport   // how to get there; libvirt only
	Host        string      // DNS name or address; empty for the local machine
	Port        int         // 0: the transport's own
	User        string      // who to be there
	Accelerator Accelerator // for VMs that do not say
	Secrets     Secrets
}

// Secrets are the credentials of a connection. They never leave the process but to the provider.
type Secrets struct {
	CACert     []byte `json:"caCert,omitempty"`     // PEM; TLS: who may have signed the server's certificate
	ClientCert []byte `json:"clientCert,omitempty"` // PEM
	ClientKey  []byte `json:"clientKey,omitempty"`  // PEM
	SSHKey     []byte `json:"sshKey,omitempty"`     // private key, OpenSSH format
	SSHHostKey []byte `json:"sshHostKey,omitempty"` // the server's public key, authorized_keys format
	Password   string `json:"password,omitempty"`
}

// String and LogValue keep secrets out of logs whatever the verb.
func (Secrets) String() string { return "(secrets)" }

// GoString is String.
func (Secrets) GoString() string { return "(secrets)" }

// Transport is how a libvirt connection travels.
type Transport string

// The transports. LOCAL is the daemon's own socket on this machine.
const (
	TransportLocal Transport = "LOCAL"
	TransportTLS   Transport = "TLS"
	TransportSSH   Transport = "SSH"
)

// Opener opens a connection of one kind. It returns once the connection has answered, or
// with the reason why it does not: a fault whose message and remedy a user can act on.
type Opener func(ctx context.Context, c Config) (Driver, error)

// Info is what a driver knows of its connection. It is stored and shown as it is.
type Info struct {
	Kind       Kind     `json:"kind"`
	Version    string   `json:"version"`    // of the provider, in its own words: "libvirt 9.0.0, QEMU 7.2.22"
	URI        string   `json:"uri"`        // where we are connected, for people; holds no secret
	Features   Features `json:"features"`   // what can be done at all
	Limits     Limits   `json:"limits"`     // how much
	Encryption string   `json:"encryption"` // of the wire: "TLS 1.3", "SSH", "local socket"
}

// Features are yes/no facts that plans, the capability matrix and greyed-out buttons come from.
type Features struct {
	HotAddCPU        bool          `json:"hotAddCPU"`        // vCPUs can be added to a running VM up to its maximum
	HotRemoveCPU     bool          `json:"hotRemoveCPU"`     // and taken away
	Balloon          bool          `json:"balloon"`          // memory can be changed below the maximum while running
	HotAddMemory     bool          `json:"hotAddMemory"`     // memory can be grown above what it booted with
	HotAttachDisk    bool          `json:"hotAttachDisk"`    //
	HotAttachNIC     bool          `json:"hotAttachNIC"`     //
	HotGrowDisk      bool          `json:"hotGrowDisk"`      //
	SnapshotMemory   bool          `json:"snapshotMemory"`   // a running VM's memory can be part of a snapshot
	SnapshotExternal bool          `json:"snapshotExternal"` // snapshots as overlay files
	UEFI             bool          `json:"uefi"`             //
	Pause            bool          `json:"pause"`            //
	Suspend          bool          `json:"suspend"`          // memory to disk
	SerialConsole    bool          `json:"serialConsole"`    //
	VNC              bool          `json:"vnc"`              //
	GuestAgent       bool          `json:"guestAgent"`       //
	Upload           bool          `json:"upload"`           // images can be sent into its storage
	Accelerators     []Accelerator `json:"accelerators"`
}

// Limits bound what one connection is asked. Zero means that the provider sets none.
type Limits struct {
	MaxVCPUs      int           `json:"maxVCPUs"`
	MaxMemoryMiB  int64         `json:"maxMemoryMiB"`
	MaxNameLength int           `json:"maxNameLength"`
	Calls         int           `json:"calls"`    // calls in flight at once that it stands
	Deadline      time.Duration `json:"deadline"` // of one ordinary call
}

// ListOptions narrows what List has to read.
type ListOptions struct {
	// Brief asks only for what is cheap: ref, name, state. Everything else may be zero.
	Brief bool
}
