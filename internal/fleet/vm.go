package fleet

import (
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/novacron/novacron/drivers"
)

// VMStatus is how a VM stands: drivers.State and the two states that only a manager knows.
type VMStatus string

// The VM statuses.
const (
	VMProvisioning VMStatus = "PROVISIONING"
	VMRunning      VMStatus = "RUNNING"
	VMPaused       VMStatus = "PAUSED"
	VMSuspended    VMStatus = "SUSPENDED"
	VMStopped      VMStatus = "STOPPED"
	VMStarting     VMStatus = "STARTING"
	VMStopping     VMStatus = "STOPPING"
	VMMigrating    VMStatus = "MIGRATING"
	VMDeleting     VMStatus = "DELETING"
	VMError        VMStatus = "ERROR"
	VMUnknown      VMStatus = "UNKNOWN"
)

// VMStatuses are all of them, in the order that people think of them.
var VMStatuses = []VMStatus{
	VMRunning, VMStopped, VMPaused, VMSuspended, VMProvisioning, VMStarting,
	VMStopping, VMMigrating, VMDeleting, VMError, VMUnknown,
}

// Management is whose a VM is.
type Management string

// DISCOVERED VMs were found on a host; MANAGED ones were made or adopted here.
const (
	Discovered Management = "DISCOVERED"
	Managed    Management = "MANAGED"
)

// ForgetAfterLists is how many full lists in a row must lack a VM before it is forgotten. One is
// too few: a host that restarts its daemon can answer a short list once.
const ForgetAfterLists = 3

// VM is a virtual machine as we manage it. What is seen (ObservedStatus and the configuration) is
// written by inventory only; what is wanted (Intent, OperationID) by operations only.
type VM struct {
	bun.BaseModel `bun:"table:vms,alias:v"`

	ID               uuid.UUID               `bun:"id,pk,type:uuid"`
	TenantID         uuid.UUID               `bun:"tenant_id"`
	ProviderID       uuid.UUID               `bun:"provider_id"`
	HostID           *uuid.UUID              `bun:"host_id,type:uuid"`
	Ref              drivers.Ref             `bun:"ref,nullzero"`
	Name             string                  `bun:"name"`
	Description      string                  `bun:"description"`
	Management       Management              `bun:"management"`
	ObservedStatus   VMStatus                `bun:"observed_status"`
	Intent           *VMStatus               `bun:"intent"`          // where the operation under way is taking it
	Status           VMStatus                `bun:"status,scanonly"` // the intent, else UNKNOWN when missing, else what is observed
	StatusReason     string                  `bun:"status_reason"`
	ProviderState    string                  `bun:"provider_state"`
	Problem          string                  `bun:"problem"`
	OperationID      *uuid.UUID              `bun:"operation_id"`
	HypervisorType   string                  `bun:"hypervisor_type"`
	HypervisorHost   string                  `bun:"hypervisor_host"`
	HypervisorConfig HypervisorConfig        `bun:"hypervisor_config,type:jsonb"`
	VCPUs            int                     `bun:"vcpus"`
	VCPUsMax         int                     `bun:"vcpus_max"`
	MemoryMiB        int64                   `bun:"memory_mib"`
	MemoryWantedMiB  int64                   `bun:"memory_wanted_mib"`
	MemoryMaxMiB     int64                   `bun:"memory_max_mib"`
	Disks            []drivers.Disk          `bun:"disks,type:jsonb"`
	NICs             []drivers.NIC           `bun:"nics,type:jsonb"`
	Pending          []drivers.PendingChange `bun:"pending,type:jsonb"`
	Tags             map[string]string       `bun:"tags,type:jsonb"`
	Addresses        []string                `bun:"addresses,type:jsonb"` // last known, for search
	Version          int                     `bun:"version"`
	Digest           int64                   `bun:"digest"` // of what the provider last said
	SeenAt           time.Time               `bun:"seen_at,nullzero,default:now()"`
	MissingSince     *time.Time              `bun:"missing_since"`
	MissingLists     int                     `bun:"missing_lists"`
	Snapshots        int64                   `bun:"snapshots"`   // as many as it had when they were last counted
	QuotaVCPUs       int64                   `bun:"quota_vcpus"` // Takes, kept for adding up
	QuotaMemoryMiB   int64                   `bun:"quota_memory_mib"`
	QuotaDiskMiB     int64                   `bun:"quota_disk_mib"`
	CreatedAt        time.Time               `bun:"created_at,nullzero,default:now()"`
	UpdatedAt        time.Time               `bun:"updated_at,nullzero,default:now()"`
}

// HypervisorConfig is how a VM is run at its host.
type HypervisorConfig struct {
	Accelerator   drivers.Accelerator `json:"accelerator,omitempty"`
	MachineType   string              `json:"machineType"`
	Firmware      drivers.Firmware    `json:"firmware"`
	Architecture  string              `json:"architecture"`
	Autostart     bool                `json:"autostart"`
	SerialConsole bool                `json:"serialConsole"`
	VNC           bool                `json:"vnc"`
	GuestAgent    bool                `json:"guestAgent"`
}

// StatusUnder is the VM's status when its provider stands as p does: what cannot be asked is UNKNOWN,
// never what it was. A VM that an operation is making or removing keeps that word.
func (v *VM) StatusUnder(p *Provider) VMStatus {
	if !p.Reachable() && p.Status != ProviderConnecting && v.Intent == nil {
		return VMUnknown
	}
	if v.MissingSince != nil && v.Intent == nil {
		return VMUnknown
	}
	if v.Intent != nil {
		return *v.Intent
	}
	return v.ObservedStatus
}

// AsOf is when the provider last confirmed what is shown: the last full list that had the VM, or
// the last time it was read by itself, whichever came later.
func (v *VM) AsOf(p *Provider) time.Time {
	if p.LastSyncAt != nil && v.MissingSince == nil && p.LastSyncAt.After(v.SeenAt) {
		return *p.LastSyncAt
	}
	return v.SeenAt
}

// Seen gives back what the driver said, for drivers.Resizer.PlanResize.
func (v *VM) Seen() drivers.VM {
	return drivers.VM{
		Ref: v.Ref, Name: v.Name, Node: v.HypervisorHost, State: drivers.State(v.ObservedStatus), StateReason: v.StatusReason,
		ProviderState: v.ProviderState, VCPUs: v.VCPUs, VCPUsMax: v.VCPUsMax,
		MemoryMiB: v.MemoryMiB, MemoryWanted: v.MemoryWantedMiB, MemoryMax: v.MemoryMaxMiB,
		Architecture: v.HypervisorConfig.Architecture, Machine: v.HypervisorConfig.MachineType, Firmware: v.HypervisorConfig.Firmware,
		Accelerator: v.HypervisorConfig.Accelerator, Autostart: v.HypervisorConfig.Autostart, Disks: v.Disks, NICs: v.NICs, Pending: v.Pending,
		SerialConsole: v.HypervisorConfig.SerialConsole, VNC: v.HypervisorConfig.VNC, GuestAgent: v.HypervisorConfig.GuestAgent,
	}
}
