package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What one abuse may cost.
const (
	abuseCPU   = 50 * time.Millisecond
	abuseFreed = 100 * time.Millisecond // from the client's leaving on
	abuseRSS   = 20 << 20
)

// abused is one replica for strangers and bad inputs: built without the race detector, which makes everything some ten
// times dearer, and with a simulated host, so that there is something to ask for.
type abused struct {
	*rig
	*replica
	provider string
}

const abusedVMs = 2000

func newAbused(t *testing.T) *abused {
	t.Helper()
	if os.Getenv("NOVACRON_TEST_FAULTS") != "" {
		plain := filepath.Join(t.TempDir(), "novacron")
		out, err := exec.Command("go", "build", "-o", plain, "../../cmd/novacron").CombinedOutput()
		require.NoError(t, err, "%s", out)
		t.Setenv("NOVACRON_TEST_BINARY", plain)
	}
	r := newRig(t, 1, 0)
	p := r.replicas[0]
	p.kill()
	p.env = append(p.env, fmt.Sprintf("NOVACRON_FAKE_VMS=%d", abusedVMs), "NOVACRON_LOG_FORMAT=json")
	p.start()
	var got struct {
		AddProvider struct{ Provider struct{ ID string } }
	}
	r.admin.must(&got, `mutation { addProvider(input: {name: "lab", kind: FAKE, host: "lab"}) { provider { id } } }`, nil)
	r.until(time.Minute, "the simulated host is read", func() bool {
		var got struct{ Vms struct{ TotalCount int } }
		r.admin.must(&got, `{ vms(first: 1) { totalCount } }`, nil)
		return got.Vms.TotalCount >= abusedVMs
	})
	time.Sleep(2 * time.Second) // what begins slowly has begun
	return &abused{r, p, got.AddProvider.Provider.ID}
}

// cpu is the time of the processors that the process has had so far.
func (p *replica) cpu() time.Duration {
	const ofProcess = 2 // clock_getcpuclockid(3)
	var at unix.Timespec
	require.NoError(p.t, unix.ClockGettime(int32(^p.cmd.Process.Pid)<<3|ofProcess, &at))
	return time.Duration(at.Nano())
}

// reply is what came back, as it came.
type reply struct {
	status int
	text   string
	code   string // of the first error
	remedy string
}

// send makes one request with the administrator's token, unless headers say otherwise.
func (a *abused) send(ctx context.Context, method, path string, body io.Reader, headers ...string) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, method, a.base+path, body)
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+a.admin.token)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if strings.EqualFold(headers[i], "Host") {
			r.Host = headers[i+1]
		}
	}
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := c.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return reply{}, err
	}
	var envelope struct {
		Errors []struct{ Extensions struct{ Code, Remedy string } }
	}
	got := reply{status: answer.StatusCode, text: string(text)}
	if json.Unmarshal(text, &envelope) == nil && len(envelope.Errors) > 0 {
		got.code, got.remedy = envelope.Errors[0].Extensions.Code, envelope.Errors[0].Extensions.Remedy
	}
	return got, nil
}

func document(q string) []byte {
	b, _ := json.Marshal(vars{"query": q}) // text always can
	return b
}

// numbered is n words, each made of its number.
func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// abuses are requests that keep other servers busy: the catalogue's, and others that are made to pass each single limit.
func abuses() map[string][]byte {
	doubling := func(n int) []byte {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "fragment f%d on Query{...f%d ...f%d} ", i, i+1, i+1)
		}
		fmt.Fprintf(&b, "fragment f%d on Query{about{version}} {...f0}", n)
		return document(b.String())
	}
	const about = "about{version}"
	return map[string][]byte{
		"a field 10,000 times":           document("{" + strings.Repeat(about+" ", 10_000) + "}"),
		"a field 100,000 times":          document("{" + strings.Repeat("version ", 100_000) + "}"),
		"fragments that double, 2^24":    doubling(24),
		"fragments that double, 2^60":    doubling(60),
		"100 aliases × first 200":        document("{" + numbered(100, "a%d:vms(first:200){edges{node{id name}}} ") + "}"),
		"depth 100":                      document("{providers{" + strings.Repeat("hosts{provider{", 49) + "id" + strings.Repeat("}", 100)),
		"20,000 directives":              document("{about{version " + strings.Repeat("@include(if:true) ", 20_000) + "}}"),
		"a batch of 1,000":               []byte("[" + strings.TrimSuffix(strings.Repeat(string(document("{about{version}}"))+",", 1000), ",") + "]"),
		"a body of 48 MiB":               document("{about{version}} #" + strings.Repeat("x", 48<<20)),
		"circular introspection":         document("{__schema{types{" + strings.Repeat("fields{type{", 20) + "name" + strings.Repeat("}", 43)),
		"100,000 variables":              []byte(`{"query":"query q($x:Int){about{version}}","variables":{` + strings.TrimSuffix(numbered(100_000, `"%d":1,`), ",") + "}}"),
		"an input 9,000 deep":            []byte(`{"query":"query($f:VMFilter){vms(filter:$f){totalCount}}","variables":{"f":` + strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000) + "}}"),
		"a literal 5,000 deep":           document("{vms(filter:" + strings.Repeat("{a:", 5000) + "1" + strings.Repeat("}", 5000) + "){totalCount}}"),
		"@defer on 200 rows":             document("{vms(first:200){edges{node{id ...@defer{name}}}}}"),
		"a query kept by its hash":       []byte(`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + strings.Repeat("0", 64) + `"}}}`),
		"10,000 ids":                     []byte(`{"query":"query($f:VMFilter){vms(filter:$f){totalCount}}","variables":{"f":{"ids":["` + strings.Repeat(`vm_01a20563-8c0f-7478-9044-ff6dcc48b138","`, 9999) + `vm_01a20563-8c0f-7478-9044-ff6dcc48b138"]}}}`),
		"a name of 500,000 letters":      document("{" + strings.Repeat("x", 500_000) + "}"),
		"3,900 fields in one place":      document("{about{" + strings.Repeat("version ", 3900) + "}}"),
		"990 inline fragments deep":      document("{" + strings.Repeat("...{", 990) + strings.Repeat(about, 250) + strings.Repeat("}", 991)),
		"400 operations, 1 fragment":     document(numbered(400, "query q%d{...f}") + "fragment f on Query{" + strings.Repeat(about, 300) + "}"),
		"60 fragments beside each other": document("{" + numbered(60, "...f%d ") + "}" + numbered(60, "fragment f%d on Query{"+strings.Repeat(about, 13)+"}")),
		"1,500 spreads of 50 fragments":  document("{" + strings.Repeat(numbered(50, "...f%d "), 30) + "}" + numbered(50, "fragment f%d on Query{about{version}}")),
		"3,900 unknown fields":           document("{" + numbered(3900, "x%d ") + "}"),
		"1,300 unknown arguments":        document("{vms(" + numbered(1300, "x%d:1 ") + "){totalCount}}"),
		"1,300 unknown types":            document("{" + numbered(1300, "...on X%d{id}") + "}"),
		"3,900 unknown enum values":      document("{vms(filter:{status:[" + numbered(3900, "X%d ") + "]}){totalCount}}"),
	}
}

// Each abuse is refused for next to nothing, and what it had begun ends with its client.
func TestAbuses(t *testing.T) {
	a := newAbused(t)
	all := abuses()
	var dearest, busiest time.Duration
	var worst, stayed, fattest string
	grown := 0
	idle := a.cpu()
	time.Sleep(time.Second)
	idle = a.cpu() - idle
	free := idle/2 + 20*time.Millisecond
	for _, name := range slices.Sorted(maps.Keys(all)) {
		body := all[name]
		var most time.Duration
		var got reply
		rss := a.use(a.admin).rss
		for range 3 {
			before := a.cpu()
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			var err error
			got, err = a.send(ctx, http.MethodPost, "/graphql", bytes.NewReader(body))
			cancel()
			// Who is still sending when the answer is there may not get to read it.
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				require.NoError(t, err, name)
				assert.GreaterOrEqual(t, got.status, 400, "%s: %.200s", name, got.text)
				assert.Less(t, got.status, 500, name)
				assert.Equal(t, "INVALID", got.code, "%s: %.200s", name, got.text)
				assert.NotEmpty(t, got.remedy, name)
				assert.Less(t, len(got.text), 8<<10, name)
			}
			time.Sleep(30 * time.Millisecond) // what goes on after the answer counts too
			most = max(most, a.cpu()-before)
		}
		more := a.use(a.admin).rss - rss
		a.say("%-32s %d %s, %+.1f MiB", name, got.status, most.Round(100*time.Microsecond), float64(more)/(1<<20))
		if most > dearest {
			dearest, worst = most, name
		}
		if more > grown {
			grown, fattest = more, name
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		after := a.leave(all[name], 3*time.Millisecond)
		for range 12 { // the inventory's own work falls into some of the half seconds
			if after > free {
				after = min(after, a.leave(all[name], 3*time.Millisecond))
			}
		}
		if after > busiest {
			busiest, stayed = after, name
		}
	}
	const id, fault = "S08", "GraphQL that keeps servers busy"
	a.report(id, fmt.Sprintf("%s, %d kinds", fault, len(all)), "refused as INVALID for ≤ 50 ms of CPU", dearest <= abuseCPU, "dearest %.1f ms: %s", ms(dearest), worst)
	a.report(id, fault, "RSS grows by ≤ 20 MB", grown <= abuseRSS, "most %.1f MB: %s", float64(grown)/1e6, or(fattest, "none"))
	a.report(id, fault+", and leaves", "CPU free ≤ 100 ms later", busiest <= free,
		"%.1f ms of CPU in the 500 ms after that, %.1f ms when idle: %s", ms(busiest), ms(idle)/2, stayed)
	a.check(&ledger{}, time.Minute)
	a.quiet()
}

// leave sends a request, goes away soon after, and gives the CPU time of the half second that begins when it has to be free.
func (a *abused) leave(body []byte, soon time.Duration) time.Duration {
	c, err := net.Dial("tcp", strings.TrimPrefix(a.base, "http://"))
	require.NoError(a.rig.t, err)
	head := fmt.Sprintf("POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", a.admin.token, len(body))
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = c.Write(append([]byte(head), body[:min(len(body), 2<<20)]...)) // more than is ever read
	time.Sleep(soon)
	_ = c.Close()
	time.Sleep(abuseFreed)
	before := a.cpu()
	time.Sleep(500 * time.Millisecond)
	return a.cpu() - before
}

// The dearest query that is allowed ends with its client, too.
func TestHeavyQueryLeft(t *testing.T) {
	a := newAbused(t)
	heavy := document("{" + numbered(40, "a%d:vms(first:200){edges{node{id name status configuration{vcpus}}}} ") + "}")
	before := a.cpu()
	got, err := a.send(context.Background(), http.MethodPost, "/graphql", bytes.NewReader(heavy))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, got.status, "%.300s", got.text)
	whole := a.cpu() - before
	idle := a.cpu()
	time.Sleep(500 * time.Millisecond)
	idle = a.cpu() - idle
	after := a.leave(heavy, 30*time.Millisecond)
	a.report("S08", "40 aliases × first 200, which is allowed, and leaves", "CPU free ≤ 100 ms later", after <= idle+20*time.Millisecond,
		"%.1f ms of CPU in the 500 ms after that, %.1f ms when idle; %.0f ms when it stays", ms(after), ms(idle), ms(whole))
}

// Documents are kept for those who send them again; who never does must not fill the memory.
func TestMemoryOfDocuments(t *testing.T) {
	a := newAbused(t)
	before := a.use(a.admin).rss
	for i := range 300 {
		body := document(fmt.Sprintf("query q%d{about{version}} #%s", i, strings.Repeat("x", 1_000_000)))
		got, err := a.send(context.Background(), http.MethodPost, "/graphql", bytes.NewReader(body))
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, got.status)
	}
	grown := a.use(a.admin).rss - before
	a.report("S08", "300 documents of 1 MB, each another", "RSS grows by ≤ 20 MB", grown <= abuseRSS, "%.1f MB", float64(grown)/1e6)
}

// quiet wants no line in the log that a bad input must not cause.
func (a *abused) quiet() {
	a.rig.t.Helper()
	text, err := os.ReadFile(a.log)
	require.NoError(a.rig.t, err)
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, `"level":"ERROR"`) || strings.HasPrefix(line, "panic:") {
			a.rig.t.Errorf("the log says %.500s", line)
		}
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
