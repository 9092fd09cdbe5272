package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// session is what one scenario remembers.
type session struct {
	server *server
	token  string
	jar    http.CookieJar // of somebody signed in; nil for bearers of tokens
	answer map[string]any // the last
	subs   map[string]*subscription
	harmed map[string]bool // hosts to be mended at the end
}

const sessionKey = "session"

func of(ts *testscript.TestScript) *session { return ts.Value(sessionKey).(*session) }

func need(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

func cmdAs(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 1, "as WHO")
	s := of(ts)
	s.jar = nil
	if token, ok := s.server.tokens[args[0]]; ok {
		s.token = token
		return
	}
	need(ts, strings.HasPrefix(args[0], "ncr_"), "as admin|operator|viewer|other|nobody|TOKEN")
	s.token = args[0]
}

// cmdSignIn gives somebody a new password and signs in with it, as a browser does.
func cmdSignIn(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 1, "sign-in NAME")
	s := of(ts)
	out, err := s.server.run("bootstrap", "--name", args[0], "--reset-password")
	ts.Check(err)
	found := regexp.MustCompile(`Password: (\S+)`).FindStringSubmatch(out)
	if found == nil {
		ts.Fatalf("no password in %q", out)
	}
	s.token = ""
	s.jar, err = cookiejar.New(nil)
	ts.Check(err)
	body, _ := json.Marshal(map[string]string{"name": args[0], "password": found[1]})
	r, err := s.do(http.MethodPost, "/auth/sign-in", bytes.NewReader(body), map[string]string{"Content-Type": "application/json"})
	ts.Check(err)
	_ = r.Body.Close()
	cookie := r.Header.Get("Set-Cookie")
	if r.StatusCode != http.StatusNoContent || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") {
		ts.Fatalf("%s, Set-Cookie: %s", r.Status, cookie)
	}
}

// request makes the body of a GraphQL request from a query and its variables.
func request(ts *testscript.TestScript, args []string) []byte {
	need(ts, len(args) > 0, "gql QUERY [NAME=VALUE...]")
	query := args[0]
	if !strings.Contains(query, "{") {
		query = ts.ReadFile(query)
	}
	body, err := json.Marshal(map[string]any{"query": query, "variables": values(ts, args[1:])})
	ts.Check(err)
	return body
}

// values reads NAME=VALUE, NAME=@FILE and NAME=<FILE.
func values(ts *testscript.TestScript, args []string) map[string]any {
	variables := map[string]any{}
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		need(ts, ok, "NAME=VALUE")
		if file, ok := strings.CutPrefix(value, "@"); ok {
			value = os.Expand(ts.ReadFile(file), ts.Getenv)
		}
		var v any
		if file, ok := strings.CutPrefix(value, "<"); ok {
			content, err := os.ReadFile(file)
			ts.Check(err)
			v = string(content)
		} else if json.Unmarshal([]byte(value), &v) != nil {
			v = value
		}
		variables[name] = v
	}
	return variables
}

func (s *session) ask(body []byte) (map[string]any, error) {
	r, err := s.do(http.MethodPost, "/graphql", bytes.NewReader(body), map[string]string{"Content-Type": "application/json"})
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", r.Status, err, text)
	}
	return answer, nil
}

func (s *session) do(method, path string, body io.Reader, headers map[string]string) (*http.Response, error) {
	r, err := http.NewRequest(method, "http://"+s.server.address+path, body)
	if err != nil {
		return nil, err
	}
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	client := &http.Client{Jar: s.jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return client.Do(r)
}

func cmdGQL(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts)
	answer, err := s.ask(request(ts, args))
	ts.Check(err)
	s.answer = answer
	show(ts, answer)
	if failed := answer["errors"] != nil; failed != neg {
		ts.Fatalf("errors: %s", text(answer["errors"]))
	}
}

// show puts an answer where the stdout command finds it.
func show(ts *testscript.TestScript, answer map[string]any) {
	pretty, _ := json.MarshalIndent(answer, "", "  ")
	_, _ = ts.Stdout().Write(append(pretty, '\n'))
}

func cmdGet(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2, "get VAR PATH")
	v, err := at(of(ts).answer, args[1])
	ts.Check(err)
	ts.Setenv(args[0], text(v))
}

func cmdIs(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 2, "is PATH VALUE")
	v, err := at(of(ts).answer, args[0])
	ts.Check(err)
	if same(v, args[1]) == neg {
		ts.Fatalf("%s is %s", args[0], text(v))
	}
}

func cmdMore(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 2, "more PATH NUMBER")
	v, err := at(of(ts).answer, args[0])
	ts.Check(err)
	have, err := strconv.ParseFloat(text(v), 64)
	ts.Check(err)
	least, err := strconv.ParseFloat(args[1], 64)
	ts.Check(err)
	if have > least == neg {
		ts.Fatalf("%s is %v", args[0], have)
	}
}

func cmdHas(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 2, "has PATH REGEXP")
	v, err := at(of(ts).answer, args[0])
	ts.Check(err)
	re, err := regexp.Compile(args[1])
	ts.Check(err)
	if re.MatchString(text(v)) == neg {
		ts.Fatalf("%s is %s", args[0], text(v))
	}
}

func cmdRefused(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && (len(args) == 1 || len(args) == 2), "refused CODE [FIELD]")
	x, err := at(of(ts).answer, ".errors[0].extensions")
	ts.Check(err)
	e := x.(map[string]any)
	field := ""
	if f, ok := e["field"].(string); ok {
		field = f
	}
	if e["code"] != args[0] || len(args) == 2 && field != args[1] {
		ts.Fatalf("refused with %s", text(of(ts).answer["errors"]))
	}
	if r, _ := e["remedy"].(string); r == "" && args[0] == "INVALID" {
		ts.Fatalf("no remedy: %s", text(e))
	}
}

func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) >= 4, "until TIME PATH VALUE QUERY...")
	most, err := time.ParseDuration(args[0])
	ts.Check(err)
	s, body := of(ts), request(ts, args[3:])
	var last any
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		answer, err := s.ask(body)
		if err != nil {
			last = err.Error()
			continue
		}
		s.answer = answer
		v, err := at(answer, args[1])
		if last = v; err != nil {
			last = text(answer)
		} else if same(v, args[2]) {
			show(ts, answer)
			return
		}
	}
	ts.Fatalf("after %s %s is %v", most, args[1], text(last))
}

const operationQuery = `query($id: ID!) { operation(id: $id) { id kind status note progress target { id } error { code message field remedy providerText }
	steps { name status attempts error { code message } } } }`

// waitMost is how long an operation may take; emulated guests are slow.
const waitMost = 5 * time.Minute

func cmdWait(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && (len(args) == 1 || len(args) == 2), "await OPERATION [STATUS]")
	want := "SUCCEEDED"
	if len(args) == 2 {
		want = args[1]
	}
	s, body := of(ts), request(ts, []string{operationQuery, "id=" + args[0]})
	for end := time.Now().Add(waitMost); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		answer, err := s.ask(body)
		if err != nil {
			continue // a server that is being restarted
		}
		s.answer = answer
		v, err := at(answer, ".operation.status")
		ts.Check(err)
		switch status := text(v); status {
		case want:
			show(ts, answer)
			return
		case "SUCCEEDED", "FAILED", "CANCELED", "STUCK":
			ts.Fatalf("the operation is %s: %s", status, text(answer))
		}
	}
	ts.Fatalf("after %s: %s", waitMost, text(s.answer))
}

// cmdDo asks for something that is an operation, and sees it through.
func cmdDo(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 0, "do MUTATION [FIELD=VALUE...]")
	verb := args[0]
	query := fmt.Sprintf("mutation($input: %s%sInput!) { %s(input: $input) { operation { id } } }", strings.ToUpper(verb[:1]), verb[1:], verb)
	input, err := json.Marshal(values(ts, args[1:]))
	ts.Check(err)
	cmdGQL(ts, neg, []string{query, "input=" + string(input)})
	if neg {
		return
	}
	id, err := at(of(ts).answer, "."+verb+".operation.id")
	ts.Check(err)
	cmdWait(ts, false, []string{text(id)})
}

func cmdHTTP(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) >= 3, "http STATUS METHOD PATH [BODY] [HEADER:VALUE...]")
	var body io.Reader
	headers := map[string]string{}
	for i, a := range args[3:] {
		if name, value, ok := strings.Cut(a, ":"); ok && (i > 0 || !strings.ContainsAny(name, `{["`)) {
			headers[name] = value
		} else if i == 0 {
			if file, ok := strings.CutPrefix(a, "@"); ok {
				a = ts.ReadFile(file)
			}
			body = strings.NewReader(a)
		}
	}
	r, err := of(ts).do(args[1], args[2], body, headers)
	ts.Check(err)
	defer r.Body.Close()
	content, err := io.ReadAll(r.Body)
	ts.Check(err)
	_ = r.Header.Write(ts.Stdout())
	_, _ = fmt.Fprintf(ts.Stdout(), "\n%s\n", content)
	if strconv.Itoa(r.StatusCode) != args[0] {
		ts.Fatalf("%s: %s", r.Status, content)
	}
	of(ts).answer = nil
	_ = json.Unmarshal(content, &of(ts).answer)
}

// cmdBad sends an input with one thing wrong in it and wants it refused, the field named.
func cmdBad(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) >= 4, "bad MUTATION INPUT FIELD CHANGE [CODE]")
	code := "INVALID"
	if len(args) == 5 {
		code = args[4]
	}
	var input, change map[string]any
	ts.Check(json.Unmarshal([]byte(os.Expand(ts.ReadFile(args[1]), ts.Getenv)), &input))
	ts.Check(json.Unmarshal([]byte(strings.ReplaceAll(os.Expand(args[3], ts.Getenv), "64kB", strings.Repeat("a", 64<<10))), &change))
	for k, v := range change {
		input[k] = v
	}
	body, err := json.Marshal(map[string]any{"query": ts.ReadFile(args[0]), "variables": map[string]any{"input": input}})
	ts.Check(err)
	s := of(ts)
	s.answer, err = s.ask(body)
	ts.Check(err)
	if s.answer["errors"] == nil {
		ts.Fatalf("taken: %s", text(s.answer))
	}
	cmdRefused(ts, false, []string{code, args[2]})
	if m, _ := at(s.answer, ".errors[0].message"); len(text(m)) > 400 {
		ts.Fatalf("the message has %d bytes", len(text(m)))
	}
}
