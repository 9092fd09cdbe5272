package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/rogpeppe/go-internal/testscript"
)

// subscription is one that a scenario has open.
type subscription struct {
	events chan map[string]any
	failed error // once events is closed
	cancel context.CancelFunc
}

func newSubscription(ctx context.Context, read func(context.Context, chan<- map[string]any) error) *subscription {
	ctx, cancel := context.WithCancel(ctx)
	s := &subscription{events: make(chan map[string]any, 10_000), cancel: cancel}
	go func() {
		defer close(s.events)
		s.failed = read(ctx, s.events)
	}()
	return s
}

type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

func cmdSubscribe(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) >= 2, "subscribe NAME QUERY [NAME=VALUE...]")
	sub, err := of(ts).subscribe(request(ts, args[1:]))
	ts.Check(err)
	of(ts).subs[args[0]] = sub
}

// subscribe opens a subscription by graphql-transport-ws.
func (s *session) subscribe(body []byte) (*subscription, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://"+s.server.address+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(16 << 20)
	init, _ := json.Marshal(map[string]string{"authorization": "Bearer " + s.token})
	var ack message
	if err := errors.Join(wsjson.Write(ctx, ws, message{Type: "connection_init", Payload: init}), wsjson.Read(ctx, ws, &ack)); err != nil {
		return nil, errors.Join(err, ws.CloseNow())
	}
	if ack.Type != "connection_ack" {
		return nil, errors.Join(fmt.Errorf("the server says %s %s", ack.Type, ack.Payload), ws.CloseNow())
	}
	if err := wsjson.Write(ctx, ws, message{ID: "1", Type: "subscribe", Payload: body}); err != nil {
		return nil, errors.Join(err, ws.CloseNow())
	}
	return newSubscription(context.Background(), func(ctx context.Context, out chan<- map[string]any) error {
		defer ws.CloseNow()
		return listen(ctx, ws, out)
	}), nil
}

// listen reads a websocket's messages until it or the subscription ends.
func listen(ctx context.Context, ws *websocket.Conn, out chan<- map[string]any) error {
	for {
		var m message
		if err := wsjson.Read(ctx, ws, &m); err != nil {
			return err
		}
		switch m.Type {
		case "next":
			var answer map[string]any
			if err := json.Unmarshal(m.Payload, &answer); err != nil {
				return err
			}
			out <- answer
		case "ping":
			if err := wsjson.Write(ctx, ws, message{Type: "pong"}); err != nil {
				return err
			}
		case "error":
			return fmt.Errorf("the server says %s", m.Payload)
		case "complete":
			return errors.New("the server has ended it")
		}
	}
}

func cmdSSE(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) >= 2, "sse NAME QUERY [NAME=VALUE...]")
	s, body := of(ts), request(ts, args[1:])
	r, err := s.do(http.MethodPost, "/graphql", bytes.NewReader(body), map[string]string{
		"Content-Type": "application/json", "Accept": "text/event-stream", "Accept-Encoding": "gzip",
	})
	ts.Check(err)
	if c := r.Header.Get("Cache-Control"); !strings.Contains(c, "no-transform") {
		ts.Fatalf("Cache-Control: %s; proxies will hold the events back", c)
	}
	s.subs[args[0]] = newSubscription(context.Background(), func(ctx context.Context, out chan<- map[string]any) error {
		defer r.Body.Close()
		defer context.AfterFunc(ctx, func() { _ = r.Body.Close() })()
		lines := bufio.NewScanner(r.Body)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var answer map[string]any
				if err := json.Unmarshal([]byte(data), &answer); err != nil {
					return err
				}
				out <- answer
			}
		}
		return fmt.Errorf("the stream has ended: %w", errors.Join(lines.Err(), ctx.Err()))
	})
}

func cmdEvent(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 4, "event NAME TIME PATH VALUE")
	s := of(ts)
	sub := s.subs[args[0]]
	need(ts, sub != nil, "subscribe "+args[0]+" first")
	most, err := time.ParseDuration(args[1])
	ts.Check(err)
	end, seen := time.After(most), 0
	for {
		select {
		case answer, ok := <-sub.events:
			if !ok {
				ts.Fatalf("%v", sub.failed)
			}
			seen++
			v, err := at(answer, args[2])
			if err != nil || !same(v, args[3]) {
				continue
			}
			s.answer = answer
			show(ts, answer)
			if neg {
				ts.Fatalf("it came")
			}
			return
		case <-end:
			if !neg {
				ts.Fatalf("%s was not %s within %s, in %d events", args[2], args[3], most, seen)
			}
			return
		}
	}
}

// cmdEnded waits until the server has ended a subscription.
func cmdEnded(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2, "ended NAME TIME")
	most, err := time.ParseDuration(args[1])
	ts.Check(err)
	end := time.After(most)
	for {
		select {
		case _, ok := <-of(ts).subs[args[0]].events:
			if !ok {
				return
			}
		case <-end:
			ts.Fatalf("still open after %s", most)
		}
	}
}

// cmdConsole opens a console's websocket, types, and waits for what comes back.
func cmdConsole(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 3, "console PATH TYPED REGEXP")
	s := of(ts)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ws, r, err := websocket.Dial(ctx, "ws://"+s.server.address+args[0], &websocket.DialOptions{
		Subprotocols: []string{"binary"}, HTTPHeader: http.Header{"Authorization": {"Bearer " + s.token}},
	})
	if neg {
		if err == nil {
			ts.Fatalf("it opened")
		}
		_, _ = fmt.Fprintln(ts.Stdout(), r.Status)
		return
	}
	ts.Check(err)
	defer ws.CloseNow()
	if ws.Subprotocol() != "binary" {
		ts.Fatalf("subprotocol %q", ws.Subprotocol())
	}
	re, err := regexp.Compile(args[2])
	ts.Check(err)
	conn := websocket.NetConn(ctx, ws, websocket.MessageBinary)
	_, err = conn.Write([]byte(strings.ReplaceAll(args[1], `\r`, "\r")))
	ts.Check(err)
	var seen []byte
	for chunk := make([]byte, 4096); !re.Match(seen); {
		n, err := conn.Read(chunk)
		seen = append(seen, chunk[:n]...)
		if err != nil {
			ts.Fatalf("%v, after %q", err, seen)
		}
	}
	_, _ = ts.Stdout().Write(seen)
}
