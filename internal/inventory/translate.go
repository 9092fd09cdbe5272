package inventory

import (
	"bytes"
	"encoding/json"
	"hash/fnv"
	"reflect"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fleet"
)

// This file is the house's one translation: what a provider says of a VM becomes what we manage.

// translation is counted up when see changes: every VM is then written anew by the next full list.
const translation = 1

// usedStep is how much a disk must grow to be news. A running VM's disk grows all the time.
const usedStep = 64 << 20

// storable makes of a VM what Postgres can hold: providers promise UTF-8, guests and people do not.
func storable(vm drivers.VM) drivers.VM {
	for _, s := range []*string{&vm.Name, &vm.Node, &vm.StateReason, &vm.ProviderState, &vm.Description, &vm.Architecture, &vm.Machine, &vm.Problem} {
		*s = strings.ReplaceAll(strings.ToValidUTF8(*s, "\uFFFD"), "\x00", "\uFFFD")
	}
	if b, err := json.Marshal(vm); err != nil || bytes.Contains(b, []byte(`\u0000`)) {
		vm.Disks, vm.NICs, vm.Pending = nil, nil, nil
		vm.Problem = "its devices have characters that cannot be stored"
	}
	return vm
}

// place is what the translation knows of where the VM is.
type place struct {
	kind  drivers.Kind
	hosts map[string]uuid.UUID // by name
	only  string               // the host's name where there is but one
}

// host is where the VM is: its host's name, and the row of that host if there is one.
func (p place) host(vm drivers.VM) (string, *uuid.UUID) {
	name := vm.Node
	if name == "" {
		name = p.only
	}
	if id, ok := p.hosts[name]; ok {
		return name, &id
	}
	return name, nil
}

// digest is a fingerprint of what the provider says: equal ones mean that there is nothing to write.
func (p place) digest(vm drivers.VM) int64 {
	vm.Disks = slices.Clone(vm.Disks)
	for i := range vm.Disks {
		vm.Disks[i].UsedBytes /= usedStep
	}
	_, host := p.host(vm)
	b, _ := json.Marshal([]any{translation, host, vm}) // plain data always can
	h := fnv.New64a()
	_, _ = h.Write(b)
	return int64(h.Sum64()) //nolint:gosec // a fingerprint has no sign
}

// see writes into v what the provider says of it, and reports whether anything that is shown changed.
// What operations and people own (intent, management, labels) stays.
func (p place) see(v *fleet.VM, vm drivers.VM) (changed bool) {
	was := *v
	v.Ref, v.MissingSince, v.MissingLists = vm.Ref, nil, 0
	v.ObservedStatus, v.StatusReason, v.ProviderState, v.Problem = status(vm.State), vm.StateReason, vm.ProviderState, vm.Problem
	if vm.Name != "" {
		v.Name = vm.Name
	}
	if vm.Problem == "" {
		p.seeWhole(v, vm)
	}
	if configuration(&was) != configuration(v) {
		v.Version++
	}
	v.Digest = was.Digest
	return !reflect.DeepEqual(&was, v)
}

// seeWhole is see for a VM that could be read whole; of another one the last known stays.
func (p place) seeWhole(v *fleet.VM, vm drivers.VM) {
	if v.Management != fleet.Managed {
		v.Description = vm.Description // a managed VM's is ours to keep
	}
	v.HypervisorHost, v.HostID = p.host(vm)
	v.HypervisorType = p.hypervisor(vm.Accelerator)
	v.HypervisorConfig = fleet.HypervisorConfig{
		Accelerator: vm.Accelerator, MachineType: vm.Machine, Firmware: vm.Firmware, Architecture: vm.Architecture,
		Autostart: vm.Autostart, SerialConsole: vm.SerialConsole, VNC: vm.VNC, GuestAgent: vm.GuestAgent,
	}
	v.VCPUs, v.VCPUsMax = vm.VCPUs, vm.VCPUsMax
	v.MemoryMiB, v.MemoryWantedMiB, v.MemoryMaxMiB = vm.MemoryMiB, vm.MemoryWanted, vm.MemoryMax
	v.Disks, v.NICs, v.Pending = orEmpty(vm.Disks), orEmpty(vm.NICs), orEmpty(vm.Pending)
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// hypervisor is what runs a VM, in the API's words.
func (p place) hypervisor(a drivers.Accelerator) string {
	switch {
	case p.kind != drivers.KindLibvirt:
		return string(p.kind)
	case a == drivers.AcceleratorKVM:
		return "KVM"
	default:
		return "QEMU"
	}
}

// status is the provider's state in the house's words, which are a few more.
func status(s drivers.State) fleet.VMStatus {
	if v := fleet.VMStatus(s); slices.Contains(fleet.VMStatuses, v) {
		return v
	}
	return fleet.VMUnknown
}

// configuration is what a plan is made from: when it changes, so does the version. How full a disk
// is and whether an agent is connected are no part of it, nor how much of its memory a guest has taken.
func configuration(v *fleet.VM) string {
	disks := slices.Clone(v.Disks)
	for i := range disks {
		disks[i].UsedBytes = 0
	}
	hypervisor := v.HypervisorConfig
	hypervisor.GuestAgent = false
	b, _ := json.Marshal([]any{v.Name, hypervisor, v.VCPUs, v.VCPUsMax, v.MemoryWantedMiB, v.MemoryMaxMiB, orEmpty(disks), orEmpty(v.NICs), orEmpty(v.Pending)})
	return string(b)
}
