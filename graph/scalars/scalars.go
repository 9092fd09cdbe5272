// Package scalars has the API's own scalars: how they are written, and what is taken for one.
package scalars

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// MaxInt64 is the largest whole number that every JSON reader keeps exactly: 53 bits.
const MaxInt64 = 1<<53 - 1

// MarshalInt64 writes bytes and the like as a JSON number.
func MarshalInt64(n int64) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.FormatInt(n, 10)) })
}

// UnmarshalInt64 takes a whole number, and no text that looks like one.
func UnmarshalInt64(v any) (int64, error) {
	var n int64
	var err error
	switch v := v.(type) {
	case int64:
		n = v
	case int:
		n = int64(v)
	case json.Number:
		n, err = strconv.ParseInt(string(v), 10, 64)
	case float64:
		n = int64(v)
		if float64(n) != v {
			err = strconv.ErrSyntax
		}
	default:
		err = strconv.ErrSyntax
	}
	if err != nil || n > MaxInt64 || n < -MaxInt64 {
		return 0, fault.New(fault.Invalid, "%.40v is no whole number of up to 53 bits", v).With("Give a number without quotes or fraction.")
	}
	return n, nil
}

// timeLayout is RFC 3339 in UTC with microseconds, as far as Postgres keeps them.
const timeLayout = "2006-01-02T15:04:05.999999Z"

// MarshalTime writes a moment; the zero time is null.
func MarshalTime(t time.Time) graphql.Marshaler {
	if t.IsZero() {
		return graphql.Null
	}
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, t.UTC().Format(`"`+timeLayout+`"`)) })
}

// UnmarshalTime takes RFC 3339 with any zone.
func UnmarshalTime(v any) (time.Time, error) {
	s, ok := v.(string)
	if ok {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.New(fault.Invalid, "%.40q is no moment", fmt.Sprint(v)).With("Write it as 2026-03-01T09:30:00Z.")
}

// MarshalEventCursor writes a place in the event log.
func MarshalEventCursor(c fleet.Cursor) graphql.Marshaler { return graphql.MarshalString(c.String()) }

// UnmarshalEventCursor takes what MarshalEventCursor wrote.
func UnmarshalEventCursor(v any) (fleet.Cursor, error) {
	s, _ := v.(string)
	return fleet.ParseCursor(s)
}

// MarshalOrderDirection writes whether an order is descending as ASC or DESC.
func MarshalOrderDirection(desc bool) graphql.Marshaler {
	if desc {
		return graphql.MarshalString("DESC")
	}
	return graphql.MarshalString("ASC")
}

// UnmarshalOrderDirection takes ASC or DESC; the schema has let nothing else through.
func UnmarshalOrderDirection(v any) (bool, error) { return v == "DESC", nil }
