package inventory_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

func TestFirstContact(t *testing.T) {
	host := newHost(names(1200)...)
	h := newHouse(t, host.Open)
	changes := h.subscribe(fleet.TopicVM)
	h.replica(h.store, quickly)
	p := h.add("lab")
	h.synced(p.ID)
	p = h.provider(p.ID)
	assert.Equal(t, fleet.ProviderConnected, p.Status)
	assert.Equal(t, "test://", p.Info.URI)
	vms := h.vms()
	require.Len(t, vms, 1200)
	v := vms["vm-0007"]
	assert.Equal(t, fleet.VMRunning, v.Status)
	assert.Equal(t, fleet.Discovered, v.Management)
	assert.Equal(t, "node-1", v.HypervisorHost)
	hosts, err := h.store.Hosts(t.Context(), h.scope, &p.ID)
	require.NoError(t, err)
	require.Len(t, hosts, 1)
	assert.Equal(t, &hosts[0].ID, v.HostID)
	assert.Len(t, quiet(changes), 1200)
	use, err := h.store.HostUse(t.Context(), h.scope, []uuid.UUID{hosts[0].ID})
	require.NoError(t, err)
	assert.Equal(t, fleet.HostUse{VMs: 1200, Running: 1200, VCPUs: 2400, MemoryMiB: 1200 * 512}, use[hosts[0].ID])

	h.relist(p.ID)
	assert.Empty(t, quiet(changes), "what is as it was is no news")
	assert.Equal(t, v, h.vms()["vm-0007"])
}

func TestHints(t *testing.T) {
	host := newHost("web", "db")
	h := newHouse(t, host.Open)
	changes := h.subscribe(fleet.TopicVM)
	h.replica(h.store, quickly)
	p := h.add("lab")
	h.synced(p.ID)
	quiet(changes)
	before := h.vms()

	v := vm("web")
	v.VCPUs = 3
	host.put(v)
	host.hint("web")
	host.put(vm("new"))
	host.hint("new")
	host.remove("db")
	host.hint("db")
	all := quiet(changes)
	require.Len(t, all, 3)
	after := h.vms()
	assert.Equal(t, 3, after["web"].VCPUs)
	assert.Equal(t, before["web"].Version+1, after["web"].Version)
	assert.Contains(t, after, "new")
	assert.NotNil(t, after["db"].MissingSince)
	assert.Equal(t, fleet.VMUnknown, after["db"].Status)
	for _, e := range all {
		assert.Equal(t, e.SubjectID == after["new"].ID, e.Kind == fleet.Added)
	}

	v.State, v.Name = drivers.StateStopped, "renamed"
	host.put(v)
	host.put(vm("db"))
	host.hint("web", "db")
	require.Len(t, quiet(changes), 2)
	after = h.vms()
	assert.Equal(t, before["web"].ID, after["renamed"].ID, "a renamed VM is the same VM")
	assert.Equal(t, fleet.VMStopped, after["renamed"].Status)
	assert.NotContains(t, after, "web")
	assert.Equal(t, before["db"].ID, after["db"].ID)
	assert.Nil(t, after["db"].MissingSince)

	host.hint("web", "db", "nobody")
	assert.Empty(t, quiet(changes), "a hint that nothing came of is no news")
}

// A hint that never comes costs little: the cheap comparison finds what differs.
func TestLostHints(t *testing.T) {
	host := newHost("web", "db", "cache")
	h := newHouse(t, host.Open)
	o := quickly
	o.SurveyEvery = 200 * time.Millisecond
	h.replica(h.store, o)
	p := h.add("lab")
	h.synced(p.ID)
	v := vm("web")
	v.State = drivers.StateStopped
	host.put(v)
	host.remove("db")
	host.put(vm("new"))
	h.eventually("all of it", func() bool {
		vms := h.vms()
		return vms["web"].Status == fleet.VMStopped && vms["db"].MissingSince != nil && vms["new"] != nil
	})
	assert.Equal(t, 1, host.count(&host.lists), "without another full list")
}

func TestForgetting(t *testing.T) {
	host := newHost("web", "db", "busy", "mine")
	h := newHouse(t, host.Open)
	changes := h.subscribe(fleet.TopicVM)
	h.replica(h.store, quickly)
	p := h.add("lab")
	h.synced(p.ID)
	before := h.vms()
	require.NoError(t, h.store.SetManagement(t.Context(), h.scope, before["mine"].ID, fleet.Managed))
	deleting := fleet.VMDeleting
	require.NoError(t, h.store.SetIntent(t.Context(), before["busy"].ID, fleet.NewID(), &deleting))
	quiet(changes)

	host.remove("db")
	host.remove("mine")
	host.remove("busy")
	host.fail(&host.list, fault.New(fault.Unavailable, "the line broke"))
	lists := host.count(&host.lists)
	require.NoError(t, h.store.RequestRefresh(t.Context(), h.scope, p.ID))
	h.eventually("several broken lists", func() bool { return host.count(&host.lists) > lists+3 })
	host.fail(&host.list, nil)
	assert.Empty(t, quiet(changes), "a list that breaks off says nothing about who is not in it")
	h.eventually("a whole list", func() bool { return h.vms()["db"].MissingSince != nil })
	assert.Equal(t, fleet.VMDeleting, h.vms()["busy"].Status, "an operation's word stands")

	quiet(changes)
	for n := h.vms()["db"].MissingLists; n < fleet.ForgetAfterLists; n++ {
		require.Contains(t, h.vms(), "db", "%d lists are too few", n)
		h.relist(p.ID)
	}
	after := h.vms()
	assert.NotContains(t, after, "db")
	assert.NotContains(t, after, "mine")
	assert.Contains(t, after, "web")
	assert.Contains(t, after, "busy", "not while an operation is under way on it")
	gone := map[uuid.UUID]bool{}
	for _, e := range quiet(changes) {
		assert.Equal(t, fleet.Removed, e.Kind)
		gone[e.SubjectID] = true
	}
	assert.Equal(t, map[uuid.UUID]bool{before["db"].ID: true, before["mine"].ID: true}, gone)
}

// A VM that was made here and that the database knows nothing of, since it was restored from before, is managed again;
// one of another's is found, and so is one that another connection to its host shows already.
func TestOwnVMsComeBackManaged(t *testing.T) {
	host := newHost()
	h := newHouse(t, host.Open)
	h.replica(h.store, quickly)
	made := func(name string, owner uuid.UUID) drivers.VM {
		v := vm(name)
		v.Token, v.Owner = fleet.NewID().String(), owner.String()
		return v
	}
	host.put(made("ours", h.scope.Tenant()))
	host.put(made("theirs", fleet.NewID()))
	host.put(vm("nobody's"))
	first := h.add("lab")
	h.synced(first.ID)
	for name, is := range map[string]fleet.Management{"ours": fleet.Managed, "theirs": fleet.Discovered, "nobody's": fleet.Discovered} {
		assert.Equal(t, is, h.vms()[name].Management, name)
	}
	second := h.add("lab-again")
	h.synced(second.ID)
	page, err := h.store.VMPage(t.Context(), h.scope, fleet.VMQuery{First: 10, Filter: fleet.VMFilter{Provider: []uuid.UUID{second.ID}}})
	require.NoError(t, err)
	require.Len(t, page.VMs, 3)
	for _, v := range page.VMs {
		assert.Equal(t, fleet.Discovered, v.Management, v.Name)
	}
}

// The row of a VM that is being made becomes the VM that was made, whoever sees it first.
func TestTokenFindsTheRow(t *testing.T) {
	host := newHost()
	h := newHouse(t, host.Open)
	i, _ := h.replica(h.store, quickly)
	p := h.add("lab")
	h.synced(p.ID)
	for _, seenBy := range []string{"hint", "list", "refresh"} {
		operation, making := fleet.NewID(), fleet.VMProvisioning
		row := &fleet.VM{
			ID: fleet.NewID(), TenantID: h.scope.Tenant(), ProviderID: p.ID, Name: seenBy, Management: fleet.Managed, ObservedStatus: fleet.VMUnknown,
			Intent: &making, OperationID: &operation, Description: "ours", Tags: map[string]string{"a": "b"}, Version: 1,
		}
		require.NoError(t, h.store.InsertVM(t.Context(), row))
		h.relist(p.ID)
		assert.Nil(t, h.vms()[seenBy].MissingSince, "what has no id yet cannot be missed")
		v := vm(seenBy)
		v.Token, v.Description = operation.String(), "theirs"
		host.put(v)
		switch seenBy {
		case "hint":
			host.hint(seenBy)
		case "list":
			h.relist(p.ID)
		default:
			got, err := i.Refresh(t.Context(), p.ID, v.Ref)
			require.NoError(t, err)
			assert.Equal(t, row.ID, got.ID)
		}
		h.eventually("the ref", func() bool { return h.vms()[seenBy].Ref == v.Ref })
		got := h.vms()[seenBy]
		assert.Equal(t, row.ID, got.ID)
		assert.Equal(t, fleet.VMProvisioning, got.Status)
		assert.Equal(t, fleet.VMRunning, got.ObservedStatus)
		assert.Equal(t, fleet.Managed, got.Management)
		assert.Equal(t, "ours", got.Description)
		assert.Equal(t, map[string]string{"a": "b"}, got.Tags)
		require.NoError(t, h.store.EndIntent(t.Context(), row.ID, operation))
		assert.Equal(t, fleet.VMRunning, h.vms()[seenBy].Status)
	}
	_, err := i.Refresh(t.Context(), p.ID, "nobody")
	assert.True(t, fault.Is(err, fault.NotFound), "%v", err)
	assert.Len(t, h.vms(), 3)
}

// A VM that cannot be read, or not be stored, costs nobody else anything and does not look deleted.
func TestUnreadable(t *testing.T) {
	host := newHost(names(20)...)
	h := newHouse(t, host.Open)
	h.replica(h.store, quickly)
	p := h.add("lab")
	h.synced(p.ID)
	host.put(drivers.VM{Ref: "ref-vm-0003", Name: "vm-0003", State: drivers.StateStopped, Problem: "its definition cannot be read"})
	odd := vm("vm-0004")
	odd.Description = "a\x00b\xff"
	host.put(odd)
	worse := vm("vm-0005")
	worse.Disks = []drivers.Disk{{Name: "a\x00"}}
	host.put(worse)
	long := vm(strings.Repeat("l", 60_000))
	long.Ref = "ref-long"
	host.put(long)
	next := vm("vm-0006")
	next.VCPUs = 4
	host.put(next)
	h.relist(p.ID)
	vms := h.vms()
	assert.Equal(t, 2, vms["vm-0003"].VCPUs, "the last known stays")
	assert.Equal(t, fleet.VMStopped, vms["vm-0003"].Status)
	assert.Equal(t, "its definition cannot be read", vms["vm-0003"].Problem)
	assert.Equal(t, "a\uFFFDb\uFFFD", vms["vm-0004"].Description)
	assert.NotEmpty(t, vms["vm-0005"].Problem)
	assert.Equal(t, 4, vms["vm-0006"].VCPUs)
	h.eventually("the long name", func() bool { _, ok := h.vms()[long.Name]; return ok })
	for _, v := range h.vms() {
		assert.Nil(t, v.MissingSince)
	}
	// and back again
	host.put(vm("vm-0003"))
	host.hint("vm-0003")
	h.eventually("its recovery", func() bool { return h.vms()["vm-0003"].Problem == "" })
}

func TestStorm(t *testing.T) {
	host := newHost(names(50)...)
	h := newHouse(t, host.Open)
	changes := h.subscribe(fleet.TopicVM)
	h.replica(h.store, quickly)
	p := h.add("lab")
	h.synced(p.ID)
	quiet(changes)
	gets := host.count(&host.gets)
	began := time.Now()
	for n := range 200 {
		for _, name := range names(50) {
			v := vm(name)
			v.MemoryMiB = int64(600 + n)
			host.put(v)
		}
		host.hint(names(50)...)
		time.Sleep(time.Millisecond)
	}
	h.eventually("the last state of all", func() bool {
		for _, v := range h.vms() {
			if v.MemoryMiB != 799 {
				return false
			}
		}
		return true
	})
	took := time.Since(began)
	gets = host.count(&host.gets) - gets
	t.Logf("10000 hints about 50 VMs: %d reads in %v", gets, took)
	assert.LessOrEqual(t, gets, 50*(int(took/(100*time.Millisecond))+2), "at most one each tenth of a second")
}

// Of two readings the one that was asked for later counts, whichever is written first.
func TestLateReadingsAreDropped(t *testing.T) {
	host := newHost("web")
	h := newHouse(t, host.Open)
	i, _ := h.replica(h.store, quickly)
	p := h.add("lab")
	h.synced(p.ID)
	asked, answer := make(chan struct{}), make(chan struct{})
	first := true
	host.do(func() {
		host.getting = func(drivers.Ref) {
			if first {
				first = false
				close(asked)
				<-answer
			}
		}
	})
	done := make(chan error)
	go func() {
		_, err := i.Refresh(context.Background(), p.ID, "ref-web") // reads "running", and is slow to say so
		done <- err
	}()
	<-asked
	v := vm("web")
	v.State = drivers.StateStopped
	host.put(v)
	got, err := i.Refresh(t.Context(), p.ID, "ref-web")
	require.NoError(t, err)
	assert.Equal(t, fleet.VMStopped, got.Status)
	close(answer)
	require.NoError(t, <-done)
	assert.Equal(t, fleet.VMStopped, h.vms()["web"].Status)
}

func TestDeletedWhileListed(t *testing.T) {
	host := newHost("web", "db")
	h := newHouse(t, host.Open)
	h.replica(h.store, quickly)
	p := h.add("lab")
	h.synced(p.ID)
	// An operation deletes it, row and all, while the list that still has it is on its way.
	require.NoError(t, h.store.DeleteVM(t.Context(), h.vms()["db"].ID))
	host.do(func() { host.asked = func(context.Context, drivers.Ref) { host.remove("db") } })
	gets := host.count(&host.gets)
	h.relist(p.ID)
	h.eventually("a closer look", func() bool { return host.count(&host.gets) > gets })
	time.Sleep(100 * time.Millisecond)
	h.relist(p.ID)
	assert.NotContains(t, h.vms(), "db")
}

// VMs that hang when they are read hold up no other VM of their host, not even if there are more of
// them than workers.
func TestHangingVMs(t *testing.T) {
	host := newHost(names(40)...)
	h := newHouse(t, host.Open)
	h.replica(h.store, quickly)
	p := h.add("lab")
	h.synced(p.ID)
	host.do(func() {
		host.asked = func(ctx context.Context, ref drivers.Ref) {
			if ref < "ref-vm-0020" {
				<-ctx.Done()
			}
		}
	})
	host.hint(names(20)...)
	change := func(cpus int) time.Duration {
		began := time.Now()
		v := vm("vm-0030")
		v.VCPUs = cpus
		host.put(v)
		host.hint("vm-0030")
		h.eventually("the healthy VM", func() bool { return h.vms()["vm-0030"].VCPUs == cpus })
		return time.Since(began)
	}
	first, second := change(3), change(4)
	t.Logf("a change of a healthy VM behind 20 hanging ones: %v, and again: %v", first, second)
	assert.Less(t, second, time.Second)
}
