package loaders

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fleet"
)

// Live details are in no table: they are asked of the provider, all VMs of an answer in one call, and
// kept for as long as the schema says. A provider that does not answer costs its own fields only.
const (
	liveFor      = 5 * time.Second
	liveDeadline = 4 * time.Second
	// rates need the reading before; one older than this says nothing of now
	previousFor = 5 * time.Minute
)

// vmKey is a VM at its provider.
type vmKey struct {
	provider uuid.UUID
	ref      drivers.Ref
}

// Guest is what a VM's guest says of itself; nil when it is off or its agent does not answer.
func (l *Loaders) Guest(ctx context.Context, vm *fleet.VM) (*fleet.Guest, error) {
	g, err := l.anyGuest(ctx, vm)
	if err != nil || g == nil || !g.Agent {
		return nil, err
	}
	return g, nil
}

// Addresses are a VM's, by its agent or by the host's leases; none when it is off.
func (l *Loaders) Addresses(ctx context.Context, vm *fleet.VM) ([]drivers.Address, error) {
	g, err := l.anyGuest(ctx, vm)
	if err != nil || g == nil {
		return []drivers.Address{}, err
	}
	return g.Addresses, nil
}

func (l *Loaders) anyGuest(ctx context.Context, vm *fleet.VM) (*fleet.Guest, error) {
	if vm.Ref == "" || vm.ObservedStatus != fleet.VMRunning {
		return nil, nil
	}
	return l.guest.Load(ctx, vmKey{vm.ProviderID, vm.Ref})
}

// Usage is what a VM uses now; nil when it does not run.
func (l *Loaders) Usage(ctx context.Context, vm *fleet.VM) (*fleet.Usage, error) {
	if vm.Ref == "" || vm.ObservedStatus != fleet.VMRunning && vm.ObservedStatus != fleet.VMPaused {
		return nil, nil
	}
	return l.usage.Load(ctx, vmKey{vm.ProviderID, vm.Ref})
}

// Snapshots are a VM's, parents before children. They are not cached: whoever has just made one looks for it.
func (l *Loaders) Snapshots(ctx context.Context, vm *fleet.VM) ([]drivers.Snapshot, error) {
	if vm.Ref == "" {
		return []drivers.Snapshot{}, nil
	}
	return ask(ctx, l, vm.ProviderID, func(ctx context.Context, c *drivers.Conn) ([]drivers.Snapshot, error) {
		return c.Snapshots(ctx, vm.Ref)
	})
}

// Document is a VM's own document at its provider; nil when it has none yet.
func (l *Loaders) Document(ctx context.Context, vm *fleet.VM) (*string, error) {
	if vm.Ref == "" {
		return nil, nil
	}
	text, err := ask(ctx, l, vm.ProviderID, func(ctx context.Context, c *drivers.Conn) (string, error) { return c.Document(ctx, vm.Ref) })
	if err != nil {
		return nil, err
	}
	return &text, nil
}

// Volumes are those of one pool of a provider.
func (l *Loaders) Volumes(ctx context.Context, provider uuid.UUID, pool string) ([]drivers.Volume, error) {
	return ask(ctx, l, provider, func(ctx context.Context, c *drivers.Conn) ([]drivers.Volume, error) { return c.Volumes(ctx, pool) })
}

func (l *Loaders) loadGuests(ctx context.Context, keys []vmKey) ([]*fleet.Guest, []error) {
	return live(ctx, l, "guest", keys, func(ctx context.Context, c *drivers.Conn, _ uuid.UUID, refs []drivers.Ref) (map[drivers.Ref]*fleet.Guest, error) {
		guests, err := c.Guest(ctx, refs)
		now, all := time.Now(), make(map[drivers.Ref]*fleet.Guest, len(guests))
		for ref, g := range guests {
			all[ref] = &fleet.Guest{Guest: g, AsOf: now}
		}
		return all, err
	})
}

func (l *Loaders) loadUsages(ctx context.Context, keys []vmKey) ([]*fleet.Usage, []error) {
	return live(ctx, l, "usage", keys, func(ctx context.Context, c *drivers.Conn, provider uuid.UUID, refs []drivers.Ref) (map[drivers.Ref]*fleet.Usage, error) {
		samples, err := c.Sample(ctx, refs)
		if err != nil {
			return nil, err
		}
		names := make([]string, len(refs))
		for i, ref := range refs {
			names[i] = l.key("sample", vmKey{provider, ref})
		}
		before := get[drivers.Sample](ctx, l.source.cache, names)
		keep, all := map[string]drivers.Sample{}, make(map[drivers.Ref]*fleet.Usage, len(samples))
		for i, ref := range refs {
			if now, ok := samples[ref]; ok {
				all[ref] = fleet.UsageOf(now, before[i])
				keep[names[i]] = now
			}
		}
		put(ctx, l.source.cache, keep, previousFor)
		return all, nil
	})
}

// key names a live value in the cache. The tenant is part of it: what one may see, another may not.
func (l *Loaders) key(kind string, k vmKey) string {
	return fmt.Sprintf("novacron:live:%s:%s:%s:%s", kind, l.viewer.TenantID, k.provider, k.ref)
}

// live loads one kind of detail of many VMs: from the cache what is there, the rest by one call to
// each provider, all providers at once.
func live[T any](ctx context.Context, l *Loaders, kind string, keys []vmKey, call func(context.Context, *drivers.Conn, uuid.UUID, []drivers.Ref) (map[drivers.Ref]*T, error)) ([]*T, []error) {
	values, errs := make([]*T, len(keys)), make([]error, len(keys))
	at := map[uuid.UUID][]int{}
	for i, k := range keys {
		at[k.provider] = append(at[k.provider], i)
	}
	done := make(chan struct{}, len(at))
	for provider, rows := range at {
		go func() {
			defer func() { done <- struct{}{} }()
			names := make([]string, len(rows))
			refs := make(map[string]drivers.Ref, len(rows))
			for i, row := range rows {
				names[i] = l.key(kind, keys[row])
				refs[names[i]] = keys[row].ref
			}
			found, err := cached(ctx, l.source.cache, names, liveFor, func(ctx context.Context, missing []string) (map[string]T, error) {
				want := make([]drivers.Ref, len(missing))
				for i, name := range missing {
					want[i] = refs[name]
				}
				got, err := ask(ctx, l, provider, func(ctx context.Context, c *drivers.Conn) (map[drivers.Ref]*T, error) {
					return call(ctx, c, provider, want)
				})
				all := make(map[string]T, len(got))
				for i, ref := range want {
					if v := got[ref]; v != nil {
						all[missing[i]] = *v
					}
				}
				return all, err
			})
			for i, row := range rows {
				if v, ok := found[names[i]]; ok {
					values[row] = &v
				} else {
					errs[row] = err
				}
			}
		}()
	}
	for range at {
		<-done
	}
	return values, errs
}

// ask makes one call to a provider of the viewer's. One that is known not to answer is not asked.
func ask[T any](ctx context.Context, l *Loaders, provider uuid.UUID, call func(context.Context, *drivers.Conn) (T, error)) (zero T, err error) {
	p, err := l.Provider.Load(ctx, provider)
	if err != nil {
		return zero, err
	}
	if !p.Reachable() {
		return zero, p.Away()
	}
	ctx, cancel := context.WithTimeout(ctx, liveDeadline)
	defer cancel()
	conn, err := l.source.conns.Conn(ctx, p.ID, p.SettingsVersion)
	if err != nil {
		return zero, err
	}
	return call(ctx, conn)
}
