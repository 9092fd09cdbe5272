package libvirt

import (
	"context"
	"slices"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

const (
	shutdownPoll  = 500 * time.Millisecond
	shutdownAgain = 20 * time.Second // a guest that is still booting does not hear the first request
)

// powerRule says from which states an action can be asked and where it leads.
type powerRule struct {
	from []drivers.State
	to   drivers.State // already so: success; empty for those that end as they began
	tip  string        // what to do instead
	do   func(*libvirt.Domain, drivers.State, libvirt.DomainState) error
}

// powerRules has all the actions but SHUTDOWN's waiting.
func powerRules() map[drivers.PowerAction]powerRule {
	const (
		running, paused, suspended = drivers.StateRunning, drivers.StatePaused, drivers.StateSuspended
		stopped, starting          = drivers.StateStopped, drivers.StateStarting
		stopping, crashed          = drivers.StateStopping, drivers.StateError
	)
	type states = []drivers.State
	boot := func(dom *libvirt.Domain, s drivers.State, raw libvirt.DomainState) error {
		switch {
		case raw == libvirt.DOMAIN_PMSUSPENDED:
			return dom.PMWakeup(0)
		case raw == libvirt.DOMAIN_CRASHED:
			if err := dom.DestroyFlags(libvirt.DOMAIN_DESTROY_DEFAULT); err != nil {
				return err
			}
		case s == drivers.StatePaused:
			return dom.Resume()
		}
		return dom.Create() // with a managed save libvirt goes on from there
	}
	return map[drivers.PowerAction]powerRule{
		drivers.PowerStart:    {states{stopped, suspended, crashed}, running, "Resume it.", boot},
		drivers.PowerShutdown: {states{running, stopping}, stopped, "Resume it first, or force it off.", nil},
		drivers.PowerOff: {states{running, paused, suspended, crashed, starting, stopping, drivers.StateMigrating, drivers.StateUnknown}, stopped, "", func(dom *libvirt.Domain, _ drivers.State, raw libvirt.DomainState) error {
			if raw == libvirt.DOMAIN_SHUTOFF {
				return dom.ManagedSaveRemove(0)
			}
			return dom.DestroyFlags(libvirt.DOMAIN_DESTROY_DEFAULT)
		}},
		drivers.PowerReboot: {states{running}, "", "Start it.", func(dom *libvirt.Domain, _ drivers.State, _ libvirt.DomainState) error {
			return dom.Reboot(libvirt.DOMAIN_REBOOT_DEFAULT)
		}},
		drivers.PowerReset: {states{running, paused}, "", "Start it.", func(dom *libvirt.Domain, _ drivers.State, _ libvirt.DomainState) error {
			return dom.Reset(0)
		}},
		drivers.PowerPause: {states{running}, paused, "Start it first.", func(dom *libvirt.Domain, _ drivers.State, _ libvirt.DomainState) error {
			return dom.Suspend()
		}},
		drivers.PowerResume: {states{paused, suspended}, running, "Start it.", boot},
		drivers.PowerSuspend: {states{running, paused}, suspended, "Start it first.", func(dom *libvirt.Domain, _ drivers.State, _ libvirt.DomainState) error {
			// What is paused was running before somebody paused it; it comes back running.
			return dom.ManagedSave(libvirt.DOMAIN_SAVE_RUNNING)
		}},
	}
}

// Power is as drivers.Driver has it. It returns when the change has happened.
func (d *Driver) Power(ctx context.Context, ref drivers.Ref, to drivers.PowerAction) (drivers.Task, error) {
	rule, ok := powerRules()[to]
	if !ok {
		return drivers.Task{}, fault.Field("action", "Choose one of the known actions.", "there is no power action %q", to)
	}
	if to == drivers.PowerShutdown {
		return d.shutdown(ctx, ref, rule)
	}
	err := d.long(ctx, about(ref, func(_ *libvirt.Connect, dom *libvirt.Domain) error {
		state, raw, already, err := rule.look(dom)
		if err != nil || already {
			return err
		}
		if err = rule.do(dom, state, raw); err == nil {
			return nil
		}
		// Somebody may have been faster: what counts is where the VM is now.
		if _, _, already, err2 := rule.look(dom); err2 == nil && already {
			return nil
		}
		if to == drivers.PowerOff && is(err, libvirt.ERR_NO_DOMAIN) {
			return nil // a transient domain is gone once it is off
		}
		return err
	}))
	if err != nil {
		return drivers.Task{}, err
	}
	return drivers.Done(ref), nil
}

// look reads the state and tells whether there is anything left to do.
func (r powerRule) look(dom *libvirt.Domain) (drivers.State, libvirt.DomainState, bool, error) {
	x, err := rollOf(dom)
	if err != nil {
		return "", 0, false, err
	}
	state, _, word := stateOf(x.state, x.reason, x.managedSave)
	switch {
	case r.to != "" && state == r.to:
		return state, x.state, true, nil
	case r.to == drivers.StateSuspended && !x.persistent:
		return "", 0, false, fault.New(fault.Conflict, "the VM is transient: suspended it would be gone").With("Make it persistent on the host, or pause it.")
	case !slices.Contains(r.from, state):
		return "", 0, false, fault.New(fault.Conflict, "the VM is %s", word).With(r.tip)
	}
	return state, x.state, false, nil
}

// shutdown asks the guest and waits until it is off.
func (d *Driver) shutdown(ctx context.Context, ref drivers.Ref, rule powerRule) (drivers.Task, error) {
	patience, cancel := context.WithTimeout(ctx, drivers.ShutdownDeadline)
	defer cancel()
	asked := time.Time{}
	for {
		off := false
		err := d.do(patience, func(c *libvirt.Connect) error {
			off = false
			dom, err := domain(c, ref)
			if err != nil {
				return err
			}
			defer func() { _ = dom.Free() }()
			state, _, already, err := rule.look(dom)
			switch {
			case already:
				off = true
				return nil
			case err != nil:
				return err
			case state == drivers.StateStopping || time.Since(asked) < shutdownAgain:
				return nil
			}
			asked = time.Now()
			return askToShutDown(dom)
		})
		if !asked.IsZero() && fault.Is(err, fault.NotFound) {
			off, err = true, nil // a transient domain is gone once it is off
		}
		switch {
		case off:
			return drivers.Done(ref), nil
		case ctx.Err() == nil && patience.Err() != nil:
			return drivers.Task{}, fault.New(fault.Deadline, "the guest has not shut down within %s", drivers.ShutdownDeadline).
				With("Look at its console; it may be waiting or ignore the request. Force it off if need be.")
		case err != nil:
			return drivers.Task{}, err
		}
		select {
		case <-patience.Done():
		case <-time.After(shutdownPoll):
		}
		if ctx.Err() != nil {
			return drivers.Task{}, waited(ctx)
		}
	}
}

// askToShutDown asks by the agent when the guest runs one, and by the power button otherwise or
// when the agent cannot.
func askToShutDown(dom *libvirt.Domain) error {
	doc, err := dom.GetXMLDesc(0)
	if err != nil {
		return err
	}
	if x, err := parseDomain(doc); err == nil && agentConnected(x) {
		if dom.ShutdownFlags(libvirt.DOMAIN_SHUTDOWN_GUEST_AGENT) == nil {
			return nil
		}
	}
	return dom.ShutdownFlags(libvirt.DOMAIN_SHUTDOWN_ACPI_POWER_BTN)
}

// forceOff pulls the plug of a VM that is to be deleted.
func (d *Driver) forceOff(ctx context.Context, ref drivers.Ref) error {
	return d.long(ctx, about(ref, func(_ *libvirt.Connect, dom *libvirt.Domain) (err error) {
		if err = dom.DestroyFlags(libvirt.DOMAIN_DESTROY_DEFAULT); err == nil {
			return nil
		}
		if active, err2 := dom.IsActive(); err2 == nil && !active {
			return nil
		}
		return err
	}))
}
