package fake

import (
	"context"
	"slices"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// change is what a power action does.
type change struct {
	verb  string
	note  string
	from  []drivers.State // in which states it can be asked; in any other but to it is a Conflict
	via   drivers.State   // meanwhile; empty: unchanged
	to    drivers.State   // already so: success; empty for those that end as they began
	takes time.Duration
	tip   string // what to do instead
}

func changeOf(a drivers.PowerAction) (change, bool) {
	const (
		running, paused, suspended = drivers.StateRunning, drivers.StatePaused, drivers.StateSuspended
		stopped, starting          = drivers.StateStopped, drivers.StateStarting
		stopping, crashed          = drivers.StateStopping, drivers.StateError
	)
	type states = []drivers.State
	c, ok := map[drivers.PowerAction]change{
		drivers.PowerStart:    {"start", "starting", states{stopped, suspended, crashed}, starting, running, startTime, "Resume it."},
		drivers.PowerShutdown: {"stop", "waiting for the guest to shut down", states{running}, stopping, stopped, shutdownTime, "Resume it first, or force it off."},
		drivers.PowerOff:      {"off", "switching off", states{running, paused, suspended, crashed, starting, stopping}, "", stopped, offTime, ""},
		drivers.PowerReboot:   {"reboot", "waiting for the guest to reboot", states{running}, "", "", shutdownTime, "Start it."},
		drivers.PowerReset:    {"reset", "resetting", states{running, paused}, "", "", offTime, "Start it."},
		drivers.PowerPause:    {"pause", "pausing", states{running}, "", paused, pauseTime, "Start it first."},
		drivers.PowerResume:   {"resume", "resuming", states{paused, suspended}, "", running, pauseTime, "Start it."},
		drivers.PowerSuspend:  {"suspend", "writing memory to disk", states{running, paused}, stopping, suspended, suspendTime, "Start it first."},
	}[a]
	return c, ok
}

// Power is as drivers.Driver has it.
func (d *Driver) Power(ctx context.Context, ref drivers.Ref, to drivers.PowerAction) (drivers.Task, error) {
	if err := d.call(ctx, callTime); err != nil {
		return drivers.Task{}, err
	}
	h := d.host
	h.mu.Lock()
	defer h.mu.Unlock()
	c, ok := changeOf(to)
	if !ok {
		return drivers.Task{}, said(fault.Field("action", "Choose one of the known actions.", "there is no power action %q", to), "BAD_ACTION")
	}
	m, err := h.take(ref)
	if err != nil {
		return drivers.Task{}, err
	}
	if err := h.admit(m.Name, c.verb); err != nil {
		return drivers.Task{}, err
	}
	kind := "power " + string(to)
	if m.job != nil && m.job.kind == kind {
		return m.job.view(), nil
	}
	if to == drivers.PowerOff {
		h.abort(m, "the VM has been switched off")
	}
	switch {
	case c.to != "" && m.State == c.to:
		return drivers.Done(ref), nil
	case !slices.Contains(c.from, m.State):
		return drivers.Task{}, refuse(fault.Conflict, "BAD_STATE", c.tip, "VM %q is %s", m.Name, word(m.State))
	}
	t, err := h.change(m, kind, c)
	if err != nil {
		return drivers.Task{}, err
	}
	return t, h.reply(m.Name, c.verb)
}

// launch starts a VM. h.mu is held.
func (h *host) launch(m *vm, kind string) (drivers.Task, error) {
	c, _ := changeOf(drivers.PowerStart)
	return h.change(m, kind, c)
}

// change begins a power change that has been found possible. h.mu is held.
func (h *host) change(m *vm, kind string, c change) (drivers.Task, error) {
	before, why := m.State, m.StateReason
	t, err := h.begin(m, kind, func() {
		m.set(before, why)
		h.tell(m, "as before")
	}, step{c.verb, c.note, c.takes, func() error { h.apply(m, c, before); return nil }})
	if err != nil {
		return drivers.Task{}, err
	}
	if c.via != "" && !t.Done {
		m.set(c.via, c.note)
		h.tell(m, c.note)
	}
	return t.view(), nil
}

// apply makes a power change happen. h.mu is held.
func (h *host) apply(m *vm, c change, before drivers.State) {
	switch c.verb {
	case "start":
		if before == drivers.StateSuspended {
			h.goOn(m, "restored")
			return
		}
		h.powerOn(m, "booted")
	case "resume":
		h.goOn(m, "resumed")
	case "reboot", "reset":
		h.switchOff(m)
		h.powerOn(m, c.verb)
	case "pause":
		m.cpu += cpuTime(m.VM, m.since, time.Now())
		m.since = time.Time{}
		m.set(drivers.StatePaused, "by user")
		h.tell(m, "paused")
	case "stop":
		h.powerOff(m, drivers.StateStopped, "shut down")
	case "off":
		h.powerOff(m, drivers.StateStopped, "forced off")
	case "suspend":
		h.powerOff(m, drivers.StateSuspended, "saved")
	}
}

// powerOn boots a VM with its stored definition. h.mu is held.
func (h *host) powerOn(m *vm, why string) {
	m.next.give(&m.VM)
	m.started, m.cpu = time.Now(), 0
	h.goOn(m, why)
}

// goOn lets the CPUs run, and sees to what the VM's name says of running. h.mu is held.
func (h *host) goOn(m *vm, why string) {
	m.since = time.Now()
	m.set(drivers.StateRunning, why)
	h.tell(m, why)
	if !m.has("crash-running") && !m.has("halt-running") && !m.has("vanish-running") {
		return
	}
	since := m.since
	time.AfterFunc(h.pace(runningTime), func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if m.since != since || m.State != drivers.StateRunning {
			return
		}
		switch {
		case m.has("vanish-running"):
			h.abort(m, "the VM is gone")
			h.forget(m)
			h.hint(drivers.Hint{Ref: m.Ref, Gone: true, Why: "deleted"})
		case m.has("crash-running"):
			h.powerOff(m, drivers.StateError, "crashed")
		default:
			h.powerOff(m, drivers.StateStopped, "shut down by the guest")
		}
	})
}

// powerOff ends what runs. What was to come with the next start is there from now on. h.mu is held.
func (h *host) powerOff(m *vm, to drivers.State, why string) {
	h.switchOff(m)
	if to != drivers.StateSuspended {
		m.next.give(&m.VM)
	}
	m.set(to, why)
	h.tell(m, why)
}
