package libvirt

import (
	"encoding/xml"
	"path"
	"strings"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// user is a VM that has a file among its disks.
type user struct {
	ref      drivers.Ref
	name     string
	active   bool // it runs with the file, not only will at its next start
	readOnly bool
}

// usersOf finds the VMs that have a file among their disks, running or in their stored definition.
func usersOf(c *libvirt.Connect, file string) ([]user, error) {
	doms, err := c.ListAllDomains(0)
	if err != nil {
		return nil, err
	}
	defer func() {
		for i := range doms {
			_ = doms[i].Free()
		}
	}()
	mention := escaped(file)
	var users []user
	for i := range doms {
		active, err := doms[i].IsActive()
		if err != nil {
			continue // gone meanwhile
		}
		flags := []libvirt.DomainXMLFlags{libvirt.DOMAIN_XML_INACTIVE}
		if active {
			flags = []libvirt.DomainXMLFlags{0, libvirt.DOMAIN_XML_INACTIVE}
		}
		for _, f := range flags {
			doc, err := doms[i].GetXMLDesc(f)
			if is(err, libvirt.ERR_NO_DOMAIN) {
				break
			}
			if err != nil {
				return nil, err
			}
			if !strings.Contains(doc, mention) {
				continue
			}
			var x libvirtxml.Domain
			if err := x.Unmarshal(doc); err != nil {
				return nil, err
			}
			if u, ok := uses(&x, file); ok {
				u.active = active && f == 0
				users = append(users, u)
				break
			}
		}
	}
	return users, nil
}

// escaped is a path as libvirt writes it into XML.
func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&apos;", `"`, "&quot;").Replace(s)
}

// uses looks for a file among a VM's disks.
func uses(x *libvirtxml.Domain, file string) (user, bool) {
	u := user{ref: drivers.Ref(x.UUID), name: x.Name}
	if x.Devices == nil {
		return u, false
	}
	for i := range x.Devices.Disks {
		k := &x.Devices.Disks[i]
		if s := sourcePath(k.Source); s != "" && path.Clean(s) == path.Clean(file) {
			u.readOnly = k.ReadOnly != nil || k.Device == "cdrom"
			return u, true
		}
	}
	return u, false
}

// overlaysOf finds the volumes of all active pools that are overlays of a file. It believes what
// libvirt reads from their headers: a guest that forges one can at most keep a file from being deleted.
func overlaysOf(c *libvirt.Connect, file string) ([]string, error) {
	pools, err := c.ListAllStoragePools(libvirt.CONNECT_LIST_STORAGE_POOLS_ACTIVE)
	if err != nil {
		return nil, err
	}
	defer func() {
		for i := range pools {
			_ = pools[i].Free()
		}
	}()
	mention := escaped(file)
	var overlays []string
	for i := range pools {
		vols, err := pools[i].ListAllStorageVolumes(0)
		if err != nil {
			continue // ended meanwhile
		}
		for j := range vols {
			doc, err := vols[j].GetXMLDesc(0)
			_ = vols[j].Free()
			if err != nil || !strings.Contains(doc, mention) {
				continue
			}
			var v libvirtxml.StorageVolume
			if xml.Unmarshal([]byte(doc), &v) == nil && v.BackingStore != nil && v.BackingStore.Path == file && v.Target != nil {
				overlays = append(overlays, v.Target.Path)
			}
		}
	}
	return overlays, nil
}

// snapshotOn names the VM that has a snapshot which needs a file; empty for none.
func snapshotOn(c *libvirt.Connect, file string) (string, error) {
	doms, err := c.ListAllDomains(libvirt.CONNECT_LIST_DOMAINS_HAS_SNAPSHOT)
	if err != nil {
		return "", err
	}
	defer func() {
		for i := range doms {
			_ = doms[i].Free()
		}
	}()
	for i := range doms {
		all, err := readSnaps(&doms[i])
		if is(err, libvirt.ERR_NO_DOMAIN) {
			continue // gone meanwhile
		}
		if err != nil {
			return "", err
		}
		for _, s := range all {
			for _, l := range s.layers {
				if l.file == file {
					return doms[i].GetName()
				}
			}
		}
	}
	return "", nil
}

// noSnapshotNeeds refuses while a snapshot needs a file.
func noSnapshotNeeds(c *libvirt.Connect, file string) error {
	vm, err := snapshotOn(c, file)
	if err != nil {
		return err
	}
	if vm != "" {
		return fault.New(fault.Conflict, "a snapshot of the VM %q needs the volume %q", vm, path.Base(file)).With("Delete the snapshot first.")
	}
	return nil
}

// nobodyUses refuses while a VM other than owner has a file among its disks, or an overlay stands on it.
func nobodyUses(c *libvirt.Connect, file string, owner drivers.Ref) error {
	name := path.Base(file)
	users, err := usersOf(c, file)
	if err != nil {
		return err
	}
	for _, u := range users {
		if u.ref != owner {
			return fault.New(fault.Conflict, "the volume %q is a disk of the VM %q", name, u.name).With("Detach it there or delete that VM first.")
		}
		if u.active {
			return fault.New(fault.Conflict, "the volume %q is in use by its running VM", name).With("Shut the VM down first.")
		}
	}
	overlays, err := overlaysOf(c, file)
	if err != nil {
		return err
	}
	if len(overlays) > 0 {
		return fault.New(fault.Conflict, "%d other volumes stand on the volume %q, among them %q", len(overlays), name, path.Base(overlays[0])).
			With("Delete those first.")
	}
	return nil
}
