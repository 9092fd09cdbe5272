package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/novacron/novacron/e2e/idp"
	"github.com/novacron/novacron/graph/gen"
	"github.com/novacron/novacron/internal/fleet"
)

// asked is a field of a root with everything that it must be given, made from the schema: so that a new field is
// asked like the others from its first day on.
type asked struct {
	root, name string
	document   string
	variables  map[string]any
}

// maker makes documents from the schema.
type maker struct {
	schema *ast.Schema
	ids    map[string]string // by noun
}

// nouns say of what the ids are that a field wants, by what its name or its argument's ends with.
var nouns = []struct{ part, noun string }{
	{"person", "user"}, {"Person", "user"}, {"Role", "user"}, {"Password", "user"}, {"Policy", "policy"}, {"Token", "token"}, {"rganisation", "tenant"},
	{"Sessions", "session"}, {"image", "image"}, {"Image", "image"}, {"Operation", "op"}, {"operation", "op"}, {"provider", "provider"}, {"Provider", "provider"},
	{"hypervisorHost", "host"}, {"", "vm"},
}

func (m maker) id(field, argument string) string {
	for _, name := range []string{argument, field} {
		for _, n := range nouns {
			if n.part != "" && strings.Contains(name, n.part) {
				return m.ids[n.noun]
			}
		}
	}
	return m.ids["vm"]
}

// ask makes the document of one field.
func (m maker) ask(root, name string) asked {
	f := m.schema.Types[root].Fields.ForName(name)
	a := asked{root: root, name: name, variables: map[string]any{}}
	var declared, given []string
	for _, arg := range f.Arguments {
		if !arg.Type.NonNull && arg.Name != "first" || arg.DefaultValue != nil {
			continue
		}
		declared = append(declared, "$"+arg.Name+": "+arg.Type.String())
		given = append(given, arg.Name+": $"+arg.Name)
		a.variables[arg.Name] = m.value(name, arg.Name, arg.Type)
	}
	head, body := "", name
	if len(declared) > 0 {
		head, body = "("+strings.Join(declared, ", ")+")", name+"("+strings.Join(given, ", ")+")"
	}
	a.document = fmt.Sprintf("%s%s { %s%s }", strings.ToLower(root), head, body, m.selection(f.Type, 3))
	return a
}

// value is the least that a type takes.
func (m maker) value(field, name string, t *ast.Type) any {
	if t.Elem != nil {
		return []any{m.value(field, name, t.Elem)}
	}
	d := m.schema.Types[t.NamedType]
	switch {
	case t.NamedType == "ID":
		return m.id(field, name)
	case t.NamedType == "Int", t.NamedType == "Int64", t.NamedType == "Float":
		return 1
	case t.NamedType == "Boolean":
		return false
	case t.NamedType == "Time":
		return time.Now().Add(time.Hour)
	case d.Kind == ast.Enum:
		return d.EnumValues[len(d.EnumValues)-1].Name
	case d.Kind == ast.InputObject:
		v := map[string]any{}
		for _, f := range d.Fields {
			if f.Type.NonNull && f.DefaultValue == nil {
				v[f.Name] = m.value(field, f.Name, f.Type)
			}
		}
		return v
	}
	return "x"
}

// selection asks for what of a type is simply there, some levels down.
func (m maker) selection(t *ast.Type, depth int) string {
	d := m.schema.Types[t.Name()]
	if d.Kind != ast.Object {
		if d.IsAbstractType() {
			return " { __typename }"
		}
		return ""
	}
	fields := []string{"__typename"}
	for _, f := range d.Fields {
		kind := m.schema.Types[f.Type.Name()]
		switch {
		case strings.HasPrefix(f.Name, "__") || len(f.Arguments) > 0:
		case kind.IsLeafType():
			fields = append(fields, f.Name)
		case depth > 1 && kind.Kind == ast.Object:
			fields = append(fields, f.Name+m.selection(f.Type, depth-1))
		}
	}
	return " { " + strings.Join(fields, " ") + " }"
}

// all are the fields of the roots.
func (m maker) all() (all []asked) {
	for _, root := range []string{"Query", "Mutation", "Subscription"} {
		for _, f := range m.schema.Types[root].Fields {
			if !strings.HasPrefix(f.Name, "__") {
				all = append(all, m.ask(root, f.Name))
			}
		}
	}
	return all
}

// caller is somebody with a way to show who they are.
type caller struct {
	name     string
	role     fleet.Role
	headers  map[string]string
	platform bool // looks after the installation
}

func (c caller) may(least fleet.Role) bool {
	return c.role.Includes(least) || c.platform && least == fleet.RolePlatform
}

// answer is what the server says: the HTTP status, the code of the first error, and everything.
type answer struct {
	status int
	code   string
	text   string
}

func (s *server) call(t *testing.T, c caller, a asked) answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": a.document, "variables": a.variables})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+"/graphql", bytes.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	if a.root == "Subscription" {
		r.Header.Set("Accept", "text/event-stream")
	}
	for k, v := range c.headers {
		r.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err, a.name)
	defer res.Body.Close()
	var text []byte
	if a.root == "Subscription" && res.StatusCode == http.StatusOK {
		text = make([]byte, 4096) // it has no end; what it begins with will do
		n, _ := io.ReadAtLeast(res.Body, text, 1)
		text = text[:n]
	} else if text, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	got := answer{status: res.StatusCode, text: string(text)}
	var parsed struct {
		Errors []struct{ Extensions struct{ Code string } }
	}
	if json.Unmarshal(text, &parsed) == nil && len(parsed.Errors) > 0 {
		got.code = parsed.Errors[0].Extensions.Code
	}
	return got
}

// matrix is a server with two organisations, an issuer, and somebody of each role in each of three ways.
type matrix struct {
	*server
	schema *ast.Schema
	ours   []caller // each role, by token, cookie and JWT
	theirs []caller // another organisation's
	real   map[string]string
	canary string
}

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	issuer := idp.Start(t, idp.Options{Audience: "novacron-api"})
	dir := t.TempDir()
	var rules []string
	for _, organisation := range []string{"main", "other"} {
		for _, role := range fleet.Roles {
			rules = append(rules, fmt.Sprintf(`{"claim": "groups", "value": "%s-%s", "organisation": "%s", "role": "%s"}`, organisation, role, organisation, role))
		}
	}
	s, err := newServer(t, dir, "NOVACRON_OIDC_ISSUER="+issuer.Issuer(), "NOVACRON_OIDC_CLIENT_ID=novacron", "NOVACRON_OIDC_AUDIENCE=novacron-api",
		"NOVACRON_OIDC_RULES=["+strings.Join(rules, ",")+"]", "NOVACRON_FAKE_VMS=3")
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = s.stop(syscall.SIGTERM)
		s.keepsSecrets(t)
	})
	m := &matrix{server: s, schema: gen.NewExecutableSchema(gen.Config{}).Schema(), real: map[string]string{}, canary: "canary-" + uuid.NewString()[:8]}

	owner := func(user string) caller {
		out, err := s.run("token", "create", "--role", "owner", "--user", user)
		require.NoError(t, err)
		return caller{"owner's token", fleet.RoleOwner, bearer(strings.TrimSpace(out)), true}
	}
	for organisation, user := range map[string]string{"main": "admin", "other": "stranger"} {
		boss := owner(user)
		for _, role := range fleet.Roles {
			name := strings.ToLower(organisation + "-" + string(role))
			var added struct {
				AddPerson struct {
					Person   struct{ ID string }
					Password string
				}
			}
			m.must(t, boss, `mutation($name: String!, $role: Role!) { addPerson(input: {name: $name, role: $role}) { person { id } password } }`, map[string]any{"name": name, "role": role}, &added)
			out, err := s.run("token", "create", "--role", strings.ToLower(string(role)), "--user", user)
			require.NoError(t, err)
			jwt := issuer.Sign(map[string]any{"typ": "at+jwt"}, map[string]any{"iss": issuer.Issuer(), "aud": "novacron-api", "sub": name + "-robot",
				"client_id": name + "-robot", "groups": []string{organisation + "-" + string(role)}, "exp": time.Now().Add(time.Hour).Unix()})
			callers := []caller{
				// the first administrator's: it looks after the installation if its role is not narrowed
				{organisation + " " + string(role) + " by token", role, bearer(strings.TrimSpace(out)), role == fleet.RoleOwner},
				{organisation + " " + string(role) + " by cookie", role, map[string]string{"Cookie": m.signIn(t, name, added.AddPerson.Password)}, false},
				{organisation + " " + string(role) + " by JWT", role, bearer(jwt), false},
			}
			if organisation == "main" {
				m.ours = append(m.ours, callers...)
				m.real["user"] = added.AddPerson.Person.ID
			} else {
				m.theirs = append(m.theirs, callers...)
			}
		}
	}
	m.furnish(t, owner("admin"))
	return m
}

func bearer(token string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token}
}

func (m *matrix) signIn(t *testing.T, name, password string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"name": name, "password": password})
	require.NoError(t, err)
	res, err := http.Post("http://"+m.address+"/auth/sign-in", "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusNoContent, res.StatusCode)
	return res.Cookies()[0].Name + "=" + res.Cookies()[0].Value
}

// must asks something that has to succeed.
func (m *matrix) must(t *testing.T, c caller, document string, variables map[string]any, to any) {
	t.Helper()
	got := m.call(t, c, asked{document: document, variables: variables})
	var parsed struct {
		Data   json.RawMessage
		Errors []any
	}
	require.NoError(t, json.Unmarshal([]byte(got.text), &parsed), got.text)
	require.Empty(t, parsed.Errors, document)
	require.NoError(t, json.Unmarshal(parsed.Data, to))
}

// furnish makes one of each noun.
func (m *matrix) furnish(t *testing.T, boss caller) {
	t.Helper()
	var made struct {
		AddProvider    struct{ Provider struct{ ID string } }
		CreateAPIToken struct{ Token struct{ ID string } }
		AddPolicy      struct{ Policy struct{ ID string } }
	}
	m.must(t, boss, `mutation($name: String!, $text: String!) {
		addProvider(input: {name: $name, kind: FAKE, host: "h1"}) { provider { id } }
		createAPIToken(input: {name: $name}) { token { id } }
		addPolicy(input: {name: $name, text: $text, enabled: false}) { policy { id } }
	}`, map[string]any{"name": m.canary, "text": `permit (principal, action == Action::"startVM", resource) when { principal.name == "nobody" };`}, &made)
	m.real["provider"], m.real["token"], m.real["policy"] = made.AddProvider.Provider.ID, made.CreateAPIToken.Token.ID, made.AddPolicy.Policy.ID
	var seen struct {
		VMs struct {
			Edges []struct{ Node struct{ ID string } }
		}
		HypervisorHosts []struct{ ID string }
		Viewer          struct {
			Tenant struct{ ID string }
		}
	}
	require.Eventually(t, func() bool {
		m.must(t, boss, `{ vms(first: 1) { edges { node { id } } } hypervisorHosts { id } viewer { tenant { id } } }`, nil, &seen)
		return len(seen.VMs.Edges) > 0 && len(seen.HypervisorHosts) > 0
	}, 20*time.Second, 100*time.Millisecond)
	m.real["vm"], m.real["host"], m.real["tenant"] = seen.VMs.Edges[0].Node.ID, seen.HypervisorHosts[0].ID, seen.Viewer.Tenant.ID
	var adopted any
	m.must(t, boss, `mutation($vm: ID!) { adoptVM(input: {id: $vm}) { __typename } }`, map[string]any{"vm": m.real["vm"]}, &adopted)
	var op struct {
		Operations struct {
			Edges []struct{ Node struct{ ID string } }
		}
	}
	var image struct {
		RegisterImage struct{ Image struct{ ID string } }
	}
	m.must(t, boss, `mutation($p: ID!) { registerImage(input: {provider: $p, pool: "images", volume: "tiny.qcow2"}) { image { id } } }`, map[string]any{"p": m.real["provider"]}, &image)
	m.real["image"] = image.RegisterImage.Image.ID
	m.call(t, boss, asked{document: `mutation($vm: ID!) { startVM(input: {id: $vm}) { operation { id } } }`, variables: map[string]any{"vm": m.real["vm"]}})
	m.call(t, boss, asked{document: `mutation($vm: ID!) { powerOffVM(input: {id: $vm}) { operation { id } } }`, variables: map[string]any{"vm": m.real["vm"]}})
	m.must(t, boss, `{ operations(first: 1) { edges { node { id } } } }`, nil, &op)
	m.real["op"] = op.Operations.Edges[0].Node.ID
	m.real["session"] = "session_" + uuid.NewString()
}

// made is a document maker with ids of things that there are not.
func (m *matrix) made(ids map[string]string) maker { return maker{m.schema, ids} }

// nowhere are ids of nothing.
func (m *matrix) nowhere() map[string]string {
	none := map[string]string{}
	for noun := range m.real {
		none[noun] = noun + "_" + uuid.NewString()
	}
	return none
}

// Every field, asked by every role in every way: refused below its least role, and to strangers.
func TestMatrixOfRoles(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	for _, a := range m.made(m.nowhere()).all() {
		t.Run(a.name, func(t *testing.T) {
			least := fleet.Permission(a.name).Least()
			require.NotEmpty(t, least)
			nobody := m.call(t, caller{}, a)
			assert.Equal(t, http.StatusUnauthorized, nobody.status, nobody.text)
			for _, c := range m.ours {
				got := m.call(t, c, a)
				assert.NotEqual(t, http.StatusUnauthorized, got.status, c.name)
				assert.NotEqual(t, "INTERNAL", got.code, "%s: %s", c.name, got.text)
				assert.NotEqual(t, "GRAPHQL_VALIDATION_FAILED", got.code, "%s: %s", a.document, got.text)
				if a.name == "endSessions" || a.name == "switchOrganisation" && c.role != "" {
					assert.NotEqual(t, "DENIED", got.code, c.name)
					continue
				}
				assert.Equal(t, !c.may(least), got.code == "DENIED", "%s: %s", c.name, got.text)
			}
		})
	}
	m.routes(t)
}

// routes are what is answered beside GraphQL, with who may; signing in and the probes are open.
var routes = []struct {
	method, path string
	least        fleet.Role
	status       int // for those who may
}{
	{http.MethodGet, "/api/audit.csv", fleet.RoleAdmin, http.StatusOK},
	{http.MethodGet, "/api/audit.jsonl?outcome=DENIED", fleet.RoleAdmin, http.StatusOK},
	{http.MethodGet, "/api/anything", fleet.RoleViewer, http.StatusNotFound},
	{http.MethodGet, "/metrics", fleet.RoleViewer, http.StatusOK},
	{http.MethodGet, "/console/made-up", fleet.RoleViewer, http.StatusUpgradeRequired},
	{http.MethodPut, "/uploads/made-up", fleet.RoleViewer, http.StatusNotFound},
	{http.MethodGet, "/", fleet.RoleViewer, http.StatusNotFound},
}

// What is answered beside GraphQL, asked by every role in every way.
func (m *matrix) routes(t *testing.T) {
	for _, r := range routes {
		t.Run(r.method+" "+r.path, func(t *testing.T) {
			ask := func(c caller) (int, string) {
				q, err := http.NewRequestWithContext(t.Context(), r.method, "http://"+m.address+r.path, nil)
				require.NoError(t, err)
				for k, v := range c.headers {
					q.Header.Set(k, v)
				}
				res, err := http.DefaultClient.Do(q)
				require.NoError(t, err)
				defer res.Body.Close()
				text, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				return res.StatusCode, string(text)
			}
			status, _ := ask(caller{})
			assert.Equal(t, http.StatusUnauthorized, status, "nobody")
			for _, c := range slices.Concat(m.ours, m.theirs) {
				want := r.status
				if !c.may(r.least) {
					want = http.StatusForbidden
				}
				status, text := ask(c)
				assert.Equal(t, want, status, "%s: %.300s", c.name, text)
				if slices.ContainsFunc(m.theirs, func(o caller) bool { return o.name == c.name }) {
					assert.NotContains(t, text, m.canary, c.name)
				}
			}
		})
	}
}

var anyID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|"requestId":"[^"]*"|\d{4}-\d\d-\d\dT[^"]*`)

// What belongs to another organisation is not told apart from what there is not, and is in no list.
func TestMatrixOfOrganisations(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	real, none := m.made(m.real).all(), m.made(m.nowhere()).all()
	for i, a := range real {
		t.Run(a.name, func(t *testing.T) {
			for _, c := range m.theirs {
				if c.platform && fleet.Permission(a.name).Least() == fleet.RolePlatform {
					continue // they look after all organisations
				}
				got := m.call(t, c, a)
				for noun, id := range m.real {
					_, bare, _ := strings.Cut(id, "_")
					assert.False(t, strings.Contains(got.text, bare) && !asks(a, id), "%s is shown the %s: %s", c.name, noun, got.text)
				}
				assert.NotContains(t, got.text, m.canary, c.name)
				if len(a.variables) > 0 && a.root != "Subscription" && !slices.Contains(ofNoID, a.name) {
					absent := m.call(t, c, none[i])
					assert.Equal(t, absent.status, got.status, c.name)
					assert.Equal(t, anyID.ReplaceAllString(absent.text, "…"), anyID.ReplaceAllString(got.text, "…"), c.name)
				}
			}
		})
	}
}

// ofNoID are fields that make something of their own each time.
var ofNoID = []string{"addProvider", "testProvider", "addPerson", "addPolicy", "createAPIToken", "heartbeat"}

// asks reports whether the question has the id in it: the answer may repeat it.
func asks(a asked, id string) bool {
	text, _ := json.Marshal(a.variables)
	return strings.Contains(string(text), id)
}
