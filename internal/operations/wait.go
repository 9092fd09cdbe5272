package operations

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

const (
	// A worker stays with a task while the pauses between two looks are shorter than this: giving
	// the operation up and taking it again costs about a millisecond of the database's.
	stayFor = 200 * time.Millisecond

	shortestLook = 10 * time.Millisecond
	longestLook  = 5 * time.Second
	longestRetry = time.Minute

	// forgotten is how often a provider may forget a task before we believe that it cannot do it.
	forgotten = 5
	// undoTries is how often an undo is tried whose fault does not look as if it would pass.
	undoTries = 3
	// undoPatience: undoing is given longer than doing; a person has to clean up after it otherwise.
	undoPatience = 3
)

// await goes on with the operation when it is time to look at the task again. Looks become rarer as
// the task lasts: a tenth of its age.
func (w *work) await(r *fleet.Step, t drivers.Task) next {
	first := w.saved.Task == nil
	w.mu.Lock()
	if first {
		w.saved.Waited, w.saved.Tries = 0, 0
	}
	w.saved.Task = &t
	if w.op.Status != fleet.OperationUndoing {
		w.op.Status = fleet.OperationWaiting
		progress := t.Progress
		r.Progress = &progress
		w.op.Progress = w.progress(progress)
	}
	w.op.Note = t.Note
	pause := min(max(w.saved.Waited/10, shortestLook), longestLook)
	w.saved.Waited += pause
	w.mu.Unlock()
	if w.engine.draining.Load() {
		return w.yield(pause)
	}
	if pause > stayFor {
		return w.yield(pause)
	}
	if first || time.Since(w.told) > time.Second {
		if next := w.save(true); next != goOn {
			return next
		}
	}
	if w.canceled.Load() && w.op.Status != fleet.OperationUndoing {
		return goOn
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.ctx.Done():
	}
	return goOn
}

// again decides whether a failed attempt is repeated, and after what pause.
func (w *work) again(f *fault.Error, s step, undoing bool) (time.Duration, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.saved.Tries++
	if w.saved.Tries > 1 {
		w.saved.Tried += time.Since(w.began)
	}
	patience := s.patience
	if patience == 0 {
		patience = w.engine.o.Patience
	}
	passing := passing(f, s)
	if undoing {
		patience *= undoPatience
	}
	if w.saved.Tried > patience || !passing && (!undoing || w.saved.Tries >= undoTries) {
		return 0, false
	}
	pause := min(w.engine.o.Retry<<min(w.saved.Tries-1, 10), longestRetry)
	pause = pause/2 + rand.N(pause) //nolint:gosec // jitter: so that those that failed together do not come back together
	w.saved.Tried += pause
	return pause, true
}

// passing reports whether the fault may be gone the next time.
func passing(f *fault.Error, s step) bool {
	unanswered := errors.Is(f, context.DeadlineExceeded) // a call of ours, not the provider's own verdict
	switch {
	case f.Kind == fault.Exhausted:
		return unanswered // the provider's call budget, not its memory
	case slices.Contains(s.final, f.Kind):
		return unanswered
	}
	return f.Kind.Retryable()
}
