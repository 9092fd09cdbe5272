package fake

import (
	"context"
	"io"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// Console: see drivers.Consoler.
func (d *Driver) Console(ctx context.Context, ref drivers.Ref, kind drivers.ConsoleKind) (io.ReadWriteCloser, error) {
	return nil, fault.New(fault.Unsupported, "not yet")
}
