package fake

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

func open(t testing.TB, w *World, host string) drivers.Driver {
	t.Helper()
	d, err := w.Open(t.Context(), drivers.Config{Kind: drivers.KindFake, Host: host})
	require.NoError(t, err)
	t.Cleanup(func() { d.Close() })
	return d
}

// done polls a task to its end.
func done(t testing.TB, d drivers.Driver, task drivers.Task, err error) (drivers.Ref, error) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); err == nil && !task.Done; {
		require.True(t, time.Now().Before(end), "%+v does not end", task)
		time.Sleep(time.Millisecond)
		task, err = d.Poll(t.Context(), task)
	}
	return task.Ref, err
}

func list(t testing.TB, d drivers.Driver, o drivers.ListOptions) map[drivers.Ref]drivers.VM {
	t.Helper()
	vms := map[drivers.Ref]drivers.VM{}
	for v, err := range d.List(t.Context(), o) {
		require.NoError(t, err)
		require.NotContains(t, vms, v.Ref)
		vms[v.Ref] = v
	}
	return vms
}

func TestFirstVMsAreTheSameInEveryWorldOfASeed(t *testing.T) {
	a := list(t, open(t, NewWorld(Options{VMs: 1000, Seed: 7}), "a"), drivers.ListOptions{})
	again := list(t, open(t, NewWorld(Options{VMs: 1000, Seed: 7}), "a"), drivers.ListOptions{})
	assert.Equal(t, a, again)
	assert.NotEqual(t, a, list(t, open(t, NewWorld(Options{VMs: 1000, Seed: 8}), "a"), drivers.ListOptions{}))
	names, macs := map[string]bool{}, map[string]bool{}
	d := open(t, NewWorld(Options{VMs: 1000, Seed: 7}), "a")
	for ref, v := range a {
		got, err := d.Get(t.Context(), ref)
		require.NoError(t, err)
		require.Equal(t, v, got)
		require.False(t, names[v.Name], v.Name)
		names[v.Name] = true
		for _, n := range v.NICs {
			require.False(t, macs[n.MAC], n.MAC)
			macs[n.MAC] = true
		}
	}
}

func TestAHostsNameSaysHowManyVMs(t *testing.T) {
	assert.Len(t, list(t, open(t, NewWorld(Options{VMs: 3}), "lab-vms-25.example"), drivers.ListOptions{Brief: true}), 25)
}

func TestTheWorldOutlivesConnections(t *testing.T) {
	w := NewWorld(Options{VMs: 3})
	d := open(t, w, "a")
	task, err := d.Create(t.Context(), drivers.CreateRequest{Token: "t", Name: "x", VCPUs: 1, MemoryMiB: 64, Start: true})
	ref, err := done(t, d, task, err)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	_, err = d.Get(t.Context(), ref)
	assert.Equal(t, fault.Unavailable, fault.KindOf(err))
	v, err := open(t, w, "a").Get(t.Context(), ref)
	require.NoError(t, err)
	assert.Equal(t, drivers.StateRunning, v.State)
	assert.Len(t, list(t, open(t, w, "b"), drivers.ListOptions{}), 3, "another host has its own VMs")
}

func BenchmarkList500000(b *testing.B) {
	d := open(b, NewWorld(Options{VMs: 500_000, Pace: 1e-9}), "a")
	for b.Loop() {
		n := 0
		for _, err := range d.List(context.Background(), drivers.ListOptions{}) {
			require.NoError(b, err)
			n++
		}
		require.Equal(b, 500_000, n)
	}
}
