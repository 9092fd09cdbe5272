package inventory

import (
	"context"
	"encoding/json"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// equal compares what is stored as JSON: a nil and an empty list are alike.
func equal(a, b any) bool {
	x, _ := json.Marshal(a) // plain data always can
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// survey reads the provider's hosts. A provider that has none to show has none.
func (r *reader) survey(ctx context.Context, conn *drivers.Conn) error {
	at, err := r.store.Now(ctx)
	if err != nil {
		return err
	}
	found, err := conn.Survey(ctx)
	if fault.Is(err, fault.Unsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	lease := r.lease()
	err = r.store.Tx(ctx, func(tx *store.Store) error {
		if err := tx.Fence(ctx, lease); err != nil {
			return err
		}
		news, err := r.saveHosts(ctx, tx, found, conn.Info().URI, at)
		if err != nil || !news {
			return err
		}
		return events.Record(ctx, tx, (&fleet.Provider{ID: r.id, TenantID: r.tenant}).Event(fleet.Updated))
	})
	if err != nil {
		return err
	}
	to, err := places(ctx, r.store, r.id, r.kind)
	if err == nil {
		r.place.Store(&to)
	}
	return err
}

// saveHosts writes what is different, and reports whether anything was.
func (r *reader) saveHosts(ctx context.Context, tx *store.Store, found drivers.Survey, uri string, at time.Time) (news bool, err error) {
	known, err := tx.Hosts(ctx, fleet.System(), &r.id)
	if err != nil {
		return false, err
	}
	left := map[*fleet.HypervisorHost]bool{}
	for _, h := range known {
		left[h] = true
	}
	for _, node := range found.Nodes {
		h := pick(left, node)
		fresh := h == nil
		if fresh {
			h = &fleet.HypervisorHost{ID: fleet.NewID(), TenantID: r.tenant, ProviderID: r.id, CreatedAt: at, UpdatedAt: at}
		}
		delete(left, h)
		was := *h
		h.Name, h.ConnectionURI, h.Status, h.Capabilities = node.Name, uri, fleet.HostActive, node
		h.Pools, h.Networks = orEmpty(found.Pools), orEmpty(found.Networks)
		changed := fresh || !equal(was, *h)
		h.AsOf = at
		if changed {
			h.UpdatedAt, news = at, true
		}
		if fresh {
			err = tx.InsertHost(ctx, h)
		} else {
			err = tx.UpdateHost(ctx, h)
		}
		if err != nil {
			return false, err
		}
	}
	for h := range left {
		// Its VMs are told apart by the next list; a host that is not there runs none.
		if err := tx.DeleteHost(ctx, h.ID); err != nil {
			return false, err
		}
		news = true
	}
	return news, nil
}

// pick finds the row of a node: by its machine's UUID, since people rename hosts, else by its name.
func pick(hosts map[*fleet.HypervisorHost]bool, node drivers.Node) *fleet.HypervisorHost {
	var named *fleet.HypervisorHost
	for h := range hosts {
		if node.UUID != "" && h.Capabilities.UUID == node.UUID {
			return h
		}
		if h.Name == node.Name {
			named = h
		}
	}
	return named
}
