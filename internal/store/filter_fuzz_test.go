package store

import (
	"testing"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// Whatever is given for a cursor: it is one of this list, or refused.
func FuzzVMCursor(f *testing.F) {
	tenant := uuid.MustParse("01a2055b-5a9e-712e-918e-51cda68b10e5")
	order := fleet.VMOrder{Field: fleet.VMByName}
	f.Add(vmCursor{Order: order, Tenant: tenant, Key: "web-1", ID: tenant}.String())
	f.Add(vmCursor{Order: order, Tenant: uuid.Nil, Key: "web-1", ID: tenant}.String())
	f.Add("AAAAAA")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseVMCursor(fleet.Within(tenant), order, s)
		if err != nil {
			if e := fault.Of(err); e.Kind != fault.Invalid || e.Field != "after" || len(e.Message) > 300 {
				t.Fatal(err)
			}
			return
		}
		if c != nil && (c.Tenant != tenant || c.Order != order || text("after", c.Key) != nil) {
			t.Fatalf("%q reads as %+v", s, c)
		}
	})
}

// Whatever is searched for: its pattern means those characters and no others.
func FuzzSearchPattern(f *testing.F) {
	for _, s := range []string{"web", "%", `\`, `\%`, "_a_", "(a+)+$", `a\\_`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		pattern, meant := like(s), ""
		inner := pattern[1 : len(pattern)-1] // between the two that mean anything
		for i := 0; i < len(inner); i++ {
			switch inner[i] {
			case '%', '_':
				t.Fatalf("%q is searched for as %q", s, pattern)
			case '\\':
				i++
			}
			meant += inner[i : i+1]
		}
		if meant != s {
			t.Fatalf("%q is searched for as %q", s, meant)
		}
	})
}
