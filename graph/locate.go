package graph

import (
	"context"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

// literalField finds the argument that an error's position lies in, when the value was written into
// the query itself: the parser tells line and column, people want the field.
func literalField(ctx context.Context, at []gqlerror.Location) string {
	if len(at) == 0 {
		return ""
	}
	return locate(ctx, func(v *ast.Value) bool {
		return v.Position != nil && v.Position.Line == at[0].Line && v.Position.Column == at[0].Column
	})
}

// variableField finds the argument that a variable is given to.
func variableField(ctx context.Context, name string) string {
	return locate(ctx, func(v *ast.Value) bool { return v.Kind == ast.Variable && v.Raw == name })
}

func locate(ctx context.Context, is func(*ast.Value) bool) string {
	if !graphql.HasOperationContext(ctx) {
		return ""
	}
	doc, err := document(ctx, graphql.GetOperationContext(ctx).RawQuery)
	if err != nil {
		return ""
	}
	l := locator{is: is}
	for _, o := range doc.Operations {
		l.selections(o.SelectionSet)
	}
	for _, f := range doc.Fragments {
		l.selections(f.SelectionSet)
	}
	return l.found
}

// document parses a request's document, once for all who ask before or after gqlgen, which keeps its own to itself.
func document(ctx context.Context, query string) (*ast.QueryDocument, error) {
	const parsed = "document"
	stats := &graphql.GetOperationContext(ctx).Stats
	if doc, ok := stats.GetExtension(parsed).(*ast.QueryDocument); ok {
		return doc, nil
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, maxTokens)
	if err == nil {
		stats.SetExtension(parsed, doc)
	}
	return doc, err
}

type locator struct {
	is    func(*ast.Value) bool
	found string
}

func (l *locator) selections(set ast.SelectionSet) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			for _, a := range s.Arguments {
				name := a.Name
				if name == "input" {
					name = ""
				}
				l.value(name, a.Value)
			}
			l.selections(s.SelectionSet)
		case *ast.InlineFragment:
			l.selections(s.SelectionSet)
		}
	}
}

func (l *locator) value(path string, v *ast.Value) {
	if v == nil || l.found != "" {
		return
	}
	if l.is(v) {
		l.found = path
		return
	}
	for i, child := range v.Children {
		switch {
		case v.Kind == ast.ListValue:
			l.value(path+"["+strconv.Itoa(i)+"]", child.Value)
		case path == "":
			l.value(child.Name, child.Value)
		default:
			l.value(path+"."+child.Name, child.Value)
		}
	}
}
