package operations

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// CreateVM is the input of CREATE_VM. Its VM is in the store already, PROVISIONING.
type CreateVM struct {
	Request drivers.CreateRequest // without Token, Seed and Start
	Seed    []byte                `json:",omitempty"` // a drivers.Seed in JSON, sealed with SeedAAD: user data holds passwords
	Start   bool
	Asked   string // fingerprint of what was asked for: a repeated idempotency key has to ask the same
}

// SeedAAD binds a sealed seed to its operation.
func SeedAAD(operation uuid.UUID) []byte { return fmt.Appendf(nil, "vm-seed/%s", operation) }

type createdVM struct {
	Ref drivers.Ref `json:"ref,omitempty"`
}

var createVM = Plan[CreateVM, createdVM]{
	Intent: fleet.VMProvisioning,
	Steps: []Step[CreateVM, createdVM]{
		{Name: "Make the VM", Do: makeVM, Then: placeVM, Undo: unmakeVM},
		{Name: "Start the VM", Whole: true, Do: startNewVM},
	},
	End: func(ctx context.Context, tx *store.Store, r *Run[CreateVM, createdVM], end fleet.OperationStatus) error {
		abandoned := r.saved.Undo > 0 && r.Mem.Ref != "" // what could not be taken back is there, and stays ours
		if end == fleet.OperationSucceeded || end == fleet.OperationStuck || abandoned {
			return nil
		}
		return tx.DeleteVM(ctx, *r.op.TargetID)
	},
}

func makeVM(ctx context.Context, r *Run[CreateVM, createdVM]) (drivers.Task, error) {
	conn, err := r.Conn(ctx)
	if err != nil {
		return drivers.Task{}, err
	}
	request := r.In.Request
	request.Token = r.Token()
	if len(r.In.Seed) > 0 {
		plain, err := r.engine.o.Box.Open(r.In.Seed, SeedAAD(r.op.ID))
		if err != nil {
			return drivers.Task{}, err
		}
		if err := json.Unmarshal(plain, &request.Seed); err != nil {
			return drivers.Task{}, fault.New(fault.Internal, "the seed cannot be read").Because(err)
		}
	}
	t, err := conn.Create(ctx, request)
	return t, inAPIsWords(err)
}

var apisWords = strings.NewReplacer("seed.", "cloudInit.", ".volume.volume", ".volume.name", ".image.volume", ".image", "nics[", "networks[")

// inAPIsWords gives the field that a driver blames the name that whoever asked knows it by.
func inAPIsWords(err error) error {
	f := fault.Of(err)
	if err == nil || f.Field == "" {
		return err
	}
	return f.At(apisWords.Replace(f.Field))
}

// placeVM ties our record to what was made.
func placeVM(ctx context.Context, r *Run[CreateVM, createdVM], t drivers.Task) error {
	v, err := r.VM(ctx)
	if err != nil {
		return err
	}
	r.Mem.Ref, v.Ref = t.Ref, t.Ref
	err = r.engine.store.Tx(ctx, func(tx *store.Store) error {
		twins, err := tx.PlaceVM(ctx, v)
		if err != nil {
			return err
		}
		log := []fleet.Event{v.Event(fleet.Updated)}
		for _, id := range twins {
			log = append(log, (&fleet.VM{ID: id, TenantID: v.TenantID, ProviderID: v.ProviderID}).Event(fleet.Removed))
		}
		return events.Record(ctx, tx, log...)
	})
	if err == nil {
		r.refresh()
	}
	return err
}

// unmakeVM removes what was made, and the disks that were made for it; volumes that were there before stay.
func unmakeVM(ctx context.Context, r *Run[CreateVM, createdVM]) (drivers.Task, error) {
	conn, err := r.Conn(ctx)
	if err != nil {
		return drivers.Task{}, err
	}
	made, err := findVM(ctx, conn, r.Mem.Ref, r.Token())
	if err != nil && !fault.Is(err, fault.NotFound) {
		return drivers.Task{}, err
	}
	theirs := map[drivers.VolumeRef]bool{}
	for _, d := range r.In.Request.Disks {
		if d.Volume != nil {
			theirs[*d.Volume] = true
		}
	}
	o := drivers.DeleteOptions{Snapshots: true, NVRAM: drivers.DiskDelete, Token: r.Token(), Disks: map[string]drivers.DiskFate{}}
	for _, d := range made.Disks {
		if !theirs[drivers.VolumeRef{Pool: d.Pool, Volume: d.Volume}] {
			o.Disks[d.Name] = drivers.DiskDelete
		}
	}
	return conn.Delete(ctx, made.Ref, o)
}

// findVM finds a VM by its ref or, that unknown, by the token that it was made with.
func findVM(ctx context.Context, conn *drivers.Conn, ref drivers.Ref, token string) (drivers.VM, error) {
	if ref != "" {
		return conn.Get(ctx, ref)
	}
	for v, err := range conn.List(ctx, drivers.ListOptions{}) {
		if err != nil || v.Token == token {
			return v, err
		}
	}
	return drivers.VM{}, fault.Missing("VM made by operation", token)
}

func startNewVM(ctx context.Context, r *Run[CreateVM, createdVM]) (drivers.Task, error) {
	if !r.In.Start {
		return done()
	}
	conn, err := r.Conn(ctx)
	if err != nil {
		return drivers.Task{}, err
	}
	return conn.Power(ctx, r.Mem.Ref, drivers.PowerStart)
}

// Power is the input of all changes of power: the kind says which.
type Power struct{}

// power makes the plan of a power action. There is nothing to undo: what was asked of a guest cannot
// be taken back, and what failed has changed nothing. A cancel ends the waiting, for the host or for the guest,
// but not the call itself: a VM that starts all the same was not kept from it.
func power(name string, to drivers.PowerAction, intent fleet.VMStatus, final ...fault.Kind) Plan[Power, none] {
	return Plan[Power, none]{Intent: intent, Steps: []Step[Power, none]{{Name: name, Final: final, Whole: true,
		Do: func(ctx context.Context, r *Run[Power, none]) (drivers.Task, error) {
			conn, ref, err := r.at(ctx)
			if err != nil {
				return drivers.Task{}, err
			}
			return conn.Power(ctx, ref, to)
		}}}}
}

// at gives the connection and the VM's ref.
func (w *work) at(ctx context.Context) (*drivers.Conn, drivers.Ref, error) {
	v, err := w.VM(ctx)
	if err != nil {
		return nil, "", err
	}
	if v.Ref == "" {
		return nil, "", fault.New(fault.Conflict, "the VM has not been made")
	}
	conn, err := w.Conn(ctx)
	return conn, v.Ref, err
}

// DeleteVM is the input of DELETE_VM. A disk without a fate is kept.
type DeleteVM struct {
	Disks     map[string]drivers.DiskFate
	AllDisks  drivers.DiskFate // the fate of those that Disks does not name; empty: KEEP
	Snapshots bool
	Force     bool // pull the plug of one that runs
}

var deleteVM = Plan[DeleteVM, none]{
	Intent: fleet.VMDeleting,
	Steps: []Step[DeleteVM, none]{
		{Name: "Check what goes with it", Do: checkDelete},
		{Name: "Remove the VM", Do: removeVM, Point: true},
	},
	End: func(ctx context.Context, tx *store.Store, r *Run[DeleteVM, none], end fleet.OperationStatus) error {
		if end != fleet.OperationSucceeded {
			return nil
		}
		return tx.DeleteVM(ctx, *r.op.TargetID)
	},
}

// checkDelete refuses what was not agreed to, before anything is touched.
func checkDelete(ctx context.Context, r *Run[DeleteVM, none]) (drivers.Task, error) {
	v, err := r.VM(ctx)
	if err != nil || v.Ref == "" {
		return drivers.Task{Done: err == nil}, err
	}
	conn, err := r.Conn(ctx)
	if err != nil {
		return drivers.Task{}, err
	}
	seen, err := conn.Get(ctx, v.Ref)
	switch {
	case fault.Is(err, fault.NotFound):
		return done()
	case err != nil:
		return drivers.Task{}, err
	case !r.In.Force && seen.State != drivers.StateStopped && seen.State != drivers.StateSuspended && seen.State != drivers.StateError:
		return drivers.Task{}, fault.New(fault.Conflict, "it is not off").With("Shut it down first, or delete it by force.")
	case r.In.Snapshots || seen.Problem != "":
		return done()
	}
	snapshots, err := conn.Snapshots(ctx, v.Ref)
	switch {
	case fault.Is(err, fault.Unsupported), err == nil && len(snapshots) == 0:
		return done()
	case err == nil:
		err = fault.New(fault.Conflict, "it has %d snapshots", len(snapshots)).With("Delete them too, or first.")
	}
	return drivers.Task{}, err
}

func removeVM(ctx context.Context, r *Run[DeleteVM, none]) (drivers.Task, error) {
	v, err := r.VM(ctx)
	if fault.Is(err, fault.NotFound) || err == nil && v.Ref == "" {
		return done()
	}
	if err != nil {
		return drivers.Task{}, err
	}
	conn, err := r.Conn(ctx)
	if err != nil {
		return drivers.Task{}, err
	}
	o := drivers.DeleteOptions{Disks: map[string]drivers.DiskFate{}, Snapshots: r.In.Snapshots, NVRAM: drivers.DiskDelete}
	for _, d := range v.Disks {
		fate, named := r.In.Disks[d.Name]
		switch {
		case d.Seed && !named:
			fate = drivers.DiskDelete // ours, and of no use to anybody else
		case !named && d.Device == "disk" && !d.ReadOnly:
			fate = r.In.AllDisks
		}
		if fate == drivers.DiskDelete {
			image, err := r.engine.store.ImageByVolume(ctx, fleet.Within(v.TenantID), v.ProviderID, drivers.VolumeRef{Pool: d.Pool, Volume: d.Volume})
			if err != nil {
				return drivers.Task{}, err
			}
			if image != nil {
				fate = drivers.DiskKeep // it goes with its image
			}
		}
		if fate != "" {
			o.Disks[d.Name] = fate
		}
	}
	for name, fate := range r.In.Disks { // one that was not read of the VM is the driver's to judge
		if _, known := o.Disks[name]; !known {
			o.Disks[name] = fate
		}
	}
	if _, err := conn.Get(ctx, v.Ref); fault.Is(err, fault.NotFound) {
		return drivers.Task{Done: true, Progress: 1}, removeDisks(ctx, conn, v, o.Disks)
	}
	return conn.Delete(ctx, v.Ref, o)
}

// removeDisks removes the disks of a VM that is no longer there, by what was last read of it: somebody has
// undefined it at the host, or an earlier attempt got that far. What others use by now the driver refuses to touch.
func removeDisks(ctx context.Context, conn *drivers.Conn, v *fleet.VM, fates map[string]drivers.DiskFate) error {
	for _, d := range v.Disks {
		if fates[d.Name] != drivers.DiskDelete || d.Pool == "" {
			continue
		}
		err := conn.DeleteVolume(ctx, drivers.VolumeRef{Pool: d.Pool, Volume: d.Volume})
		if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Unsupported) {
			return err
		}
	}
	return nil
}
