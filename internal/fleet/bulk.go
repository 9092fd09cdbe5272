package fleet

import "github.com/novacron/novacron/drivers"

// BulkAction is what is done to many VMs.
type BulkAction string

// The bulk actions.
const (
	BulkStart    BulkAction = "START"
	BulkShutdown BulkAction = "SHUTDOWN"
	BulkPowerOff BulkAction = "POWER_OFF"
	BulkReboot   BulkAction = "REBOOT"
	BulkDelete   BulkAction = "DELETE"
)

// BulkRequest asks for one action on all VMs that match a filter.
type BulkRequest struct {
	Action  BulkAction
	Filter  VMFilter
	Disks   drivers.DiskFate // DELETE: of all their disks; empty: KEEP
	IfCount *int             // refuse unless it would act on exactly so many
}

// BulkPlan is what a bulk action would do.
type BulkPlan struct {
	Count    int
	ByStatus []StatusCount
	Skipped  []BulkSkip
}

// BulkSkip is how many VMs a bulk action leaves for one reason.
type BulkSkip struct {
	Reason string
	Count  int
}
