package libvirt

import (
	"context"
	"iter"
	"path"
	"strings"
	"time"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// listSlice is how many VMs are read with one session before it goes back to the pool: a thousand
// VMs' documents take 0.2 s, and others want their turn.
const listSlice = 64

const allDomains = libvirt.CONNECT_LIST_DOMAINS_ACTIVE | libvirt.CONNECT_LIST_DOMAINS_INACTIVE

// roll is one VM of the host's list, with what the list itself tells.
type roll struct {
	ref         drivers.Ref
	name        string
	state       libvirt.DomainState
	reason      int
	managedSave bool
	autostart   bool
	persistent  bool
	blocks      map[string]block // by target; what could not be read is missing
}

// block is what the host knows of a disk in use.
type block struct{ capacity, used int64 }

// List is as drivers.Driver has it.
func (d *Driver) List(ctx context.Context, o drivers.ListOptions) iter.Seq2[drivers.VM, error] {
	return func(yield func(drivers.VM, error) bool) {
		var rolls []roll
		var pools []poolPath
		err := d.do(ctx, func(c *libvirt.Connect) (err error) {
			if rolls, err = callRoll(c); err == nil && !o.Brief {
				pools, err = poolPaths(c)
			}
			return err
		})
		if err != nil {
			yield(drivers.VM{}, err)
			return
		}
		for len(rolls) > 0 {
			part := rolls[:min(listSlice, len(rolls))]
			rolls = rolls[len(part):]
			var vms []drivers.VM
			if o.Brief {
				for _, r := range part {
					vms = append(vms, r.vm())
				}
			} else if vms, err = d.read(ctx, part, pools); err != nil {
				yield(drivers.VM{}, err)
				return
			}
			for _, vm := range vms {
				if !yield(vm, nil) {
					return
				}
			}
			if ctx.Err() != nil {
				yield(drivers.VM{}, waited(ctx))
				return
			}
		}
	}
}

// Get is as drivers.Driver has it.
func (d *Driver) Get(ctx context.Context, ref drivers.Ref) (drivers.VM, error) {
	var r roll
	var pools []poolPath
	err := d.do(ctx, about(ref, func(c *libvirt.Connect, dom *libvirt.Domain) (err error) {
		if r, err = rollOf(dom); err != nil {
			return err
		}
		pools, err = poolPaths(c)
		return err
	}))
	if err != nil {
		return drivers.VM{}, err
	}
	vms, err := d.read(ctx, []roll{r}, pools)
	switch {
	case err != nil:
		return drivers.VM{}, err
	case len(vms) == 0:
		return drivers.VM{}, fault.Missing("VM", string(ref))
	}
	return vms[0], nil
}

// callRoll lists every domain with its state in five calls, however many there are.
func callRoll(c *libvirt.Connect) ([]roll, error) {
	sets := map[libvirt.ConnectListAllDomainsFlags]map[drivers.Ref]bool{}
	for _, f := range []libvirt.ConnectListAllDomainsFlags{libvirt.CONNECT_LIST_DOMAINS_MANAGEDSAVE, libvirt.CONNECT_LIST_DOMAINS_AUTOSTART, libvirt.CONNECT_LIST_DOMAINS_PERSISTENT} {
		doms, err := c.ListAllDomains(allDomains | f)
		if err != nil {
			return nil, err
		}
		sets[f] = map[drivers.Ref]bool{}
		for i := range doms {
			id, err := doms[i].GetUUIDString()
			_ = doms[i].Free()
			if err == nil {
				sets[f][drivers.Ref(id)] = true
			}
		}
	}
	stats, err := bulkStats(c, nil, libvirt.DOMAIN_STATS_STATE, 0, false)
	if err != nil {
		return nil, err
	}
	rolls := make([]roll, 0, len(stats))
	for _, s := range stats {
		rolls = append(rolls, roll{
			ref: s.ref, name: s.name,
			state: libvirt.DomainState(s.values["state.state"]), reason: int(s.values["state.reason"]),
			managedSave: sets[libvirt.CONNECT_LIST_DOMAINS_MANAGEDSAVE][s.ref],
			autostart:   sets[libvirt.CONNECT_LIST_DOMAINS_AUTOSTART][s.ref],
			persistent:  sets[libvirt.CONNECT_LIST_DOMAINS_PERSISTENT][s.ref],
		})
	}
	return rolls, nil
}

// rollOf is callRoll for one VM.
func rollOf(dom *libvirt.Domain) (r roll, err error) {
	id, err := dom.GetUUIDString()
	if err != nil {
		return r, err
	}
	r.ref = drivers.Ref(id)
	if r.name, err = dom.GetName(); err != nil {
		return r, err
	}
	if r.state, r.reason, err = dom.GetState(); err != nil {
		return r, err
	}
	if r.persistent, err = dom.IsPersistent(); err != nil || !r.persistent {
		return r, err
	}
	if r.managedSave, err = dom.HasManagedSaveImage(0); err != nil {
		return r, err
	}
	r.autostart, err = dom.GetAutostart()
	return r, err
}

// vm is what the roll alone says of a VM.
func (r roll) vm() drivers.VM {
	vm := drivers.VM{Ref: r.ref, Name: r.name, Autostart: r.autostart}
	vm.State, vm.StateReason, vm.ProviderState = stateOf(r.state, r.reason, r.managedSave)
	return vm
}

// active tells whether there is a QEMU process.
func (r roll) active() bool {
	return r.state != libvirt.DOMAIN_SHUTOFF && r.state != libvirt.DOMAIN_NOSTATE
}

// read reads the VMs of a slice whole. A VM that has gone meanwhile is left out; one that cannot
// be read has its Problem.
func (d *Driver) read(ctx context.Context, part []roll, pools []poolPath) ([]drivers.VM, error) {
	d.readBlocks(ctx, part)
	var vms []drivers.VM
	err := d.do(ctx, func(c *libvirt.Connect) error {
		vms = vms[:0]
		for _, r := range part {
			vm, err := readVM(c, r, pools)
			switch {
			case is(err, libvirt.ERR_NO_DOMAIN):
				continue
			case err != nil && (is(err, libvirt.ERR_RPC, libvirt.ERR_INVALID_CONN, libvirt.ERR_NO_CLIENT) || fault.Is(classify(err), fault.Unavailable)):
				return err // not this VM's trouble
			case err != nil:
				vm = r.vm()
				vm.Problem = "the VM's definition cannot be read: " + clean(fault.Of(classify(err)).Message)
			}
			vms = append(vms, vm)
		}
		return nil
	})
	return vms, err
}

// readBlocks asks for the sizes of the disks of a slice in one call, and gives up on them rather
// than let one hung QEMU stop the whole list.
func (d *Driver) readBlocks(ctx context.Context, part []roll) {
	left := make([]int, len(part))
	for i := range part {
		left[i] = i
	}
	for try := range blockTries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(blockRest):
			}
		}
		refs := make([]drivers.Ref, len(left))
		for i, k := range left {
			refs[i] = part[k].ref
		}
		stats, err := d.statsOf(ctx, refs, libvirt.DOMAIN_STATS_BLOCK, 0)
		if err != nil {
			return
		}
		found := map[drivers.Ref]map[string]block{}
		for _, s := range stats {
			found[s.ref] = blocksOf(s)
		}
		var still []int
		for _, k := range left {
			part[k].blocks = found[part[k].ref]
			if part[k].active() && unread(part[k].blocks) {
				still = append(still, k)
			}
		}
		if left = still; len(left) == 0 {
			return
		}
	}
}

// A VM that is just being reset or changed is passed over for a moment; one that hangs, always.
const (
	blockTries = 3
	blockRest  = 150 * time.Millisecond
)

// unread tells whether the guest was passed over: there are disks, and none has a size.
func unread(blocks map[string]block) bool {
	for _, b := range blocks {
		if b.capacity > 0 {
			return false
		}
	}
	return blocks == nil || len(blocks) > 0
}

// poolPath is a storage pool by its folder.
type poolPath struct{ name, path string }

// poolPaths lists the active pools.
func poolPaths(c *libvirt.Connect) ([]poolPath, error) {
	pools, err := c.ListAllStoragePools(libvirt.CONNECT_LIST_STORAGE_POOLS_ACTIVE)
	if is(err, libvirt.ERR_NO_SUPPORT) {
		return nil, nil // a host without storage driver
	}
	if err != nil {
		return nil, err
	}
	var all []poolPath
	for i := range pools {
		doc, err := pools[i].GetXMLDesc(0)
		_ = pools[i].Free()
		var p libvirtxml.StoragePool
		if err != nil || p.Unmarshal(doc) != nil || p.Target == nil || p.Target.Path == "" {
			continue // gone meanwhile, or a kind of pool without paths
		}
		all = append(all, poolPath{p.Name, path.Clean(p.Target.Path)})
	}
	return all, nil
}

// volumeAt names the pool and volume of a file.
func volumeAt(pools []poolPath, file string) (pool, volume string) {
	for _, p := range pools {
		if rest, ok := strings.CutPrefix(file, p.path+"/"); ok && !strings.Contains(rest, "/") {
			return p.name, rest
		}
	}
	return "", ""
}
