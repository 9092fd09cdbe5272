package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/novacron/novacron/graph"
	"github.com/novacron/novacron/graph/gen"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noResolvers panics if anything is run: what is refused must be refused before.
type noResolvers struct{ gen.ResolverRoot }

func handler() http.Handler { return handlerFor(nil) }

func handlerFor(m graph.Manifest) http.Handler {
	same := func(ctx context.Context) context.Context { return ctx }
	return graph.Handler(noResolvers{}, graph.Options{
		Log: slog.New(slog.DiscardHandler), RequestID: func(context.Context) string { return "test" }, Fresh: same,
		Admit:    func(ctx context.Context, _ string) (context.Context, error) { return ctx, nil },
		Take:     func(context.Context) error { return nil },
		Manifest: m,
		Explorer: "https://vms.example.org/explorer",
	})
}

type answer struct {
	Errors []struct {
		Message    string
		Extensions struct{ Code, Field, Remedy string }
	}
}

func post(t *testing.T, body string, headers ...string) (int, answer) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return send(handler(), r)
}

func send(h http.Handler, r *http.Request) (int, answer) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var a answer
	_ = json.Unmarshal(bytes.TrimPrefix(w.Body.Bytes(), []byte("data: ")), &a)
	return w.Code, a
}

func query(q string) string {
	b, _ := json.Marshal(map[string]string{"query": q})
	return string(b)
}

// cpu is the time that this process has had of the processors: it does not mind a busy machine.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestAbuseIsCheap sends what keeps other servers busy, and wants it refused for next to nothing.
func TestAbuseIsCheap(t *testing.T) {
	doubling := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "fragment f%d on Query{...f%d ...f%d} ", i, i+1, i+1)
		}
		fmt.Fprintf(&b, "fragment f%d on Query{%s} {...f0}", n, "about{version}")
		return b.String()
	}
	nested := strings.Repeat("provider{hosts{provider{hosts{", 10) + "id" + strings.Repeat("}", 40)
	var aliases strings.Builder
	for i := range 100 {
		fmt.Fprintf(&aliases, "a%d: vms(first:200){edges{node{id name}}} ", i)
	}
	for name, q := range map[string]string{
		"fragments that double, 24":   doubling(24),
		"fragments that double, 59":   doubling(59),
		"fragments that double, 500":  doubling(500),
		"the same field 10,000 times": "{" + strings.Repeat("about{version} ", 10_000) + "}",
		"100 aliases":                 "{" + aliases.String() + "}",
		"depth":                       "{providers{id " + nested[9:] + "}",
		"20,000 directives":           "{about{version " + strings.Repeat("@include(if:true) ", 20_000) + "}}",
		"lists of lists":              "{vms(first:200){edges{node{operations(first:200){edges{node{children{steps{name}}}}}}}}}",
		"circular introspection":      "{__schema{types{fields{type{fields{type{fields{type{fields{type{fields{type{name}}}}}}}}}}}}}",
		"a deep literal":              "{vms(filter:" + strings.Repeat("{a:", 5000) + "1" + strings.Repeat("}", 5000) + "){totalCount}}",
		"a fragment of itself":        "{...a} fragment a on Query{...a}",
		"an unknown field":            "{" + strings.Repeat("x", 500_000) + "}",
		"nothing":                     "",
		"a long word for an enum":     "{vms(filter:{status:" + strings.Repeat("X", 500_000) + "}){totalCount}}",
		"a long text for an enum":     `{vms(filter:{status:"` + strings.Repeat("X", 500_000) + `"}){totalCount}}`,
		"a long argument":             "{vms(" + strings.Repeat("x", 500_000) + ":1){totalCount}}",
		"a lone brace":                "{",
	} {
		t.Run(name, func(t *testing.T) {
			before := cpu()
			status, a := post(t, query(q))
			used := cpu() - before
			assert.Equal(t, http.StatusUnprocessableEntity, status)
			require.NotEmpty(t, a.Errors)
			assert.Equal(t, "INVALID", a.Errors[0].Extensions.Code)
			assert.NotEmpty(t, a.Errors[0].Extensions.Remedy, a.Errors[0].Message)
			assert.Less(t, len(a.Errors[0].Message), 400)
			assert.Less(t, used, 400*time.Millisecond)
		})
	}
}

// numbered gives n words of a document, each made of its number.
func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// TestWithinLimits sends what no single limit catches: documents with just as many tokens as are allowed, made to
// keep the parser's rules busy. Whether they are refused or not, they must be cheap.
func TestWithinLimits(t *testing.T) {
	body := func(v any) string {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		return string(b)
	}
	const about = "about{version}"
	for name, b := range map[string]string{
		"one field in one place":         query("{about{" + strings.Repeat("version ", 3900) + "}}"),
		"as many as pass":                query("{about{" + strings.Repeat("version ", 600) + "}}"),
		"one field, nested":              query("{" + strings.Repeat("about{version}", 990) + "}"),
		"fields of one alias":            query("{" + strings.Repeat("a:"+about, 600) + "}"),
		"deep inline fragments":          query("{" + strings.Repeat("...{", 990) + strings.Repeat("about{version}", 250) + strings.Repeat("}", 991)),
		"60 fragments of one field":      query("{" + numbered(60, "...f%d ") + "}" + numbered(60, "fragment f%d on Query{"+strings.Repeat(about, 13)+"}")),
		"1,500 spreads":                  query("{" + strings.Repeat(numbered(50, "...f%d "), 30) + "}" + numbered(50, "fragment f%d on Query{about{version}}")),
		"a chain of fragments":           query("{...f0}" + numbered(480, "fragment f%[1]d on Query{...g%[1]d}")),
		"operations of one fragment":     query(numbered(400, "query q%d{...f}") + "fragment f on Query{" + strings.Repeat(about, 300) + "}"),
		"unknown fields":                 query("{" + numbered(3900, "x%d ") + "}"),
		"unknown arguments":              query("{vms(" + numbered(1300, "x%d:1 ") + "){totalCount}}"),
		"unknown types":                  query("{" + numbered(1300, "...on X%d{id}") + "}"),
		"unknown directives":             query("{" + about + numbered(1900, "@x%d") + "}"),
		"variables that nobody uses":     query("query(" + numbered(950, "$x%d:Int ") + "){" + about + "}"),
		"variables of one name":          query("query(" + strings.Repeat("$x:Int ", 950) + "){" + about + "}"),
		"enum values that there are not": query("{vms(filter:{status:[" + numbered(3900, "X%d ") + "]}){totalCount}}"),
		"90,000 variables":               `{"query":"{about{version}}","variables":{` + strings.TrimSuffix(numbered(90_000, `"%d":1,`), ",") + "}}",
		"a deep variable":                `{"query":"query($f:VMFilter){vms(filter:$f){totalCount}}","variables":{"f":` + strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000) + "}}",
		"a list of wrong ids":            body(map[string]any{"query": "query($f:VMFilter){vms(filter:$f){totalCount}}", "variables": map[string]any{"f": map[string]any{"ids": strings.Fields(strings.Repeat("vm_x ", 100_000))}}}),
		"a megabyte of comment":          query("{about{version}} #" + strings.Repeat("x", 1_000_000)),
	} {
		t.Run(name, func(t *testing.T) {
			before := cpu()
			status, a := post(t, b)
			used := cpu() - before
			assert.Less(t, status, 500)
			assert.LessOrEqual(t, len(a.Errors), 5)
			assert.Less(t, used, time.Second) // the race detector makes all of it dearer; e2e/faults measures without
			t.Logf("%d in %s", status, used)
		})
	}
}

// What would be told in parts is refused: an answer to a POST is its first part only.
func TestDeferIsNotServed(t *testing.T) {
	for _, q := range []string{"{...@defer{about{version}}}", "{...f@defer} fragment f on Query{about{version}}", "{...f} fragment f on Query{...@defer(label:\"x\"){about{version}}}"} {
		status, a := post(t, query(q))
		assert.Equal(t, http.StatusUnprocessableEntity, status, q)
		require.NotEmpty(t, a.Errors)
		assert.Equal(t, "INVALID", a.Errors[0].Extensions.Code)
		assert.Contains(t, a.Errors[0].Message, "@defer")
	}
}

func TestBadRequests(t *testing.T) {
	for name, c := range map[string]struct {
		body    string
		headers []string
		status  int
	}{
		"too large":           {query("{about{version}} #" + strings.Repeat("x", 2<<20)), nil, http.StatusRequestEntityTooLarge},
		"a batch":             {"[" + strings.Repeat(query("{about{version}}")+",", 999) + query("{about{version}}") + "]", nil, http.StatusBadRequest},
		"no JSON":             {"query=1", nil, http.StatusBadRequest},
		"a number":            {`{"query":1}`, nil, http.StatusBadRequest},
		"variables of a list": {`{"query":"{about{version}}","variables":[1]}`, nil, http.StatusBadRequest},
		"a form":              {"query={about{version}}", []string{"Content-Type", "application/x-www-form-urlencoded"}, http.StatusUnsupportedMediaType},
		"plain text":          {query("{about{version}}"), []string{"Content-Type", "text/plain"}, http.StatusUnsupportedMediaType},
		"multipart":           {"x", []string{"Content-Type", "multipart/form-data; boundary=x"}, http.StatusUnsupportedMediaType},
		"another protocol":    {query("{about{version}}"), []string{"Upgrade", "h2c", "Connection", "Upgrade"}, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			status, a := post(t, c.body, c.headers...)
			assert.Equal(t, c.status, status)
			require.NotEmpty(t, a.Errors)
			assert.Equal(t, "INVALID", a.Errors[0].Extensions.Code)
			assert.NotEmpty(t, a.Errors[0].Extensions.Remedy)
		})
	}
}

// A body that cannot be read may have a password in it: it comes back in no answer.
func TestBodyIsNotEchoed(t *testing.T) {
	for _, accept := range []string{"application/json", "text/event-stream"} {
		r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(`{"query": "canary-secret`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		handler().ServeHTTP(w, r)
		assert.NotContains(t, w.Body.String(), "canary")
	}
}

func TestBrowsersAreLedToTheExplorer(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/graphql?query={viewer{id}}", nil)
	r.Header.Set("Accept", "text/html,*/*")
	w := httptest.NewRecorder()
	handler().ServeHTTP(w, r)
	assert.Equal(t, http.StatusFound, w.Code)
	assert.Equal(t, "https://vms.example.org/explorer", w.Header().Get("Location"))
}

// A panic says nothing of our insides, and does not end the process.
func TestPanicIsInternal(t *testing.T) {
	status, a := post(t, query("{about{version}}"))
	assert.Equal(t, http.StatusOK, status)
	require.NotEmpty(t, a.Errors)
	assert.Equal(t, "INTERNAL", a.Errors[0].Extensions.Code)
	assert.NotContains(t, a.Errors[0].Message, "nil pointer")
}

// Introspection is what the explorer and client generators live on: the standard query must pass.
func TestIntrospection(t *testing.T) {
	status, a := post(t, query(`query IntrospectionQuery { __schema { queryType { name } mutationType { name } subscriptionType { name }
		types { ...T } directives { name description locations args { ...I } } } }
		fragment T on __Type { kind name description fields(includeDeprecated: true) { name description args { ...I } type { ...R } isDeprecated deprecationReason }
		inputFields { ...I } interfaces { ...R } enumValues(includeDeprecated: true) { name description } possibleTypes { ...R } }
		fragment I on __InputValue { name description type { ...R } defaultValue }
		fragment R on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } }`))
	assert.Equal(t, http.StatusOK, status)
	assert.Empty(t, a.Errors)
}
