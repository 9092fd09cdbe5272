package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// asked is what a client wanted of a VM; ended, that it wanted to know how an operation ends.
type asked struct {
	verb      string // updateVM, startVM, powerOffVM, deleteVM, cancelOperation, read, ended
	vcpus     int
	operation string // of cancelOperation and ended
}

// answered is what it was told.
type answered struct {
	operation string // that was accepted; for read, the one that is under way
	code      string // of a refusal
	status    string // of the operation for ended, of the VM for read
	vcpus     int    // from its next start on
}

// modelled is all that the model knows of a VM.
type modelled struct {
	exists, on bool
	vcpus      int // from its next start on

	operation string // under way
	does      asked
	canceled  bool // somebody asked the operation to stop
}

// oneVM is how one VM behaves if requests, refusals and ends of operations happen one after the other, each at some
// moment between its question and its answer: one operation at a time, whichever replica is asked; what succeeded is so
// from then on, what was canceled has left nothing.
var oneVM = porcupine.Model{
	Step: func(state, input, output any) (bool, any) {
		s, in, out := state.(modelled), input.(asked), output.(answered)
		switch {
		case in.verb == "read":
			return s.reads(out), s
		case in.verb == "cancelOperation":
			s.canceled = s.canceled || out.code == "" && s.operation == in.operation
			return true, s
		case in.verb == "ended":
			return s.ends(in, out)
		case out.code == "NOT_FOUND":
			return !s.exists, s
		case !s.exists:
			return false, s
		case out.code == "CONFLICT":
			return s.operation != "" || !s.may(in.verb) || s.on, s
		case out.code != "":
			return false, s
		case out.operation == "": // there is nothing to do; what is under way may have done it
			return in.verb == "updateVM" && (s.operation != "" || s.vcpus == in.vcpus), s
		default:
			ok := s.operation == "" && s.may(in.verb)
			s.operation, s.does, s.canceled = out.operation, in, false
			return ok, s
		}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v → %+v", input, output) },
	DescribeState:     func(state any) string { return fmt.Sprintf("%+v", state) },
}

func (s modelled) may(verb string) bool {
	switch verb {
	case "startVM":
		return !s.on
	case "powerOffVM":
		return s.on
	default:
		return true
	}
}

func (s modelled) reads(out answered) bool {
	switch {
	case !s.exists:
		return out.code == "NOT_FOUND"
	case out.code != "" || out.operation != s.operation:
		return false
	case s.operation != "":
		return true // the VM is on its way
	case s.on:
		return out.status == "RUNNING" && out.vcpus == s.vcpus
	default:
		return out.status == "STOPPED" && out.vcpus == s.vcpus
	}
}

func (s modelled) ends(in asked, out answered) (bool, modelled) {
	if s.operation != in.operation || out.status != "SUCCEEDED" && (out.status != "CANCELED" || !s.canceled) {
		return false, s
	}
	s.operation = ""
	if out.status == "SUCCEEDED" {
		switch s.does.verb {
		case "updateVM":
			s.vcpus = s.does.vcpus
		case "startVM":
			s.on = true
		case "powerOffVM":
			s.on = false
		case "deleteVM":
			s.exists = false
		}
	}
	return true, s
}

// history is what clients asked of one VM, and were told.
type history struct {
	began time.Time
	mu    sync.Mutex
	all   []porcupine.Operation
	ops   []string // that were accepted
}

func (h *history) add(client int, called time.Time, in asked, out answered) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, porcupine.Operation{ClientId: client, Input: in, Output: out,
		Call: called.Sub(h.began).Nanoseconds(), Return: time.Since(h.began).Nanoseconds()})
	if out.operation != "" && in.verb != "read" {
		h.ops = append(h.ops, out.operation)
	}
}

// accepted is one of the operations so far, the last ones rather; "" when there is none.
func (h *history) accepted(random *rand.Rand) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.ops) == 0 {
		return ""
	}
	return h.ops[len(h.ops)-1-random.IntN(min(2, len(h.ops)))]
}

// question asks one thing of a VM, at this client's replica.
func (c *client) question(ctx context.Context, vm string, in asked) (out answered, err error) {
	switch in.verb {
	case "read":
		var got struct {
			VM *struct {
				Status          string
				Configuration   struct{ Vcpus int }
				PendingChanges  []struct{ Field, Next string }
				ActiveOperation *struct{ ID string }
			}
		}
		err = c.ask(ctx, &got, `query($id: ID!) { vm(id: $id) { status configuration { vcpus } pendingChanges { field next } activeOperation { id } } }`, vars{"id": vm})
		switch {
		case err == nil && got.VM == nil:
			out.code = "NOT_FOUND"
		case err == nil:
			out.status, out.vcpus = got.VM.Status, got.VM.Configuration.Vcpus
			for _, p := range got.VM.PendingChanges {
				if p.Field == "vcpus" {
					out.vcpus, err = strconv.Atoi(p.Next)
				}
			}
			if o := got.VM.ActiveOperation; o != nil {
				out.operation = o.ID
			}
		}
	case "ended":
		for err == nil && !ended(out.status) {
			var o operation
			o, err = c.operation(ctx, in.operation)
			out.status = o.Status
			time.Sleep(20 * time.Millisecond)
		}
	case "updateVM":
		out.operation, err = c.act(ctx, in.verb, vm, vars{"vcpus": in.vcpus, "allowRestart": true})
	case "cancelOperation":
		_, err = c.act(ctx, in.verb, in.operation, nil)
	default:
		out.operation, err = c.act(ctx, in.verb, vm, nil)
	}
	var refused *refusal
	if errors.As(err, &refused) {
		return answered{code: refused.code}, nil
	}
	return out, err
}

// Clients of two replicas start, stop, resize, delete and cancel the same VM at once, again and again. Each history of
// what they were told is one that a single VM could have had.
func TestHistories(t *testing.T) {
	const vms, clients, questions, histories = 12, 4, 4, 1000
	const most = 12 * time.Minute
	r := newRig(t, 2, 2)
	t.Cleanup(r.clear)
	seed := seeded(t)
	l := &ledger{}
	var mu sync.Mutex
	begun, checked, asks, accepted, wrong := 0, 0, 0, 0, 0
	until := time.Now().Add(most)
	next := func() (n int, random *rand.Rand, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		begun++
		return begun, rand.New(rand.NewPCG(seed.Uint64(), uint64(begun))), begun <= histories && time.Now().Before(until)
	}
	var group sync.WaitGroup
	for i := range vms {
		group.Go(func() {
			var vm string
			was := modelled{}
			for {
				n, random, ok := next()
				if !ok {
					return
				}
				if !was.exists {
					var op string
					var err error
					vm, op, err = r.admin.create(t.Context(), r.hosts[i%2].id, fmt.Sprintf("history-%d-%d", i, n), false)
					if err != nil {
						t.Errorf("create: %v", err)
						return
					}
					l.add(op)
					r.admin.ended(op, 2*time.Minute)
					was = modelled{exists: true, vcpus: 1}
				}
				h := r.history(vm, random, clients, questions)
				model := oneVM
				model.Init = func() any { return was }
				result, info := porcupine.CheckOperationsVerbose(model, h.all, time.Minute)
				mu.Lock()
				checked, asks, accepted = checked+1, asks+len(h.all), accepted+len(h.ops)
				for _, op := range h.ops {
					l.add(op)
				}
				if result != porcupine.Ok {
					wrong++
					file := filepath.Join(os.TempDir(), fmt.Sprintf("novacron-history-%d.html", n))
					t.Errorf("history %d of %s is %s, see %s; before it: %+v", n, vm, result, file, was)
					for _, o := range h.all {
						t.Logf("%d %8.3f–%8.3f %s", o.ClientId, float64(o.Call)/1e9, float64(o.Return)/1e9, model.DescribeOperation(o.Input, o.Output))
					}
					_ = porcupine.VisualizePath(model, info, file)
				}
				mu.Unlock()
				if result != porcupine.Ok {
					return // what the VM is by now nobody knows
				}
				was = after(model, info)
			}
		})
	}
	group.Wait()
	r.report("F26", fmt.Sprintf("%d clients of two replicas start, stop, resize, delete and cancel one VM, %d histories", clients, checked),
		"each is one that a single VM could have had", wrong == 0 && checked > 0, "%d questions, %d operations; %d histories are impossible", asks, accepted, wrong)
	for _, p := range r.replicas {
		p.idle = p.use(r.admin) // with all its sessions, which stay
	}
	r.check(l, time.Minute)
}

// history has clients ask the same VM for random things at once, and waits until all that was accepted has ended.
func (r *rig) history(vm string, random *rand.Rand, clients, questions int) *history {
	h := &history{began: time.Now()}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	var group, ends sync.WaitGroup
	var watchers atomic.Int32
	ask := func(client int, called time.Time, in asked) answered {
		out, err := r.admin.at(r.replicas[client%len(r.replicas)]).question(ctx, vm, in)
		if err != nil {
			r.t.Errorf("%+v: %v", in, err)
		}
		h.add(client, called, in, out)
		return out
	}
	for c := range clients {
		random := rand.New(rand.NewPCG(random.Uint64(), uint64(c)))
		group.Go(func() {
			for range questions {
				in := asked{verb: []string{"updateVM", "updateVM", "updateVM", "startVM", "powerOffVM", "cancelOperation", "read", "read"}[random.IntN(8)]}
				switch {
				case random.IntN(60) == 0:
					in.verb = "deleteVM"
				case in.verb == "updateVM":
					in.vcpus = 1 + random.IntN(2)
				case in.verb == "cancelOperation":
					if in.operation = h.accepted(random); in.operation == "" {
						continue
					}
				}
				called := time.Now()
				if out := ask(c, called, in); out.operation != "" && in.verb != "read" {
					// Its end comes after it was asked for, and may be learned at the other replica.
					watcher := clients + len(r.replicas)*int(watchers.Add(1)) + random.IntN(len(r.replicas))
					ends.Go(func() { ask(watcher, called, asked{verb: "ended", operation: out.operation}) })
				}
				time.Sleep(time.Duration(random.IntN(250)) * time.Millisecond)
			}
		})
	}
	group.Wait()
	ends.Wait()
	for c := range r.replicas {
		ask(c, time.Now(), asked{verb: "read"})
	}
	return h
}

// after is the state that a history which is possible ends in.
func after(m porcupine.Model, info porcupine.LinearizationInfo) modelled {
	state := m.Init()
	for _, o := range info.PartialLinearizationsOperations()[0][0] {
		_, state = m.Step(state, o.Input, o.Output)
	}
	return state.(modelled)
}
