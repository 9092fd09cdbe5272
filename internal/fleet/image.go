package fleet

import (
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// ImageStatus is how an image stands.
type ImageStatus string

// The image statuses.
const (
	ImageImporting ImageStatus = "IMPORTING"
	ImageReady     ImageStatus = "READY"
	ImageFailed    ImageStatus = "FAILED"
)

// Image is a volume that VMs are made from.
type Image struct {
	bun.BaseModel `bun:"table:images,alias:i"`

	ID            uuid.UUID   `bun:"id,pk"`
	TenantID      uuid.UUID   `bun:"tenant_id"`
	ProviderID    uuid.UUID   `bun:"provider_id"`
	Name          string      `bun:"name"`
	Pool          string      `bun:"pool"`
	Volume        string      `bun:"volume"`
	Status        ImageStatus `bun:"status"`
	Format        string      `bun:"format"`
	CapacityBytes int64       `bun:"capacity_bytes"`
	SizeBytes     int64       `bun:"size_bytes"`
	OS            string      `bun:"os"`
	DefaultUser   string      `bun:"default_user"`
	SHA256        string      `bun:"sha256"`
	Source        string      `bun:"source"`
	OperationID   *uuid.UUID  `bun:"operation_id"`
	CreatedAt     time.Time   `bun:"created_at,nullzero,default:now()"`
	UpdatedAt     time.Time   `bun:"updated_at,nullzero,default:now()"`
}
