package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"
)

// subscriber follows vmEvents over graphql-transport-ws, as the dashboard does.
type subscriber struct {
	t     *testing.T
	ws    *websocket.Conn
	pace  atomic.Int64 // the time.Duration from one message to the next that it reads
	left  context.Context
	leave context.CancelFunc

	mu      sync.Mutex
	batches []batch
	taken   int   // those that await has looked at
	err     error // why no more will come
}

type batch struct {
	at      time.Time // when it came
	Cursor  string
	Missed  bool
	Changes []change
}

type change struct {
	Kind, ID string
	VM       *vm
}

type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// narrow leaves little room for what is on its way.
func narrow(_, _ string, raw syscall.RawConn) (err error) {
	unreachable := raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
	return errors.Join(err, unreachable)
}

// subscribe follows from a cursor on or, without one, from now. One who reads slowly has little room for what is
// on its way: otherwise the kernel's buffers hide the slowness for minutes.
func (c *client) subscribe(after string, pace time.Duration) *subscriber {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	o := &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}}
	if pace > 0 {
		d := net.Dialer{Control: narrow}
		o.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: d.DialContext}}
	}
	ws, _, err := websocket.Dial(ctx, strings.Replace(c.base, "http", "ws", 1)+"/graphql", o)
	require.NoError(c.t, err)
	ws.SetReadLimit(16 << 20)
	require.NoError(c.t, wsjson.Write(ctx, ws, map[string]any{"type": "connection_init", "payload": vars{"authorization": "Bearer " + c.token}}))
	var ack message
	require.NoError(c.t, wsjson.Read(ctx, ws, &ack))
	require.Equal(c.t, "connection_ack", ack.Type, "%s", ack.Payload)
	v := vars{}
	if after != "" {
		v["after"] = after
	}
	require.NoError(c.t, wsjson.Write(ctx, ws, map[string]any{"id": "1", "type": "subscribe", "payload": vars{
		"query": `subscription($after: EventCursor) { vmEvents(after: $after) { cursor missed changes { kind id vm {
			id name status statusReason missingSince } } } }`,
		"variables": v,
	}}))
	s := &subscriber{t: c.t, ws: ws}
	s.pace.Store(int64(pace))
	s.left, s.leave = context.WithCancel(context.Background())
	go s.read()
	c.t.Cleanup(s.close)
	return s
}

// deaf is one who follows vmEvents as an event stream and reads none of it.
type deaf struct{ conn net.Conn }

func (c *client) deaf() *deaf {
	c.t.Helper()
	d := net.Dialer{Control: narrow}
	conn, err := d.Dial("tcp", strings.TrimPrefix(c.base, "http://"))
	require.NoError(c.t, err)
	c.t.Cleanup(func() { _ = conn.Close() })
	body := `{"query": "subscription { vmEvents { cursor changes { vm { id name status } } } }"}`
	_, err = fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: novacron\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", c.token, len(body), body)
	require.NoError(c.t, err)
	return &deaf{conn}
}

// ended takes what is on its way, and reports whether that was all.
func (d *deaf) ended() bool {
	_ = d.conn.SetReadDeadline(time.Now().Add(time.Second))
	_, err := io.Copy(io.Discard, d.conn)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

func (s *subscriber) close() { s.leave(); _ = s.ws.CloseNow() }

func (s *subscriber) read() {
	for {
		err := s.one()
		if err != nil {
			s.mu.Lock()
			s.err = err
			s.mu.Unlock()
			return
		}
		for began := time.Now(); time.Since(began) < time.Duration(s.pace.Load()) && s.left.Err() == nil; {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// one reads one message.
func (s *subscriber) one() error {
	var m message
	if err := wsjson.Read(s.left, s.ws, &m); err != nil {
		return err
	}
	switch m.Type {
	case "next":
		var answer struct {
			Data   struct{ VMEvents batch }
			Errors []struct{ Message string }
		}
		if err := json.Unmarshal(m.Payload, &answer); err != nil {
			return err
		}
		if len(answer.Errors) > 0 {
			return fmt.Errorf("refused: %s", answer.Errors[0].Message)
		}
		b := answer.Data.VMEvents
		b.at = time.Now()
		s.mu.Lock()
		s.batches = append(s.batches, b)
		s.mu.Unlock()
	case "ping":
		return wsjson.Write(s.left, s.ws, message{Type: "pong"})
	case "error", "complete":
		return fmt.Errorf("%s: %s", m.Type, m.Payload)
	}
	return nil
}

// await looks at the messages that it has not looked at yet until one is what is waited for, and says when that came.
func (s *subscriber) await(most time.Duration, what string, ok func(batch) bool) time.Time {
	s.t.Helper()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		for s.taken < len(s.batches) {
			b := s.batches[s.taken]
			s.taken++
			if ok(b) {
				s.mu.Unlock()
				return b.at
			}
		}
		err := s.err
		s.mu.Unlock()
		if err != nil || time.Since(began) > most {
			s.t.Fatalf("not told within %s: %s (%v)", most, what, err)
		}
	}
}

// about is for await: a message that shows a VM so.
func about(name string, ok func(vm) bool) func(batch) bool {
	return func(b batch) bool {
		return slices.ContainsFunc(b.Changes, func(c change) bool { return c.VM != nil && c.VM.Name == name && ok(*c.VM) })
	}
}

func is(status string) func(vm) bool { return func(v vm) bool { return v.Status == status } }

func gone(v vm) bool { return v.MissingSince != "" }

// told is what it was last told of each VM, by name, whether it was told that it missed something, and where to go on.
func (s *subscriber) told() (last map[string]vm, missed bool, cursor string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last = map[string]vm{}
	for _, b := range s.batches {
		missed, cursor = missed || b.Missed, b.Cursor
		for _, c := range b.Changes {
			if c.VM != nil {
				last[c.VM.Name] = *c.VM
			}
		}
	}
	return last, missed, cursor
}

// ended is why no more will come; nil while more may.
func (s *subscriber) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// first is the first message.
func (s *subscriber) first() (b batch) {
	s.t.Helper()
	s.await(10*time.Second, "the first message", func(got batch) bool { b = got; return true })
	return b
}

// A websocket is cut again and again while VMs come and go; its owner resumes from the last cursor. In the end it knows
// what one knows who was never cut off.
func TestSubscriberCut(t *testing.T) {
	r := newRig(t, 1, 1)
	t.Cleanup(r.clear)
	random, h := seeded(t), r.hosts[0]
	wire := newWire(t, strings.TrimPrefix(r.admin.base, "http://"))
	away := *r.admin
	away.base = fmt.Sprintf("http://127.0.0.1:%d", wire.port())
	whole, cut := r.admin.subscribe("", 0), away.subscribe("", 0)
	oldest := whole.first().Cursor
	cut.first()

	status := func(all map[string]vm) map[string]string {
		so := map[string]string{}
		for name, v := range all {
			so[name] = v.Status
		}
		return so
	}
	told := func() map[string]string { last, _, _ := whole.told(); return status(last) }
	const vms, cuts = 40, 8
	changed := make(chan struct{})
	go func() {
		defer close(changed)
		for n := range vms {
			h.define(t, fmt.Sprintf("come-%d", n), "")
			if n%2 == 1 { // only what was there for a moment can be told of
				r.until(10*time.Second, "it is told", func() bool { _, ok := told()[fmt.Sprintf("come-%d", n-1)]; return ok })
				h.virsh(t, "undefine", fmt.Sprintf("come-%d", n-1))
			}
		}
	}()
	known, missed := map[string]vm{}, 0
	var slowest time.Duration
	took := func() (cursor string) {
		last, m, cursor := cut.told()
		maps.Copy(known, last)
		if m {
			missed++
		}
		return cursor
	}
	for range cuts {
		time.Sleep(time.Duration(200+random.IntN(800)) * time.Millisecond)
		wire.cut()
		r.until(10*time.Second, "the subscriber notices", func() bool { return cut.ended() != nil })
		time.Sleep(time.Duration(random.IntN(1000)) * time.Millisecond)
		wire.mend()
		cursor, began := took(), time.Now()
		cut = away.subscribe(cursor, 0)
		cut.first()
		slowest = max(slowest, time.Since(began))
	}
	<-changed
	want := map[string]string{}
	for n := range vms {
		want[fmt.Sprintf("come-%d", n)] = map[bool]string{true: "STOPPED", false: "UNKNOWN"}[n%2 == 1]
	}
	r.until(30*time.Second, "who was never cut off knows all", func() bool { return maps.Equal(told(), want) })
	r.until(10*time.Second, "who was cut off knows as much", func() bool { took(); return maps.Equal(status(known), want) })
	r.report("F20", fmt.Sprintf("a websocket cut %d times while %d VMs come and %d go", cuts, vms, vms/2),
		"nothing lost between the cursors", missed == 0, "%d of %d known; slowest resumption %s", len(known), vms, seconds(slowest))

	// The log goes back an hour. What is older has been purged, and who asks for it is told so.
	r.postgres.exec(`UPDATE events SET at = at - interval '2 hours'`)
	r.until(3*time.Minute, "the log is purged", func() bool {
		var left int
		r.postgres.row(&left, `SELECT count(*) FROM events WHERE at < now() - interval '1 hour'`)
		return left == 0
	})
	old, strange := r.admin.subscribe(oldest, 0).first().Missed, r.admin.subscribe("e7fffffffffffff.1", 0).first().Missed
	r.report("F20", "a cursor that is too old, and one of another database", "told that something was missed",
		old && strange, "missed: %t, %t", old, strange)
	r.clear()
	r.forgotten()
	r.check(&ledger{}, time.Minute)
}

// Some read one message a second, some stop reading at all, while a thousand things change every second: it costs the
// others nothing and the server little, and the slow ones are told, or let go.
func TestSubscriberSlow(t *testing.T) {
	r := newRig(t, 1, 1)
	real := r.seed(1)[r.hosts[0].id][0]
	p := r.replicas[0]
	p.env = append(p.env, "NOVACRON_FAKE_VMS=3000")
	p.kill()
	p.start()
	var lab struct {
		AddProvider struct{ Provider struct{ ID string } }
	}
	r.admin.must(&lab, `mutation { addProvider(input: {name: "lab", kind: FAKE, host: "lab"}) { provider { id } } }`, nil)
	r.until(time.Minute, "the simulated host is listed", func() bool { return r.admin.provider(lab.AddProvider.Provider.ID).LastSyncAt != "" })

	// storm makes entries in the log, as the inventory does, until it is stopped.
	storm := func() (calmed func()) {
		ctx, stop := context.WithCancel(context.Background())
		var group sync.WaitGroup
		group.Go(func() {
			for tick := time.NewTicker(time.Second / 10); ctx.Err() == nil; <-tick.C {
				r.postgres.exec(`INSERT INTO events (tenant_id, topic, kind, subject_id, provider_id) SELECT tenant_id, 'vm', 'UPDATED', id, provider_id
					FROM vms WHERE provider_id IN (SELECT id FROM providers WHERE kind = 'FAKE') ORDER BY random() LIMIT 100`)
			}
		})
		return func() { stop(); group.Wait() }
	}
	fast := r.admin.subscribe("", 0)
	fast.first()
	// touch makes a change that is none of the storm's, and tells how long it took to be told, if it was.
	n := 0
	touch := func() (took time.Duration, missed bool) {
		n++
		began := time.Now()
		_, err := r.admin.act(context.Background(), "updateVM", real, vars{"tags": []vars{{"key": "n", "value": fmt.Sprint(n)}}})
		require.NoError(t, err)
		return fast.await(30*time.Second, "a change", func(b batch) bool {
			missed = b.Missed
			return missed || slices.ContainsFunc(b.Changes, func(c change) bool { return c.ID == real })
		}).Sub(began), missed
	}
	// watch makes changes for that long. What the process needs is told by its heap and stacks: the race detector, where
	// the program is built with it, takes as much again for itself.
	watch := func(long time.Duration) (told []time.Duration, missed, memory int) {
		var all []int
		for began := time.Now(); time.Since(began) < long; time.Sleep(200 * time.Millisecond) {
			took, m := touch()
			if m {
				missed++
			}
			told = append(told, took)
			now := r.admin.metrics(p.base)
			all = append(all, int(now["go_memstats_heap_inuse_bytes"]+now["go_memstats_stack_inuse_bytes"]))
		}
		slices.Sort(all)
		return told, missed, all[len(all)/2]
	}
	stop := storm()
	before, _, alone := watch(outage)
	stop()
	const each = 3
	var slow, hung []*subscriber
	for range each {
		slow = append(slow, r.admin.subscribe("", time.Second))
		hung = append(hung, r.admin.subscribe("", time.Millisecond))
	}
	time.Sleep(20 * time.Second) // the first ping is answered
	for _, s := range hung {
		s.pace.Store(int64(time.Hour))
	}
	deaf := r.admin.deaf()
	stop = storm()
	during, missed, with := watch(outage)
	stop()

	grown := float64(with-alone) / (2 * each) / (1 << 20)
	was, is := percentile(before, 99), percentile(during, 99)
	fault := fmt.Sprintf("%d who read a message a second and %d who stop reading, %d changes a second", each, each+1, 1000)
	r.report("F19", fault, "≤ 10 MB for each", grown <= 10, "%.1f MB", grown)
	r.report("F19", fault, others, float64(is) <= slower*float64(was) && missed == 0, "median %d → %d ms, p99 %d → %d ms, %d of %d missed",
		percentile(before, 50).Milliseconds(), percentile(during, 50).Milliseconds(), was.Milliseconds(), is.Milliseconds(), missed, len(during))

	letGo := 0
	over := func(ended func() bool) {
		for began := time.Now(); !ended() && time.Since(began) < 10*time.Second; {
			time.Sleep(50 * time.Millisecond)
		}
		if ended() {
			letGo++
		}
	}
	for _, s := range hung {
		s.pace.Store(0) // what is on its way to it comes first
		over(func() bool { return s.ended() != nil })
	}
	over(deaf.ended)
	r.report("F19", fault, "who stops reading is let go", letGo == each+1, "%d of %d", letGo, each+1)

	// Whoever was let go resumes; in the end each has heard of the last change, or has been told to look again.
	r.hosts[0].define(t, "last", "")
	knowing, lookAgain := 0, 0
	for _, s := range append(slow, hung...) {
		s.pace.Store(0)
		_, missed, cursor := s.told()
		if s.ended() != nil {
			s = r.admin.subscribe(cursor, 0)
		}
		last := about("last", func(vm) bool { return true })
		if !missed {
			s.await(30*time.Second, "the last change, or to look again", func(b batch) bool { missed = b.Missed; return missed || last(b) })
		}
		if knowing++; missed {
			lookAgain++
		}
	}
	r.report("F19", fault, "who is slow is told all, or to look again", knowing == 2*each, "%d of %d were told to look again", lookAgain, 2*each)
	for _, s := range append(append(slow, hung...), fast) {
		s.close()
	}
	r.clear()
	r.forgotten()
	r.check(&ledger{}, time.Minute)
}
