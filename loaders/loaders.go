// Package loaders is how the API reads: what many rows of one answer ask for is fetched once, in
// one query or one call to a provider. Everything is read within the viewer's scope.
package loaders

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/vikstrous/dataloadgen"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// Source is what loaders read from. There is one in a process.
type Source struct {
	store  *store.Store
	conns  *drivers.Conns
	cache  *Cache
	events *events.Log
	told   *told
}

// NewSource makes one.
func NewSource(s *store.Store, conns *drivers.Conns, cache *Cache, log *events.Log) *Source {
	return &Source{store: s, conns: conns, cache: cache, events: log, told: newTold()}
}

// Loaders remember what they have loaded for as long as they live, so they live for one answer:
// of a query, or one event of a subscription. Longer, and they would show the past.
type Loaders struct {
	source *Source
	viewer access.Viewer
	cursor fleet.Cursor

	Provider *dataloadgen.Loader[uuid.UUID, *fleet.Provider]
	Host     *dataloadgen.Loader[uuid.UUID, *fleet.HypervisorHost]
	VM       *dataloadgen.Loader[uuid.UUID, *fleet.VM]
	Image    *dataloadgen.Loader[uuid.UUID, *fleet.Image]

	Operation       *dataloadgen.Loader[uuid.UUID, *fleet.Operation]
	ActiveOperation *dataloadgen.Loader[uuid.UUID, *fleet.Operation] // by what it is about; nil for none
	Children        *dataloadgen.Loader[uuid.UUID, []*fleet.Operation]
	ChildCounts     *dataloadgen.Loader[uuid.UUID, []fleet.OperationStatusCount]

	ProviderHosts  *dataloadgen.Loader[uuid.UUID, []*fleet.HypervisorHost]
	ProviderCounts *dataloadgen.Loader[uuid.UUID, []fleet.StatusCount]
	HostUse        *dataloadgen.Loader[uuid.UUID, fleet.HostUse]

	guest  *dataloadgen.Loader[vmKey, *fleet.Guest]
	usage  *dataloadgen.Loader[vmKey, *fleet.Usage]
	counts *dataloadgen.Loader[countKey, *fleet.VMCounts]
}

// The rows of a page ask within microseconds of each other; this is how long the first waits for the last.
const (
	gather     = 500 * time.Microsecond
	gatherLive = 5 * time.Millisecond
)

// maxBatch bounds one query's list of ids.
const maxBatch = 1000

type loadersKey struct{}

// With puts fresh loaders into ctx.
func (s *Source) With(ctx context.Context) context.Context {
	l := &Loaders{source: s}
	l.viewer, _ = access.From(ctx) // without a viewer the scope is the zero one, which has nothing
	l.cursor = s.events.Cursor()   // before anything is read: what happens meanwhile is told again, never lost
	scope := l.viewer.Scope()
	l.Provider = byID(scope, "provider", s.store.ProvidersByID)
	l.Host = byID(scope, "host", s.store.HostsByID)
	l.VM = byID(scope, "VM", s.store.VMsByID)
	l.Image = byID(scope, "image", s.store.ImagesByID)
	l.Operation = byID(scope, "operation", s.store.OperationsByID)
	l.ActiveOperation = all(scope, s.store.ActiveOperations)
	l.Children = all(scope, s.store.OperationChildren)
	l.ChildCounts = all(scope, s.store.OperationChildCounts)
	l.ProviderHosts = all(scope, s.store.HostsByProvider)
	l.ProviderCounts = all(scope, s.store.VMCountsByProvider)
	l.HostUse = all(scope, s.store.HostUse)
	l.guest = dataloadgen.NewLoader(l.loadGuests, dataloadgen.WithWait(gatherLive))
	l.usage = dataloadgen.NewLoader(l.loadUsages, dataloadgen.WithWait(gatherLive))
	l.counts = dataloadgen.NewLoader(l.loadCounts, dataloadgen.WithWait(0))
	return context.WithValue(ctx, loadersKey{}, l)
}

// For gives the answer's loaders. Every resolver runs where there are some: see graph.Handler.
func For(ctx context.Context) *Loaders { return ctx.Value(loadersKey{}).(*Loaders) }

// Viewer is whose answer this is.
func (l *Loaders) Viewer() access.Viewer { return l.viewer }

// EventCursor is the place in the event log up to which this answer has everything.
func (l *Loaders) EventCursor() fleet.Cursor { return l.cursor }

type fetch[T any] = func(context.Context, fleet.Scope, []uuid.UUID) (map[uuid.UUID]T, error)

// byID loads things that are expected to be there: NotFound when one is not.
func byID[T any](scope fleet.Scope, noun string, f fetch[T]) *dataloadgen.Loader[uuid.UUID, T] {
	return load(scope, f, func(id uuid.UUID) error { return fault.Missing(noun, id.String()) })
}

// all loads what belongs to things: the zero value when there is none.
func all[T any](scope fleet.Scope, f fetch[T]) *dataloadgen.Loader[uuid.UUID, T] {
	return load(scope, f, func(uuid.UUID) error { return nil })
}

func load[T any](scope fleet.Scope, f fetch[T], missing func(uuid.UUID) error) *dataloadgen.Loader[uuid.UUID, T] {
	return dataloadgen.NewLoader(func(ctx context.Context, ids []uuid.UUID) ([]T, []error) {
		found, err := f(ctx, scope, ids)
		if err != nil {
			return make([]T, len(ids)), repeat(err, len(ids))
		}
		values, errs := make([]T, len(ids)), make([]error, len(ids))
		for i, id := range ids {
			v, ok := found[id]
			if values[i] = v; !ok {
				errs[i] = missing(id)
			}
		}
		return values, errs
	}, dataloadgen.WithWait(gather), dataloadgen.WithBatchCapacity(maxBatch))
}

func repeat(err error, n int) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// OrNil is for fields that are null for what is not there or may not be known of.
func OrNil[T any](v *T, err error) (*T, error) {
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return v, err
}
