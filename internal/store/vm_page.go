package store

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// vmKey is a column that VMs can be ordered by, and the type that a cursor's text is read as.
type vmKey struct{ column, cast string }

var vmKeys = map[fleet.VMOrderField]vmKey{
	fleet.VMByName:    {"v.name_key", "text"},
	fleet.VMByStatus:  {}, // see vmRowsByStatus
	fleet.VMByCreated: {"v.created_at", "timestamptz"},
	fleet.VMByUpdated: {"v.updated_at", "timestamptz"},
	fleet.VMByVCPUs:   {"v.vcpus", "bigint"},
	fleet.VMByMemory:  {"v.memory_mib", "bigint"},
}

// vmRow is a VM with its key in the order asked for, as text.
type vmRow struct {
	fleet.VM `bun:",extend"`
	SortKey  string `bun:"sort_key,scanonly"`
}

// VMPage is one page of VMs. HasPrevious is true for every page that begins after a cursor.
// Invalid, field "after", for a cursor that is not of this order and this organisation.
func (s *Store) VMPage(ctx context.Context, scope fleet.Scope, q fleet.VMQuery) (*fleet.VMPage, error) {
	if q.Order.Field == "" {
		q.Order.Field = fleet.VMByName
	}
	if _, ok := vmKeys[q.Order.Field]; !ok {
		return nil, fault.Field("orderBy.field", "Choose one of the fields of VMOrderField.", "%.40q is nothing that VMs can be ordered by", q.Order.Field)
	}
	after, err := parseVMCursor(scope, q.Order, q.After)
	if err != nil {
		return nil, err
	}
	f, err := s.vmFilter(ctx, scope, q.Filter)
	if err != nil {
		return nil, err
	}
	var rows []vmRow
	if q.Order.Field == fleet.VMByStatus {
		rows, err = s.vmRowsByStatus(ctx, f, q, after)
	} else {
		rows, err = s.vmRows(ctx, f, vmKeys[q.Order.Field], q.Order.Desc, after, q.First+1)
	}
	if err != nil {
		return nil, err
	}
	page := &fleet.VMPage{HasNext: len(rows) > q.First, HasPrevious: after != nil}
	for i := range rows[:min(len(rows), q.First)] {
		r := &rows[i]
		page.VMs = append(page.VMs, &r.VM)
		page.Cursors = append(page.Cursors, vmCursor{Order: q.Order, Tenant: scope.Tenant(), Key: r.SortKey, ID: r.ID}.String())
	}
	return page, nil
}

// vmRows reads up to n VMs after a place.
func (s *Store) vmRows(ctx context.Context, f *vmFilter, key vmKey, desc bool, after *vmCursor, n int) ([]vmRow, error) {
	direction, beyond := bun.Safe("ASC"), bun.Safe(">")
	if desc {
		direction, beyond = "DESC", "<"
	}
	var rows []vmRow
	q := s.db.NewSelect().Model(&rows)
	if f.fuzzy() {
		match := f.whereStatus(f.where(s.db.NewSelect().Model((*fleet.VM)(nil))), f.Status).
			ColumnExpr("v.id, ? AS k", bun.Safe(key.column))
		place := s.db.NewSelect().TableExpr("match AS m").Column("m.id", "m.k").
			OrderExpr("m.k ?, m.id ?", direction, direction).Limit(int64(n))
		if after != nil {
			place.Where("(m.k, m.id) ? (?::?, ?)", beyond, after.Key, bun.Safe(key.cast), after.ID)
		}
		q.WithQuery(bun.NewWithQuery("match", match).Materialized()).With("place", place).
			Join("JOIN place ON place.id = v.id").ColumnExpr("?TableColumns, v.status, place.k::text AS sort_key").
			OrderExpr("place.k ?, v.id ?", direction, direction)
	} else {
		f.whereStatus(f.where(q), f.Status)
		if after != nil {
			q.Where("(?, v.id) ? (?::?, ?)", bun.Safe(key.column), beyond, after.Key, bun.Safe(key.cast), after.ID)
		}
		q.ColumnExpr("?TableColumns, v.status, ?::text AS sort_key", bun.Safe(key.column)).
			OrderExpr("? ?, v.id ?", bun.Safe(key.column), direction, direction).Limit(int64(n))
	}
	err := q.Scan(ctx)
	if after != nil && isData(err) {
		return nil, foreignCursor(after.String())
	}
	return rows, broken(err)
}

// vmRowsByStatus reads the statuses one after the other, each in the order of ids: what people see
// as a VM's status depends on its provider's row, so no index of vms has that order.
func (s *Store) vmRowsByStatus(ctx context.Context, f *vmFilter, q fleet.VMQuery, after *vmCursor) ([]vmRow, error) {
	statuses := slices.Sorted(slices.Values(fleet.VMStatuses))
	if q.Order.Desc {
		slices.Reverse(statuses)
	}
	if after != nil {
		i := slices.Index(statuses, fleet.VMStatus(after.Key))
		if i < 0 {
			return nil, foreignCursor(q.After)
		}
		statuses = statuses[i:]
	}
	var all []vmRow
	for i, status := range statuses {
		if f.Status != nil && !slices.Contains(f.Status, status) {
			continue
		}
		of := *f
		of.Status = []fleet.VMStatus{status}
		var place *vmCursor
		if i == 0 && after != nil {
			place = &vmCursor{Key: after.ID.String(), ID: after.ID}
		}
		rows, err := s.vmRows(ctx, &of, vmKey{"v.id", "uuid"}, q.Order.Desc, place, q.First+1-len(all))
		if err != nil {
			return nil, err
		}
		for i := range rows {
			rows[i].SortKey = string(status)
		}
		if all = append(all, rows...); len(all) > q.First {
			break
		}
	}
	return all, nil
}

// isData reports whether Postgres could not read a value: the text of a forged cursor.
func isData(err error) bool { return sqlState(err, "22") }
