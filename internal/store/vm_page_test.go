package store_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

func provider(t testing.TB, s *store.Store, scope fleet.Scope, name string, status fleet.ProviderStatus) *fleet.Provider {
	t.Helper()
	p := &fleet.Provider{ID: fleet.NewID(), TenantID: scope.Tenant(), Name: name, Kind: drivers.KindFake, Status: status}
	require.NoError(t, s.InsertProvider(t.Context(), p))
	return p
}

// world is a table of VMs of every sort, kept in memory as well.
type world struct {
	store     *store.Store
	scope     fleet.Scope
	providers map[uuid.UUID]*fleet.Provider
	vms       []*fleet.VM
}

func newWorld(t testing.TB, n int) *world {
	t.Helper()
	s := storetest.New(t)
	w := &world{store: s, scope: storetest.Tenant(t, s, "acme"), providers: map[uuid.UUID]*fleet.Provider{}}
	var ids []uuid.UUID
	for _, status := range []fleet.ProviderStatus{fleet.ProviderConnected, fleet.ProviderConnecting, fleet.ProviderUnreachable, fleet.ProviderError} {
		p := provider(t, s, w.scope, string(status), status)
		w.providers[p.ID] = p
		ids = append(ids, p.ID)
	}
	other := storetest.Tenant(t, s, "other")
	foreign := provider(t, s, other, "foreign", fleet.ProviderConnected)
	r := rand.New(rand.NewPCG(1, 2))
	words := []string{"web", "Web", "db", "DB_1", "50%", `a\b`, "Äpfel", "prod", "x"}
	pick := func(of []string) string { return of[r.IntN(len(of))] }
	err := s.Tx(t.Context(), func(tx *store.Store) error {
		for i := range n {
			v := &fleet.VM{
				ID: uuid.New(), TenantID: w.scope.Tenant(), ProviderID: ids[r.IntN(len(ids))], Ref: drivers.Ref(fmt.Sprint("ref-", i)),
				Name: pick(words) + "-" + pick(words), ObservedStatus: fleet.VMStatuses[r.IntN(len(fleet.VMStatuses))],
				Management: fleet.Managed, VCPUs: 1 + r.IntN(4), MemoryMiB: int64(r.IntN(4)) << 20, HypervisorType: "KVM",
				Tags:      map[string]string{"tier": pick([]string{"1", "2"})},
				CreatedAt: time.Date(2026, 1, 1, 0, 0, r.IntN(20), 123456000, time.UTC),
				UpdatedAt: time.Date(2026, 1, 1, 0, 0, r.IntN(20), 0, time.UTC),
				NICs:      []drivers.NIC{{MAC: fmt.Sprintf("52:54:00:00:%02x:%02x", i>>8, i&255), Type: "network", Network: "default", Model: "virtio"}},
			}
			if r.IntN(4) == 0 {
				v.Intent = &fleet.VMStatuses[r.IntN(len(fleet.VMStatuses)-1)]
			}
			if r.IntN(5) == 0 {
				v.MissingSince = &v.CreatedAt
			}
			if err := tx.InsertVM(t.Context(), v); err != nil {
				return err
			}
			w.vms = append(w.vms, v)
			c := *v
			c.ID, c.TenantID, c.ProviderID = uuid.New(), other.Tenant(), foreign.ID
			if err := tx.InsertVM(t.Context(), &c); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	return w
}

func (w *world) status(v *fleet.VM) fleet.VMStatus { return v.StatusUnder(w.providers[v.ProviderID]) }

// want is what the rules say the list is.
func (w *world) want(f fleet.VMFilter, o fleet.VMOrder) (ids []uuid.UUID) {
	var all []*fleet.VM
	for _, v := range w.vms {
		text := strings.ToLower(v.Name) + " " + string(v.Ref) + " " + v.ID.String() + " " + v.NICs[0].MAC + fmt.Sprint(v.Tags)
		ok := !slices.ContainsFunc(strings.Fields(strings.ToLower(f.Search)), func(word string) bool { return !strings.Contains(text, word) })
		ok = ok && (f.Status == nil || slices.Contains(f.Status, w.status(v)))
		ok = ok && (f.Provider == nil || slices.Contains(f.Provider, v.ProviderID))
		ok = ok && (f.Missing == nil || *f.Missing == (v.MissingSince != nil))
		for _, tag := range f.Tags {
			value, has := v.Tags[tag.Key]
			ok = ok && has && (tag.Value == "" || tag.Value == value)
		}
		if ok {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b *fleet.VM) int {
		by := map[fleet.VMOrderField]int{
			fleet.VMByName: cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), fleet.VMByStatus: cmp.Compare(w.status(a), w.status(b)),
			fleet.VMByCreated: a.CreatedAt.Compare(b.CreatedAt), fleet.VMByUpdated: a.UpdatedAt.Compare(b.UpdatedAt),
			fleet.VMByVCPUs: cmp.Compare(a.VCPUs, b.VCPUs), fleet.VMByMemory: cmp.Compare(a.MemoryMiB, b.MemoryMiB),
		}[o.Field]
		if by == 0 {
			by = bytes.Compare(a.ID[:], b.ID[:])
		}
		if o.Desc {
			return -by
		}
		return by
	})
	for _, v := range all {
		ids = append(ids, v.ID)
	}
	return ids
}

var fields = []fleet.VMOrderField{fleet.VMByName, fleet.VMByStatus, fleet.VMByCreated, fleet.VMByUpdated, fleet.VMByVCPUs, fleet.VMByMemory}

// Every list, walked page by page, is the whole list in its order, nothing twice, nothing left out,
// and the counts agree with it and with what each row shows.
func TestVMPagesAreTheList(t *testing.T) {
	w := newWorld(t, 300)
	r := rand.New(rand.NewPCG(3, 4))
	yes, no := true, false
	var some []uuid.UUID
	for id := range w.providers {
		some = append(some, id)
	}
	filters := []fleet.VMFilter{
		{}, {Search: "WEB"}, {Search: "web prod"}, {Search: "%"}, {Search: "_"}, {Search: `\`}, {Search: "äpfel"}, {Search: "x"}, {Search: "nothing of that"},
		{Status: []fleet.VMStatus{fleet.VMRunning}}, {Status: []fleet.VMStatus{fleet.VMUnknown}}, {Status: []fleet.VMStatus{fleet.VMUnknown, fleet.VMStopped}},
		{Status: []fleet.VMStatus{}}, {Provider: some[:2]}, {Provider: []uuid.UUID{}}, {Missing: &yes}, {Missing: &no, Search: "db"},
		{Tags: []fleet.Tag{{Key: "tier", Value: "1"}}}, {Tags: []fleet.Tag{{Key: "tier"}}, Status: []fleet.VMStatus{fleet.VMUnknown}}, {Tags: []fleet.Tag{{Key: "no"}}},
	}
	for _, f := range filters {
		for _, field := range fields {
			o := fleet.VMOrder{Field: field, Desc: r.IntN(2) == 0}
			size := 1 + r.IntN(120)
			want := w.want(f, o)
			var got []uuid.UUID
			after := ""
			for {
				page, err := w.store.VMPage(t.Context(), w.scope, fleet.VMQuery{Filter: f, Order: o, First: size, After: after})
				require.NoError(t, err)
				require.Equal(t, after != "", page.HasPrevious)
				for _, v := range page.VMs {
					got = append(got, v.ID)
					if f.Status != nil {
						require.Contains(t, f.Status, w.status(v))
					}
				}
				if !page.HasNext {
					break
				}
				require.Len(t, page.VMs, size)
				after = page.Cursors[size-1]
			}
			require.Equal(t, want, got, "filter %+v order %+v pages of %d", f, o, size)
		}
		counts, err := w.store.VMCounts(t.Context(), w.scope, f)
		require.NoError(t, err)
		assert.Equal(t, len(w.want(f, fleet.VMOrder{})), counts.Total, "%+v", f)
		rest := f
		for _, c := range counts.ByStatus {
			rest.Status = []fleet.VMStatus{c.Status}
			assert.Len(t, w.want(rest, fleet.VMOrder{}), c.Count, "%+v", rest)
		}
	}
	by, err := w.store.VMCountsByProvider(t.Context(), w.scope, some)
	require.NoError(t, err)
	total := 0
	for _, counts := range by {
		for _, c := range counts {
			total += c.Count
		}
	}
	assert.Equal(t, len(w.vms), total)
}

func TestVMPageRefuses(t *testing.T) {
	w := newWorld(t, 5)
	page, err := w.store.VMPage(t.Context(), w.scope, fleet.VMQuery{First: 2})
	require.NoError(t, err)
	cursor := page.Cursors[0]
	for name, c := range map[string]struct {
		scope fleet.Scope
		query fleet.VMQuery
		field string
	}{
		"garbage":      {w.scope, fleet.VMQuery{First: 2, After: "garbage"}, "after"},
		"cut":          {w.scope, fleet.VMQuery{First: 2, After: cursor[:20]}, "after"},
		"other tenant": {fleet.Within(uuid.New()), fleet.VMQuery{First: 2, After: cursor}, "after"},
		"other order":  {w.scope, fleet.VMQuery{First: 2, After: cursor, Order: fleet.VMOrder{Field: fleet.VMByMemory}}, "after"},
		"other way":    {w.scope, fleet.VMQuery{First: 2, After: cursor, Order: fleet.VMOrder{Desc: true}}, "after"},
		"order":        {w.scope, fleet.VMQuery{First: 2, Order: fleet.VMOrder{Field: "name; DROP TABLE vms"}}, "orderBy.field"},
		"NUL":          {w.scope, fleet.VMQuery{First: 2, Filter: fleet.VMFilter{Search: "a\x00"}}, "filter.search"},
		"long":         {w.scope, fleet.VMQuery{First: 2, Filter: fleet.VMFilter{Search: strings.Repeat("a", 201)}}, "filter.search"},
		"NUL in a tag": {w.scope, fleet.VMQuery{First: 2, Filter: fleet.VMFilter{Tags: []fleet.Tag{{Key: "\x00"}}}}, "filter.tags"},
	} {
		_, err := w.store.VMPage(t.Context(), c.scope, c.query)
		assert.True(t, fault.Is(err, fault.Invalid), "%s: %v", name, err)
		assert.Equal(t, c.field, fault.Of(err).Field, name)
	}
	page, err = w.store.VMPage(t.Context(), fleet.Scope{}, fleet.VMQuery{First: 2})
	require.NoError(t, err)
	assert.Empty(t, page.VMs, "the zero scope sees nothing")
	counts, err := w.store.VMCounts(t.Context(), fleet.Scope{}, fleet.VMFilter{})
	require.NoError(t, err)
	assert.Zero(t, counts.Total)
}

// What people may not know of is searched by nobody: words of the documents' own syntax find nothing.
func TestVMSearchFindsValuesOnly(t *testing.T) {
	w := newWorld(t, 20)
	for search, n := range map[string]int{"52:54:00:00:00:07": 1, "ref-13": 1, "virtio": 0, "default": 0, w.vms[3].ID.String(): 1} {
		counts, err := w.store.VMCounts(t.Context(), w.scope, fleet.VMFilter{Search: search})
		require.NoError(t, err)
		assert.Equal(t, n, counts.Total, search)
	}
}
