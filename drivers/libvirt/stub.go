package libvirt

import (
	"context"
	"iter"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

var errSoon = fault.New(fault.Unsupported, "not there yet")

func (d *Driver) List(context.Context, drivers.ListOptions) iter.Seq2[drivers.VM, error] {
	return func(yield func(drivers.VM, error) bool) { yield(drivers.VM{}, errSoon) }
}
func (d *Driver) Get(context.Context, drivers.Ref) (drivers.VM, error) { return drivers.VM{}, errSoon }
func (d *Driver) Create(context.Context, drivers.CreateRequest) (drivers.Task, error) {
	return drivers.Task{}, errSoon
}
func (d *Driver) Delete(context.Context, drivers.Ref, drivers.DeleteOptions) (drivers.Task, error) {
	return drivers.Task{}, errSoon
}
func (d *Driver) Power(context.Context, drivers.Ref, drivers.PowerAction) (drivers.Task, error) {
	return drivers.Task{}, errSoon
}
