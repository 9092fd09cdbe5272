package fake

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// What things take on a real KVM host, about. Options.Pace shortens them.
const (
	callTime     = time.Millisecond
	listTime     = 8 * time.Millisecond // a thousand VMs
	createTime   = 300 * time.Millisecond
	startTime    = 450 * time.Millisecond
	shutdownTime = 2 * time.Second
	offTime      = 100 * time.Millisecond
	pauseTime    = 20 * time.Millisecond
	suspendTime  = 1100 * time.Millisecond
	resizeTime   = 200 * time.Millisecond
	attachTime   = 100 * time.Millisecond
	snapshotTime = 700 * time.Millisecond
	restoreTime  = 1500 * time.Millisecond
	deleteTime   = 200 * time.Millisecond
	bootTime     = 4 * time.Second  // until the guest agent answers
	runningTime  = 20 * time.Second // until crash-running crashes

	slowness = 20 // how much longer slow-VERB takes
)

// keptTasks is how many tasks a host remembers: enough for every task of a bulk action on 10,000 VMs.
const keptTasks = 20_000

// task is work on a VM: steps, one after the other, each of which takes its time and then happens.
type task struct {
	drivers.Task
	host  *host
	vm    *vm
	steps []step
	undo  func() // puts things back after a failure; may be nil
	kind  string // what it is, for a repeated call to find it
	begun time.Time
	takes time.Duration // all steps; 0 when it hangs
	timer *time.Timer
	ended chan struct{}
	err   error
}

// step is one part of a task.
type step struct {
	verb  string // what the VM's name is asked about
	note  string
	takes time.Duration
	do    func() error // under host.mu
}

// fate is what a VM's name says about a verb: "fail", "slow", … or nothing.
func fate(name, verb string) string {
	if !strings.Contains(name, "-"+verb) {
		return ""
	}
	for _, f := range [...]string{"fail", "deny", "flaky", "lose-reply", "slow", "hang"} {
		if strings.Contains(name, f+"-"+verb) {
			return f
		}
	}
	return ""
}

// admit lets a call about a VM in, or not, as its name says. h.mu is held.
func (h *host) admit(name, verb string) error {
	switch fate(name, verb) {
	case "deny":
		return refuse(fault.Denied, "DENIED", "Ask the provider's administrator for the permission.", "the provider's access rules forbid this (the VM's name asks for it: deny-%s)", verb)
	case "flaky":
		if h.firstTime(name, verb) {
			return h.unavailable("broken pipe (the VM's name asks for it: flaky-" + verb + ")")
		}
	}
	return nil
}

// reply answers a call that has done its work, unless the VM's name says that the answer gets lost. h.mu is held.
func (h *host) reply(name, verb string) error {
	if fate(name, verb) == "lose-reply" && h.firstTime(name, verb) {
		return h.unavailable("connection reset by peer (the VM's name asks for it: lose-reply-" + verb + ")")
	}
	return nil
}

func (h *host) firstTime(name, verb string) bool {
	h.tried[verb+" "+name]++
	return h.tried[verb+" "+name] == 1
}

// begin starts work on a VM. Conflict while other work is under way. h.mu is held.
func (h *host) begin(m *vm, kind string, undo func(), steps ...step) (*task, error) {
	if m.job != nil {
		return nil, refuse(fault.Conflict, "BUSY", "Wait until that is done.", "VM %q is busy: %s", m.Name, m.job.Note)
	}
	t := &task{host: h, vm: m, kind: kind, steps: steps, undo: undo, begun: time.Now(), ended: make(chan struct{})}
	t.Task = drivers.Task{ID: fmt.Sprintf("task-%d", h.lastTask+1), Ref: m.Ref}
	for i := range t.steps {
		s := &t.steps[i]
		s.takes = h.pace(s.takes)
		if fate(m.Name, s.verb) == "slow" {
			s.takes *= slowness
		}
		t.takes += s.takes
	}
	h.lastTask++
	h.tasks[t.ID] = t
	delete(h.tasks, fmt.Sprintf("task-%d", h.lastTask-keptTasks))
	m.job = t
	t.next()
	return t, nil
}

// next goes on with the first of the remaining steps. host.mu is held.
func (t *task) next() {
	if len(t.steps) == 0 {
		t.end(nil)
		return
	}
	s := t.steps[0]
	t.Note = s.note
	takes := s.takes
	switch fate(t.vm.Name, s.verb) {
	case "hang":
		return // until somebody aborts it
	case "fail":
		takes /= 2
	}
	if takes <= 0 {
		t.finish(s)
		return
	}
	t.timer = time.AfterFunc(takes, func() {
		t.host.mu.Lock()
		defer t.host.mu.Unlock()
		if t.vm.job == t {
			t.finish(s)
		}
	})
}

func (t *task) finish(s step) {
	err := failure(t.vm.Name, s.verb)
	if err == nil && s.do != nil {
		err = s.do()
	}
	if err != nil {
		t.end(err)
		return
	}
	t.steps = t.steps[1:]
	t.next()
}

func failure(name, verb string) error {
	if fate(name, verb) != "fail" {
		return nil
	}
	why := " (the VM's name asks for it: fail-" + verb + ")"
	switch verb {
	case "create", "attach", "snapshot", "upload":
		return refuse(fault.Exhausted, "NO_SPACE", "Free some space or choose another pool.", "there is no space left in the storage pool%s", why)
	case "start", "resume", "resize":
		return refuse(fault.Exhausted, "NO_MEMORY", "Stop other VMs or choose another host.", "the host has not enough memory%s", why)
	case "stop":
		return refuse(fault.Deadline, "NO_SHUTDOWN", "Force it off, or look at its console.", "the guest has not shut down in time%s", why)
	default:
		return refuse(fault.Conflict, "FAILED", "Look at the provider's log.", "the provider could not do it%s", why)
	}
}

// end finishes the task. host.mu is held.
func (t *task) end(err error) {
	if t.timer != nil {
		t.timer.Stop()
	}
	t.Done, t.Progress, t.Note, t.err, t.vm.job = true, 1, "", err, nil
	if err != nil && t.undo != nil {
		t.undo()
	}
	t.steps, t.undo = nil, nil
	close(t.ended)
}

// abort ends whatever is being done to a VM. h.mu is held.
func (h *host) abort(m *vm, why string) {
	if m.job != nil {
		m.job.end(refuse(fault.Conflict, "ABORTED", "", "%s", why))
	}
}

// view is the task as a caller sees it. host.mu is held.
func (t *task) view() drivers.Task {
	v := t.Task
	if !v.Done && t.takes > 0 {
		v.Progress = min(float64(time.Since(t.begun))/float64(t.takes), 0.99)
		if len(t.steps) > 0 && fate(t.vm.Name, t.steps[0].verb) == "hang" {
			v.Progress = min(v.Progress, 0.5)
		}
	}
	return v
}

// wait is for calls that answer only when their work is done. A caller that goes away takes the work back.
func (d *Driver) wait(ctx context.Context, t *task) error {
	gone := error(nil)
	select {
	case <-t.ended:
		return t.err
	case <-ctx.Done():
		gone = fault.Of(ctx.Err())
	case <-d.closed:
		gone = errClosed()
	}
	d.host.mu.Lock()
	defer d.host.mu.Unlock()
	if !t.Done {
		t.end(gone)
	}
	return gone
}
