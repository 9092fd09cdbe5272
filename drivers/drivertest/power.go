package drivertest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// goes does a power action, twice when the second must find it done, and checks the state after each.
func (x *suite) goes(t *testing.T, ref drivers.Ref, a drivers.PowerAction, to drivers.State, twice bool) {
	t.Helper()
	x.power(t, ref, a)
	require.Equal(t, to, x.get(t, ref).State, "after %s", a)
	if twice {
		x.power(t, ref, a)
		require.Equal(t, to, x.get(t, ref).State, "after %s again", a)
	}
}

// refuses checks that power actions are Conflicts and change nothing.
func (x *suite) refuses(t *testing.T, ref drivers.Ref, actions ...drivers.PowerAction) {
	t.Helper()
	before := x.get(t, ref).State
	for _, a := range actions {
		task, err := x.d.Power(t.Context(), ref, a)
		_, err = x.outcome(t, x.d, task, err)
		require.Error(t, err, "%s of a VM that is %s", a, before)
		wants(t, err, fault.Conflict)
		require.Equal(t, before, x.get(t, ref).State)
	}
}

var powerTests = []test{
	{name: "StartAndOff", run: func(t *testing.T, x *suite) {
		v := x.vm(t, false)
		x.goes(t, v.Ref, drivers.PowerShutdown, drivers.StateStopped, false) // it is off already
		x.goes(t, v.Ref, drivers.PowerOff, drivers.StateStopped, false)
		x.goes(t, v.Ref, drivers.PowerStart, drivers.StateRunning, true)
		x.goes(t, v.Ref, drivers.PowerOff, drivers.StateStopped, true)
		x.goes(t, v.Ref, drivers.PowerStart, drivers.StateRunning, false)
	}},
	{name: "Reset", run: func(t *testing.T, x *suite) {
		v := x.vm(t, true)
		x.goes(t, v.Ref, drivers.PowerReset, drivers.StateRunning, true)
	}},
	{name: "PauseAndResume", needs: func(x *suite) bool { return x.f.Pause }, run: func(t *testing.T, x *suite) {
		v := x.vm(t, true)
		x.goes(t, v.Ref, drivers.PowerPause, drivers.StatePaused, true)
		x.goes(t, v.Ref, drivers.PowerResume, drivers.StateRunning, true)
		x.goes(t, v.Ref, drivers.PowerPause, drivers.StatePaused, false)
		x.goes(t, v.Ref, drivers.PowerOff, drivers.StateStopped, false)
	}},
	{name: "Suspend", needs: func(x *suite) bool { return x.f.Suspend }, run: func(t *testing.T, x *suite) {
		v := x.vm(t, true)
		x.goes(t, v.Ref, drivers.PowerSuspend, drivers.StateSuspended, true)
		x.goes(t, v.Ref, drivers.PowerStart, drivers.StateRunning, false)
		x.goes(t, v.Ref, drivers.PowerSuspend, drivers.StateSuspended, false)
		x.goes(t, v.Ref, drivers.PowerResume, drivers.StateRunning, false)
	}},
	{name: "ConflictWhenOff", run: func(t *testing.T, x *suite) {
		v := x.vm(t, false)
		x.refuses(t, v.Ref, drivers.PowerReboot, drivers.PowerReset)
		if x.f.Pause {
			x.refuses(t, v.Ref, drivers.PowerPause, drivers.PowerResume)
		}
		if x.f.Suspend {
			x.refuses(t, v.Ref, drivers.PowerSuspend)
		}
	}},
	{name: "ShutdownAsksTheGuest", needs: guest, run: func(t *testing.T, x *suite) {
		v := x.vm(t, true)
		x.boots(t, v.Ref)
		x.goes(t, v.Ref, drivers.PowerShutdown, drivers.StateStopped, true)
	}},
	{name: "RebootAsksTheGuest", needs: guest, run: func(t *testing.T, x *suite) {
		v := x.vm(t, true)
		x.boots(t, v.Ref)
		x.goes(t, v.Ref, drivers.PowerReboot, drivers.StateRunning, false)
		x.boots(t, v.Ref)
	}},
	{name: "UnknownActionIsInvalid", run: func(t *testing.T, x *suite) {
		v := x.vm(t, false)
		_, err := x.d.Power(t.Context(), v.Ref, "EXPLODE")
		wants(t, err, fault.Invalid)
	}},
	{name: "NotFound", run: func(t *testing.T, x *suite) {
		v := x.vm(t, false)
		for _, a := range []drivers.PowerAction{drivers.PowerStart, drivers.PowerOff, drivers.PowerShutdown} {
			_, err := x.d.Power(t.Context(), stranger(v.Ref), a)
			wants(t, err, fault.NotFound)
		}
	}},
	{name: "PollAgain", run: func(t *testing.T, x *suite) {
		v := x.vm(t, false)
		task, err := x.d.Power(t.Context(), v.Ref, drivers.PowerStart)
		first := task
		x.await(t, x.d, task, err)
		other := x.Open(t)
		defer other.Close()
		x.await(t, other, first, nil) // any process may ask, also after the end
		task, err = other.Poll(t.Context(), drivers.Done(v.Ref))
		require.NoError(t, err)
		assert.True(t, task.Done)
		_, err = x.d.Poll(t.Context(), drivers.Task{ID: "no-such-task", Ref: v.Ref})
		wants(t, err, fault.NotFound)
	}},
}

// boots waits until the guest's agent answers.
func (x *suite) boots(t *testing.T, ref drivers.Ref) drivers.Guest {
	t.Helper()
	var g drivers.Guest
	x.eventually(t, "the guest agent answers", func() bool {
		guests, err := as[drivers.Guester](x).Guest(t.Context(), []drivers.Ref{ref})
		require.NoError(t, err)
		g = guests[ref]
		return g.Agent
	})
	return g
}
