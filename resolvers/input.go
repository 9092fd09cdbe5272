package resolvers

import (
	"fmt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/graph/ids"
	"github.com/novacron/novacron/graph/model"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// The inputs that are more than a field or two, as the house's own requests. Only what is lost in
// between is checked here: the rest is fleet's and control's to check.

// given refuses a zero that was written down, where a zero in the request means the default.
func given[T int | int64](field string, v *T) error {
	if v != nil && *v == 0 {
		return fault.Field(field, "Leave it out for the default.", "0 is out of range")
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func newVM(in model.CreateVMInput) (n fleet.NewVM, err error) {
	provider, err := ids.Parse(ids.Provider, "provider", in.Provider)
	if err := firstError(err, given("vcpusMax", in.VcpusMax), given("memoryMaxMiB", in.MemoryMaxMiB)); err != nil {
		return n, err
	}
	n = fleet.NewVM{
		IdempotencyKey: or(in.IdempotencyKey), ProviderID: provider, Name: in.Name, Description: or(in.Description),
		VCPUs: in.Vcpus, VCPUsMax: or(in.VcpusMax), MemoryMiB: int64(in.MemoryMiB), MemoryMaxMiB: int64(or(in.MemoryMaxMiB)),
		Seed: in.CloudInit, Firmware: in.Firmware, Machine: or(in.MachineType), Accelerator: or(in.Accelerator),
		Autostart: in.Autostart, Start: in.Start,
	}
	for i, d := range in.Disks {
		disk, err := newDisk(fmt.Sprintf("disks[%d].", i), d)
		if err != nil {
			return n, err
		}
		n.Disks = append(n.Disks, disk)
	}
	if in.Networks != nil { // an empty list means none, no list means the default
		n.NICs = make([]drivers.NICRequest, len(in.Networks))
		for i, nic := range in.Networks {
			n.NICs[i] = *nic
		}
	}
	n.Tags, err = tags(in.Tags)
	return n, err
}

func newDisk(at string, in *model.DiskInput) (d fleet.NewDisk, err error) {
	if err := given(at+"capacityBytes", in.CapacityBytes); err != nil {
		return d, err
	}
	d = fleet.NewDisk{
		Clone: in.Clone, Volume: in.Volume, Pool: or(in.Pool), CapacityBytes: or(in.CapacityBytes),
		Format: in.Format, Bus: in.Bus, ReadOnly: in.ReadOnly, CDROM: in.Cdrom,
	}
	if in.Image != nil {
		id, err := ids.Parse(ids.Image, at+"image", *in.Image)
		if err != nil {
			return d, err
		}
		d.ImageID = &id
	}
	return d, nil
}

func tags(in []*fleet.Tag) (map[string]string, error) {
	if in == nil {
		return nil, nil
	}
	all := make(map[string]string, len(in))
	for i, t := range in {
		if _, twice := all[t.Key]; twice {
			return nil, fault.Field(fmt.Sprintf("tags[%d].key", i), "Give each label once.", "the label is there twice")
		}
		all[t.Key] = t.Value
	}
	return all, nil
}

func vmChange(in model.UpdateVMInput) (c fleet.VMChange, err error) {
	c = fleet.VMChange{
		IfVersion: in.IfVersion, Description: in.Description, AllowRestart: in.AllowRestart,
		Resize: drivers.Resize{VCPUs: in.Vcpus, VCPUsMax: in.VcpusMax, MemoryMiB: wide(in.MemoryMiB), MemoryMax: wide(in.MemoryMaxMiB)},
	}
	for i, d := range in.Disks {
		if _, twice := c.Resize.Disks[d.Name]; twice {
			return c, fault.Field(fmt.Sprintf("disks[%d].name", i), "Give each disk once.", "the disk is there twice")
		}
		if c.Resize.Disks == nil {
			c.Resize.Disks = map[string]int64{}
		}
		c.Resize.Disks[d.Name] = d.CapacityBytes
	}
	if in.Tags != nil {
		all, err := tags(in.Tags)
		if err != nil {
			return c, err
		}
		c.Tags = &all
	}
	return c, nil
}

func wide(n *int) *int64 {
	if n == nil {
		return nil
	}
	w := int64(*n)
	return &w
}

func fates(in []*model.DiskFateInput) (map[string]drivers.DiskFate, error) {
	all := make(map[string]drivers.DiskFate, len(in))
	for i, d := range in {
		if _, twice := all[d.Name]; twice {
			return nil, fault.Field(fmt.Sprintf("disks[%d].name", i), "Give each disk once.", "the disk is there twice")
		}
		all[d.Name] = d.Fate
	}
	return all, nil
}

func newProvider(in model.AddProviderInput) fleet.NewProvider {
	return fleet.NewProvider{
		Name: in.Name, Kind: in.Kind, Transport: or(in.Transport), Host: or(in.Host), Port: or(in.Port), User: or(in.User),
		Accelerator: in.Accelerator, Secrets: secrets(in.Credentials),
	}
}

func providerChange(in model.UpdateProviderInput) fleet.ProviderChange {
	return fleet.ProviderChange{
		IfVersion: in.IfVersion, Name: in.Name, Host: in.Host, Port: in.Port, User: in.User,
		Accelerator: in.Accelerator, Secrets: secrets(in.Credentials),
	}
}

func secrets(in *model.ProviderCredentialsInput) (s drivers.Secrets) {
	if in == nil {
		return s
	}
	for field, text := range map[*[]byte]*string{
		&s.CACert: in.CaCertificate, &s.ClientCert: in.ClientCertificate, &s.ClientKey: in.ClientKey,
		&s.SSHKey: in.SSHKey, &s.SSHHostKey: in.SSHHostKey,
	} {
		if text != nil {
			*field = []byte(*text)
		}
	}
	return s
}

func bulk(in model.BulkVMsInput) fleet.BulkRequest {
	return fleet.BulkRequest{Action: in.Action, Filter: *in.Filter, Disks: in.Disks, IfCount: in.IfCount}
}

// part reads on what a role is to count; nil: on everything.
func part(in *model.GrantPartInput) (*fleet.Narrow, error) {
	if in == nil {
		return nil, nil
	}
	n := &fleet.Narrow{}
	var err error
	if n.Providers, err = ids.ParseAll(ids.Provider, "on.providers", in.Providers); err != nil {
		return nil, err
	}
	if n.VMs, err = ids.ParseAll(ids.VM, "on.vms", in.Vms); err != nil {
		return nil, err
	}
	for _, t := range in.Tags {
		n.Tags = append(n.Tags, *t)
	}
	return n, nil
}
