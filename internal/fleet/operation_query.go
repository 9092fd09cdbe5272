package fleet

import (
	"encoding/base64"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fault"
)

// OperationFilter says which operations: those that satisfy every field that is given. As in
// VMFilter, an empty slice that is not nil matches nothing.
type OperationFilter struct {
	Status   []OperationStatus
	Kind     []OperationKind
	Target   *uuid.UUID
	Provider *uuid.UUID
	Active   *bool
}

// OperationQuery asks for one page of operations, newest first.
type OperationQuery struct {
	Filter OperationFilter
	First  int    // how many at most; the caller has bounded it
	After  string // the cursor of the operation after which the page begins; empty for the first page
}

// OperationPage is one page of operations.
type OperationPage struct {
	Operations  []*Operation
	HasNext     bool
	HasPrevious bool
}

// OperationStatusCount is how many operations have one status.
type OperationStatusCount struct {
	Status OperationStatus
	Count  int
}

// Cursor is the operation's place in a list.
func (o *Operation) Cursor() string { return "o" + base64.RawURLEncoding.EncodeToString(o.ID[:]) }

// ParseOperationCursor reads what Cursor wrote. Invalid for anything else.
func ParseOperationCursor(s string) (uuid.UUID, error) {
	if len(s) > 1 && s[0] == 'o' {
		if b, err := base64.RawURLEncoding.DecodeString(s[1:]); err == nil && len(b) == len(uuid.UUID{}) {
			if o := (&Operation{ID: uuid.UUID(b)}); o.Cursor() == s { // base64 has more than one spelling
				return o.ID, nil
			}
		}
	}
	return uuid.Nil, fault.Field("after", "Give back a cursor from an earlier page, or leave it out.", "%s is no cursor of an operation", quote(s))
}
