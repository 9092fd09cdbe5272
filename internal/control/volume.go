package control

import (
	"context"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// freeVolume refuses a volume that cannot become a VM's disk. One who writes to an image's changes all that is
// made of it, and two who write to one destroy what is on it.
func freeVolume(ctx context.Context, tx *store.Store, scope fleet.Scope, provider uuid.UUID, v drivers.VolumeRef, readOnly bool, field string) error {
	image, err := tx.ImageByVolume(ctx, scope, provider, v)
	switch {
	case err != nil:
		return err
	case image != nil && !readOnly:
		return fault.New(fault.Conflict, "the volume %.63q is the image %s", v.Volume, image.Name).At(field + ".volume.name").
			With("Make the disk from the image, or forget the image first.")
	}
	users, err := tx.VMsWithVolume(ctx, scope, provider, v)
	if err != nil {
		return err
	}
	for _, u := range users {
		for _, d := range u.Disks {
			if d.Pool == v.Pool && d.Volume == v.Volume && (!d.ReadOnly || !readOnly) {
				return fault.New(fault.Conflict, "the volume %.63q is the disk %s of the VM %s", v.Volume, d.Name, u.Name).At(field + ".volume.name").
					With("Unplug it there first, or choose another.")
			}
		}
	}
	return nil
}

// mayDeleteDisk refuses to remove what others need: an image's volume is removed with its image.
func mayDeleteDisk(ctx context.Context, tx *store.Store, v *fleet.VM, name, field string) error {
	for _, d := range v.Disks {
		if d.Name != name || d.Pool == "" {
			continue
		}
		image, err := tx.ImageByVolume(ctx, fleet.Within(v.TenantID), v.ProviderID, drivers.VolumeRef{Pool: d.Pool, Volume: d.Volume})
		if err != nil {
			return err
		}
		if image != nil {
			return fault.New(fault.Conflict, "the disk %s is the image %s", name, image.Name).At(field).With("Keep it; deleting the image removes it.")
		}
	}
	return nil
}
