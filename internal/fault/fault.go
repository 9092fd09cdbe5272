// Package fault is the one error taxonomy of the house. Every error that crosses a room is
// a *Error or wraps one; its Kind alone decides what happens next: whether a step is tried
// again, which HTTP status and which GraphQL extensions.code a client sees.
package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what sort of thing went wrong and, through the methods below, what to do next.
// The words are stable: they are stored on operations and sent as extensions.code.
type Kind string

// The kinds, each with what the user should do about it. docs/errors.md has the long form.
const (
	Invalid      Kind = "INVALID"      // the request is wrong in itself; change the named field
	NotFound     Kind = "NOT_FOUND"    // no such thing, or none that you may know of
	Exists       Kind = "EXISTS"       // the name or id is taken; choose another
	Conflict     Kind = "CONFLICT"     // the thing is in a state that forbids this, or has changed since; look again
	Denied       Kind = "DENIED"       // you may not; ask for the named permission
	Unauthorized Kind = "UNAUTHORIZED" // nobody is signed in; sign in
	Exhausted    Kind = "EXHAUSTED"    // a quota, a limit or the capacity is used up; free some or wait
	Unsupported  Kind = "UNSUPPORTED"  // this provider cannot do it at all
	Unavailable  Kind = "UNAVAILABLE"  // the provider cannot be reached; tried again by itself
	Canceled     Kind = "CANCELED"     // somebody asked us to stop
	Deadline     Kind = "DEADLINE"     // the provider did not answer in time; tried again by itself
	Internal     Kind = "INTERNAL"     // our own fault; the log has the request id
)

// Retryable reports whether the same call may succeed later without anybody changing anything.
func (k Kind) Retryable() bool { return k == Unavailable || k == Deadline }

// HTTPStatus is the status of a REST answer that carries an error of this kind.
func (k Kind) HTTPStatus() int {
	switch k {
	case Invalid:
		return 422
	case NotFound:
		return 404
	case Exists, Conflict:
		return 409
	case Denied:
		return 403
	case Unauthorized:
		return 401
	case Exhausted:
		return 507
	case Unsupported:
		return 501
	case Unavailable:
		return 503
	case Canceled:
		return 499
	case Deadline:
		return 504
	default:
		return 500
	}
}

// Error is a classified error. Message, Remedy, ProviderCode and ProviderText are shown to users
// and must therefore hold no secret, no host path of ours and no address that a user did not enter.
type Error struct {
	Kind    Kind   `json:"kind"`
	Message string `json:"message"`          // what went wrong, one sentence without a final full stop
	Field   string `json:"field,omitempty"`  // the input's path, e.g. "disks[1].capacityBytes"; empty when no one field is to blame
	Remedy  string `json:"remedy,omitempty"` // what the user can do about it; may be empty

	Provider     string `json:"provider,omitempty"`     // which provider said so: its kind, e.g. "LIBVIRT"; empty for our own errors
	ProviderCode string `json:"providerCode,omitempty"` // the provider's own code, e.g. "VIR_ERR_NO_DOMAIN"
	ProviderText string `json:"providerText,omitempty"` // the provider's own words

	RetryAfter time.Duration `json:"-"` // when the same request will be taken; 0: nobody knows

	Err error `json:"-"` // the cause, for logs; never shown, never stored
}

// Error has everything that a log line needs; clients get the fields one by one instead.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	b.WriteString(e.Message)
	if e.ProviderText != "" {
		fmt.Fprintf(&b, " (%s %s: %s)", e.Provider, e.ProviderCode, e.ProviderText)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a kind.
func New(k Kind, format string, a ...any) *Error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, a...)}
}

// Field makes an Invalid error about one field of the input, with its remedy.
func Field(field, remedy, format string, a ...any) *Error {
	return &Error{Kind: Invalid, Field: field, Remedy: remedy, Message: fmt.Sprintf(format, a...)}
}

// Missing is the NotFound error for a thing by what it is: Missing("VM", id).
func Missing(noun, id string) *Error {
	return &Error{Kind: NotFound, Message: fmt.Sprintf("no %s %q", noun, id), Remedy: "Check the id; it may have been deleted, or belong to somebody else."}
}

// With returns a copy that carries a remedy.
func (e *Error) With(remedy string) *Error { c := *e; c.Remedy = remedy; return &c }

// Because returns a copy that carries its cause.
func (e *Error) Because(err error) *Error { c := *e; c.Err = err; return &c }

// At returns a copy that names a field of the input.
func (e *Error) At(field string) *Error { c := *e; c.Field = field; return &c }

// Of returns err as a *Error. A context's own errors become Canceled and Deadline; anything
// unclassified becomes Internal with a message that tells nothing of our insides. Of(nil) is nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled):
		return &Error{Kind: Canceled, Message: "canceled", Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Kind: Deadline, Message: "no answer in time", Err: err}
	default:
		return &Error{Kind: Internal, Message: "something went wrong on our side", Err: err}
	}
}

// KindOf returns the kind of err; Internal for an unclassified one, "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	return Of(err).Kind
}

// Is reports whether err is of kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }
