package libvirt

import (
	"context"
	"fmt"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
)

// hintQueue is how many hints wait for a slow reader. When it is full one hint about the host
// itself takes the place of those that are lost: look at everything.
const hintQueue = 1024

// Watch: see drivers.Watcher. Events come on a session of their own; changes that libvirt has no
// events for (vCPUs, for one) are found by comparing documents, see drift.go.
func (d *Driver) Watch(ctx context.Context, emit func(drivers.Hint)) error {
	s, err := d.pool.dial(ctx)
	if err != nil {
		return err
	}
	defer s.end()
	hints := make(chan drivers.Hint, hintQueue)
	missed := make(chan struct{}, 1)
	tell := func(h drivers.Hint) {
		// On libvirt's event-loop thread, which all hosts share: never wait.
		select {
		case hints <- h:
		default:
			select {
			case missed <- struct{}{}:
			default:
			}
		}
	}
	start, cancel := context.WithTimeout(ctx, callDeadline)
	err = s.run(start, func(c *libvirt.Connect) error { return subscribe(c, tell) })
	cancel()
	if err != nil {
		return err
	}
	drift, stop := context.WithCancel(ctx)
	defer stop()
	go d.watchDrift(drift, tell)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.cut:
			if ctx.Err() != nil {
				return nil
			}
			return lost(fmt.Errorf("the event connection has ended"))
		case h := <-hints:
			emit(h)
		case <-missed:
			emit(drivers.Hint{Why: "events came faster than they were read"})
		}
	}
}

// subscribe asks for all events but the tunables': the binding panics on those, on a thread where
// nothing can stop it from ending the process.
func subscribe(c *libvirt.Connect, tell func(drivers.Hint)) error {
	about := func(dom *libvirt.Domain, gone bool, why string) {
		id, err := dom.GetUUIDString()
		if err != nil {
			return
		}
		tell(drivers.Hint{Ref: drivers.Ref(id), Gone: gone, Why: why})
	}
	host := func(why string) { tell(drivers.Hint{Why: why}) }
	for _, register := range []func() (int, error){
		func() (int, error) {
			return c.DomainEventLifecycleRegister(nil, func(_ *libvirt.Connect, dom *libvirt.Domain, e *libvirt.DomainEventLifecycle) {
				// A transient domain is gone when it stops; the list says so.
				about(dom, e.Event == libvirt.DOMAIN_EVENT_UNDEFINED, lifecycle(e.Event))
			})
		},
		func() (int, error) {
			return c.DomainEventRebootRegister(nil, func(_ *libvirt.Connect, dom *libvirt.Domain) { about(dom, false, "rebooted") })
		},
		func() (int, error) {
			return c.DomainEventBalloonChangeRegister(nil, func(_ *libvirt.Connect, dom *libvirt.Domain, _ *libvirt.DomainEventBalloonChange) {
				about(dom, false, "memory changed")
			})
		},
		func() (int, error) {
			return c.DomainEventAgentLifecycleRegister(nil, func(_ *libvirt.Connect, dom *libvirt.Domain, _ *libvirt.DomainEventAgentLifecycle) {
				about(dom, false, "guest agent")
			})
		},
		func() (int, error) {
			return c.DomainEventDeviceAddedRegister(nil, func(_ *libvirt.Connect, dom *libvirt.Domain, _ *libvirt.DomainEventDeviceAdded) {
				about(dom, false, "device added")
			})
		},
		func() (int, error) {
			return c.DomainEventDeviceRemovedRegister(nil, func(_ *libvirt.Connect, dom *libvirt.Domain, _ *libvirt.DomainEventDeviceRemoved) {
				about(dom, false, "device removed")
			})
		},
		func() (int, error) {
			return c.DomainEventDiskChangeRegister(nil, func(_ *libvirt.Connect, dom *libvirt.Domain, _ *libvirt.DomainEventDiskChange) {
				about(dom, false, "disk changed")
			})
		},
		func() (int, error) {
			return c.DomainEventIOErrorReasonRegister(nil, func(_ *libvirt.Connect, dom *libvirt.Domain, _ *libvirt.DomainEventIOErrorReason) {
				about(dom, false, "I/O error")
			})
		},
		func() (int, error) {
			return c.DomainEventBlockJobRegister(nil, func(_ *libvirt.Connect, dom *libvirt.Domain, _ *libvirt.DomainEventBlockJob) {
				about(dom, false, "block job")
			})
		},
		func() (int, error) {
			return c.DomainEventJobCompletedRegister(nil, func(_ *libvirt.Connect, dom *libvirt.Domain, _ *libvirt.DomainEventJobCompleted) {
				about(dom, false, "job completed")
			})
		},
		func() (int, error) {
			return c.DomainEventMetadataChangeRegister(nil, func(_ *libvirt.Connect, dom *libvirt.Domain, _ *libvirt.DomainEventMetadataChange) {
				about(dom, false, "metadata changed")
			})
		},
		func() (int, error) {
			return c.DomainEventPMWakeupRegister(nil, func(_ *libvirt.Connect, dom *libvirt.Domain, _ *libvirt.DomainEventPMWakeup) {
				about(dom, false, "woken up")
			})
		},
		func() (int, error) {
			return c.DomainEventPMSuspendRegister(nil, func(_ *libvirt.Connect, dom *libvirt.Domain, _ *libvirt.DomainEventPMSuspend) {
				about(dom, false, "asleep")
			})
		},
		func() (int, error) {
			return c.StoragePoolEventLifecycleRegister(nil, func(*libvirt.Connect, *libvirt.StoragePool, *libvirt.StoragePoolEventLifecycle) {
				host("storage pools")
			})
		},
		func() (int, error) {
			return c.NetworkEventLifecycleRegister(nil, func(*libvirt.Connect, *libvirt.Network, *libvirt.NetworkEventLifecycle) { host("networks") })
		},
	} {
		if _, err := register(); err != nil && !is(err, libvirt.ERR_NO_SUPPORT) {
			return err
		}
	}
	return nil
}

func lifecycle(e libvirt.DomainEventType) string {
	return pick([]string{"defined", "undefined", "started", "paused", "resumed", "stopped", "shut down", "asleep", "crashed"}, int(e))
}

// driftEvery is how often documents are compared on a host with few VMs; driftShare keeps the
// comparing to a small share of the time on one with many.
const (
	driftEvery = 700 * time.Millisecond
	driftShare = 25
)
