package inventory

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// chunk is how many VMs are written in one transaction: so many that 10,000 take seconds, so few that
// each is short, because the event log waits for the oldest transaction.
const chunk = 500

// list reads everything. What it says is true, but for what was read by itself meanwhile.
func (r *reader) list(ctx context.Context, conn *drivers.Conn) error {
	began, err := r.store.Now(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	p, err := r.store.Provider(ctx, fleet.System(), r.id)
	if err != nil {
		return err
	}
	// A VM that is new to a later list is read once more by itself: it may have been deleted, and its
	// row with it, since the provider began to answer.
	only := skipNew
	if p.LastSyncAt == nil {
		only = addNew
	}
	w := r.writer()
	seen := map[drivers.Ref]struct{}{}
	pending := make([]reading, 0, chunk)
	flush := func() error {
		fresh, err := w.applyEach(ctx, pending, only)
		pending = pending[:0]
		for _, ref := range fresh {
			r.hints.add(ref)
		}
		return err
	}
	for vm, err := range conn.List(ctx, drivers.ListOptions{}) {
		if err != nil {
			return err
		}
		if vm.Ref == "" {
			r.logger.Warn("a VM without an id is listed; it cannot be managed", "name", vm.Name)
			continue
		}
		seen[vm.Ref] = struct{}{}
		if pending = append(pending, reading{ref: vm.Ref, vm: vm, at: began}); len(pending) == chunk {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if err := r.miss(ctx, seen, began); err != nil {
		return err
	}
	took := int(time.Since(start).Milliseconds())
	p.LastSyncAt, p.LastSyncMs = &began, &took
	return r.saveProvider(ctx, p, []fleet.Event{p.Event(fleet.Updated)}, "last_sync_at", "last_sync_ms")
}

// miss counts what a full list lacked, and forgets what so many have lacked.
func (r *reader) miss(ctx context.Context, seen map[drivers.Ref]struct{}, began time.Time) error {
	marks, err := r.store.VMMarks(ctx, fleet.System(), r.id, nil)
	if err != nil {
		return err
	}
	var absent []uuid.UUID
	for ref, m := range marks {
		if _, ok := seen[ref]; !ok && m.SeenAt.Before(began) {
			absent = append(absent, m.ID)
		}
	}
	if len(absent) == 0 {
		return nil
	}
	lease := r.lease()
	for ; len(absent) > 0; absent = absent[min(chunk, len(absent)):] {
		err := r.store.Tx(ctx, func(tx *store.Store) error {
			if err := tx.Fence(ctx, lease); err != nil {
				return err
			}
			lost, err := tx.MissVMs(ctx, absent[:min(chunk, len(absent))], began)
			if err != nil {
				return err
			}
			return events.Record(ctx, tx, r.log(fleet.Updated, lost)...)
		})
		if err != nil {
			return err
		}
	}
	return r.store.Tx(ctx, func(tx *store.Store) error {
		if err := tx.Fence(ctx, lease); err != nil {
			return err
		}
		gone, err := tx.ForgetVMs(ctx, r.id, fleet.ForgetAfterLists, r.o.ForgetAfter)
		if err != nil {
			return err
		}
		return events.Record(ctx, tx, r.log(fleet.Removed, gone)...)
	})
}

func (r *reader) log(kind fleet.Change, ids []uuid.UUID) []fleet.Event {
	all := make([]fleet.Event, len(ids))
	for i, id := range ids {
		all[i] = (&fleet.VM{ID: id, TenantID: r.tenant, ProviderID: r.id}).Event(kind)
	}
	return all
}

// compare lists only what is cheap, and looks closer where that differs from what we know: so a hint
// that never came costs half a minute of freshness, not the time until the next full list.
func (r *reader) compare(ctx context.Context, conn *drivers.Conn) error {
	began, err := r.store.Now(ctx)
	if err != nil {
		return err
	}
	marks, err := r.store.VMMarks(ctx, fleet.System(), r.id, nil)
	if err != nil {
		return err
	}
	var suspect []drivers.Ref
	for vm, err := range conn.List(ctx, drivers.ListOptions{Brief: true}) {
		if err != nil {
			return err
		}
		m, ok := marks[vm.Ref]
		if vm.Ref != "" && (!ok || m.MissingSince != nil || vm.Name != "" && storable(vm).Name != m.Name ||
			vm.State != "" && status(vm.State) != m.ObservedStatus) {
			suspect = append(suspect, vm.Ref)
		}
		delete(marks, vm.Ref)
	}
	for ref, m := range marks {
		if m.MissingSince == nil && m.SeenAt.Before(began) {
			suspect = append(suspect, ref)
		}
	}
	for _, ref := range suspect {
		r.hints.add(ref)
	}
	return nil
}
