// Package resolvers answers the fields of the schema that are not simply there: one file for each
// schema file, about five lines a field. Parse, ask, return: what may be done, and what is right, is
// control's to say; what is read comes from loaders.
package resolvers

import (
	"github.com/novacron/novacron/graph/model"
	"github.com/novacron/novacron/internal/control"
	"github.com/novacron/novacron/loaders"
)

// Resolver is whom all fields ask.
type Resolver struct {
	Control *control.Control
	Source  *loaders.Source
	Facts   model.About
}

// pointers are to the elements of a list, as the generated code wants them.
func pointers[T any](list []T) []*T {
	all := make([]*T, len(list))
	for i := range list {
		all[i] = &list[i]
	}
	return all
}

// or is the value, or the zero value of what was left out.
func or[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
