package libvirt

import (
	"context"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
)

// stateOf translates a domain's state into ours, with libvirt's reason and its own word for the state.
func stateOf(s libvirt.DomainState, reason int, managedSave bool) (state drivers.State, why, word string) {
	switch s {
	case libvirt.DOMAIN_RUNNING, libvirt.DOMAIN_BLOCKED:
		word = "running"
		if s == libvirt.DOMAIN_BLOCKED {
			word = "idle"
		}
		return drivers.StateRunning, pick(runningReasons, reason), word
	case libvirt.DOMAIN_PAUSED:
		switch libvirt.DomainPausedReason(reason) {
		case libvirt.DOMAIN_PAUSED_MIGRATION, libvirt.DOMAIN_PAUSED_POSTCOPY:
			state = drivers.StateMigrating
		case libvirt.DOMAIN_PAUSED_STARTING_UP:
			state = drivers.StateStarting
		case libvirt.DOMAIN_PAUSED_CRASHED, libvirt.DOMAIN_PAUSED_POSTCOPY_FAILED:
			state = drivers.StateError
		default:
			state = drivers.StatePaused
		}
		return state, pick(pausedReasons, reason), "paused"
	case libvirt.DOMAIN_SHUTDOWN:
		return drivers.StateStopping, "the guest is shutting down", "in shutdown"
	case libvirt.DOMAIN_SHUTOFF:
		if managedSave {
			return drivers.StateSuspended, "saved", "shut off"
		}
		return drivers.StateStopped, pick(shutoffReasons, reason), "shut off"
	case libvirt.DOMAIN_CRASHED:
		return drivers.StateError, "crashed", "crashed"
	case libvirt.DOMAIN_PMSUSPENDED:
		return drivers.StateSuspended, "the guest put itself to sleep", "pmsuspended"
	default:
		return drivers.StateUnknown, "", "no state"
	}
}

// state reads a VM's state alone.
func (d *Driver) state(ctx context.Context, ref drivers.Ref) (drivers.State, error) {
	var r roll
	err := d.do(ctx, about(ref, func(_ *libvirt.Connect, dom *libvirt.Domain) (err error) {
		r, err = rollOf(dom)
		return err
	}))
	if err != nil {
		return "", err
	}
	state, _, _ := stateOf(r.state, r.reason, r.managedSave)
	return state, nil
}

func pick(words []string, i int) string {
	if i >= 0 && i < len(words) {
		return words[i]
	}
	return ""
}

// The reasons, in libvirt's order (virDomainRunningReason and so on).
var (
	runningReasons = []string{"", "booted", "migrated", "restored", "from snapshot", "resumed", "migration canceled", "save canceled", "woken up", "crashed", "post-copy migration", "post-copy migration failed"}
	pausedReasons  = []string{"", "by user", "migration", "saving", "dumping memory", "I/O error", "watchdog", "from snapshot", "shutting down", "taking a snapshot", "crashed", "starting up", "post-copy migration", "post-copy migration failed", "API error"}
	shutoffReasons = []string{"", "shut down", "forced off", "crashed", "migrated", "saved", "failed", "from snapshot", "the daemon lost it"}
)
