package loaders

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// MaxPage is the largest page of a list.
const MaxPage = 200

// maxFilter bounds each list in a filter, and maxSearch the text.
const (
	maxFilter = 1000
	maxSearch = 256
)

func checkFirst(first int) error {
	if first < 1 || first > MaxPage {
		return fault.Field("first", fmt.Sprintf("Ask for 1 to %d, and for the rest with after.", MaxPage), "%d is no length for a page", first)
	}
	return nil
}

// CheckVMFilter bounds what a filter may ask of the database.
func CheckVMFilter(f fleet.VMFilter) error {
	if len(f.Search) > maxSearch {
		return fault.Field("filter.search", fmt.Sprintf("Use at most %d bytes.", maxSearch), "the search text has %d bytes", len(f.Search))
	}
	for field, n := range map[string]int{
		"status": len(f.Status), "provider": len(f.Provider), "hypervisorHost": len(f.Host),
		"hypervisorType": len(f.HypervisorType), "tags": len(f.Tags), "ids": len(f.IDs),
	} {
		if n > maxFilter {
			return fault.Field("filter."+field, fmt.Sprintf("Give at most %d.", maxFilter), "%d values are too many", n)
		}
	}
	return nil
}

// VMs is one page of VMs.
func (l *Loaders) VMs(ctx context.Context, q fleet.VMQuery) (*fleet.VMPage, error) {
	if err := checkFirst(q.First); err != nil {
		return nil, err
	}
	if err := CheckVMFilter(q.Filter); err != nil {
		return nil, err
	}
	page, err := l.source.store.VMPage(ctx, l.viewer.Scope(), q)
	if err != nil {
		return nil, err
	}
	for _, vm := range page.VMs {
		l.VM.Prime(vm.ID, vm)
	}
	return page, nil
}

// countKey is a filter by its address: all fields of one connection ask with the same one.
type countKey struct{ filter *fleet.VMFilter }

// VMCounts is how many VMs match, in all and by status. Asked twice with the same filter, it counts once.
func (l *Loaders) VMCounts(ctx context.Context, f *fleet.VMFilter) (*fleet.VMCounts, error) {
	return l.counts.Load(ctx, countKey{f})
}

func (l *Loaders) loadCounts(ctx context.Context, keys []countKey) ([]*fleet.VMCounts, []error) {
	counts, errs := make([]*fleet.VMCounts, len(keys)), make([]error, len(keys))
	for i, k := range keys {
		counts[i], errs[i] = l.source.store.VMCounts(ctx, l.viewer.Scope(), *k.filter)
	}
	return counts, errs
}

// Operations is one page of operations, newest first.
func (l *Loaders) Operations(ctx context.Context, q fleet.OperationQuery) (*fleet.OperationPage, error) {
	if err := checkFirst(q.First); err != nil {
		return nil, err
	}
	if n := max(len(q.Filter.Status), len(q.Filter.Kind)); n > maxFilter {
		return nil, fault.Field("filter", fmt.Sprintf("Give at most %d of each.", maxFilter), "%d values are too many", n)
	}
	page, err := l.source.store.Operations(ctx, l.viewer.Scope(), q)
	return &page, err
}

// CountOperations is how many operations match.
func (l *Loaders) CountOperations(ctx context.Context, f fleet.OperationFilter) (int, error) {
	return l.source.store.CountOperations(ctx, l.viewer.Scope(), f)
}

// Providers are all connections, by name.
func (l *Loaders) Providers(ctx context.Context) ([]*fleet.Provider, error) {
	providers, err := l.source.store.Providers(ctx, l.viewer.Scope())
	for _, p := range providers {
		l.Provider.Prime(p.ID, p)
	}
	return providers, err
}

// Hosts are the hosts of one provider or all, by name.
func (l *Loaders) Hosts(ctx context.Context, provider *uuid.UUID) ([]*fleet.HypervisorHost, error) {
	return l.source.store.Hosts(ctx, l.viewer.Scope(), provider)
}

// Images are the images of one provider or all, by name.
func (l *Loaders) Images(ctx context.Context, provider *uuid.UUID) ([]*fleet.Image, error) {
	return l.source.store.Images(ctx, l.viewer.Scope(), provider)
}

// Self is the viewer's own account.
func (l *Loaders) Self(ctx context.Context) (*fleet.User, error) {
	return l.source.store.User(ctx, l.viewer.Scope(), l.viewer.UserID)
}

// Tenant is the viewer's organisation.
func (l *Loaders) Tenant(ctx context.Context) (*fleet.Tenant, error) {
	return l.source.store.Tenant(ctx, l.viewer.Scope(), l.viewer.TenantID)
}

// Tokens are the viewer's API tokens, newest first.
func (l *Loaders) Tokens(ctx context.Context) ([]*fleet.APIToken, error) {
	return l.source.store.Tokens(ctx, l.viewer.Scope(), l.viewer.UserID)
}
