package fleet

import (
	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
)

// NewVM is a VM that somebody asks for, as the API's CreateVMInput: ids resolved, defaults not yet filled in.
type NewVM struct {
	IdempotencyKey string
	ProviderID     uuid.UUID
	Name           string
	Description    string
	VCPUs          int
	VCPUsMax       int // 0: default
	MemoryMiB      int64
	MemoryMaxMiB   int64 // 0: default
	Disks          []NewDisk
	NICs           []drivers.NICRequest // nil: one on the host's first network; empty: none
	Seed           *drivers.Seed
	Firmware       drivers.Firmware
	Machine        string
	Accelerator    drivers.Accelerator // empty: the provider's
	Autostart      bool
	Start          bool
	Tags           map[string]string
}

// NewDisk is a disk that somebody asks for.
type NewDisk struct {
	ImageID       *uuid.UUID
	Clone         drivers.CloneMode
	Volume        *drivers.VolumeRef
	Pool          string
	CapacityBytes int64
	Format        string
	Bus           string
	ReadOnly      bool
	CDROM         bool
}

// VMChange is an update that somebody asks for. Nil means unchanged.
type VMChange struct {
	IfVersion    *int
	Resize       drivers.Resize
	Description  *string
	Tags         *map[string]string
	AllowRestart bool
}

// VMPlan is what an update would mean.
type VMPlan struct {
	Version int
	Changes []drivers.Verdict
}

// Impact is the heaviest of the plan's changes.
func (p VMPlan) Impact() drivers.Impact {
	heaviest := drivers.ImpactNone
	for _, c := range p.Changes {
		if weight(c.Impact) > weight(heaviest) {
			heaviest = c.Impact
		}
	}
	return heaviest
}

func weight(i drivers.Impact) int {
	switch i {
	case drivers.ImpactNone:
		return 0
	case drivers.ImpactLive:
		return 1
	case drivers.ImpactRestart:
		return 2
	case drivers.ImpactImpossible:
		return 3
	}
	return 0
}

// NewProvider is a connection that somebody asks for.
type NewProvider struct {
	Name        string
	Kind        drivers.Kind
	Transport   drivers.Transport
	Host        string
	Port        int
	User        string
	Accelerator drivers.Accelerator
	Secrets     drivers.Secrets
}

// ProviderChange is a change of a connection. Nil means unchanged; so do empty secrets.
type ProviderChange struct {
	IfVersion   *int
	Name        *string
	Host        *string
	Port        *int
	User        *string
	Accelerator *drivers.Accelerator
	Secrets     drivers.Secrets
}
