package fleet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// Action is something that may be done to a thing now, or the reason why not. The API shows it and
// control enforces it: one table for the button and for the refusal.
type Action struct {
	Name    string // the mutation: "startVM"
	Allowed bool
	Reason  string
	Remedy  string
}

// Fault is the refusal of an action that is not allowed; nil for one that is.
func (a Action) Fault() error {
	if a.Allowed {
		return nil
	}
	return fault.New(fault.Conflict, "%s", a.Reason).With(a.Remedy)
}

// vmAction is one row of the table: when may it be done, and what does the provider need for it.
type vmAction struct {
	name   string
	states []VMStatus // observed; nil: any but UNKNOWN
	remedy string     // how to get into one of the states
	needs  func(drivers.Features) bool
	lacks  string // what the provider cannot do, said as a reason
	over   bool   // may be asked while another operation is under way: it overrules a shutdown or reboot
	any    bool   // may be done to DISCOVERED VMs too
}

var vmActions = []vmAction{
	{name: "startVM", states: []VMStatus{VMStopped, VMSuspended, VMError}, remedy: "Wait until it is off."},
	{name: "shutdownVM", states: []VMStatus{VMRunning}, remedy: "Start it first."},
	{name: "powerOffVM", states: []VMStatus{VMRunning, VMPaused, VMStarting, VMStopping, VMError}, remedy: "It is off already.", over: true},
	{name: "rebootVM", states: []VMStatus{VMRunning}, remedy: "Start it first."},
	{name: "resetVM", states: []VMStatus{VMRunning, VMPaused}, remedy: "Start it first."},
	{name: "pauseVM", states: []VMStatus{VMRunning}, remedy: "Start it first.",
		needs: func(f drivers.Features) bool { return f.Pause }, lacks: "This provider cannot pause VMs"},
	{name: "resumeVM", states: []VMStatus{VMPaused, VMSuspended}, remedy: "Only a paused or suspended VM can be resumed."},
	{name: "suspendVM", states: []VMStatus{VMRunning, VMPaused}, remedy: "Start it first.",
		needs: func(f drivers.Features) bool { return f.Suspend }, lacks: "This provider cannot suspend VMs to disk"},
	{name: "updateVM"},
	{name: "deleteVM"},
	{name: "attachDisk"},
	{name: "detachDisk"},
	{name: "attachNIC"},
	{name: "detachNIC"},
	{name: "createSnapshot", states: []VMStatus{VMRunning, VMPaused, VMStopped}, remedy: "Resume or start it first."},
	{name: "restoreSnapshot"},
	{name: "deleteSnapshot"},
	{name: "openConsole", states: []VMStatus{VMRunning, VMPaused}, remedy: "Start it first.", over: true, any: true},
	{name: "adoptVM", any: true},
	{name: "releaseVM"},
}

// Actions says what somebody may do with the VM now. under is the operation on it, if any.
func (v *VM) Actions(p *Provider, may May, under *Operation) []Action {
	all := make([]Action, len(vmActions))
	for i, a := range vmActions {
		all[i] = v.action(a, p, may, under)
	}
	return all
}

// Action says whether somebody may do one thing with the VM now.
func (v *VM) Action(name string, p *Provider, may May, under *Operation) Action {
	i := slices.IndexFunc(vmActions, func(a vmAction) bool { return a.name == name })
	if i < 0 {
		return Action{Name: name, Reason: "There is no such action"}
	}
	return v.action(vmActions[i], p, may, under)
}

func (v *VM) action(a vmAction, p *Provider, may May, under *Operation) Action {
	no := func(reason, remedy string) Action { return Action{Name: a.name, Reason: reason, Remedy: remedy} }
	if refused := may(Permission(a.name)); !refused.Allowed {
		return refused
	}
	switch {
	case a.name == "adoptVM" && v.Management == Managed:
		return no("It is managed already", "")
	case a.name == "releaseVM" && v.Management == Discovered, !a.any && v.Management == Discovered:
		return no("It was found on the host and is not managed here", "Adopt it first; that changes nothing in it.")
	case a.name == "adoptVM", a.name == "releaseVM" && under == nil:
		return Action{Name: a.name, Allowed: true}
	case under != nil && (!a.over || !overrulable(under)):
		return no(fmt.Sprintf("An operation is under way: %s", Words(under.Kind)), "Wait for it to end, or cancel it.")
	case !p.Reachable():
		return no(fmt.Sprintf("The host %s does not answer", p.Name), "See the host's page for why.")
	case v.MissingSince != nil && a.name != "deleteVM":
		return no("Its host no longer has it", "Look on the host, or delete it here to forget it.")
	case a.needs != nil && !a.needs(p.Info.Features):
		return no(a.lacks, "")
	case a.states != nil && !slices.Contains(a.states, v.ObservedStatus):
		return no("It is "+strings.ToLower(string(v.ObservedStatus)), a.remedy)
	case v.ObservedStatus == VMUnknown && v.MissingSince == nil:
		return no("Its state is not known", "Refresh its host.")
	}
	return Action{Name: a.name, Allowed: true}
}

// overrulable operations only ask the guest; pulling the plug need not wait for the guest's answer.
func overrulable(o *Operation) bool { return o.Kind == ShutdownVM || o.Kind == RebootVM }

// Words is an operation's kind as people say it: "create VM".
func Words(k OperationKind) string {
	s := strings.ToLower(strings.ReplaceAll(string(k), "_", " "))
	return strings.NewReplacer(" vm", " VM", " nic", " NIC").Replace(s)
}
