package faults

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// raw sends bytes as they are and gives the first line of the answer; empty when the connection was closed without one.
func (a *abused) raw(request string, most time.Duration) string {
	c, err := net.Dial("tcp", strings.TrimPrefix(a.base, "http://"))
	require.NoError(a.rig.t, err)
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(most))
	_, _ = io.WriteString(c, request)
	line, err := bufio.NewReader(c).ReadString('\n')
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "no answer"
	}
	return strings.TrimSpace(line)
}

// What other sites, forms and addresses could be made to send does nothing.
func TestForgedRequests(t *testing.T) {
	a := newAbused(t)
	ctx := context.Background()
	const change = `{"query":"mutation { createAPIToken(input: {name: \"forged\"}) { secret } }"}`
	kept, all := 0, 0
	for _, c := range []struct {
		method, path, body string
		status             int
		headers            []string
	}{
		{"GET", "/graphql?query=mutation{createAPIToken(input:{name:%22forged%22}){secret}}", "", 405, nil},
		{"GET", "/graphql?query={about{version}}", "", 405, nil},
		{"POST", "/graphql?query={about{version}}", "", 400, nil},
		{"POST", "/graphql", change, 415, []string{"Content-Type", "text/plain"}},
		{"POST", "/graphql", change, 415, []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{"POST", "/graphql", change, 415, []string{"Content-Type", "multipart/form-data; boundary=x"}},
		{"POST", "/graphql", change, 415, []string{"Content-Type", ""}},
		{"POST", "/graphql", change, 403, []string{"Origin", "https://evil.example"}},
		{"POST", "/graphql", change, 403, []string{"Origin", "null"}},
		{"POST", "/graphql", change, 403, []string{"Sec-Fetch-Site", "cross-site"}},
		{"POST", "/graphql", change, 400, []string{"Upgrade", "h2c", "Connection", "Upgrade"}},
		{"POST", "/graphql", `{"query":"{__schema{types{name}}}"}`, 401, []string{"Authorization", ""}},
		{"POST", "/graphql?token=" + a.admin.token, `{"query":"{about{version}}"}`, 401, []string{"Authorization", ""}},
		{"PUT", "/graphql", change, 405, nil},
		{"TRACE", "/graphql", "", 405, nil},
	} {
		got, err := a.send(ctx, c.method, c.path, strings.NewReader(c.body), c.headers...)
		require.NoError(t, err)
		all++
		if got.status == c.status && got.code != "" {
			kept++
		} else {
			t.Errorf("%s %s %v: %d %.300s", c.method, c.path, c.headers, got.status, got.text)
		}
	}
	var tokens struct {
		Viewer struct{ APITokens []struct{ Name string } }
	}
	a.admin.must(&tokens, `{ viewer { apiTokens { name } } }`, nil)
	for _, token := range tokens.Viewer.APITokens {
		assert.NotEqual(t, "forged", token.Name)
	}
	a.report("S09", "GET, forms, plain text, other origins, no sign-in", "refused, typed, nothing changed", kept == all, "%d of %d", kept, all)
	got, err := a.send(ctx, http.MethodPost, "/graphql", bytes.NewReader(document("{vm(id:1){nam} providres{id}}")))
	require.NoError(t, err)
	a.report("S09", "a misspelt field", "no suggestions", got.code == "INVALID" && !strings.Contains(strings.ToLower(got.text), "did you mean"), "%.120s", got.text)
}

// dial opens a websocket, and says why not.
func (a *abused) dial(path string, headers http.Header) (*websocket.Conn, int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ws, answer, err := websocket.Dial(ctx, strings.Replace(a.base, "http", "ws", 1)+path, &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: headers})
	status := 0
	if answer != nil {
		status = answer.StatusCode
	}
	return ws, status, err
}

type wsMessage struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// greeted is a websocket whose connection_init was taken.
func (a *abused) greeted(token string) *websocket.Conn {
	t := a.rig.t
	t.Helper()
	ws, _, err := a.dial("/graphql", nil)
	require.NoError(t, err)
	ws.SetReadLimit(16 << 20)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var ack wsMessage
	require.NoError(t, wsjson.Write(ctx, ws, vars{"type": "connection_init", "payload": vars{"authorization": "Bearer " + token}}))
	require.NoError(t, wsjson.Read(ctx, ws, &ack))
	require.Equal(t, "connection_ack", ack.Type)
	return ws
}

// closed waits until the server closes the websocket.
func closed(ws *websocket.Conn, most time.Duration) (time.Duration, websocket.StatusCode) {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	began := time.Now()
	for {
		if _, _, err := ws.Read(ctx); err != nil {
			return time.Since(began), websocket.CloseStatus(err)
		}
	}
}

// Websockets: from whom, with what, how many, for how long.
func TestAbusedWebsockets(t *testing.T) {
	a := newAbused(t)
	kept := 0
	strangers := []struct {
		path    string
		headers http.Header
	}{
		{"/graphql", http.Header{"Origin": {"https://evil.example"}, "Authorization": {"Bearer " + a.admin.token}}},
		{"/graphql", http.Header{"Origin": {"null"}, "Authorization": {"Bearer " + a.admin.token}}},
		{"/console/x", http.Header{}},
		{"/console/x?token=" + a.admin.token, http.Header{}},
	}
	for _, s := range strangers {
		ws, status, err := a.dial(s.path, s.headers)
		if err != nil && (status == http.StatusForbidden || status == http.StatusUnauthorized) {
			kept++
		} else {
			t.Errorf("%s %v: %d", s.path, s.headers, status)
			_ = ws.CloseNow()
		}
	}
	for _, path := range []string{"/graphql", "/graphql?token=" + a.admin.token, "/graphql?authorization=Bearer%20" + a.admin.token} {
		ws, _, err := a.dial(path, nil)
		require.NoError(t, err) // who it is comes in the first message
		require.NoError(t, wsjson.Write(context.Background(), ws, vars{"type": "connection_init"}))
		took, _ := closed(ws, 10*time.Second)
		if took < 5*time.Second {
			kept++
		} else {
			t.Errorf("%s is open after %s", path, took)
		}
	}
	a.report("S17", "websockets of other sites, without sign-in, with a token in the address", "refused", kept == len(strangers)+3, "%d of %d", kept, len(strangers)+3)

	silent, _, err := a.dial("/graphql", nil)
	require.NoError(t, err)
	took, _ := closed(silent, time.Minute)
	a.report("S17", "a websocket that says nothing", "closed ≤ 15 s", took <= 15*time.Second, "%s", seconds(took))

	const many = 10_000
	before := a.use(a.admin)
	ws := a.greeted(a.admin.token)
	go func() {
		for i := range many {
			_ = wsjson.Write(context.Background(), ws, vars{"id": fmt.Sprint(i), "type": "subscribe", "payload": vars{"query": "subscription { vmEvents { cursor } }"}})
		}
	}()
	taken, refused, other := map[string]bool{}, map[string]bool{}, 0
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for len(taken)+len(refused) < many && other == 0 {
		var m wsMessage
		require.NoError(t, wsjson.Read(ctx, ws, &m))
		switch {
		case m.Type == "next" && bytes.Contains(m.Payload, []byte("EXHAUSTED")):
			refused[m.ID] = true
		case m.Type == "next" && bytes.Contains(m.Payload, []byte("cursor")):
			taken[m.ID] = true
		case m.Type == "complete", m.Type == "ping":
		default:
			other++
			t.Errorf("%s %s", m.Type, m.Payload)
		}
	}
	during := a.use(a.admin)
	_ = ws.CloseNow()
	a.report("S17", "10,000 subscriptions on one websocket", "100 are taken, the others refused as EXHAUSTED", len(taken) == 100 && len(refused) == many-100,
		"%d taken, %d refused, %+d goroutines, %+.1f MB", len(taken), len(refused), during.goroutines-before.goroutines, float64(during.rss-before.rss)/1e6)

	ws = a.greeted(a.admin.token)
	cpu, began := a.cpu(), time.Now()
	go func() {
		for range many {
			_ = wsjson.Write(context.Background(), ws, vars{"type": "ping"})
		}
	}()
	for pongs := 0; pongs < many; {
		var m wsMessage
		require.NoError(t, wsjson.Read(ctx, ws, &m))
		if m.Type == "pong" {
			pongs++
		}
	}
	used, lasted := a.cpu()-cpu, time.Since(began)
	_ = ws.CloseNow()
	a.report("S17", "10,000 pings", "answered, ≤ 0.1 ms of CPU each", used <= many*100*time.Microsecond, "%.0f ms of CPU in %s", ms(used), seconds(lasted))

	ws = a.greeted(a.admin.token)
	_ = wsjson.Write(context.Background(), ws, vars{"id": "1", "type": "subscribe", "payload": vars{"query": "{about{version}}" + strings.Repeat(" ", 1<<20)}})
	took, code := closed(ws, 10*time.Second)
	a.report("S17", "a message of 1 MiB", "the websocket is closed for it", code == websocket.StatusMessageTooBig, "%d after %s", code, seconds(took))

	var made struct {
		CreateAPIToken struct {
			Secret string
			Token  struct{ ID string }
		}
	}
	a.admin.must(&made, `mutation { createAPIToken(input: {name: "short"}) { secret token { id } } }`, nil)
	ws = a.greeted(made.CreateAPIToken.Secret)
	var gone any
	a.admin.must(&gone, `mutation($id: ID!) { revokeAPIToken(input: {id: $id}) { id } }`, vars{"id": made.CreateAPIToken.Token.ID})
	took, _ = closed(ws, time.Minute)
	a.report("S17", "a token that is revoked", "its websockets are closed ≤ 5 s", took <= 5*time.Second, "%s", seconds(took))
	a.check(&ledger{}, time.Minute)
	a.quiet()
}

// Tickets are good once, for 30 seconds, for who may.
func TestAbusedTickets(t *testing.T) {
	a := newAbused(t)
	var made struct {
		CreateVM struct {
			VM        struct{ ID string }
			Operation struct{ ID string }
		}
	}
	a.admin.must(&made, `mutation($in: CreateVMInput!) { createVM(input: $in) { vm { id } operation { id } } }`, a.newVM(vars{"name": "console", "start": true}))
	require.Equal(t, "SUCCEEDED", a.admin.ended(made.CreateVM.Operation.ID, time.Minute).Status)
	ticket := func() string {
		var got struct{ OpenConsole struct{ Path string } }
		a.admin.must(&got, `mutation($vm: ID!) { openConsole(input: {vm: $vm, kind: SERIAL}) { path } }`, vars{"vm": made.CreateVM.VM.ID})
		return got.OpenConsole.Path
	}
	use := func(path string) int {
		ws, status, err := a.dial(path, http.Header{"Authorization": {"Bearer " + a.admin.token}})
		if err == nil {
			_ = ws.CloseNow()
		}
		return status
	}
	seen := map[string]int{}
	path := ticket()
	seen["fresh"], seen["used again"] = use(path), use(path)
	path = ticket()
	seen["with a letter changed"] = use(path[:len(path)-1] + string(path[len(path)-1]^1))
	path = ticket()
	a.postgres.exec(`UPDATE tickets SET expires_at = now()`)
	seen["expired"] = use(path)
	path = ticket()
	seen["at another door"] = func() int {
		got, err := a.send(context.Background(), http.MethodPut, strings.Replace(path, "/console/", "/uploads/", 1), strings.NewReader("x"))
		require.NoError(t, err)
		return got.status
	}()
	path = ticket()
	a.postgres.exec(`UPDATE grants SET role = 'VIEWER'`)
	seen["of one who may no longer"] = use(path)
	a.postgres.exec(`UPDATE grants SET role = 'OWNER'`)
	kept := seen["fresh"] == http.StatusSwitchingProtocols
	for name, status := range seen {
		kept = kept && (name == "fresh" || status == http.StatusNotFound)
	}
	a.report("S18", "console tickets: again, changed, late, at another door, after the role was taken", "404, all but the first", kept, "%v", seen)
	var lasts int
	a.postgres.exec(`DELETE FROM tickets`)
	ticket()
	a.postgres.row(&lasts, `SELECT ceil(extract(epoch FROM max(expires_at) - now()))::int FROM tickets`)
	a.report("S18", "a console's ticket", "good for ≤ 30 s", lasts <= 30 && lasts > 20, "%d s", lasts)
}

// Whatever people call themselves, a line of the log is one line.
func TestLogInjection(t *testing.T) {
	a := newAbused(t)
	ctx := context.Background()
	evil := []string{"a\r\n{\"level\":\"ERROR\",\"msg\":\"forged\"}", "\u001b[31mred\u001b[0m", "a\u2028b", "a\u0000b", `","level":"ERROR`, "%s%n", strings.Repeat("a", 3<<10)}
	for _, name := range evil {
		body, err := json.Marshal(vars{"name": name, "password": "wrong"})
		require.NoError(t, err)
		got, err := a.send(ctx, http.MethodPost, "/auth/sign-in", bytes.NewReader(body), "Authorization", "")
		require.NoError(t, err)
		assert.Equal(t, http.StatusUnauthorized, got.status)
		body, err = json.Marshal(vars{"query": "query($n: ID!) { vm(id: $n) { id } }", "variables": vars{"n": name}})
		require.NoError(t, err)
		_, err = a.send(ctx, http.MethodPost, "/graphql", bytes.NewReader(body), "X-Request-Id", "forged level=ERROR", "User-Agent", "x\u2028\"level=ERROR")
		require.NoError(t, err)
	}
	for _, request := range []string{
		"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nAuthorization: Bearer " + a.admin.token + "\r\n\r\n",
		"GET /\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00", "GET / HTTP/9.9\r\n\r\n",
	} {
		a.raw(request, 3*time.Second)
	}
	time.Sleep(time.Second)
	text, err := os.ReadFile(a.log)
	require.NoError(t, err)
	lines, bad, forged := 0, 0, 0
	_, text, _ = bytes.Cut(text, []byte(`{"time"`)) // what it said in text before it was told to speak JSON
	for line := range strings.Lines(`{"time"` + string(text)) {
		var entry struct{ Level, Msg string }
		lines++
		if json.Unmarshal([]byte(line), &entry) != nil || strings.ContainsAny(line, "\x1b\u2028\x00") {
			bad++
			t.Logf("%q", line)
		}
		if entry.Level == "ERROR" || entry.Msg == "forged" {
			forged++
		}
	}
	a.report("S20", "line breaks, ANSI and JSON in names and headers", "each line of the log is one JSON object of ours", bad == 0 && forged == 0 && lines > len(evil), "%d lines, %d not to be parsed, %d forged", lines, bad, forged)
}

// Connections that are slow, huge or ambiguous harm nobody else.
func TestAbusedHTTP(t *testing.T) {
	a := newAbused(t)
	list := func(long time.Duration) time.Duration {
		var took []time.Duration
		for end := time.Now().Add(long); time.Now().Before(end); {
			began := time.Now()
			var got any
			a.admin.must(&got, `{ vms(first: 50) { edges { node { id name status } } } }`, nil)
			took = append(took, time.Since(began))
		}
		return percentile(took, 99)
	}
	list(time.Second)
	before, use := list(8*time.Second), a.use(a.admin)
	const slow = 1000
	var group sync.WaitGroup
	ended := make(chan time.Duration, slow)
	for i := range slow {
		group.Go(func() {
			c, err := net.Dial("tcp", strings.TrimPrefix(a.base, "http://"))
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }()
			began := time.Now()
			// Half of them never end their header, the others, strangers too, never send their body.
			head := "POST /auth/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
			if i%2 == 1 {
				head += "Content-Length: 4000\r\n\r\n"
			}
			_, _ = io.WriteString(c, head)
			gone := make(chan struct{})
			go func() { _, _ = io.Copy(io.Discard, c); close(gone) }()
			for {
				select {
				case <-gone:
					ended <- time.Since(began)
					return
				case <-time.After(time.Second):
					if _, err := io.WriteString(c, "X"); err != nil || time.Since(began) > 2*time.Minute {
						continue
					}
				}
			}
		})
	}
	time.Sleep(2 * time.Second)
	during, most := list(8*time.Second), a.use(a.admin)
	group.Wait()
	close(ended)
	var longest time.Duration
	for d := range ended {
		longest = max(longest, d)
	}
	a.report("S28", "1,000 connections that send a byte a second", "others' p99 ≤ 2 ×", during <= 2*before+5*time.Millisecond, "%.1f → %.1f ms, %+.1f MB", ms(before), ms(during), float64(most.rss-use.rss)/1e6)
	a.report("S28", "1,000 connections that send a byte a second", "ended ≤ 35 s", longest <= 35*time.Second, "the last after %s", seconds(longest))

	huge := a.raw("GET /healthz HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n\r\n", 5*time.Second)
	a.report("S28", "a header of 1 MiB", "431", strings.HasPrefix(huge, "HTTP/1.1 431"), "%q", huge)

	ambiguous := map[string]string{
		"two lengths":              "Content-Length: 5\r\nContent-Length: 6\r\n",
		"a length of +5":           "Content-Length: +5\r\n",
		"two encodings":            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
		"an encoding with a tab":   "Transfer-Encoding: \vchunked\r\n",
		"a space before the colon": "Content-Length : 5\r\n",
		"two hosts":                "Host: y\r\n",
	}
	refused := 0
	for name, header := range ambiguous {
		answer := a.raw("POST /healthz HTTP/1.1\r\nHost: x\r\n"+header+"\r\nhello", 5*time.Second)
		if strings.HasPrefix(answer, "HTTP/1.1 400") || strings.HasPrefix(answer, "HTTP/1.1 501") {
			refused++
		} else {
			t.Logf("%s: %s", name, answer)
		}
	}
	a.report("S28", "ambiguous requests", "refused by HTTP's own 400 or 501", refused == len(ambiguous), "%d of %d", refused, len(ambiguous))

	// Of a length and chunks, chunks count and the connection ends (RFC 9112, 6.3): what a proxy took for a body is no request.
	c, err := net.Dial("tcp", strings.TrimPrefix(a.base, "http://"))
	require.NoError(t, err)
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(c, "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
	answers, _ := io.ReadAll(c)
	_ = c.Close()
	n := strings.Count(string(answers), "HTTP/1.1 ")
	a.report("S28", "a request in the body of one with both length and chunks", "not taken for a request", n == 1, "%d answers", n)

	poisoned := 0
	for _, headers := range [][]string{{"Host", "evil.example"}, {"X-Forwarded-Host", "evil.example"}, {"Forwarded", "host=evil.example"}, {"X-Original-URL", "/metrics"}} {
		for _, path := range []string{"/graphql", "/", "/nothing"} {
			got, err := a.send(context.Background(), http.MethodGet, path, nil, append(headers, "Accept", "text/html")...)
			require.NoError(t, err)
			if strings.Contains(got.text, "evil.example") || got.status >= 500 {
				poisoned++
			}
		}
	}
	a.report("S28", "another Host, X-Forwarded-Host, X-Original-URL", "believed by nothing that is answered", poisoned == 0, "%d answers", poisoned)

	h2 := a.raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", 5*time.Second)
	a.report("S28", "HTTP/2, for rapid resets", "is not spoken", !strings.Contains(h2, "HTTP/2") && !strings.HasPrefix(h2, "\x00"), "%q", h2)
	a.check(&ledger{}, time.Minute)
	a.quiet()
}
