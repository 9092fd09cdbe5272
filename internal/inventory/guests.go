package inventory

import (
	"context"
	"net/netip"
	"slices"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// guests are asked so many at a time.
const guestsAtOnce = 50

// askGuests keeps the last known addresses of running VMs, so that a VM is found by its address. Who
// looks at a VM asks its guest anew; this is for searches.
func (r *reader) askGuests(ctx context.Context, conn *drivers.Conn) {
	for round := 1; sleep(ctx, jitter(r.o.GuestsEvery)); round++ {
		vms, err := r.store.RunningVMs(ctx, fleet.System(), r.id, round%6 != 0)
		for len(vms) > 0 && err == nil {
			some := vms[:min(guestsAtOnce, len(vms))]
			vms = vms[len(some):]
			err = r.askSome(ctx, conn, some)
		}
		if fault.Is(err, fault.Unsupported) {
			return
		}
		if err != nil && ctx.Err() == nil {
			r.logger.Info("asking guests for their addresses", "error", err)
		}
	}
}

func (r *reader) askSome(ctx context.Context, conn *drivers.Conn, some []store.GuestMark) error {
	refs := make([]drivers.Ref, len(some))
	for i, m := range some {
		refs[i] = m.Ref
	}
	guests, err := conn.Guest(ctx, refs)
	if err != nil {
		return err
	}
	lease := r.lease()
	for _, m := range some {
		g, ok := guests[m.Ref]
		now := addresses(g)
		if !ok || len(now) == 0 || slices.Equal(now, m.Addresses) {
			continue // a guest that says nothing has not lost its address
		}
		err := r.store.Tx(ctx, func(tx *store.Store) error {
			if err := tx.Fence(ctx, lease); err != nil {
				return err
			}
			if err := tx.SetAddresses(ctx, m.ID, now); err != nil {
				return err
			}
			return events.Record(ctx, tx, (&fleet.VM{ID: m.ID, TenantID: r.tenant, ProviderID: r.id}).Event(fleet.Updated))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// addresses are those that somebody might search for, in order.
func addresses(g drivers.Guest) []string {
	var all []string
	for _, a := range g.Addresses {
		ip, err := netip.ParseAddr(a.Address)
		if err == nil && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			all = append(all, ip.WithZone("").String())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
