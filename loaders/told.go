package loaders

import (
	"context"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fleet"
)

// told are the VMs that subscribers were told of lately, as they were read. All subscribers share them, so that what
// a hundred browsers hear of at once is read once.
type told struct {
	one          chan struct{} // held by who reads or adds rows: the others find them afterwards
	latest, last map[toldKey]toldVM
}

type toldKey struct{ tenant, vm uuid.UUID }

type toldVM struct {
	vm *fleet.VM
	at fleet.Cursor // the log had been read up to here before the VM was
}

func newTold() *told {
	return &told{one: make(chan struct{}, 1), latest: map[toldKey]toldVM{}}
}

// find is a VM as it was after the event: whatever happened to it since has an event of its own.
func (t *told) find(k toldKey, e *fleet.Event) *fleet.VM {
	for _, rows := range []map[toldKey]toldVM{t.latest, t.last} {
		if row, ok := rows[k]; ok && row.at.Compare(e.Cursor()) >= 0 {
			return row.vm
		}
	}
	return nil
}

// add keeps a VM. A thousand are kept at least, two thousand at most.
func (t *told) add(k toldKey, row toldVM) {
	if len(t.latest) >= maxBatch {
		t.latest, t.last = map[toldKey]toldVM{}, t.latest
	}
	t.latest[k] = row
}

// Told loads the VMs that events are about in one query, but for those that another subscriber has loaded since. What
// it cannot load the fields ask for themselves, and say why there is none.
func (l *Loaders) Told(ctx context.Context, all []*fleet.Event) {
	t := l.source.told
	select {
	case t.one <- struct{}{}:
		defer func() { <-t.one }()
	case <-ctx.Done():
		return
	}
	var unknown []uuid.UUID
	for _, e := range all {
		if e.Kind == fleet.Removed {
			continue
		}
		if vm := t.find(toldKey{l.viewer.TenantID, e.SubjectID}, e); vm != nil {
			l.VM.Prime(vm.ID, vm)
		} else {
			unknown = append(unknown, e.SubjectID)
		}
	}
	if len(unknown) == 0 {
		return
	}
	at := l.source.events.Cursor()
	found, err := l.source.store.VMsByID(ctx, l.viewer.Scope(), unknown)
	if err != nil {
		return
	}
	for id, vm := range found {
		t.add(toldKey{l.viewer.TenantID, id}, toldVM{vm, at})
		l.VM.Prime(id, vm)
	}
}
