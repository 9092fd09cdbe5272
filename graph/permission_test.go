package graph

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/novacron/novacron/graph/gen"
	"github.com/novacron/novacron/internal/fleet"
)

// Every field of the roots is a permission, and every permission is one: nothing new can be asked of anybody
// before it was said who may.
func TestEveryFieldHasAPermission(t *testing.T) {
	schema := gen.NewExecutableSchema(gen.Config{}).Schema()
	var fields []fleet.Permission
	for _, root := range []string{"Query", "Mutation", "Subscription"} {
		for _, f := range schema.Types[root].Fields {
			if !strings.HasPrefix(f.Name, "__") {
				fields = append(fields, fleet.Permission(f.Name))
			}
		}
	}
	slices.Sort(fields)
	assert.Equal(t, fields, fleet.Permissions())
}
