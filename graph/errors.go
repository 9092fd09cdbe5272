package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/novacron/novacron/internal/fault"
)

// present gives an error the shape in which clients get it: a message, and in extensions the code, the
// field, the remedy and the provider's own words. Errors of ours say nothing of our insides: what
// they wrap goes to the log, with the request's id.
func (o Options) present(ctx context.Context, err error) *gqlerror.Error {
	out := &gqlerror.Error{Path: graphql.GetPath(ctx)}
	var from *gqlerror.Error
	if errors.As(err, &from) {
		if from.Path != nil {
			out.Path = from.Path
		}
		out.Locations = from.Locations
	}
	f := o.classify(ctx, err, from)
	if f.Kind == fault.Internal {
		o.Log.ErrorContext(ctx, "request failed", "error", err, "path", out.Path.String(), "requestId", o.RequestID(ctx))
	}
	if s, ok := ctx.Value(streamKey{}).(*stream); ok && f.Kind == fault.Unavailable && f.Provider == "" {
		s.away.Store(true)
	}
	out.Message, out.Extensions = short(f.Message), f.Extensions(o.RequestID(ctx))
	if f.Kind == fault.Invalid && from != nil {
		out.Path = responsePath(ctx, from.Path)
	}
	return out
}

// short keeps a message that quotes its input from giving the whole of it back.
func short(message string) string {
	const most = 300
	if len(message) <= most {
		return message
	}
	return strings.ToValidUTF8(message[:most], "") + "…"
}

// classify makes a fault of whatever came: ours, gqlgen's or the parser's.
func (o Options) classify(ctx context.Context, err error, from *gqlerror.Error) *fault.Error {
	var ours *fault.Error
	isOurs := errors.As(err, &ours)
	if from == nil {
		return fault.Of(err)
	}
	field := inputField(ctx, from.Path)
	if isOurs {
		if ours.Field == "" && field != "" {
			ours = ours.At(field)
		}
		return ours
	}
	if cause := errors.Unwrap(from); cause != nil && field == "" {
		if k := fault.KindOf(cause); k != fault.Internal {
			return fault.Of(cause)
		}
	}
	switch code, _ := from.Extensions["code"].(string); {
	case code == string(fault.Invalid) || code == string(fault.Exhausted):
		return &fault.Error{Kind: fault.Kind(code), Message: from.Message}
	case code == errcode.ValidationFailed, code == errcode.ParseFailed:
		if field == "" {
			field = literalField(ctx, from.Locations)
		}
		return &fault.Error{Kind: fault.Invalid, Field: field, Message: from.Message, Remedy: remedy(from)}
	case field != "": // an argument that gqlgen could not read, such as a number that is too large
		return &fault.Error{Kind: fault.Invalid, Field: field, Message: "this value cannot be read: " + from.Message, Remedy: "See the field's type in the schema."}
	case strings.HasPrefix(from.Message, "json request body"), strings.HasPrefix(from.Message, "could not read request body"):
		return fault.New(fault.Invalid, "the request cannot be read").With(`Send JSON: {"query": "…", "variables": {…}}.`)
	}
	return fault.Of(err)
}

// remedy is what to do about a document that does not fit the schema.
func remedy(e *gqlerror.Error) string {
	if r, ok := e.Extensions["remedy"].(string); ok {
		return r
	}
	switch {
	case strings.Contains(e.Message, "enum"), strings.Contains(e.Message, "is not a valid"):
		return "Use one of the enum's values, as the schema lists them."
	case strings.Contains(e.Message, "exceeded token limit"):
		return fmt.Sprintf("Ask for less at a time: a document has at most %d tokens; put values into variables.", maxTokens)
	case len(e.Path) > 0, strings.Contains(e.Message, "cannot represent"):
		return "See the field's type in the schema."
	case e.Rule == "", strings.HasPrefix(e.Message, "Expected"):
		return "Mend the query; the position is in locations."
	}
	return "Compare the query with the schema: the explorer is at /explorer."
}

// inputField is the part of a path that leads into the input: "disks[0].capacityBytes". Empty when
// the path leads to a field of the answer.
func inputField(ctx context.Context, path ast.Path) string {
	var rest ast.Path
	if len(path) > 1 && path[0] == ast.PathName("variable") { // gqlparser: variable, its name, then what is inside it
		rest = path[2:]
		if name, ok := path[1].(ast.PathName); ok {
			if at := variableField(ctx, string(name)); at != "" {
				rest = append(ast.Path{ast.PathName(at)}, rest...)
			}
		}
	} else if fc := graphql.GetFieldContext(ctx); fc != nil && len(path) > len(fc.Path()) {
		rest = path[len(fc.Path()):]
	}
	if len(rest) > 1 && rest[0] == ast.PathName("input") {
		rest = rest[1:]
	}
	return inputPath(rest)
}

func inputPath(path ast.Path) string {
	var b strings.Builder
	for _, p := range path {
		switch p := p.(type) {
		case ast.PathIndex:
			b.WriteString("[" + strconv.Itoa(int(p)) + "]")
		case ast.PathName:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(string(p))
		}
	}
	return b.String()
}

// responsePath cuts a path back to the field of the answer that it is about.
func responsePath(ctx context.Context, path ast.Path) ast.Path {
	if len(path) > 0 && path[0] == ast.PathName("variable") {
		return nil
	}
	if fc := graphql.GetFieldContext(ctx); fc != nil {
		return fc.Path()
	}
	return path
}

// recovered turns a panic into an error that says nothing, and keeps the rest in the log.
func (o Options) recovered(ctx context.Context, p any) error {
	o.Log.ErrorContext(ctx, "panic", "panic", fmt.Sprint(p), "requestId", o.RequestID(ctx), "stack", string(debug.Stack()))
	return fault.New(fault.Internal, "something went wrong on our side").With("Tell whoever runs NovaCron the request's id.")
}

// Options shape the handler; all but Manifest are needed.
type Options struct {
	Log *slog.Logger
	// RequestID tells the id of the request that a context belongs to.
	RequestID func(context.Context) string
	// Fresh prepares the context of one answer: of a query, or of one event of a subscription.
	Fresh func(context.Context) context.Context
	// Admit takes a connection's authorization, as in an Authorization header, and gives the context
	// in which its operations run. It refuses an empty one unless the context already has a viewer.
	Admit func(ctx context.Context, authorization string) (context.Context, error)
	// Take counts an operation of a websocket, and refuses one too many. Other requests are counted where they come in.
	Take func(context.Context) error
	// Manifest are the documents that are taken; nil for any.
	Manifest Manifest
	// Explorer is where GET /graphql in a browser leads.
	Explorer string
}
