package audit

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"encoding/pem"

	"github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/octetcounting"
	"github.com/leodido/go-syslog/v4/rfc5424"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// collector is a syslog server.
type collector struct {
	net.Listener
	mu    sync.Mutex
	came  []*rfc5424.SyslogMessage
	conns []net.Conn
	wg    sync.WaitGroup
}

func collect(t *testing.T, l net.Listener) *collector {
	c := &collector{Listener: l}
	c.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.mu.Lock()
			c.conns = append(c.conns, conn)
			c.mu.Unlock()
			c.wg.Go(func() {
				octetcounting.NewParser(syslog.WithListener(func(r *syslog.Result) {
					c.mu.Lock()
					defer c.mu.Unlock()
					if m, ok := r.Message.(*rfc5424.SyslogMessage); ok && r.Error == nil {
						c.came = append(c.came, m)
					}
				})).Parse(conn)
			})
		}
	})
	t.Cleanup(c.end)
	return c
}

func (c *collector) end() {
	_ = c.Close()
	c.mu.Lock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.mu.Unlock()
	c.wg.Wait()
}

// actions are those of what has come, in its order.
func (c *collector) actions() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for _, m := range c.came {
		all = append(all, *m.MsgID)
	}
	return all
}

func TestSyslog(t *testing.T) {
	l := newLog(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := collect(t, listener)
	l.keeper.o.Syslog, err = NewSyslog("tcp://"+listener.Addr().String(), nil)
	require.NoError(t, err)
	defer l.keeper.o.Syslog.Close()
	send := func(actions ...string) {
		for _, a := range actions {
			e := l.line(a, map[string]any{"text": "ünicode\n] \"x\""})
			if a == "deleteVM" {
				e.Outcome = fleet.AuditDenied
			}
			require.NoError(t, l.store.Audit(t.Context(), e))
		}
		l.seal()
		l.keeper.send(t.Context())
	}
	has := func(want ...string) {
		t.Helper()
		assert.EventuallyWithT(t, func(t *assert.CollectT) { assert.Equal(t, want, c.actions()) }, 5*time.Second, 5*time.Millisecond)
	}
	send("startVM", "deleteVM")
	has("startVM", "deleteVM")
	send("stopVM")
	has("startVM", "deleteVM", "stopVM")
	assert.EqualValues(t, allowedPriority, *c.came[0].Priority)
	assert.EqualValues(t, deniedPriority, *c.came[1].Priority)
	var said sent
	require.NoError(t, json.Unmarshal([]byte(*c.came[0].Message), &said))
	assert.Equal(t, l.ann.Name, said.Actor)
	assert.JSONEq(t, `{"text": "ünicode\n] \"x\""}`, string(said.Detail))

	// The server goes away, and comes back with nothing lost.
	c.end()
	send("pauseVM")
	send("resumeVM")
	assert.True(t, l.keeper.away)
	again, err := net.Listen("tcp", listener.Addr().String())
	require.NoError(t, err)
	c = collect(t, again)
	l.keeper.send(t.Context())
	has("pauseVM", "resumeVM")
	assert.False(t, l.keeper.away)
	l.keeper.send(t.Context())
	has("pauseVM", "resumeVM")
}

func TestSyslogOverTLS(t *testing.T) {
	l := newLog(t)
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates})
	require.NoError(t, err)
	c := collect(t, listener)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	trusting, err := NewSyslog("tls://"+listener.Addr().String(), ca)
	require.NoError(t, err)
	defer trusting.Close()
	wary, err := NewSyslog("tls://"+listener.Addr().String(), nil)
	require.NoError(t, err)
	l.write(1)
	l.seal()
	lines := func(s *Syslog) error {
		_, err := l.store.SendAudit(t.Context(), s.String(), func(all []*fleet.AuditLine) error { return s.Send(context.Background(), all) })
		return err
	}
	require.ErrorContains(t, lines(wary), "certificate")
	require.NoError(t, lines(trusting))
	assert.EventuallyWithT(t, func(t *assert.CollectT) { assert.Equal(t, []string{"startVM"}, c.actions()) }, 5*time.Second, 5*time.Millisecond)
}

func TestSyslogAddresses(t *testing.T) {
	for _, address := range []string{"", "logs.example.org", "logs.example.org:514", "http://logs:514", "tls://logs", "tls://:6514", "tcp://u:p@logs:601", "tcp://logs:601/x", "udp://logs:514?x"} {
		_, err := NewSyslog(address, nil)
		assert.True(t, fault.Is(err, fault.Invalid), address)
	}
	_, err := NewSyslog("tls://logs:6514", []byte("no certificate"))
	assert.True(t, fault.Is(err, fault.Invalid))
	s, err := NewSyslog("udp://127.0.0.1:9", nil)
	require.NoError(t, err)
	text, err := s.message(&fleet.AuditLine{ID: 1, Action: "startVM", Detail: json.RawMessage("{}")})
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(text), "<110>1 0001-01-01T00:00:00Z "), string(text))
}
