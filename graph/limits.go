package graph

import (
	"context"
	"math"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// What one request may ask. Each bound is some five times what the dashboard's largest query needs, or more.
const (
	maxBody    = 1 << 20
	maxMessage = 256 << 10 // on a websocket
	maxValues  = 10_000    // in a body's JSON
	maxTokens  = 4000
	maxDepth   = 16
	maxAliases = 40
	maxCost    = 100_000 // a field is 1, a list is its `first` times what is in it
	maxWork    = 200_000 // see work
	maxErrors  = 5       // are told of one document
)

// maxUnderWay is how many queries and subscriptions one websocket may have at a time. The dashboard has about ten.
const maxUnderWay = 100

// unpaged is what a list without `first` counts as: there are a few of each, pools of a host, disks of a VM.
const unpaged = 8

// limits refuses documents that would cost too much, before anything is run. gqlgen's own complexity
// limit walks fragments again for each spread, so that a few hundred bytes of fragments that spread
// each other twice keep a core busy for ever; here each fragment is looked at once.
type limits struct {
	schema graphql.ExecutableSchema
	passed graphql.Cache[bool] // documents that take little work
}

// ExtensionName is gqlgen's.
func (*limits) ExtensionName() string { return "Limits" }

// Validate is called by gqlgen once, with the schema.
func (l *limits) Validate(schema graphql.ExecutableSchema) error { l.schema = schema; return nil }

// tooMany reports whether a body has more values than it may, by its commas: reading a megabyte of small ones would
// take longer than most queries.
func tooMany(body []byte) bool {
	values, quoted := 1, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && c == ',':
			values++
		}
	}
	return values > maxValues
}

// MutateOperationParameters looks at a document before the parser's rules do: some of them take their time
// with a square of what is in it.
func (l *limits) MutateOperationParameters(ctx context.Context, p *graphql.RawParams) *gqlerror.Error {
	if _, ok := l.passed.Get(ctx, p.Query); ok {
		return nil
	}
	doc, err := document(ctx, p.Query)
	if err != nil {
		return nil //nolint:nilerr // gqlgen will meet the same error, and says it
	}
	if n := work(doc); n > maxWork {
		return tooMuch("the query takes about %d steps to be checked; at most %d are allowed", n, maxWork)
	}
	l.passed.Add(ctx, p.Query, true)
	return nil
}

// work is about how many steps the parser's rules take. Every definition is walked with all fragments that it
// leads to; fields of one name, and spreads, are compared with each other, again at each level of inline fragments.
func work(doc *ast.QueryDocument) int {
	steps, selections, spreads, seen := 0, 0, 0, map[string]int{}
	var walk func(set ast.SelectionSet, inline int)
	walk = func(set ast.SelectionSet, inline int) {
		selections += len(set)
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				steps += (1 + inline) * (1 + seen[s.Alias])
				seen[s.Alias]++
				walk(s.SelectionSet, 0)
			case *ast.FragmentSpread:
				steps += (1 + inline) * (1 + spreads)
				spreads++
			case *ast.InlineFragment:
				walk(s.SelectionSet, inline+1)
			}
		}
	}
	for _, o := range doc.Operations {
		walk(o.SelectionSet, 0)
	}
	for _, f := range doc.Fragments {
		walk(f.SelectionSet, 0)
	}
	return steps + selections*(len(doc.Operations)+len(doc.Fragments))
}

// MutateOperationContext weighs the operation, and refuses one that is too heavy.
func (l *limits) MutateOperationContext(_ context.Context, o *graphql.OperationContext) *gqlerror.Error {
	m := &meter{schema: l.schema, variables: o.Variables, fragments: map[*ast.FragmentDefinition]weight{}}
	w := m.set(o.Operation.SelectionSet)
	switch {
	case m.deferred:
		err := tooMuch("answers are given whole: @defer is not served")
		err.Extensions["remedy"] = "Leave @defer out."
		return err
	case m.aliases > maxAliases:
		return tooMuch("the query has %d aliases; at most %d are allowed", m.aliases, maxAliases)
	case w.depth > maxDepth:
		return tooMuch("the query is %d levels deep; at most %d are allowed", w.depth, maxDepth)
	case w.cost > maxCost:
		return tooMuch("the query could return about %d values; at most %d are allowed", w.cost, maxCost)
	}
	return nil
}

func tooMuch(format string, a ...any) *gqlerror.Error {
	err := gqlerror.Errorf(format, a...)
	errcode.Set(err, errcode.ValidationFailed)
	err.Extensions["remedy"] = "Ask for less at a time."
	return err
}

// weight is how much a selection asks for.
type weight struct{ cost, depth int }

type meter struct {
	schema    graphql.ExecutableSchema
	variables map[string]any
	fragments map[*ast.FragmentDefinition]weight
	aliases   int
	deferred  bool // an answer to a POST would lack what comes later
}

func (m *meter) set(set ast.SelectionSet) (w weight) {
	for _, s := range set {
		var one weight
		switch s := s.(type) {
		case *ast.Field:
			one = m.field(s)
		case *ast.InlineFragment:
			m.deferred = m.deferred || s.Directives.ForName("defer") != nil
			one = m.set(s.SelectionSet)
		case *ast.FragmentSpread:
			m.deferred = m.deferred || s.Directives.ForName("defer") != nil
			one = m.fragment(s.Definition)
		}
		w.cost = add(w.cost, one.cost)
		w.depth = max(w.depth, one.depth)
	}
	return w
}

// fragment weighs a fragment once. The parser has refused those that contain themselves.
func (m *meter) fragment(f *ast.FragmentDefinition) weight {
	w, ok := m.fragments[f]
	if !ok {
		w = m.set(f.SelectionSet)
		m.fragments[f] = w
	}
	return w
}

func (m *meter) field(f *ast.Field) weight {
	if f.Definition == nil || f.ObjectDefinition == nil {
		return weight{1, 1}
	}
	if f.Alias != f.Name {
		m.aliases++
	}
	// What the schema says of itself is bounded by the schema; gqlparser bounds its depth.
	if f.Name == "__schema" || f.Name == "__type" {
		return weight{1, 1}
	}
	in := m.set(f.SelectionSet)
	return weight{add(1, multiply(m.times(f), in.cost)), in.depth + 1}
}

// maxRows is the longest page there is: who asks for more is told so by the list itself.
const maxRows = 200

// times is how many rows a field may have.
func (m *meter) times(f *ast.Field) int {
	args := f.ArgumentMap(m.variables)
	switch first := args["first"].(type) {
	case int64:
		return int(min(max(first, 1), maxRows))
	case int:
		return min(max(first, 1), maxRows)
	}
	if f.Definition.Type.Elem != nil && len(f.SelectionSet) > 0 && f.Name != "edges" {
		return unpaged
	}
	return 1
}

const plenty = math.MaxInt / 4

func add(a, b int) int { return min(a+b, plenty) }

func multiply(a, b int) int {
	if b != 0 && a > plenty/b {
		return plenty
	}
	return a * b
}
