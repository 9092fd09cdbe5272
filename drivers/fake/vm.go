package fake

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// vm is one that has changed since the beginning, or was created.
type vm struct {
	drivers.VM               // as it is; Pending is worked out from next
	next       size          // its stored definition
	hidden     bool          // its creation is under way
	started    time.Time     // when it was switched on; zero when it never was
	since      time.Time     // since when its CPUs run; zero while they do not
	cpu        time.Duration // what they used before that
	job        *task         // what is being done to it
	snapshots  []*snapshot
	current    string                 // the snapshot that its state goes on from
	attached   map[string]string      // disk names by the token that attached them
	visitors   map[io.Closer]struct{} // open consoles
}

// size is the part of a definition that Resize changes.
type size struct {
	vcpus, vcpusMax      int
	memoryMiB, memoryMax int64
}

func sizeOf(v drivers.VM) size { return size{v.VCPUs, v.VCPUsMax, v.MemoryMiB, v.MemoryMax} }

func (s size) give(v *drivers.VM) {
	v.VCPUs, v.VCPUsMax, v.MemoryMiB, v.MemoryMax = s.vcpus, s.vcpusMax, s.memoryMiB, s.memoryMax
	v.MemoryWanted = s.memoryMiB
}

func newVM(h *host, v drivers.VM) *vm {
	m := &vm{VM: v, next: sizeOf(v), attached: map[string]string{}, visitors: map[io.Closer]struct{}{}}
	if on(v.State) {
		m.started = h.bootOf(v)
		if m.since = m.started; v.State == drivers.StatePaused {
			m.cpu, m.since = cpuTime(v, m.started, h.world.born), time.Time{}
		}
	}
	return m
}

// on says whether a VM in this state has a running or paused guest.
func on(s drivers.State) bool {
	switch s {
	case drivers.StateRunning, drivers.StatePaused, drivers.StateStopping, drivers.StateStarting:
		return true
	default:
		return false
	}
}

// has reports whether the VM's name asks for a habit.
func (m *vm) has(habit string) bool { return strings.Contains(m.Name, habit) }

// view is the VM as a caller sees it: a copy, so that nothing of ours escapes.
func (m *vm) view(o drivers.ListOptions) drivers.VM {
	v := m.VM
	v.ProviderState = word(v.State)
	if m.has("unreadable") {
		return drivers.VM{Ref: v.Ref, Name: v.Name, State: v.State, ProviderState: v.ProviderState, Problem: "its definition cannot be parsed (the VM's name asks for it: unreadable)"}
	}
	if o.Brief {
		return drivers.VM{Ref: v.Ref, Name: v.Name, State: v.State, StateReason: v.StateReason, ProviderState: v.ProviderState}
	}
	v.Disks, v.NICs = slices.Clone(v.Disks), slices.Clone(v.NICs)
	v.GuestAgent = v.State == drivers.StateRunning && !m.has("no-agent")
	v.Pending = m.pending()
	return v
}

func (m *vm) pending() []drivers.PendingChange {
	var p []drivers.PendingChange
	change := func(field string, now, then int64) {
		if now != then {
			p = append(p, drivers.PendingChange{Field: field, Current: strconv.FormatInt(now, 10), Next: strconv.FormatInt(then, 10)})
		}
	}
	now := sizeOf(m.VM)
	change("vcpus", int64(now.vcpus), int64(m.next.vcpus))
	change("vcpusMax", int64(now.vcpusMax), int64(m.next.vcpusMax))
	change("memoryMiB", now.memoryMiB, m.next.memoryMiB)
	change("memoryMaxMiB", now.memoryMax, m.next.memoryMax)
	return p
}

func (m *vm) disk(name string) *drivers.Disk {
	if i := slices.IndexFunc(m.Disks, func(d drivers.Disk) bool { return d.Name == name }); i >= 0 {
		return &m.Disks[i]
	}
	return nil
}

// set changes the state; the caller tells the watchers.
func (m *vm) set(s drivers.State, reason string) { m.State, m.StateReason = s, reason }

// find looks a VM up without changing anything. h.mu is held.
func (h *host) find(ref drivers.Ref, o drivers.ListOptions) (drivers.VM, bool) {
	if m := h.refs[ref]; m != nil {
		return m.view(o), !m.hidden
	}
	i, ok := h.indexOf(ref)
	if !ok {
		return drivers.VM{}, false
	}
	if m, changed := h.touched[i]; changed {
		if m == nil {
			return drivers.VM{}, false
		}
		return m.view(o), true
	}
	return h.first(i, o.Brief), true
}

// take looks a VM up in order to change it. h.mu is held.
func (h *host) take(ref drivers.Ref) (*vm, error) {
	if m := h.refs[ref]; m != nil && !m.hidden {
		return m, nil
	}
	if i, ok := h.indexOf(ref); ok {
		m, changed := h.touched[i]
		if !changed {
			m = newVM(h, h.first(i, false))
			h.touched[i] = m
			for _, d := range m.Disks {
				h.volumes[drivers.VolumeRef{Pool: d.Pool, Volume: d.Volume}] = volumeOf(d)
			}
		}
		if m != nil {
			return m, nil
		}
	}
	return nil, missing(ref)
}

// forget removes a VM from the records. h.mu is held.
func (h *host) forget(m *vm) {
	h.switchOff(m)
	if i, ok := h.indexOf(m.Ref); ok {
		h.touched[i] = nil
		return
	}
	delete(h.refs, m.Ref)
	if h.names[m.Name] == m {
		delete(h.names, m.Name)
	}
	if h.tokens[m.Token] == m {
		delete(h.tokens, m.Token)
	}
	if i := slices.Index(h.made, m); i >= 0 {
		h.made[i] = nil
	}
}

// nameTaken tells whether a VM of that name exists. h.mu is held.
func (h *host) nameTaken(name string) bool {
	if h.names[name] != nil {
		return true
	}
	i, ok := h.numberOf(name)
	if !ok {
		return false
	}
	m, changed := h.touched[i]
	return !changed || m != nil
}

// switchOff ends what runs in a VM. h.mu is held.
func (h *host) switchOff(m *vm) {
	m.since, m.cpu = time.Time{}, 0
	for p := range m.visitors {
		p.Close()
	}
	clear(m.visitors)
}

func missing(ref drivers.Ref) error { return said(fault.Missing("VM", string(ref)), "NO_VM") }

// refuse makes an error as a provider would: with its own code and words beside ours.
func refuse(k fault.Kind, code, remedy, format string, a ...any) *fault.Error {
	return said(fault.New(k, format, a...).With(remedy), code)
}

func said(e *fault.Error, code string) *fault.Error {
	e.Provider, e.ProviderCode, e.ProviderText = string(drivers.KindFake), "FAKE_"+code, fmt.Sprintf("error: %s", e.Message)
	return e
}
