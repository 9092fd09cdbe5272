package fleet

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/novacron/novacron/internal/fault"
)

// OperationStatus is how an operation stands.
type OperationStatus string

// The operation statuses. The last four are ends, but STUCK waits for somebody.
const (
	OperationQueued    OperationStatus = "QUEUED"
	OperationRunning   OperationStatus = "RUNNING"
	OperationWaiting   OperationStatus = "WAITING"
	OperationUndoing   OperationStatus = "UNDOING"
	OperationSucceeded OperationStatus = "SUCCEEDED"
	OperationFailed    OperationStatus = "FAILED"
	OperationCanceled  OperationStatus = "CANCELED"
	OperationStuck     OperationStatus = "STUCK"
)

// Ended reports whether the engine is done with it.
func (s OperationStatus) Ended() bool {
	switch s {
	case OperationSucceeded, OperationFailed, OperationCanceled:
		return true
	default:
		return false
	}
}

// OperationKind is what an operation does.
type OperationKind string

// The operation kinds.
const (
	CreateVM        OperationKind = "CREATE_VM"
	UpdateVM        OperationKind = "UPDATE_VM"
	DeleteVM        OperationKind = "DELETE_VM"
	StartVM         OperationKind = "START_VM"
	ShutdownVM      OperationKind = "SHUTDOWN_VM"
	PowerOffVM      OperationKind = "POWER_OFF_VM"
	RebootVM        OperationKind = "REBOOT_VM"
	ResetVM         OperationKind = "RESET_VM"
	PauseVM         OperationKind = "PAUSE_VM"
	ResumeVM        OperationKind = "RESUME_VM"
	SuspendVM       OperationKind = "SUSPEND_VM"
	AttachDisk      OperationKind = "ATTACH_DISK"
	DetachDisk      OperationKind = "DETACH_DISK"
	AttachNIC       OperationKind = "ATTACH_NIC"
	DetachNIC       OperationKind = "DETACH_NIC"
	CreateSnapshot  OperationKind = "CREATE_SNAPSHOT"
	RestoreSnapshot OperationKind = "RESTORE_SNAPSHOT"
	DeleteSnapshot  OperationKind = "DELETE_SNAPSHOT"
	ImportImage     OperationKind = "IMPORT_IMAGE"
	DeleteImage     OperationKind = "DELETE_IMAGE"
	Bulk            OperationKind = "BULK"
)

// The kinds of thing that operations and audit rows are about.
const (
	TargetVM       = "VM"
	TargetImage    = "IMAGE"
	TargetProvider = "PROVIDER"
	TargetPerson   = "PERSON"
)

// Operation is a piece of work that lasts: recorded before it begins, carried on after any restart.
type Operation struct {
	bun.BaseModel `bun:"table:operations,alias:o"`

	ID              uuid.UUID       `bun:"id,pk"`
	TenantID        uuid.UUID       `bun:"tenant_id"`
	Kind            OperationKind   `bun:"kind"`
	Status          OperationStatus `bun:"status"`
	ProviderID      *uuid.UUID      `bun:"provider_id"`
	ParentID        *uuid.UUID      `bun:"parent_id"`
	WaitsFor        *uuid.UUID      `bun:"waits_for"`
	TargetType      string          `bun:"target_type"`
	TargetID        *uuid.UUID      `bun:"target_id"`
	TargetName      string          `bun:"target_name"`
	Amount          *Amount         `bun:"amount,type:jsonb"` // what its VM takes when it is done; nil: what it takes now
	Input           json.RawMessage `bun:"input,type:jsonb"`
	State           json.RawMessage `bun:"state,type:jsonb"`
	Steps           []Step          `bun:"steps,type:jsonb"`
	Progress        *float64        `bun:"progress"`
	Note            string          `bun:"note"`
	Error           *fault.Error    `bun:"error,type:jsonb"`
	RequestedBy     string          `bun:"requested_by"`
	UserID          *uuid.UUID      `bun:"user_id"`
	IdempotencyKey  *string         `bun:"idempotency_key"`
	CancelRequested bool            `bun:"cancel_requested"`
	CreatedAt       time.Time       `bun:"created_at,nullzero,default:now()"`
	StartedAt       *time.Time      `bun:"started_at"`
	FinishedAt      *time.Time      `bun:"finished_at"`
	RunAt           time.Time       `bun:"run_at,nullzero,default:now()"`
	LeaseOwner      string          `bun:"lease_owner"`
	LeaseUntil      time.Time       `bun:"lease_until"`
	LeaseEpoch      int64           `bun:"lease_epoch"`
	UpdatedAt       time.Time       `bun:"updated_at,nullzero,default:now()"`
}

// StepStatus is how a step stands.
type StepStatus string

// The step statuses.
const (
	StepPending StepStatus = "PENDING"
	StepRunning StepStatus = "RUNNING"
	StepDone    StepStatus = "DONE"
	StepUndoing StepStatus = "UNDOING"
	StepUndone  StepStatus = "UNDONE"
	StepFailed  StepStatus = "FAILED"
)

// Step is one step of an operation, as recorded.
type Step struct {
	Name       string       `json:"name"`
	Status     StepStatus   `json:"status"`
	Attempts   int          `json:"attempts"`
	Progress   *float64     `json:"progress,omitempty"`
	StartedAt  *time.Time   `json:"startedAt,omitempty"`
	FinishedAt *time.Time   `json:"finishedAt,omitempty"`
	Error      *fault.Error `json:"error,omitempty"`
	Point      bool         `json:"point,omitempty"` // of no return: once begun, a cancel changes nothing
}
