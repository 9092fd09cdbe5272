package graph

import (
	"context"
	"math"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
)

// What one request may ask. Each bound is some five times what the dashboard's largest query needs.
const (
	maxBody      = 1 << 20
	maxTokens    = 8000
	maxDepth     = 16
	maxFragments = 60
	maxAliases   = 40
	maxCost      = 100_000 // a field is 1, a list is its `first` times what is in it
)

// unpaged is what a list without `first` counts as: there are a few of each, pools of a host, disks of a VM.
const unpaged = 8

// limits refuses documents that would cost too much, before anything is run. gqlgen's own complexity
// limit walks fragments again for each spread, so that a few hundred bytes of fragments that spread
// each other twice keep a core busy for ever; here each fragment is looked at once.
type limits struct{ schema graphql.ExecutableSchema }

// ExtensionName is gqlgen's.
func (*limits) ExtensionName() string { return "Limits" }

// Validate is called by gqlgen once, with the schema.
func (l *limits) Validate(schema graphql.ExecutableSchema) error { l.schema = schema; return nil }

// maxName is the longest name in a document. The parser's suggestions ("did you mean") compare an
// unknown name with all known ones, at a cost that grows with its length.
const maxName = 100

// MutateOperationParameters looks at the words before the parser does: some of its rules take their
// time with a square of how many fragments there are.
func (l *limits) MutateOperationParameters(_ context.Context, p *graphql.RawParams) *gqlerror.Error {
	if len(p.Query) <= maxName {
		return nil
	}
	fragments := 0
	for lex := lexer.New(&ast.Source{Input: p.Query}); ; {
		token, err := lex.ReadToken()
		if err != nil || token.Kind == lexer.EOF {
			return nil //nolint:nilerr // the parser will meet the same error, and says it better
		}
		if token.Kind != lexer.Name {
			continue
		}
		if token.Value == "fragment" {
			fragments++
		}
		if fragments > maxFragments {
			return tooMuch("the query has more than %d fragments", maxFragments)
		}
		if len(token.Value) > maxName {
			return tooMuch("the query has a name of %d letters; at most %d are allowed", len(token.Value), maxName)
		}
	}
}

// MutateOperationContext weighs the operation, and refuses one that is too heavy.
func (l *limits) MutateOperationContext(_ context.Context, o *graphql.OperationContext) *gqlerror.Error {
	m := &meter{schema: l.schema, variables: o.Variables, fragments: map[*ast.FragmentDefinition]weight{}}
	w := m.set(o.Operation.SelectionSet)
	switch {
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
}

func (m *meter) set(set ast.SelectionSet) (w weight) {
	for _, s := range set {
		var one weight
		switch s := s.(type) {
		case *ast.Field:
			one = m.field(s)
		case *ast.InlineFragment:
			one = m.set(s.SelectionSet)
		case *ast.FragmentSpread:
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
