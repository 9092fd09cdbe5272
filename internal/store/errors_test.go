package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/fault"
)

// What Postgres says on a bad day is nobody's fault here, and says what to do.
func TestBroken(t *testing.T) {
	_, refused := pgconn.Connect(t.Context(), "host=127.0.0.1 port=1 user=x")
	for _, c := range []struct {
		err  error
		kind fault.Kind
	}{
		{fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), fault.Unavailable},
		{io.EOF, fault.Unavailable},
		{refused, fault.Unavailable},
		{&pgconn.PgError{Code: "57P01"}, fault.Unavailable}, // a shutdown
		{&pgconn.PgError{Code: "57P03"}, fault.Unavailable}, // a start
		{&pgconn.PgError{Code: "53300"}, fault.Unavailable}, // too many connections
		{&pgconn.PgError{Code: "53100"}, fault.Unavailable}, // the disk is full
		{&pgconn.PgError{Code: "25006"}, fault.Unavailable}, // a standby
		{&pgconn.PgError{Code: "08006"}, fault.Unavailable},
		{&pgconn.PgError{Code: "57014"}, fault.Deadline},
		{&pgconn.PgError{Code: "40P01"}, fault.Conflict},
		{&pgconn.PgError{Code: "42703"}, fault.Internal}, // our own SQL is wrong
		{errors.New("what is this"), fault.Internal},
		{context.Canceled, fault.Canceled},
	} {
		f := fault.Of(broken(c.err))
		require.Equal(t, c.kind, f.Kind, "%v", c.err)
		if f.Kind == fault.Unavailable {
			require.NotEmpty(t, f.Remedy)
		}
	}
	require.NoError(t, broken(nil))
}
