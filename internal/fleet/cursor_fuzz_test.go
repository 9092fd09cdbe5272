package fleet

import "testing"

func FuzzParseOperationCursor(f *testing.F) {
	f.Add((&Operation{ID: NewID()}).Cursor())
	f.Add("o")
	f.Add("oAAAAAAAAAAAAAAAAAAAAAB")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseOperationCursor(s); err == nil && (&Operation{ID: id}).Cursor() != s {
			t.Fatalf("%q reads as %s", s, id)
		}
	})
}
