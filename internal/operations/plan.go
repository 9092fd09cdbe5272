package operations

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// Plan is what a kind of operation does. In is what was asked for, stored with the operation; it
// holds no secret in the clear. Mem is what the steps remember, stored after each of them.
type Plan[In, Mem any] struct {
	Intent fleet.VMStatus // where the VM is heading meanwhile; empty: nowhere
	Steps  []Step[In, Mem]

	// End is called in the transaction that ends the operation, for what has to become true with it.
	// It may be nil. An operation that is canceled before it began ends too.
	End func(ctx context.Context, tx *store.Store, r *Run[In, Mem], end fleet.OperationStatus) error
}

// Step is one row of a plan.
type Step[In, Mem any] struct {
	Name string // for people: "Copy the image"; unique within the plan

	// Do does it. It may be called again after having done all or part of it, by another process.
	// A task that is not done is waited for, by whoever; Then gets it when it is.
	Do   Func[In, Mem]
	Then func(ctx context.Context, r *Run[In, Mem], t drivers.Task) error // may be nil

	// Undo takes back what Do did, or may have done: it is called for a step that failed as well, and
	// may be called again. Nil: there is nothing to take back.
	Undo Func[In, Mem]

	Whole bool         // a cancel does not cut a call of it short: the provider would go on all the same, and nobody take it back
	Point bool         // of no return: once begun, a cancel changes nothing, and nothing before it is undone
	Final []fault.Kind // kinds of fault that would pass by themselves elsewhere, but are the end here

	Patience time.Duration // for how long a fault that may pass is tried again; 0: the engine's
}

// Func is a step's work. Its error decides what comes next: Again waits and calls it again, a
// retryable fault is tried again for a while, any other ends the operation.
type Func[In, Mem any] func(ctx context.Context, r *Run[In, Mem]) (drivers.Task, error)

// Run is what a step is called with.
type Run[In, Mem any] struct {
	*work
	In  In
	Mem *Mem
}

// Again is the error of a step that has to wait for something that is no task of a provider's: it
// is called again after the pause, and no attempt is counted.
type Again struct{ Pause time.Duration }

func (Again) Error() string { return "not yet" }

// done is the answer of a step that did all at once.
func done() (drivers.Task, error) { return drivers.Task{Done: true, Progress: 1}, nil }

// plan is a Plan of any type.
type plan struct {
	intent fleet.VMStatus
	steps  []step
	load   func(w *work) error // makes w.run and w.remember from the row
	end    func(context.Context, *store.Store, *work, fleet.OperationStatus) error
}

type step struct {
	name     string
	do, undo func(context.Context, *work) (drivers.Task, error)
	then     func(context.Context, *work, drivers.Task) error
	whole    bool
	point    bool
	final    []fault.Kind
	patience time.Duration
}

func (p Plan[In, Mem]) compile() *plan {
	run := func(w *work) *Run[In, Mem] { return w.run.(*Run[In, Mem]) }
	bind := func(f Func[In, Mem]) func(context.Context, *work) (drivers.Task, error) {
		if f == nil {
			return nil
		}
		return func(ctx context.Context, w *work) (drivers.Task, error) { return f(ctx, run(w)) }
	}
	c := &plan{intent: p.Intent, load: func(w *work) error {
		r := &Run[In, Mem]{work: w, Mem: new(Mem)}
		if err := json.Unmarshal(w.op.Input, &r.In); err != nil {
			return fault.New(fault.Internal, "what was asked for cannot be read").Because(err)
		}
		if len(w.saved.Mem) > 0 {
			if err := json.Unmarshal(w.saved.Mem, r.Mem); err != nil {
				return fault.New(fault.Internal, "what was done so far cannot be read").Because(err)
			}
		}
		w.run = r
		w.remember = func() (json.RawMessage, error) { return json.Marshal(r.Mem) }
		return nil
	}}
	for _, s := range p.Steps {
		k := step{name: s.Name, do: bind(s.Do), undo: bind(s.Undo), whole: s.Whole, point: s.Point, final: s.Final, patience: s.Patience}
		if s.Then != nil {
			k.then = func(ctx context.Context, w *work, t drivers.Task) error { return s.Then(ctx, run(w), t) }
		}
		c.steps = append(c.steps, k)
	}
	if p.End != nil {
		c.end = func(ctx context.Context, tx *store.Store, w *work, end fleet.OperationStatus) error {
			return p.End(ctx, tx, run(w), end)
		}
	}
	return c
}

// record is the plan as it stands in a new operation: all of it still to do.
func (p *plan) record() []fleet.Step {
	all := make([]fleet.Step, len(p.steps))
	for i, s := range p.steps {
		all[i] = fleet.Step{Name: s.name, Status: fleet.StepPending, Point: s.point}
	}
	return all
}

// step finds a step by the name it was recorded with: a newer version of the plan may have others.
func (p *plan) step(name string) (step, error) {
	i := slices.IndexFunc(p.steps, func(s step) bool { return s.name == name })
	if i < 0 {
		return step{}, fault.New(fault.Internal, "this version of NovaCron knows no step %q of this operation", name).
			With("It was begun by another version; start it again.")
	}
	return p.steps[i], nil
}

// saved is what an operation's row remembers between steps, in its column state.
//
// How long things take is counted, not told from when they began: the next to go on may be a replica with another clock.
type saved struct {
	Task   *drivers.Task         `json:"task,omitempty"`   // what the present step waits for
	Waited time.Duration         `json:"waited,omitempty"` // for how long, counted in the pauses between the looks
	Again  bool                  `json:"again,omitempty"`  // the present step has asked to be called again
	Tries  int                   `json:"tries,omitempty"`  // failed attempts of the present step, doing or undoing
	Tried  time.Duration         `json:"tried,omitempty"`  // for how long it was tried again, counted in pauses and attempts
	Undo   int                   `json:"undo,omitempty"`   // while undoing: the step's place, from 1; 0 when all are
	Failed int                   `json:"failed,omitempty"` // while undoing: the place of the step that failed, from 1
	End    fleet.OperationStatus `json:"end,omitempty"`    // while undoing: how it will end
	Why    *fault.Error          `json:"why,omitempty"`    // while undoing: what began that
	Mem    json.RawMessage       `json:"mem,omitempty"`
}
