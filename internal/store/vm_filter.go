package store

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// Bounds of a search. Each word is one condition, so their number is what a search costs.
const (
	maxSearch = 200 // characters
	maxWords  = 8
)

// vmFilter is a filter that has been checked, with what it needs to know.
type vmFilter struct {
	fleet.VMFilter
	scope fleet.Scope
	words []string
	few   []uuid.UUID // what the words and the tags match, unless that is too many
	many  bool        // it is
	dark  []uuid.UUID // providers whose VMs are UNKNOWN unless an operation says otherwise; see fleet.VM.StatusUnder
}

// fewMatches is how many VMs are found first and put in order then. What more match are met soon enough on
// a walk along the order asked for.
const fewMatches = 2000

func (s *Store) vmFilter(ctx context.Context, scope fleet.Scope, f fleet.VMFilter) (*vmFilter, error) {
	if err := text("filter.search", f.Search); err != nil {
		return nil, err
	}
	words := strings.Fields(f.Search)
	if len(f.Search) > 4*maxSearch || len([]rune(f.Search)) > maxSearch || len(words) > maxWords {
		return nil, fault.Field("filter.search", "Use fewer words.", "a search has at most %d words and %d characters", maxWords, maxSearch)
	}
	for _, t := range f.Tags {
		if err := text("filter.tags", t.Key+t.Value); err != nil {
			return nil, err
		}
	}
	for _, h := range f.HypervisorType {
		if err := text("filter.hypervisorType", h); err != nil {
			return nil, err
		}
	}
	c := &vmFilter{VMFilter: f, scope: scope, words: words}
	err := within(s.db.NewSelect().Model((*fleet.Provider)(nil)).Column("id"), scope).
		Where("status IN (?)", bun.List([]fleet.ProviderStatus{fleet.ProviderUnreachable, fleet.ProviderError})).Scan(ctx, &c.dark)
	if err != nil {
		return nil, broken(err)
	}
	return c, c.match(ctx, s)
}

// match finds what the words and the tags match. Postgres cannot guess how many that will be, and a wrong
// guess makes 2 ms of it more than a second: so they are counted, as far as it matters.
func (f *vmFilter) match(ctx context.Context, s *Store) error {
	if len(f.words) == 0 && len(f.Tags) == 0 {
		return nil
	}
	patterns, pairs, keys := []string{}, []string{}, []string{}
	for _, w := range f.words {
		patterns = append(patterns, like(w))
	}
	for _, t := range f.Tags {
		if t.Value == "" {
			keys = append(keys, t.Key)
			continue
		}
		one, _ := json.Marshal(map[string]string{t.Key: t.Value}) // a map of strings always can
		pairs = append(pairs, string(one))
	}
	var tenant *uuid.UUID
	if !f.scope.All() {
		id := f.scope.Tenant()
		tenant = &id
	}
	err := s.db.NewRaw("SELECT vms_matching(?, ?::text[], ?::text[], ?::text[], ?)",
		tenant, pgdialect.Array(patterns), pgdialect.Array(pairs), pgdialect.Array(keys), fewMatches+1).Scan(ctx, &f.few)
	f.many = len(f.few) > fewMatches
	return broken(err)
}

// where adds all of the filter but the status to a query on vms.
func (f *vmFilter) where(q *bun.SelectQuery) *bun.SelectQuery {
	q = within(q, f.scope)
	if f.Provider != nil {
		q.Where("v.provider_id IN (?)", bun.List(f.Provider))
	}
	if f.Host != nil {
		q.Where("v.host_id IN (?)", bun.List(f.Host))
	}
	if f.HypervisorType != nil {
		q.Where("v.hypervisor_type IN (?)", bun.List(f.HypervisorType))
	}
	if f.Tags != nil && len(f.Tags) == 0 {
		q.Where("false")
	}
	f.whereMatching(q)
	if f.Management != nil {
		q.Where("v.management = ?", *f.Management)
	}
	if f.IDs != nil {
		q.Where("v.id IN (?)", bun.List(f.IDs))
	}
	if f.Missing != nil && *f.Missing {
		q.Where("v.missing_since IS NOT NULL")
	} else if f.Missing != nil {
		q.Where("v.missing_since IS NULL")
	}
	return q
}

// whereMatching adds the words and the tags.
func (f *vmFilter) whereMatching(q *bun.SelectQuery) {
	switch {
	case len(f.words) == 0 && len(f.Tags) == 0:
		return
	case !f.many && len(f.few) == 0:
		q.Where("false")
		return
	case !f.many:
		q.Where("v.id = ANY (?::uuid[])", pgdialect.Array(f.few))
		return
	}
	for _, w := range f.words {
		// lower() is Postgres's own on both sides, so that both fold alike.
		q.Where("v.search_text LIKE lower(?)", like(w))
	}
	for _, t := range f.Tags {
		if t.Value == "" {
			q.Where("jsonb_exists(v.tags, ?)", t.Key)
			continue
		}
		one, _ := json.Marshal(map[string]string{t.Key: t.Value})
		q.Where("v.tags @> ?::jsonb", string(one))
	}
}

// whereStatus adds the status as people see it: what fleet.VM.StatusUnder gives. The column has all
// of that but the provider's part.
func (f *vmFilter) whereStatus(q *bun.SelectQuery, status []fleet.VMStatus) *bun.SelectQuery {
	if status == nil {
		return q
	}
	if len(f.dark) == 0 {
		return q.Where("v.status IN (?)", bun.List(status))
	}
	return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		q.Where("v.status IN (?) AND (v.intent IS NOT NULL OR v.provider_id NOT IN (?))", bun.List(status), bun.List(f.dark))
		if slices.Contains(status, fleet.VMUnknown) {
			q.WhereOr("v.intent IS NULL AND v.provider_id IN (?)", bun.List(f.dark))
		}
		return q
	})
}

// fuzzy reports whether Postgres cannot guess how many rows match. Then it must not be tempted to
// walk an index in the order asked for until it has met enough of them: that is 2 ms for a common
// word and more than a second for a rare one. See Store.vmRows. What matches many is common by
// itself; with another condition it may be rare again.
func (f *vmFilter) fuzzy() bool {
	narrowed := f.Provider != nil || f.Host != nil || f.HypervisorType != nil || f.Status != nil || f.Management != nil || f.IDs != nil || f.Missing != nil
	return f.many && narrowed || len(f.dark) > 0 && slices.Contains(f.Status, fleet.VMUnknown)
}

// VMCounts counts what matches a filter, in one pass.
func (s *Store) VMCounts(ctx context.Context, scope fleet.Scope, filter fleet.VMFilter) (*fleet.VMCounts, error) {
	f, err := s.vmFilter(ctx, scope, filter)
	if err != nil {
		return nil, err
	}
	by, err := s.countVMs(ctx, f)
	if err != nil {
		return nil, err
	}
	counts, all := &fleet.VMCounts{}, map[fleet.VMStatus]int{}
	for _, of := range by {
		for status, n := range of {
			all[status] += n
			if f.Status == nil || slices.Contains(f.Status, status) {
				counts.Total += n
			}
		}
	}
	counts.ByStatus = inOrder(all)
	return counts, nil
}

// VMCountsByProvider counts the VMs of many providers by status.
func (s *Store) VMCountsByProvider(ctx context.Context, scope fleet.Scope, providers []uuid.UUID) (map[uuid.UUID][]fleet.StatusCount, error) {
	f, err := s.vmFilter(ctx, scope, fleet.VMFilter{Provider: providers})
	if err != nil {
		return nil, err
	}
	by, err := s.countVMs(ctx, f)
	if err != nil {
		return nil, err
	}
	counts := make(map[uuid.UUID][]fleet.StatusCount, len(by))
	for provider, of := range by {
		counts[provider] = inOrder(of)
	}
	return counts, nil
}

// countVMs counts by provider and by status as people see it; the filter's own status is left out of account.
func (s *Store) countVMs(ctx context.Context, f *vmFilter) (map[uuid.UUID]map[fleet.VMStatus]int, error) {
	var rows []struct {
		ProviderID uuid.UUID
		Status     fleet.VMStatus
		Intended   bool
		N          int
	}
	q := f.where(s.db.NewSelect().Model((*fleet.VM)(nil))).
		ColumnExpr("v.provider_id, v.status, v.intent IS NOT NULL AS intended, count(*) AS n").GroupExpr("1, 2, 3")
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, broken(err)
	}
	by := map[uuid.UUID]map[fleet.VMStatus]int{}
	for _, r := range rows {
		if !r.Intended && slices.Contains(f.dark, r.ProviderID) {
			r.Status = fleet.VMUnknown
		}
		if by[r.ProviderID] == nil {
			by[r.ProviderID] = map[fleet.VMStatus]int{}
		}
		by[r.ProviderID][r.Status] += r.N
	}
	return by, nil
}

func inOrder(counts map[fleet.VMStatus]int) []fleet.StatusCount {
	all := make([]fleet.StatusCount, 0, len(counts))
	for _, status := range fleet.VMStatuses {
		if n := counts[status]; n > 0 {
			all = append(all, fleet.StatusCount{Status: status, Count: n})
		}
	}
	return all
}
