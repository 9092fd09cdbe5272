// Package fleet has the nouns of the house and their rules. It does no I/O. One struct is
// at once the database row, what the rooms hand each other, and what GraphQL shows.
package fleet

import (
	"time"

	"github.com/google/uuid"
)

// Scope is whose things a read or a write may touch. Every store call takes one, so that nobody
// can forget to ask. The zero Scope touches nothing.
type Scope struct {
	tenant uuid.UUID
	system bool
}

// Within is the scope of one tenant.
func Within(tenant uuid.UUID) Scope { return Scope{tenant: tenant} }

// System is the scope of the house's own work: inventory, operations, start-up. No request has it.
func System() Scope { return Scope{system: true} }

// Tenant is the tenant the scope is bound to; uuid.Nil for System and for the zero Scope.
func (s Scope) Tenant() uuid.UUID { return s.tenant }

// All reports whether the scope is unbounded.
func (s Scope) All() bool { return s.system }

// NewID makes an id that sorts by the time it was made.
func NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// FirstID is before every id made at that time or later.
func FirstID(at time.Time) (id uuid.UUID) {
	ms := uint64(at.UnixMilli()) //nolint:gosec // a time after 1970
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id
}
