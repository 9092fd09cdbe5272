package operations

import (
	"context"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// CreateSnapshot is the input of CREATE_SNAPSHOT. The request's Token is set when it is done.
type CreateSnapshot struct{ Request drivers.SnapshotRequest }

var createSnapshot = Plan[CreateSnapshot, none]{
	Steps: []Step[CreateSnapshot, none]{
		{Name: "Take the snapshot", Whole: true, Do: takeSnapshot, Undo: dropTakenSnapshot},
	},
	End: countSnapshot[CreateSnapshot](1),
}

func takeSnapshot(ctx context.Context, r *Run[CreateSnapshot, none]) (drivers.Task, error) {
	conn, ref, err := r.at(ctx)
	if err != nil {
		return drivers.Task{}, err
	}
	r.Say(-1, "taking the snapshot")
	request := r.In.Request
	request.Token = r.Token()
	_, err = conn.CreateSnapshot(ctx, ref, request)
	return drivers.Task{Done: true}, err
}

// dropTakenSnapshot removes the snapshot if it is ours: another may have the name.
func dropTakenSnapshot(ctx context.Context, r *Run[CreateSnapshot, none]) (drivers.Task, error) {
	conn, ref, err := r.at(ctx)
	if err != nil {
		return drivers.Task{}, err
	}
	all, err := conn.Snapshots(ctx, ref)
	if err != nil {
		return drivers.Task{Done: true}, gone(err)
	}
	for _, s := range all {
		if s.Token == r.Token() {
			return conn.DeleteSnapshot(ctx, ref, s.Name)
		}
	}
	return done()
}

// Snapshot is the input of RESTORE_SNAPSHOT and DELETE_SNAPSHOT.
type Snapshot struct{ Name string }

var restoreSnapshot = Plan[Snapshot, none]{
	Steps: []Step[Snapshot, none]{
		{Name: "Check that it is there", Do: checkSnapshot},
		{Name: "Go back to the snapshot", Point: true, Do: func(ctx context.Context, r *Run[Snapshot, none]) (drivers.Task, error) {
			conn, ref, err := r.at(ctx)
			if err != nil {
				return drivers.Task{}, err
			}
			return conn.RestoreSnapshot(ctx, ref, r.In.Name)
		}},
	},
}

func checkSnapshot(ctx context.Context, r *Run[Snapshot, none]) (drivers.Task, error) {
	conn, ref, err := r.at(ctx)
	if err != nil {
		return drivers.Task{}, err
	}
	all, err := conn.Snapshots(ctx, ref)
	if err != nil {
		return drivers.Task{}, err
	}
	for _, s := range all {
		if s.Name == r.In.Name {
			return done()
		}
	}
	return drivers.Task{}, fault.Missing("snapshot", r.In.Name)
}

var deleteSnapshot = Plan[Snapshot, none]{
	Steps: []Step[Snapshot, none]{
		{Name: "Remove the snapshot", Point: true, Do: func(ctx context.Context, r *Run[Snapshot, none]) (drivers.Task, error) {
			conn, ref, err := r.at(ctx)
			if err != nil {
				return drivers.Task{}, err
			}
			return conn.DeleteSnapshot(ctx, ref, r.In.Name)
		}},
	},
	End: countSnapshot[Snapshot](-1),
}

// countSnapshot counts one more or one less for the organisation's quota.
func countSnapshot[In any](n int) func(context.Context, *store.Store, *Run[In, none], fleet.OperationStatus) error {
	return func(ctx context.Context, tx *store.Store, r *Run[In, none], end fleet.OperationStatus) error {
		if end != fleet.OperationSucceeded {
			return nil
		}
		return tx.AddSnapshots(ctx, fleet.Within(r.op.TenantID), *r.op.TargetID, n)
	}
}
