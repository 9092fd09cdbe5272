package faults

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type vars = map[string]any

// client asks the API as a program of a user would.
type client struct {
	t     *testing.T
	base  string
	token string
}

// at is the same user at another replica.
func (c *client) at(p *replica) *client { return &client{t: c.t, base: p.base, token: c.token} }

// refusal is an error of the API's own making.
type refusal struct {
	status                        int
	code, message, remedy, reqest string
	again                         string // Retry-After
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.status, r.code, r.message) }

// later tells that it is our own trouble, for now, and when to ask again.
func (r *refusal) later() bool {
	return r.status == http.StatusServiceUnavailable && r.again != "" && r.code == "UNAVAILABLE" && r.remedy != ""
}

// ask runs a query. The error is a *refusal when the API answered.
func (c *client) ask(ctx context.Context, into any, query string, v vars) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": v})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+c.token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	var envelope struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Extensions struct{ Code, Remedy, RequestID string }
		}
	}
	if err := json.Unmarshal(text, &envelope); err != nil {
		return fmt.Errorf("%s: %w: %s", answer.Status, err, text)
	}
	if len(envelope.Errors) > 0 {
		e := envelope.Errors[0]
		return &refusal{answer.StatusCode, e.Extensions.Code, e.Message, e.Extensions.Remedy, e.Extensions.RequestID, answer.Header.Get("Retry-After")}
	}
	return json.Unmarshal(envelope.Data, into)
}

// must is ask for what has to work.
func (c *client) must(into any, query string, v vars) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(c.t, c.ask(ctx, into, query, v))
}

type provider struct {
	Status, StatusSince, LastSeenAt, LastSyncAt string
	Problem                                     *struct{ Code, Message, Remedy string }
}

func (c *client) provider(id string) provider {
	var got struct{ Provider provider }
	c.must(&got, `query($id: ID!) { provider(id: $id) { status statusSince lastSeenAt lastSyncAt problem { code message remedy } } }`, vars{"id": id})
	return got.Provider
}

type vm struct {
	ID, Name, Status, StatusReason, AsOf string
	MissingSince                         string
}

// vms are all of one host's.
func (c *client) vms(provider string) (all []vm) {
	for after := any(nil); ; {
		var got struct {
			Vms struct {
				Edges    []struct{ Node vm }
				PageInfo struct {
					HasNextPage bool
					EndCursor   string
				}
			}
		}
		c.must(&got, `query($p: [ID!], $after: String) { vms(first: 200, after: $after, filter: {provider: $p}) {
			edges { node { id name status statusReason asOf missingSince } } pageInfo { hasNextPage endCursor } } }`, vars{"p": []string{provider}, "after": after})
		for _, e := range got.Vms.Edges {
			all = append(all, e.Node)
		}
		if !got.Vms.PageInfo.HasNextPage {
			return all
		}
		after = got.Vms.PageInfo.EndCursor
	}
}

type operation struct {
	ID, Kind, Status, Note, TargetName string
	Error                              *struct{ Code, Message, Remedy string }
}

func (c *client) operation(ctx context.Context, id string) (operation, error) {
	var got struct{ Operation operation }
	err := c.ask(ctx, &got, `query($id: ID!) { operation(id: $id) { id kind status note targetName error { code message remedy } } }`, vars{"id": id})
	return got.Operation, err
}

func ended(status string) bool {
	return status == "SUCCEEDED" || status == "FAILED" || status == "CANCELED"
}

// ended waits for an operation's end; what the API cannot answer meanwhile is asked again.
func (c *client) ended(id string, most time.Duration) operation {
	c.t.Helper()
	var last operation
	for began := time.Now(); time.Since(began) < most; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		o, err := c.operation(ctx, id)
		cancel()
		if err == nil {
			if last = o; ended(o.Status) {
				return o
			}
		}
	}
	c.t.Fatalf("no end within %s: %+v", most, last)
	return last
}

// create makes a VM with a small empty disk, and gives the VM and the operation.
func (c *client) create(ctx context.Context, provider, name string, start bool) (vmID, operationID string, err error) {
	var got struct {
		CreateVM struct {
			VM        struct{ ID string }
			Operation struct{ ID string }
		}
	}
	err = c.ask(ctx, &got, `mutation($in: CreateVMInput!) { createVM(input: $in) { vm { id } operation { id } } }`, vars{"in": vars{
		"provider": provider, "name": name, "vcpus": 1, "memoryMiB": 32, "start": start, "networks": []any{},
		"disks": []vars{{"capacityBytes": 1 << 20}}, "idempotencyKey": name,
	}})
	return got.CreateVM.VM.ID, got.CreateVM.Operation.ID, err
}

// act starts an operation on one VM: startVM, powerOffVM … with what else the input needs.
func (c *client) act(ctx context.Context, verb, id string, more vars) (string, error) {
	in := vars{"id": id}
	for k, v := range more {
		in[k] = v
	}
	var got map[string]struct{ Operation struct{ ID string } }
	err := c.ask(ctx, &got, fmt.Sprintf("mutation($in: %sInput!) { %s(input: $in) { operation { id } } }", strings.ToUpper(verb[:1])+verb[1:], verb), vars{"in": in})
	return got[verb].Operation.ID, err
}

// metrics are the process's own figures.
func (c *client) metrics(base string) map[string]float64 {
	c.t.Helper()
	r, err := http.NewRequest(http.MethodGet, base+"/metrics", nil)
	require.NoError(c.t, err)
	r.Header.Set("Authorization", "Bearer "+c.token)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(c.t, err)
	defer func() { _ = answer.Body.Close() }()
	all := map[string]float64{}
	for s := bufio.NewScanner(answer.Body); s.Scan(); {
		name, value, _ := strings.Cut(s.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			all[name] = v
		}
	}
	return all
}
