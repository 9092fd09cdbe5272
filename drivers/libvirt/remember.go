package libvirt

import (
	"sync"
	"time"

	"github.com/novacron/novacron/drivers"
)

// remembered is what a connection knows from earlier calls, to spare its host repeated questions.
type remembered struct {
	mu      sync.Mutex
	node    *drivers.Node // the parts that do not change while the host runs
	nodeAt  time.Time     // when they were read
	busy    cpuTicks      // at the last survey
	refresh map[string]time.Time
	silent  map[drivers.Ref]time.Time // guests whose agent did not answer, and until when they are left alone
}

// due tells whether something was last done longer than age ago, and notes that it is done now.
func (r *remembered) due(what string, age time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.refresh[what]) < age {
		return false
	}
	if r.refresh == nil {
		r.refresh = map[string]time.Time{}
	}
	r.refresh[what] = now
	return true
}
