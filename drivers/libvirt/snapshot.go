package libvirt

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

var _ drivers.Snapshotter = (*Driver)(nil)

// Two kinds of snapshots, which we do not mix in one VM since one kind can destroy what the other
// needs. Where somebody else has mixed them, what would is refused; newest first, all can go.
//
// Internal ones lie inside the qcow2 image, with the memory if asked. They are libvirt's from end
// to end.
//
// External ones freeze the disks' files and let the VM go on in overlays. libvirt makes them;
// restoring and deleting is ours (snapshot_restore.go, snapshot_delete.go), as libvirt 9.0 cannot
// restore them, and deletes only the ones it still recognises.

// snap is one snapshot as libvirt keeps it.
type snap struct {
	drivers.Snapshot
	tree   *element
	layers map[string]layer // external ones only: by disk, the file that holds the disk as it was
	memory string           // the file of an external memory image
	inside []string         // internal ones only: the files that it lies in
}

// layer is a file of a disk.
type layer struct{ file, format string }

// readSnaps reads all snapshots of a VM, parents before children.
func readSnaps(dom *libvirt.Domain) ([]snap, error) {
	handles, err := dom.ListAllSnapshots(libvirt.DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL)
	if err != nil {
		return nil, err
	}
	current := ""
	if len(handles) > 0 {
		if s, err := dom.SnapshotCurrent(0); err == nil {
			current, _ = s.GetName()
			_ = s.Free()
		}
	}
	var all []snap
	for i := range handles {
		// With the secrets: what is read here may be written back.
		doc, err := handles[i].GetXMLDesc(libvirt.DOMAIN_SNAPSHOT_XML_SECURE)
		_ = handles[i].Free()
		if is(err, libvirt.ERR_NO_DOMAIN_SNAPSHOT) {
			continue // gone meanwhile
		}
		if err != nil {
			return nil, err
		}
		s, err := parseSnap(doc)
		if err != nil {
			return nil, err
		}
		s.Current = s.Name == current
		all = append(all, s)
	}
	return all, nil
}

// parseSnap reads a snapshot's document.
func parseSnap(doc string) (snap, error) {
	x, err := parseTree(doc)
	if err != nil {
		return snap{}, err
	}
	s := snap{tree: x, layers: map[string]layer{}}
	s.Name = textOf(x, "name")
	s.Description, s.Token = splitDescription(textOf(x, "description"))
	s.Parent = textOf(x, "parent", "name")
	if sec, err := strconv.ParseInt(textOf(x, "creationTime"), 10, 64); err == nil {
		s.CreatedAt = time.Unix(sec, 0).UTC()
	}
	switch textOf(x, "state") {
	case "running", "disk-snapshot": // the latter: it ran, and its memory was not kept
		s.State = drivers.StateRunning
	case "paused":
		s.State = drivers.StatePaused
	case "shutoff", "shutdown", "crashed":
		s.State = drivers.StateStopped
	default:
		s.State = drivers.StateUnknown
	}
	if m := x.child("memory"); m != nil {
		s.Memory = m.attr("snapshot") == "internal" || m.attr("snapshot") == "external"
		if m.attr("snapshot") == "external" {
			s.External, s.memory = true, m.attr("file")
		}
	}
	was := disksOf(x.child("domain"))
	if disks := x.child("disks"); disks != nil {
		for _, k := range disks.all("disk") {
			if k.attr("snapshot") != "no" {
				s.Disks = append(s.Disks, k.attr("name"))
			}
			if k.attr("snapshot") == "external" {
				s.External = true
				s.layers[k.attr("name")] = layerOf(was[k.attr("name")])
			}
		}
	}
	slices.Sort(s.Disks)
	if !s.External {
		for _, k := range was {
			if f := layerOf(k).file; f != "" {
				s.inside = append(s.inside, f)
			}
		}
	}
	return s, nil
}

// disksOf finds the disks of a domain's document by their targets.
func disksOf(domain *element) map[string]*element {
	disks := map[string]*element{}
	if domain == nil || domain.child("devices") == nil {
		return disks
	}
	for _, k := range domain.child("devices").all("disk") {
		if t := k.child("target"); t != nil {
			disks[t.attr("dev")] = k
		}
	}
	return disks
}

// layerOf is the file that a disk stands on; empty when it is none.
func layerOf(disk *element) layer {
	if disk == nil || disk.child("source") == nil {
		return layer{}
	}
	l := layer{file: disk.child("source").attr("file"), format: formatRaw}
	if d := disk.child("driver"); d != nil {
		l.format = or(d.attr("type"), formatRaw)
	}
	return l
}

// textOf is the text of an element down a path; empty when it is not there.
func textOf(x *element, path ...string) string {
	if e := x.child(path...); e != nil {
		return e.text()
	}
	return ""
}

// libvirt keeps no word of ours with a snapshot but its description: the token is its last line.
const tokenLine = "novacron-token: "

func joinDescription(text, token string) string {
	if token == "" && !strings.Contains(text, tokenLine) {
		return text
	}
	return strings.TrimSpace(text + "\n" + tokenLine + token)
}

func splitDescription(s string) (text, token string) {
	i := strings.LastIndex(s, "\n")
	if last := s[i+1:]; strings.HasPrefix(last+" ", tokenLine) {
		return strings.TrimSpace(s[:max(i, 0)]), strings.TrimSpace(strings.TrimPrefix(last+" ", tokenLine))
	}
	return s, ""
}

// Snapshots is as drivers.Snapshotter has it.
func (d *Driver) Snapshots(ctx context.Context, ref drivers.Ref) ([]drivers.Snapshot, error) {
	var list []drivers.Snapshot
	err := d.do(ctx, about(ref, func(_ *libvirt.Connect, dom *libvirt.Domain) error {
		all, err := readSnaps(dom)
		for _, s := range all {
			list = append(list, s.Snapshot)
		}
		return err
	}))
	return list, err
}

// find finds a snapshot by its name.
func find(all []snap, name string) (snap, bool) {
	for _, s := range all {
		if s.Name == name {
			return s, true
		}
	}
	return snap{}, false
}

// mixed tells whether there are snapshots of the other kind.
func mixed(all []snap, external bool) bool {
	return slices.ContainsFunc(all, func(s snap) bool { return s.External != external })
}

// holds names an internal snapshot that lies in a file; empty for none.
func holds(all []snap, file string) string {
	for _, s := range all {
		if slices.Contains(s.inside, file) {
			return s.Name
		}
	}
	return ""
}

// frozenBy names an external snapshot that needs one of the files to stay as it is; empty for none.
func frozenBy(all []snap, files []string) string {
	for _, s := range all {
		for _, l := range s.layers {
			if slices.Contains(files, l.file) {
				return s.Name
			}
		}
	}
	return ""
}

// errNeeded is the refusal to destroy what another snapshot needs.
func errNeeded(other string) error {
	return fault.New(fault.Conflict, "it would destroy what the snapshot %q needs", other).With("Delete that one first.")
}
