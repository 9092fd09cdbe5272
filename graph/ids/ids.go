// Package ids turns our ids into the API's global ids and back. A global id says what it is of:
// vm_0192f3a0-…; giving a VM's id where a host's is asked for is an error that says so. Clients
// are told that ids are opaque.
package ids

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// Noun is what an id is of: the part before its underscore.
type Noun string

// The nouns.
const (
	VM        Noun = "vm"
	Provider  Noun = "provider"
	Host      Noun = "host"
	Image     Noun = "image"
	Operation Noun = "op"
	Token     Noun = "token"
	User      Noun = "user"
	Tenant    Noun = "tenant"
	Session   Noun = "session"
	Policy    Noun = "policy"
	Grant     Noun = "grant"
)

// words are the nouns as people say them.
var words = map[Noun]string{
	VM: "a VM", Provider: "a provider", Host: "a host", Image: "an image",
	Operation: "an operation", Token: "a token", User: "a person", Tenant: "an organisation",
	Session: "a session", Policy: "a policy", Grant: "a role of a person",
}

// Of makes a global id.
func Of(n Noun, id uuid.UUID) string { return string(n) + "_" + id.String() }

// OfAll makes global ids of one noun.
func OfAll(n Noun, list []uuid.UUID) []string {
	all := make([]string, len(list))
	for i, id := range list {
		all[i] = Of(n, id)
	}
	return all
}

// targets are the nouns of what the audit log is about, by the words that it has for them.
var targets = map[string]Noun{
	fleet.TargetVM: VM, fleet.TargetImage: Image, fleet.TargetProvider: Provider, fleet.TargetPerson: User, "OPERATION": Operation,
	"POLICY": Policy, "TOKEN": Token, "ORGANISATION": Tenant, "SESSION": Session,
}

// Target makes the global id of what a line of the audit log is about; nil for nothing.
func Target(kind string, id *uuid.UUID) *string {
	noun, known := targets[kind]
	if id == nil || !known {
		return nil
	}
	text := Of(noun, *id)
	return &text
}

// Parse reads the global id of one noun. Invalid, naming the field, for anything else.
func Parse(n Noun, field, id string) (uuid.UUID, error) {
	got, u, ok := Split(id)
	switch {
	case !ok:
		return uuid.Nil, fault.Field(field, "Give an id as the API gave it to you.", "%s is no id", quote(id))
	case got != n:
		return uuid.Nil, fault.Field(field, fmt.Sprintf("Give the id of %s: %s_…", words[n], n), "%s is the id of %s", quote(id), words[got])
	}
	return u, nil
}

// ParseAll reads a list of ids; the error names the element.
func ParseAll(n Noun, field string, list []string) ([]uuid.UUID, error) {
	if len(list) == 0 {
		return nil, nil
	}
	all := make([]uuid.UUID, len(list))
	for i, id := range list {
		var err error
		if all[i], err = Parse(n, fmt.Sprintf("%s[%d]", field, i), id); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Split reads a global id of any noun. Only the one spelling that Of writes is an id.
func Split(id string) (Noun, uuid.UUID, bool) {
	noun, rest, _ := strings.Cut(id, "_")
	u, err := uuid.Parse(rest)
	_, known := words[Noun(noun)]
	return Noun(noun), u, err == nil && known && u.String() == rest
}

// fieldNouns says of what the id field of each GraphQL type is. Payloads are written by hand with Of.
var fieldNouns = map[string]Noun{
	"VM": VM, "VMEvent": VM,
	"Provider": Provider, "ProviderEvent": Provider,
	"HypervisorHost": Host, "Image": Image, "Operation": Operation,
	"APIToken": Token, "Viewer": User, "Person": User, "Tenant": Tenant, "Session": Session, "Policy": Policy, "Grant": Grant,
}

// MarshalUUID writes an id field as a global id: the type that the field belongs to says of what.
// So that id needs no resolver, which would cost a goroutine for each row of a list.
func MarshalUUID(id uuid.UUID) graphql.ContextMarshaler {
	return graphql.ContextWriterFunc(func(ctx context.Context, w io.Writer) error {
		object := graphql.GetFieldContext(ctx).Object
		noun, ok := fieldNouns[object]
		if !ok {
			return fmt.Errorf("the ids of %s have no noun in graph/ids", object)
		}
		_, err := io.WriteString(w, strconv.Quote(Of(noun, id)))
		return err
	})
}

// inputNouns says of what the ids in filters are, by the filter's field.
var inputNouns = map[string]Noun{"provider": Provider, "hypervisorHost": Host, "ids": VM, "target": any_, "operation": Operation}

// any_ stands for a field that takes the id of anything.
const any_ Noun = ""

// UnmarshalUUID reads an id in a filter. Those of other inputs come in as strings and are read with
// Parse by their resolver, which knows of what they should be.
func UnmarshalUUID(ctx context.Context, v any) (uuid.UUID, error) {
	s, _ := v.(string)
	noun, field := any_, ""
	for p := graphql.GetPathContext(ctx); p != nil && field == ""; p = p.Parent {
		if p.Field != nil {
			field = *p.Field
			noun = inputNouns[field]
		}
	}
	if noun == any_ {
		if _, id, ok := Split(s); ok {
			return id, nil
		}
		return uuid.Nil, fault.New(fault.Invalid, "%s is no id", quote(s)).With("Give an id as the API gave it to you.")
	}
	id, err := Parse(noun, "", s)
	return id, err
}

// quote shows a user's own text: printable, and no longer than a line.
func quote(s string) string {
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "…"
	}
	return strconv.Quote(s)
}
