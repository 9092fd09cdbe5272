package libvirt

import (
	"strings"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"
)

// mark writes a marker. It may be there already.
func (p *storagePool) mark(state, volume, token string) error {
	if !fileBacked[p.Type] {
		return nil
	}
	doc, err := (&libvirtxml.StorageVolume{Name: markerName(state, volume, token), Capacity: volumeSize(0), Allocation: volumeSize(0),
		Target: &libvirtxml.StorageVolumeTarget{Format: &libvirtxml.StorageVolumeTargetFormat{Type: formatRaw}}}).Marshal()
	if err != nil {
		return err
	}
	v, err := p.handle.StorageVolCreateXML(doc, 0)
	if is(err, libvirt.ERR_STORAGE_VOL_EXIST) {
		return nil
	}
	if err == nil {
		_ = v.Free()
	}
	return err
}

// marked tells whether there is a marker: a token's, or without one anybody's.
func (p *storagePool) marked(state, volume, token string) (bool, error) {
	names, err := p.handle.ListStorageVolumes()
	if err != nil {
		return false, err
	}
	want := markerName(state, volume, token)
	for _, n := range names {
		if n == want || token == "" && strings.HasPrefix(n, want) {
			return true, nil
		}
	}
	return false, nil
}

// unmark removes the markers of a volume: those of a state, or with an empty one all.
func (p *storagePool) unmark(state, volume string) error {
	names, err := p.handle.ListStorageVolumes()
	if err != nil {
		return err
	}
	for _, n := range names {
		for _, s := range []string{making, made} {
			if (state == "" || state == s) && strings.HasPrefix(n, markerName(s, volume, "")) {
				if err := p.remove(n); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// remove deletes a volume by its name. Not there: success.
func (p *storagePool) remove(name string) error {
	v, err := p.handle.LookupStorageVolByName(name)
	if is(err, libvirt.ERR_NO_STORAGE_VOL) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = v.Free() }()
	err = v.Delete(0)
	if is(err, libvirt.ERR_NO_STORAGE_VOL) || gone(err) {
		_ = p.refresh(contextNone, 0) // so that libvirt forgets it too
		return nil
	}
	return err
}
