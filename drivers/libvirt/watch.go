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

// Watch is as drivers.Watcher has it. Events come on a session of their own; changes that libvirt has no
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
	// A registration holds the connection's memory and a descriptor until it is taken back, also
	// when the host has gone: then it is done locally, and asking the host fails at once.
	var takeBack []func()
	defer func() {
		_ = d.within(context.WithoutCancel(ctx), s, func(*libvirt.Connect) error {
			for _, f := range takeBack {
				f()
			}
			return nil
		})
	}()
	err = d.within(ctx, s, func(c *libvirt.Connect) (err error) { takeBack, err = subscribe(c, tell); return err })
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

// within makes an ordinary call on a session that the caller has.
func (d *Driver) within(ctx context.Context, s *session, call func(*libvirt.Connect) error) error {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	return s.run(ctx, call)
}

// subscribe asks for all events but the tunables': the binding panics on those, on a thread where
// nothing can stop it from ending the process. It returns how to take back each subscription.
func subscribe(c *libvirt.Connect, tell func(drivers.Hint)) (takeBack []func(), err error) {
	about := func(dom *libvirt.Domain, gone bool, why string) {
		id, err := dom.GetUUIDString()
		if err != nil {
			return
		}
		tell(drivers.Hint{Ref: drivers.Ref(id), Gone: gone, Why: why})
	}
	host := func(why string) { tell(drivers.Hint{Why: why}) }
	kept := func(id int, err error, deregister func(int) error) error {
		if is(err, libvirt.ERR_NO_SUPPORT) {
			return nil
		}
		if err == nil {
			takeBack = append(takeBack, func() { _ = deregister(id) })
		}
		return err
	}
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
	} {
		id, err := register()
		if err := kept(id, err, c.DomainEventDeregister); err != nil {
			return takeBack, err
		}
	}
	id, err := c.StoragePoolEventLifecycleRegister(nil, func(*libvirt.Connect, *libvirt.StoragePool, *libvirt.StoragePoolEventLifecycle) {
		host("storage pools")
	})
	if err := kept(id, err, c.StoragePoolEventDeregister); err != nil {
		return takeBack, err
	}
	id, err = c.NetworkEventLifecycleRegister(nil, func(*libvirt.Connect, *libvirt.Network, *libvirt.NetworkEventLifecycle) { host("networks") })
	return takeBack, kept(id, err, c.NetworkEventDeregister)
}

func lifecycle(e libvirt.DomainEventType) string {
	return pick([]string{"defined", "undefined", "started", "paused", "resumed", "stopped", "shut down", "asleep", "crashed"}, int(e))
}

// driftEvery is how often documents are compared on a host with few VMs; driftShare keeps the
// comparing to a small share of the time on one with many.
const (
	driftEvery = 400 * time.Millisecond
	driftShare = 8
)
