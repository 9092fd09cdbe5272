package fleet

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/novacron/novacron/internal/fault"
)

// Topic is what an event is about.
type Topic string

// The topics.
const (
	TopicVM        Topic = "vm"
	TopicOperation Topic = "operation"
	TopicProvider  Topic = "provider"
	TopicImage     Topic = "image"
)

// Change is what happened.
type Change string

// The changes.
const (
	Added   Change = "ADDED"
	Updated Change = "UPDATED"
	Removed Change = "REMOVED"

	// AllChanged is about all VMs of a provider at once, the subject: it went away or came back, and with it
	// what can be said of them. One entry instead of ten thousand.
	AllChanged Change = "ALL_CHANGED"
)

// Event is one entry of the log. It says that a thing changed, not how: readers look at the thing,
// so an event read late or twice does no harm.
type Event struct {
	bun.BaseModel `bun:"table:events,alias:e"`

	TxID       uint64     `bun:"txid,scanonly"`
	Seq        int64      `bun:"seq,scanonly"`
	TenantID   uuid.UUID  `bun:"tenant_id"`
	Topic      Topic      `bun:"topic"`
	Kind       Change     `bun:"kind"`
	SubjectID  uuid.UUID  `bun:"subject_id"`
	ProviderID *uuid.UUID `bun:"provider_id"`
	At         time.Time  `bun:"at,nullzero,default:now()"`
}

// Cursor is a place in the log: everything up to and including it has been read.
type Cursor struct {
	TxID uint64
	Seq  int64
}

// Cursor is the event's own place.
func (e Event) Cursor() Cursor { return Cursor{e.TxID, e.Seq} }

// Compare orders places: negative when c is earlier than o.
func (c Cursor) Compare(o Cursor) int {
	return cmp.Or(cmp.Compare(c.TxID, o.TxID), cmp.Compare(c.Seq, o.Seq))
}

// String is the form clients get.
func (c Cursor) String() string { return fmt.Sprintf("e%x.%x", c.TxID, c.Seq) }

// ParseCursor reads what String wrote. Invalid for anything else.
func ParseCursor(s string) (c Cursor, err error) {
	if rest, ok := strings.CutPrefix(s, "e"); ok {
		if n, err := fmt.Sscanf(rest, "%x.%x", &c.TxID, &c.Seq); n == 2 && err == nil && c.String() == s {
			return c, nil
		}
	}
	return Cursor{}, fault.Field("after", "Give back a cursor from an earlier event, or leave it out.", "%.40q is no event cursor", s)
}

// Event is the log entry that says what happened to the VM.
func (v *VM) Event(kind Change) Event {
	return Event{TenantID: v.TenantID, Topic: TopicVM, Kind: kind, SubjectID: v.ID, ProviderID: &v.ProviderID}
}

// Event is the log entry that says what happened to the provider or its hosts.
func (p *Provider) Event(kind Change) Event {
	return Event{TenantID: p.TenantID, Topic: TopicProvider, Kind: kind, SubjectID: p.ID, ProviderID: &p.ID}
}

// VMsEvent is the log entry that says that all VMs of the provider are to be looked at again.
func (p *Provider) VMsEvent() Event {
	return Event{TenantID: p.TenantID, Topic: TopicVM, Kind: AllChanged, SubjectID: p.ID, ProviderID: &p.ID}
}

// Event is the log entry that says what happened to the operation.
func (o *Operation) Event(kind Change) Event {
	return Event{TenantID: o.TenantID, Topic: TopicOperation, Kind: kind, SubjectID: o.ID, ProviderID: o.ProviderID}
}

// Event is the log entry that says what happened to the image.
func (i *Image) Event(kind Change) Event {
	return Event{TenantID: i.TenantID, Topic: TopicImage, Kind: kind, SubjectID: i.ID, ProviderID: &i.ProviderID}
}
