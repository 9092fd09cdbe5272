package control

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/operations"
	"github.com/novacron/novacron/internal/store"
)

// mostBulk is on how many VMs one bulk action acts: their rows are held still while it is accepted.
const mostBulk = 5000

// bulkVerb says what a bulk action does to each VM.
func bulkVerb(r fleet.BulkRequest) (verb string, kind fleet.OperationKind, input any, ok bool) {
	switch r.Action {
	case fleet.BulkStart:
		return "startVM", fleet.StartVM, operations.Power{}, true
	case fleet.BulkShutdown:
		return "shutdownVM", fleet.ShutdownVM, operations.Power{}, true
	case fleet.BulkPowerOff:
		return "powerOffVM", fleet.PowerOffVM, operations.Power{}, true
	case fleet.BulkReboot:
		return "rebootVM", fleet.RebootVM, operations.Power{}, true
	case fleet.BulkDelete:
		return "deleteVM", fleet.DeleteVM, operations.DeleteVM{AllDisks: r.Disks}, true
	}
	return "", "", nil, false
}

// PlanBulk says on which VMs a bulk action would act and which it would leave. Changes nothing.
func (c *Control) PlanBulk(ctx context.Context, r fleet.BulkRequest) (fleet.BulkPlan, error) {
	viewer, err := c.may(ctx, "planBulkVMs")
	if err != nil {
		return fleet.BulkPlan{}, err
	}
	_, plan, err := c.planBulk(ctx, c.store, viewer, r)
	return plan, err
}

// chosen is a VM that a bulk action acts on.
type chosen struct {
	vm       *fleet.VM
	provider *fleet.Provider
	over     *fleet.Operation
}

func (c *Control) planBulk(ctx context.Context, tx *store.Store, viewer access.Viewer, r fleet.BulkRequest) ([]chosen, fleet.BulkPlan, error) {
	plan := fleet.BulkPlan{ByStatus: []fleet.StatusCount{}, Skipped: []fleet.BulkSkip{}}
	verb, _, _, ok := bulkVerb(r)
	switch {
	case !ok:
		return nil, plan, fault.Field("action", "Choose one of the known actions.", "there is no such action")
	case r.Filter.Empty():
		return nil, plan, fault.Field("filter", "Give at least one field, such as the VMs' ids.", "a filter without fields means every VM there is")
	case r.Disks != "" && r.Disks != drivers.DiskDelete && r.Disks != drivers.DiskKeep:
		return nil, plan, fault.Field("disks", "Use DELETE or KEEP.", "a disk's fate is DELETE or KEEP")
	}
	vms, err := c.matching(ctx, tx, viewer, r.Filter)
	if err != nil {
		return nil, plan, err
	}
	providers, under, err := around(ctx, tx, viewer, vms)
	if err != nil {
		return nil, plan, err
	}
	var all []chosen
	status, skipped := map[fleet.VMStatus]int{}, map[string]int{}
	for _, v := range vms {
		p := providers[v.ProviderID]
		var o *fleet.Operation
		if v.OperationID != nil {
			o = under[*v.OperationID]
		}
		switch a := v.Action(verb, p, viewer.May(fleet.OnVM(v)), o); {
		case !a.Allowed:
			skipped[a.Reason]++
		case r.Action == fleet.BulkDelete && mayDelete(v, false) != nil:
			skipped["It is not off"]++
		default:
			all = append(all, chosen{v, p, o})
			status[v.StatusUnder(p)]++
		}
	}
	plan.Count = len(all)
	for _, s := range fleet.VMStatuses {
		if status[s] > 0 {
			plan.ByStatus = append(plan.ByStatus, fleet.StatusCount{Status: s, Count: status[s]})
		}
	}
	for reason, n := range skipped {
		plan.Skipped = append(plan.Skipped, fleet.BulkSkip{Reason: reason, Count: n})
	}
	slices.SortFunc(plan.Skipped, func(a, b fleet.BulkSkip) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.Reason, b.Reason)) })
	if r.IfCount != nil && *r.IfCount != plan.Count {
		return nil, plan, fault.New(fault.Conflict, "it would act on %d VMs, not %d", plan.Count, *r.IfCount).At("ifCount").With("Look at the plan again.")
	}
	return all, plan, nil
}

// matching reads all VMs that match, in pages.
func (c *Control) matching(ctx context.Context, tx *store.Store, viewer access.Viewer, f fleet.VMFilter) ([]*fleet.VM, error) {
	var vms []*fleet.VM
	for after := ""; ; {
		page, err := tx.VMPage(ctx, viewer.Scope(), fleet.VMQuery{Filter: f, First: 500, After: after})
		if err != nil {
			return nil, err
		}
		vms = append(vms, page.VMs...)
		if len(vms) > mostBulk {
			return nil, fault.New(fault.Exhausted, "more than %d VMs match", mostBulk).At("filter").With("Narrow the filter, and do it in parts.")
		}
		if !page.HasNext || len(page.Cursors) == 0 {
			return vms, nil
		}
		after = page.Cursors[len(page.Cursors)-1]
	}
}

// around reads the VMs' providers and the operations under way on them.
func around(ctx context.Context, tx *store.Store, viewer access.Viewer, vms []*fleet.VM) (map[uuid.UUID]*fleet.Provider, map[uuid.UUID]*fleet.Operation, error) {
	providers, err := tx.Providers(ctx, viewer.Scope())
	if err != nil {
		return nil, nil, err
	}
	of := map[uuid.UUID]*fleet.Provider{}
	for _, p := range providers {
		of[p.ID] = p
	}
	var ids []uuid.UUID
	for _, v := range vms {
		if v.OperationID != nil {
			ids = append(ids, *v.OperationID)
		}
	}
	if len(ids) == 0 {
		return of, nil, nil
	}
	under, err := tx.OperationsByID(ctx, viewer.Scope(), ids)
	return of, under, err
}

// Bulk does one action to many VMs: one operation whose children are the VMs' own.
func (c *Control) Bulk(ctx context.Context, r fleet.BulkRequest) (parent *fleet.Operation, err error) {
	viewer, err := c.asks(ctx, "bulkVMs")
	if err != nil {
		return nil, err
	}
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		all, plan, err := c.planBulk(ctx, tx, viewer, r)
		if err != nil {
			return err
		}
		if plan.Count == 0 {
			return nothing(plan)
		}
		if parent, err = c.order(viewer, nil, fleet.Bulk, operations.Bulk{Action: r.Action, Count: plan.Count}); err != nil {
			return err
		}
		if parent.TargetName = "1 VM"; plan.Count != 1 {
			parent.TargetName = fmt.Sprintf("%d VMs", plan.Count)
		}
		_, kind, input, _ := bulkVerb(r)
		parts := make([]*fleet.Operation, len(all))
		for i, one := range all {
			if parts[i], err = c.order(viewer, one.provider, kind, input); err != nil {
				return err
			}
			parts[i].TargetType, parts[i].TargetID, parts[i].TargetName = fleet.TargetVM, &one.vm.ID, one.vm.Name
			if one.over != nil {
				parts[i].WaitsFor = &one.over.ID
			}
		}
		n, err := c.ops.EnqueueAll(ctx, tx, parent, parts)
		if err != nil {
			return err
		}
		if r.IfCount != nil && n != *r.IfCount {
			return fault.New(fault.Conflict, "it would act on %d VMs, not %d", n, *r.IfCount).At("ifCount").With("Look at the plan again.")
		}
		return tx.Audit(ctx, &fleet.AuditEntry{TenantID: viewer.TenantID, Actor: viewer.Name, UserID: &viewer.UserID, RequestID: viewer.RequestID, Address: viewer.Address,
			Action: "bulkVMs", TargetName: parent.TargetName, OperationID: &parent.ID,
			Detail: map[string]any{"action": r.Action, "count": n, "disks": r.Disks}})
	})
	if err != nil {
		return nil, err
	}
	return parent, nil
}

func nothing(plan fleet.BulkPlan) error {
	e := fault.New(fault.Conflict, "there is no VM that this could be done to")
	if len(plan.Skipped) > 0 {
		e = e.With(fmt.Sprintf("Of %d it is said: %s.", plan.Skipped[0].Count, plan.Skipped[0].Reason))
	}
	return e.At("filter")
}
