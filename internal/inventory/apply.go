package inventory

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// reading is what a provider said of one VM, and when we began to ask, by the database's clock.
// Of two readings the one that was asked for later counts, whichever is written first.
type reading struct {
	ref  drivers.Ref
	vm   drivers.VM
	gone bool // the provider says that there is none
	at   time.Time
}

// writer writes readings of one provider.
type writer struct {
	store    *store.Store
	provider uuid.UUID
	tenant   uuid.UUID
	place    place
	lease    *store.Lease // nil: Refresh, which anybody may do
}

// known says what apply does with VMs that there is no row for.
type known bool

const (
	addNew  known = false
	skipNew known = true
)

// apply writes what is news among the readings, each with its event, in one transaction; nothing at
// all when there is none. With skipNew it gives the refs that are new instead of adding them.
func (w *writer) apply(ctx context.Context, readings []reading, only known) (fresh []drivers.Ref, err error) {
	latest := make(map[drivers.Ref]reading, len(readings))
	refs := make([]drivers.Ref, 0, len(readings))
	for _, r := range readings {
		r.vm = storable(r.vm)
		if _, twice := latest[r.ref]; !twice {
			refs = append(refs, r.ref)
		}
		latest[r.ref] = r
	}
	marks, err := w.store.VMMarks(ctx, fleet.System(), w.provider, refs)
	if err != nil {
		return nil, err
	}
	var news []drivers.Ref
	var made []uuid.UUID
	for _, ref := range refs {
		r := latest[ref]
		m, ok := marks[ref]
		switch {
		case !ok && r.gone, ok && r.at.Before(m.SeenAt), ok && r.gone && m.MissingSince != nil,
			ok && !r.gone && m.MissingSince == nil && m.Digest == w.place.digest(r.vm):
		case !ok && only == skipNew:
			fresh = append(fresh, ref)
		default:
			news = append(news, ref)
			if id, err := uuid.Parse(r.vm.Token); !ok && err == nil {
				made = append(made, id)
			}
		}
	}
	if len(news) == 0 {
		return fresh, nil
	}
	return fresh, w.store.Tx(ctx, func(tx *store.Store) error {
		if w.lease != nil {
			if err := tx.Fence(ctx, *w.lease); err != nil {
				return err
			}
		}
		return w.write(ctx, tx, latest, news, made)
	})
}

func (w *writer) write(ctx context.Context, tx *store.Store, latest map[drivers.Ref]reading, news []drivers.Ref, made []uuid.UUID) error {
	rows, err := tx.LockVMsSeen(ctx, fleet.System(), w.provider, news, made)
	if err != nil {
		return err
	}
	of := match(rows, latest, news)
	ours, err := w.ours(ctx, tx, latest, news, of)
	if err != nil {
		return err
	}
	var changed, found []*fleet.VM
	var log []fleet.Event
	for _, ref := range news {
		r := latest[ref]
		v, ok := of[ref]
		switch {
		case !ok && r.gone, ok && r.at.Before(v.SeenAt):
		case !ok:
			v := &fleet.VM{
				ID: fleet.NewID(), TenantID: w.tenant, ProviderID: w.provider, Name: string(ref), Management: fleet.Discovered, Version: 1,
				Tags: map[string]string{}, Addresses: []string{}, SeenAt: r.at,
			}
			w.place.see(v, r.vm)
			v.Digest = w.place.digest(r.vm)
			if ours[ref] {
				v.Management = fleet.Managed
			}
			found = append(found, v)
		case r.gone:
			if v.MissingSince == nil {
				v.MissingSince = &r.at
				v.UpdatedAt = later(v.UpdatedAt, r.at)
				log = append(log, v.Event(fleet.Updated))
			}
			v.SeenAt = r.at
			changed = append(changed, v)
		default:
			if w.place.see(v, r.vm) {
				v.UpdatedAt = later(v.UpdatedAt, r.at)
				log = append(log, v.Event(fleet.Updated))
			}
			v.SeenAt, v.Digest = r.at, w.place.digest(r.vm)
			changed = append(changed, v)
		}
	}
	if err := tx.SaveVMsSeen(ctx, changed); err != nil {
		return err
	}
	added, err := tx.InsertVMsSeen(ctx, found)
	if err != nil {
		return err
	}
	for _, v := range found {
		if slices.Contains(added, v.ID) {
			log = append(log, v.Event(fleet.Added))
		}
	}
	return events.Record(ctx, tx, log...)
}

// ours are the VMs without a row that were made here all the same: the database was restored from before. A VM that
// another provider has, too, is none of them: its host is connected twice, and one of its rows is enough to act on.
func (w *writer) ours(ctx context.Context, tx *store.Store, latest map[drivers.Ref]reading, news []drivers.Ref, of map[drivers.Ref]*fleet.VM) (map[drivers.Ref]bool, error) {
	ours := map[drivers.Ref]bool{}
	for _, ref := range news {
		if of[ref] == nil && latest[ref].vm.Owner == w.tenant.String() {
			ours[ref] = true
		}
	}
	if len(ours) == 0 {
		return nil, nil
	}
	elsewhere, err := tx.RefsElsewhere(ctx, fleet.Within(w.tenant), w.provider, slices.Collect(maps.Keys(ours)))
	for _, ref := range elsewhere {
		delete(ours, ref)
	}
	return ours, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// match finds the row of each reading: by the provider's own id, else the one that the operation
// with the VM's token is making, which has no id yet.
func match(rows []*fleet.VM, latest map[drivers.Ref]reading, news []drivers.Ref) map[drivers.Ref]*fleet.VM {
	of, making := make(map[drivers.Ref]*fleet.VM, len(rows)), map[string]*fleet.VM{}
	for _, v := range rows {
		if v.Ref != "" {
			of[v.Ref] = v
		} else if v.OperationID != nil {
			making[v.OperationID.String()] = v
		}
	}
	for _, ref := range news {
		if token := latest[ref].vm.Token; of[ref] == nil && token != "" && making[token] != nil {
			of[ref] = making[token]
			delete(making, token)
		}
	}
	return of
}

// applyEach is apply for a batch that was refused as a whole: one VM that cannot be stored must not
// cost the others their freshness. It gives the first error.
func (w *writer) applyEach(ctx context.Context, readings []reading, only known) (fresh []drivers.Ref, err error) {
	fresh, err = w.apply(ctx, readings, only)
	if !fault.Is(err, fault.Internal) && !fault.Is(err, fault.Invalid) || len(readings) == 1 {
		return fresh, err
	}
	err = nil
	for _, r := range readings {
		more, one := w.apply(ctx, []reading{r}, only)
		fresh = append(fresh, more...)
		if err == nil {
			err = one
		}
	}
	return fresh, err
}
