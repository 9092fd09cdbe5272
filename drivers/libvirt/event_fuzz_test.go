package libvirt

import (
	"bytes"
	"testing"

	"libvirt.org/go/libvirt"
)

// Whatever numbers events carry, and whatever is on the wire: states are ours, and messages go on as they came.
func FuzzEvent(f *testing.F) {
	f.Add(1, 1, 2, false, []byte{0, 0, 0, 8, 1, 2, 3, 4})
	f.Add(-1, 1<<30, -5, true, []byte{255, 255, 255, 255})
	f.Add(5, 3, 8, true, []byte{0, 0, 0, 4, 0, 0, 0, 3})
	f.Fuzz(func(t *testing.T, state, reason, event int, saved bool, wire []byte) {
		if s, _, word := stateOf(libvirt.DomainState(state), reason, saved); s == "" || word == "" {
			t.Fatalf("state %d for reason %d has no name", state, reason)
		}
		_ = lifecycle(libvirt.DomainEventType(event))
		var out bytes.Buffer
		messages(&out, bytes.NewReader(wire))
		if !bytes.HasPrefix(wire, out.Bytes()) {
			t.Fatalf("%x became %x", wire, out.Bytes())
		}
	})
}
