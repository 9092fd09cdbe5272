package operations

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/fleet"
)

func workUntilKilled(string) {}

func TestStart(t *testing.T) {
	r := newRig(t)
	e := r.engine(quick())
	v := r.vm("web-1", false)
	o := r.enqueue(e.Engine, fleet.StartVM, Power{}, v)
	o = r.end(o.ID)
	require.Equal(t, fleet.OperationSucceeded, o.Status, "%+v", o.Error)
	r.free(v)
	require.Contains(t, r.digest(), "vm web-1 RUNNING")
}
