package fleet

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

func TestActions(t *testing.T) {
	up := &Provider{Name: "kvm-1", Status: ProviderConnected, Info: drivers.Info{Features: drivers.Features{Pause: true}}}
	down := &Provider{Name: "kvm-1", Status: ProviderUnreachable}
	vm := func(s VMStatus) *VM { return &VM{Management: Managed, ObservedStatus: s} }
	found := &VM{Management: Discovered, ObservedStatus: VMStopped}
	gone := &VM{Management: Managed, ObservedStatus: VMRunning, MissingSince: new(time.Time)}

	for name, c := range map[string]struct {
		vm     *VM
		p      *Provider
		role   Role
		under  *Operation
		action string
		reason string // empty: allowed
	}{
		"start a stopped one":      {vm(VMStopped), up, RoleOperator, nil, "startVM", ""},
		"start a running one":      {vm(VMRunning), up, RoleOperator, nil, "startVM", "It is running"},
		"viewers look":             {vm(VMStopped), up, RoleViewer, nil, "startVM", "Your role VIEWER may not do this"},
		"host away":                {vm(VMStopped), down, RoleAdmin, nil, "startVM", "The host kvm-1 does not answer"},
		"one at a time":            {vm(VMRunning), up, RoleAdmin, &Operation{Kind: UpdateVM}, "shutdownVM", "An operation is under way: update VM"},
		"plug over a shutdown":     {vm(VMRunning), up, RoleAdmin, &Operation{Kind: ShutdownVM}, "powerOffVM", ""},
		"no plug over a resize":    {vm(VMRunning), up, RoleAdmin, &Operation{Kind: UpdateVM}, "powerOffVM", "An operation is under way: update VM"},
		"no feature":               {vm(VMRunning), up, RoleAdmin, nil, "suspendVM", "This provider cannot suspend VMs to disk"},
		"feature":                  {vm(VMRunning), up, RoleAdmin, nil, "pauseVM", ""},
		"found, not ours":          {found, up, RoleAdmin, nil, "startVM", "It was found on the host and is not managed here"},
		"found, to be adopted":     {found, up, RoleAdmin, nil, "adoptVM", ""},
		"adopted already":          {vm(VMRunning), up, RoleAdmin, nil, "adoptVM", "It is managed already"},
		"release":                  {vm(VMRunning), up, RoleAdmin, nil, "releaseVM", ""},
		"release, host away":       {vm(VMRunning), down, RoleAdmin, nil, "releaseVM", ""},
		"release what is not ours": {found, up, RoleAdmin, nil, "releaseVM", "It was found on the host and is not managed here"},
		"gone":                     {gone, up, RoleAdmin, nil, "startVM", "Its host no longer has it"},
		"forget what is gone":      {gone, up, RoleAdmin, nil, "deleteVM", ""},
		"unknown state":            {vm(VMUnknown), up, RoleAdmin, nil, "deleteVM", "Its state is not known"},
		"unknown action":           {vm(VMRunning), up, RoleAdmin, nil, "fly", "There is no such action"},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.vm.Action(c.action, c.p, ByRole(c.role), c.under)
			assert.Equal(t, c.reason, a.Reason)
			assert.Equal(t, c.reason == "", a.Allowed)
			if c.reason == "" {
				assert.NoError(t, a.Fault())
			} else {
				assert.True(t, fault.Is(a.Fault(), fault.Conflict))
			}
		})
	}
	assert.Len(t, vm(VMRunning).Actions(up, ByRole(RoleAdmin), nil), len(vmActions))
}

func TestStatusUnder(t *testing.T) {
	deleting := VMDeleting
	now := time.Now()
	up, down, connecting := &Provider{Status: ProviderConnected}, &Provider{Status: ProviderUnreachable}, &Provider{Status: ProviderConnecting}
	assert.Equal(t, VMRunning, (&VM{ObservedStatus: VMRunning}).StatusUnder(up))
	assert.Equal(t, VMUnknown, (&VM{ObservedStatus: VMRunning}).StatusUnder(down), "what cannot be asked is unknown, not what it was")
	assert.Equal(t, VMRunning, (&VM{ObservedStatus: VMRunning}).StatusUnder(connecting), "our own restart is no news about the VM")
	assert.Equal(t, VMUnknown, (&VM{ObservedStatus: VMRunning, MissingSince: &now}).StatusUnder(up))
	assert.Equal(t, VMDeleting, (&VM{ObservedStatus: VMRunning, Intent: &deleting}).StatusUnder(down))
}

func TestAsOf(t *testing.T) {
	seen, sync := time.Unix(100, 0), time.Unix(200, 0)
	vm, p := &VM{SeenAt: seen}, &Provider{LastSyncAt: &sync}
	assert.Equal(t, sync, vm.AsOf(p), "a full list confirms every VM that it has")
	vm.MissingSince = &sync
	assert.Equal(t, seen, vm.AsOf(p), "and not the ones that it lacks")
}
