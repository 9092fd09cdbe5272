package control

import (
	"context"
	"encoding/hex"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/operations"
	"github.com/novacron/novacron/internal/store"
)

// ImportImage brings an image from the catalogue or a URL.
func (c *Control) ImportImage(ctx context.Context, n fleet.NewImage) (*fleet.Operation, *fleet.Image, error) {
	viewer, err := c.may(ctx, "importImage")
	if err != nil {
		return nil, nil, err
	}
	i := &fleet.Image{ProviderID: n.ProviderID, Pool: n.Pool, Name: n.Name, Format: n.Format}
	in := operations.ImportImage{Format: n.Format, URL: n.URL, Checksum: strings.ToLower(n.Checksum)}
	switch {
	case (n.Catalog == "") == (n.URL == ""):
		return nil, nil, fault.Field("url", "Give a URL or a key of the catalogue.", "exactly one of url and catalog has to be given")
	case n.Catalog != "":
		all := c.catalog()
		at := slices.IndexFunc(all, func(o offer) bool { return o.Key == n.Catalog })
		if at < 0 {
			return nil, nil, fault.Field("catalog", "Choose one of imageCatalog.", "the catalogue has no %.63q", n.Catalog)
		}
		o := all[at]
		if !o.Available {
			return nil, nil, fault.New(fault.Conflict, "%s cannot be imported now: %s", o.Name, o.Reason).At("catalog")
		}
		in.URL, in.Sums, in.File = o.URL, o.sums, o.file
		i.OS, i.DefaultUser, i.Source = o.OS, o.DefaultUser, o.URL
		if i.Source == "" {
			i.Source = "part of NovaCron"
		}
		if i.Name == "" {
			i.Name = o.Key
		}
	default:
		if err := operations.CheckImageURL(n.URL, n.Checksum != ""); err != nil {
			return nil, nil, err
		}
		i.Source = n.URL
		if i.Name == "" {
			i.Name = fileName(n.URL)
		}
	}
	if err := checkImage(i, in.Checksum, true); err != nil {
		return nil, nil, err
	}
	var o *fleet.Operation
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		o, err = c.bring(ctx, tx, viewer, "importImage", i, in, time.Time{})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return o, i, nil
}

func checkImage(i *fleet.Image, checksum string, sha512 bool) error {
	if err := fleet.CheckName("name", i.Name); err != nil {
		return err
	}
	if !slices.Contains([]string{"", "qcow2", "raw", "iso"}, i.Format) {
		return fault.Field("format", "Use qcow2, raw or iso, or leave it out.", "%.20q is no format of images", i.Format)
	}
	_, err := hex.DecodeString(checksum)
	if checksum != "" && (err != nil || len(checksum) != 64 && (!sha512 || len(checksum) != 128)) {
		return fault.Field("checksum", "Give a SHA-256 (64 hexadecimal digits)"+map[bool]string{true: " or SHA-512 (128).", false: "."}[sha512], "this is no checksum")
	}
	return nil
}

// fileName makes an image's name from the last part of a URL.
func fileName(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	name := path.Base(u.Path)
	if ext := path.Ext(name); slices.Contains([]string{".qcow2", ".img", ".raw", ".iso"}, ext) {
		name = strings.TrimSuffix(name, ext)
	}
	name = strings.TrimLeft(strings.Map(func(r rune) rune {
		if r < 128 && (r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return r
		}
		return '-'
	}, name), "._-")
	return name[:min(len(name), 63)]
}

// bring records an image that is on its way, and the operation that brings it. at: not before.
func (c *Control) bring(ctx context.Context, tx *store.Store, viewer access.Viewer, verb string, i *fleet.Image, in operations.ImportImage, at time.Time) (*fleet.Operation, error) {
	p, err := c.host(ctx, tx, viewer, i)
	if err != nil {
		return nil, err
	}
	if !p.Info.Features.Upload {
		return nil, fault.New(fault.Unsupported, "images cannot be sent to this provider").At("provider").With("Put it there by the provider's own means, and register it.")
	}
	ext := i.Format
	if ext == "" {
		if ext = strings.TrimPrefix(path.Ext(in.URL), "."); !slices.Contains([]string{"qcow2", "raw", "iso"}, ext) {
			ext = "img"
		}
	}
	i.ID, i.TenantID, i.Status, i.Volume = fleet.NewID(), viewer.TenantID, fleet.ImageImporting, i.Name+"."+ext
	in.Volume = drivers.VolumeRef{Pool: i.Pool, Volume: i.Volume}
	o, err := c.order(viewer, p, fleet.ImportImage, in)
	if err != nil {
		return nil, err
	}
	o.TargetType, o.TargetID, o.TargetName, o.RunAt = fleet.TargetImage, &i.ID, i.Name, at
	i.OperationID = &o.ID
	if err := c.giveWay(ctx, tx, viewer, i); err != nil {
		return nil, err
	}
	if err := tx.InsertImage(ctx, i); err != nil {
		return nil, err
	}
	if err := events.Record(ctx, tx, i.Event(fleet.Added)); err != nil {
		return nil, err
	}
	if err := c.ops.Enqueue(ctx, tx, o, nil); err != nil {
		return nil, err
	}
	return o, c.audit(ctx, tx, viewer, deed{verb, fleet.TargetImage, i.ID, i.Name, o, map[string]any{"provider": p.Name, "pool": i.Pool, "source": i.Source}})
}

// host finds the image's provider and pool.
func (c *Control) host(ctx context.Context, tx *store.Store, viewer access.Viewer, i *fleet.Image) (*fleet.Provider, error) {
	p, err := tx.Provider(ctx, viewer.Scope(), i.ProviderID)
	if err != nil {
		return nil, err
	}
	if err := reachable(p); err != nil {
		return nil, err
	}
	hosts, err := tx.Hosts(ctx, viewer.Scope(), &p.ID)
	if err != nil {
		return nil, err
	}
	if i.Pool == "" {
		i.Pool = firstPool(hosts)
	}
	if i.Pool == "" {
		return nil, fault.New(fault.Conflict, "the host has no active storage pool").At("pool").With("Make one on the host.")
	}
	return p, checkPool("pool", i.Pool, hosts)
}

// giveWay removes the record of an earlier attempt that failed, whose name and volume are free again.
func (c *Control) giveWay(ctx context.Context, tx *store.Store, viewer access.Viewer, i *fleet.Image) error {
	all, err := tx.Images(ctx, viewer.Scope(), &i.ProviderID)
	if err != nil {
		return err
	}
	for _, old := range all {
		if old.Status == fleet.ImageFailed && (old.Name == i.Name || old.Pool == i.Pool && old.Volume == i.Volume) {
			if err := tx.DeleteImage(ctx, viewer.Scope(), old.ID); err != nil {
				return err
			}
			if err := events.Record(ctx, tx, old.Event(fleet.Removed)); err != nil {
				return err
			}
		}
	}
	return nil
}

// RegisterImage makes a volume usable as an image; the volume stays as it is.
func (c *Control) RegisterImage(ctx context.Context, n fleet.VolumeImage) (*fleet.Image, error) {
	viewer, err := c.may(ctx, "registerImage")
	if err != nil {
		return nil, err
	}
	i := &fleet.Image{ID: fleet.NewID(), TenantID: viewer.TenantID, ProviderID: n.ProviderID, Name: n.Name, Pool: n.Pool, Volume: n.Volume,
		OS: n.OS, Status: fleet.ImageReady, Source: "registered"}
	if i.Name == "" {
		i.Name = fileName(n.Volume)
	}
	if err := checkImage(i, "", false); err != nil {
		return nil, err
	}
	if err := fleet.CheckText("os", n.OS, 100); err != nil {
		return nil, err
	}
	p, err := c.host(ctx, c.store, viewer, i)
	if err != nil {
		return nil, err
	}
	volume, err := c.volume(ctx, p, n.Pool, n.Volume)
	if err != nil {
		return nil, err
	}
	i.Format, i.CapacityBytes, i.SizeBytes = volume.Format, volume.CapacityBytes, volume.UsedBytes
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		if err := c.giveWay(ctx, tx, viewer, i); err != nil {
			return err
		}
		if err := tx.InsertImage(ctx, i); err != nil {
			return err
		}
		if err := events.Record(ctx, tx, i.Event(fleet.Added)); err != nil {
			return err
		}
		return c.audit(ctx, tx, viewer, deed{verb: "registerImage", target: fleet.TargetImage, id: i.ID, name: i.Name,
			detail: map[string]any{"provider": p.Name, "pool": i.Pool, "volume": i.Volume}})
	})
	if err != nil {
		return nil, err
	}
	return i, nil
}

// volume looks at the host for a volume that VMs can be made from.
func (c *Control) volume(ctx context.Context, p *fleet.Provider, pool, name string) (drivers.Volume, error) {
	conn, err := c.conn(ctx, p)
	if err != nil {
		return drivers.Volume{}, err
	}
	all, err := conn.Volumes(ctx, pool)
	if err != nil {
		return drivers.Volume{}, err
	}
	at := slices.IndexFunc(all, func(v drivers.Volume) bool { return v.Name == name })
	switch {
	case at < 0:
		return drivers.Volume{}, fault.Field("volume", "Choose one of the pool's volumes.", "the pool %s has no volume %.100q", pool, name)
	case !slices.Contains([]string{"qcow2", "raw", "iso"}, all[at].Format):
		return drivers.Volume{}, fault.Field("volume", "Convert it to qcow2 or raw.", "VMs cannot be made from %s", all[at].Format)
	case all[at].Backing != "":
		return drivers.Volume{}, fault.Field("volume", "Flatten it first, or choose what it is an overlay of.", "the volume is an overlay of another file")
	}
	return all[at], nil
}

// DeleteImage forgets an image, and removes its volume if asked.
func (c *Control) DeleteImage(ctx context.Context, image uuid.UUID, volume bool) (o *fleet.Operation, err error) {
	viewer, err := c.asks(ctx, "deleteImage")
	if err != nil {
		return nil, err
	}
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		i, err := tx.Image(ctx, viewer.Scope(), image)
		if err != nil {
			return err
		}
		if err := c.mayOn(ctx, tx, viewer, "deleteImage", fleet.OnImage(i)); err != nil {
			return err
		}
		p, err := tx.Provider(ctx, viewer.Scope(), i.ProviderID)
		if err != nil {
			return err
		}
		in := operations.DeleteImage{}
		switch {
		case i.Status == fleet.ImageImporting:
			return fault.New(fault.Conflict, "the image is on its way").With("Cancel the operation that brings it.")
		case volume && i.Status == fleet.ImageReady: // a failed one has none: its volume's name may be another's by now
			if err := reachable(p); err != nil {
				return err
			}
			in.Volume = &drivers.VolumeRef{Pool: i.Pool, Volume: i.Volume}
		}
		if o, err = c.order(viewer, p, fleet.DeleteImage, in); err != nil {
			return err
		}
		o.TargetType, o.TargetID, o.TargetName = fleet.TargetImage, &i.ID, i.Name
		if err := c.ops.Enqueue(ctx, tx, o, nil); err != nil {
			return err
		}
		return c.audit(ctx, tx, viewer, deed{"deleteImage", fleet.TargetImage, i.ID, i.Name, o, map[string]any{"volume": volume}})
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}
