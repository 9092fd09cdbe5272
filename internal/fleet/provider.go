package fleet

import (
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// ProviderStatus is how a connection stands.
type ProviderStatus string

// The provider statuses.
const (
	ProviderConnecting  ProviderStatus = "CONNECTING"
	ProviderConnected   ProviderStatus = "CONNECTED"
	ProviderUnreachable ProviderStatus = "UNREACHABLE" // does not answer; tried again by itself
	ProviderError       ProviderStatus = "ERROR"       // refuses us or is set up wrongly; needs somebody
)

// Provider is a connection to a host or service that runs VMs.
type Provider struct {
	bun.BaseModel `bun:"table:providers,alias:p"`

	ID              uuid.UUID           `bun:"id,pk"`
	TenantID        uuid.UUID           `bun:"tenant_id"`
	Name            string              `bun:"name"`
	Kind            drivers.Kind        `bun:"kind"`
	Transport       drivers.Transport   `bun:"transport"`
	Host            string              `bun:"host"`
	Port            int                 `bun:"port"`
	User            string              `bun:"username"`
	Accelerator     drivers.Accelerator `bun:"accelerator"`
	Credentials     []byte              `bun:"credentials"` // sealed; nil for none
	SettingsVersion int                 `bun:"settings_version"`

	Status      ProviderStatus `bun:"status"`
	StatusSince time.Time      `bun:"status_since,nullzero,default:now()"`
	Problem     *fault.Error   `bun:"problem,type:jsonb"`
	Info        drivers.Info   `bun:"info,type:jsonb"`
	LastSeenAt  *time.Time     `bun:"last_seen_at"`
	LastSyncAt  *time.Time     `bun:"last_sync_at"`
	LastSyncMs  *int           `bun:"last_sync_ms"`

	RefreshRequestedAt *time.Time `bun:"refresh_requested_at"`
	LeaseOwner         string     `bun:"lease_owner"`
	LeaseUntil         time.Time  `bun:"lease_until"`
	LeaseEpoch         int64      `bun:"lease_epoch"`

	CreatedAt time.Time `bun:"created_at,nullzero,default:now()"`
	UpdatedAt time.Time `bun:"updated_at,nullzero,default:now()"`
}

// Reachable reports whether what we know of its VMs is current.
func (p *Provider) Reachable() bool { return p.Status == ProviderConnected }

// Away is the answer to whoever needs a provider that does not answer.
func (p *Provider) Away() *fault.Error {
	e := fault.New(fault.Unavailable, "the host %s does not answer", p.Name).With("See the host's page for why.")
	e.Provider = string(p.Kind)
	return e
}

// HostStatus is how a hypervisor host stands.
type HostStatus string

// The host statuses.
const (
	HostActive   HostStatus = "ACTIVE"
	HostInactive HostStatus = "INACTIVE"
	HostError    HostStatus = "ERROR"
)

// HypervisorHost is a machine that runs VMs.
type HypervisorHost struct {
	bun.BaseModel `bun:"table:hypervisor_hosts,alias:h"`

	ID            uuid.UUID         `bun:"id,pk"`
	TenantID      uuid.UUID         `bun:"tenant_id"`
	ProviderID    uuid.UUID         `bun:"provider_id"`
	Name          string            `bun:"name"`
	ConnectionURI string            `bun:"connection_uri"`
	Status        HostStatus        `bun:"status"`
	Capabilities  drivers.Node      `bun:"capabilities,type:jsonb"`
	Pools         []drivers.Pool    `bun:"pools,type:jsonb"`
	Networks      []drivers.Network `bun:"networks,type:jsonb"`
	AsOf          time.Time         `bun:"as_of,nullzero,default:now()"`
	CreatedAt     time.Time         `bun:"created_at,nullzero,default:now()"`
	UpdatedAt     time.Time         `bun:"updated_at,nullzero,default:now()"`
}

// StatusUnder is the host's status when its provider stands as p does: what we cannot reach is INACTIVE.
func (h *HypervisorHost) StatusUnder(p *Provider) HostStatus {
	switch p.Status {
	case ProviderUnreachable, ProviderConnecting:
		return HostInactive
	case ProviderError:
		return HostError
	default:
		return h.Status
	}
}
