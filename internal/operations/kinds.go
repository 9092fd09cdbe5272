package operations

import (
	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// plans is the table of all kinds. A new kind is one line here and a table of steps in its noun's file.
func plans() map[fleet.OperationKind]*plan {
	return map[fleet.OperationKind]*plan{
		fleet.CreateVM:        createVM.compile(),
		fleet.UpdateVM:        updateVM.compile(),
		fleet.DeleteVM:        deleteVM.compile(),
		fleet.StartVM:         power("Start the VM", drivers.PowerStart, fleet.VMStarting).compile(),
		fleet.ShutdownVM:      power("Ask the guest to shut down", drivers.PowerShutdown, fleet.VMStopping, fault.Deadline).compile(),
		fleet.PowerOffVM:      power("Pull the plug", drivers.PowerOff, fleet.VMStopping).compile(),
		fleet.RebootVM:        power("Ask the guest to reboot", drivers.PowerReboot, "", fault.Deadline).compile(),
		fleet.ResetVM:         power("Press the reset button", drivers.PowerReset, "").compile(),
		fleet.PauseVM:         power("Stop the CPUs", drivers.PowerPause, "").compile(),
		fleet.ResumeVM:        power("Let the CPUs go on", drivers.PowerResume, fleet.VMStarting).compile(),
		fleet.SuspendVM:       power("Write memory to disk", drivers.PowerSuspend, fleet.VMStopping).compile(),
		fleet.AttachDisk:      attachDisk.compile(),
		fleet.DetachDisk:      detachDisk.compile(),
		fleet.AttachNIC:       attachNIC.compile(),
		fleet.DetachNIC:       detachNIC.compile(),
		fleet.CreateSnapshot:  createSnapshot.compile(),
		fleet.RestoreSnapshot: restoreSnapshot.compile(),
		fleet.DeleteSnapshot:  deleteSnapshot.compile(),
		fleet.ImportImage:     importImage.compile(),
		fleet.DeleteImage:     deleteImage.compile(),
		fleet.Bulk:            bulk.compile(),
	}
}

// none is what an operation has for input or memory when it needs none.
type none struct{}
