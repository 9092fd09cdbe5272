package inventory_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/drivers/fake"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/inventory"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

func (h *house) status(id uuid.UUID, want fleet.ProviderStatus) *fleet.Provider {
	h.t.Helper()
	h.eventually(string(want), func() bool { return h.provider(id).Status == want })
	return h.provider(id)
}

func TestStatus(t *testing.T) {
	host := newHost("web")
	h := newHouse(t, host.Open)
	h.replica(h.store, quickly)
	p := h.add("lab")
	h.synced(p.ID)
	changes, ofVMs := h.subscribe(fleet.TopicProvider), h.subscribe(fleet.TopicVM)
	quiet(changes)
	quiet(ofVMs)
	opens := host.count(&host.opens)

	// one ping that is lost is nothing
	down := fault.New(fault.Unavailable, "connection refused").With("Look at the cable.")
	host.do(func() { host.slips = 1 })
	h.eventually("the lost ping", func() bool { return host.count(&host.slips) == 0 })
	assert.Empty(t, quiet(changes))
	assert.Equal(t, opens, host.count(&host.opens))
	assert.Equal(t, fleet.ProviderConnected, h.provider(p.ID).Status)

	host.fail(&host.ping, down)
	host.fail(&host.open, down)
	got := h.status(p.ID, fleet.ProviderUnreachable)
	assert.Equal(t, "connection refused", got.Problem.Message)
	assert.Equal(t, "Look at the cable.", got.Problem.Remedy)
	since := got.StatusSince
	v := h.vms()["web"]
	assert.Equal(t, fleet.VMUnknown, v.StatusUnder(got))
	assert.Nil(t, v.MissingSince, "unreachable is not gone")
	assert.Len(t, quiet(changes), 1, "one event for one change")
	all := quiet(ofVMs)
	require.Len(t, all, 1, "one event for all its VMs")
	assert.Equal(t, fleet.AllChanged, all[0].Kind)
	assert.Equal(t, p.ID, all[0].SubjectID)
	assert.Equal(t, since, h.provider(p.ID).StatusSince)

	host.fail(&host.open, fault.New(fault.Unauthorized, "it refuses the key"))
	h.status(p.ID, fleet.ProviderError)

	// other settings are tried at once, whatever the wait was
	host.fail(&host.open, nil)
	host.fail(&host.ping, nil)
	got = h.provider(p.ID)
	got.Host = "elsewhere"
	before := host.count(&host.lists)
	require.NoError(t, h.store.UpdateProvider(t.Context(), h.scope, got))
	assert.Equal(t, fleet.ProviderConnecting, got.Status)
	got = h.status(p.ID, fleet.ProviderConnected)
	assert.Nil(t, got.Problem)
	h.eventually("a full list after the pause", func() bool { return host.count(&host.lists) > before })
	assert.Equal(t, fleet.VMRunning, h.vms()["web"].StatusUnder(got))
}

// A host that swallows packets lets each attempt to connect run into its deadline. Its pings have told already.
func TestSilentHostIsToldBeforeTheNextAttempt(t *testing.T) {
	host := newHost("web")
	h := newHouse(t, host.Open)
	h.replica(h.store, quickly)
	p := h.add("lab")
	h.synced(p.ID)
	done := make(chan struct{})
	host.do(func() {
		host.opening = func(context.Context) { <-done }
		host.ping = fault.New(fault.Deadline, "no answer")
	})
	assert.Equal(t, "no answer", h.status(p.ID, fleet.ProviderUnreachable).Problem.Message)
	host.fail(&host.ping, nil)
	close(done)
	h.status(p.ID, fleet.ProviderConnected)
}

func TestFirstAttemptFails(t *testing.T) {
	h := newHouse(t, fake.NewWorld(fake.Options{}).Open)
	h.replica(h.store, quickly)
	for name, want := range map[string]fleet.ProviderStatus{"a-down": fleet.ProviderUnreachable, "b-wrong-password": fleet.ProviderError, "c-wrong-cert": fleet.ProviderError} {
		p := h.add(name)
		got := h.status(p.ID, want)
		assert.NotEmpty(t, got.Problem.Message)
	}
}

func TestRemovedProvider(t *testing.T) {
	host := newHost("web")
	h := newHouse(t, host.Open)
	h.replica(h.store, quickly)
	p := h.add("lab")
	h.synced(p.ID)
	require.NoError(t, h.store.DeleteProvider(t.Context(), h.scope, p.ID))
	time.Sleep(100 * time.Millisecond)
	host.hint("web")
	time.Sleep(100 * time.Millisecond)
	assert.Empty(t, h.vms())
}

// A replica that dies without a word is replaced when its lease has run out; what it still writes
// after that is refused.
func TestTakeover(t *testing.T) {
	host := newHost("web")
	h := newHouse(t, host.Open)
	first := storetest.Open(t, h.url)
	o := quickly
	o.LeaseTTL = 700 * time.Millisecond
	h.replica(first, o)
	p := h.add("lab")
	h.synced(p.ID)
	lease := store.Lease{Provider: p.ID, Epoch: h.provider(p.ID).LeaseEpoch, SettingsVersion: p.SettingsVersion}
	require.NoError(t, h.store.Tx(t.Context(), func(tx *store.Store) error { return tx.Fence(t.Context(), lease) }))

	second := storetest.Open(t, h.url)
	second.OnEvents(func() {})
	h.replica(second, o)
	time.Sleep(time.Second)
	assert.Equal(t, lease.Epoch, h.provider(p.ID).LeaseEpoch, "while the first lives nobody takes its work")

	began := time.Now()
	require.NoError(t, first.Close()) // as good as dead: it reaches nothing
	h.eventually("the takeover", func() bool { return h.provider(p.ID).LeaseEpoch > lease.Epoch })
	t.Logf("taken over %v after the death, with leases of %v", time.Since(began), o.LeaseTTL)
	assert.Less(t, time.Since(began), 3*o.LeaseTTL)
	v := vm("web")
	v.VCPUs = 4
	host.put(v)
	h.eventually("the second replica's reading", func() bool { return h.vms()["web"].VCPUs == 4 })

	err := h.store.Tx(t.Context(), func(tx *store.Store) error { return tx.Fence(t.Context(), lease) })
	assert.True(t, fault.Is(err, fault.Conflict), "%v", err)
	ok, err := h.store.SetProviderSeen(t.Context(), lease, &fleet.Provider{ID: p.ID, Status: fleet.ProviderError}, "status")
	require.NoError(t, err)
	assert.False(t, ok)
}

func TestReplicasShareAndHandOver(t *testing.T) {
	h := newHouse(t, fake.NewWorld(fake.Options{VMs: 3}).Open)
	var ids []uuid.UUID
	for i := range 12 {
		ids = append(ids, h.add(fmt.Sprint("lab-", i)).ID)
	}
	owners := func() map[string]int {
		by := map[string]int{}
		for _, id := range ids {
			by[h.provider(id).LeaseOwner]++
		}
		return by
	}
	_, stop := h.replica(h.store, quickly)
	h.replica(h.store, quickly)
	for _, id := range ids {
		h.synced(id)
	}
	t.Log(owners())
	stop()
	h.eventually("one owner", func() bool { by := owners(); return len(by) == 1 && by[""] == 0 })
	for _, id := range ids {
		h.status(id, fleet.ProviderConnected)
	}
	counts, err := h.store.VMCounts(t.Context(), h.scope, fleet.VMFilter{})
	require.NoError(t, err)
	assert.Equal(t, 12*3, counts.Total)
}

// A host that hangs costs its own VMs their freshness and nobody else anything.
func TestHangingNeighbour(t *testing.T) {
	h := newHouse(t, fake.NewWorld(fake.Options{VMs: 5}).Open)
	h.replica(h.store, quickly)
	for i := range 5 {
		h.add(fmt.Sprintf("n%d-hang-open", i))
		h.add(fmt.Sprintf("n%d-half-list", i))
	}
	began := time.Now()
	p := h.add("well")
	h.synced(p.ID)
	t.Logf("the healthy one was read after %v", time.Since(began))
	assert.Less(t, time.Since(began), 3*time.Second)
}

// A change behind our back reaches the database and a subscriber: the promise is p99 of a second.
func TestLatency(t *testing.T) {
	world := fake.NewWorld(fake.Options{VMs: 500})
	h := newHouse(t, world.Open)
	o := inventory.Options{GuestsEvery: time.Hour}
	h.replica(h.store, o)
	p := h.add("lab")
	h.synced(p.ID)
	changes := h.subscribe(fleet.TopicVM)
	quiet(changes)
	behind, err := world.Open(t.Context(), drivers.Config{Host: "lab"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = behind.Close() })
	w, ok := behind.(drivers.Watcher)
	require.True(t, ok)
	told := make(chan drivers.Ref, 1000)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.Watch(ctx, func(hint drivers.Hint) { told <- hint.Ref })
	}()
	time.Sleep(50 * time.Millisecond)
	var took []time.Duration
	for _, v := range h.vms() {
		if len(took) == 200 {
			break
		}
		if v.ObservedStatus != fleet.VMRunning {
			continue
		}
		_, err := behind.Power(t.Context(), v.Ref, drivers.PowerOff)
		require.NoError(t, err)
		for ref := range told {
			if ref == v.Ref {
				break
			}
		}
		began := time.Now()
		for now := v; now.ObservedStatus != fleet.VMStopped; {
			select {
			case b := <-changes:
				for _, e := range b.Events {
					if e.SubjectID == v.ID {
						now, err = h.store.VM(t.Context(), h.scope, v.ID)
						require.NoError(t, err)
					}
				}
			case <-time.After(5 * time.Second):
				t.Fatal("not told within 5 s")
			}
		}
		took = append(took, time.Since(began))
	}
	cancel()
	<-done
	slices.Sort(took)
	n := len(took)
	t.Logf("from the provider's hint to a subscriber that has re-read the VM, %d times: p50 %v p99 %v max %v", n, took[n/2], took[n*99/100], took[n-1])
	assert.Less(t, took[n*99/100], time.Second)
}

func TestTenThousand(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	h := newHouse(t, fake.NewWorld(fake.Options{VMs: 10_000}).Open)
	h.replica(h.store, inventory.Options{GuestsEvery: time.Hour, SurveyEvery: time.Hour})
	p := h.add("lab")
	h.synced(p.ID)
	counts, err := h.store.VMCounts(t.Context(), h.scope, fleet.VMFilter{})
	require.NoError(t, err)
	assert.Equal(t, 10_000, counts.Total)
	first := *h.provider(p.ID).LastSyncMs
	h.relist(p.ID)
	t.Logf("10,000 VMs: first list %d ms, unchanged list %d ms", first, *h.provider(p.ID).LastSyncMs)
}

func TestAddresses(t *testing.T) {
	h := newHouse(t, fake.NewWorld(fake.Options{VMs: 30}).Open)
	h.replica(h.store, quickly)
	p := h.add("lab")
	h.synced(p.ID)
	var address string
	h.eventually("an address", func() bool {
		for _, v := range h.vms() {
			if len(v.Addresses) > 0 {
				address = v.Addresses[0]
			}
		}
		return address != ""
	})
	counts, err := h.store.VMCounts(t.Context(), h.scope, fleet.VMFilter{Search: address})
	require.NoError(t, err)
	assert.Positive(t, counts.Total, "a VM is found by its address")
}

// A provider that went away often of late is believed to be back only once it has answered for a while.
func TestFlapping(t *testing.T) {
	host := newHost("web")
	h := newHouse(t, host.Open)
	slower := quickly
	slower.PingEvery = 300 * time.Millisecond
	h.replica(h.store, slower)
	p := h.add("lab")
	h.synced(p.ID)
	down := fault.New(fault.Unavailable, "connection refused")
	both := func(err error) {
		host.fail(&host.ping, err)
		host.fail(&host.open, err)
	}
	both(down)
	h.status(p.ID, fleet.ProviderUnreachable)
	both(nil)
	h.status(p.ID, fleet.ProviderConnected)
	both(down)
	h.status(p.ID, fleet.ProviderUnreachable)

	host.fail(&host.open, nil) // it lets us in, and then says nothing
	opens := host.count(&host.opens)
	changes := h.subscribe(fleet.TopicProvider)
	quiet(changes)
	h.eventually("it was tried again", func() bool { return host.count(&host.opens) > opens+1 })
	assert.Empty(t, quiet(changes), "believed at once")
	assert.Equal(t, fleet.ProviderUnreachable, h.provider(p.ID).Status)
	host.fail(&host.ping, nil)
	h.status(p.ID, fleet.ProviderConnected)
}
