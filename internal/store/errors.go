package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/novacron/novacron/internal/fault"
)

// taken says which field of the input is to blame when a unique constraint refuses a row, and what
// the thing is that has the value already.
var taken = map[string]struct{ field, noun, value string }{
	"tenants_name_key":                  {"name", "an organisation", "name"},
	"users_name_key":                    {"name", "a user", "name"},
	"providers_tenant_id_name_key":      {"name", "a connection", "name"},
	"hypervisor_hosts_provider_id_name": {"name", "a host", "name"},
	"images_provider_id_name_key":       {"name", "an image", "name"},
	"images_provider_id_pool_volume_key": {
		"volume", "an image", "volume"},
	"vms_provider_ref": {"ref", "a VM", "id at this provider"},
}

// broken classifies what Postgres says. Faults pass through.
func broken(err error) error {
	var f *fault.Error
	var pg *pgconn.PgError
	var network net.Error
	var connecting *pgconn.ConnectError
	switch {
	case err == nil || errors.As(err, &f):
		return err
	case errors.As(err, &pg):
		return refused(pg)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Of(err)
	case errors.As(err, &network), errors.As(err, &connecting), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, sql.ErrConnDone), errors.Is(err, driver.ErrBadConn), pgconn.SafeToRetry(err):
		return away("the database does not answer", err)
	}
	return fault.New(fault.Internal, "the database gave an unexpected answer").Because(err)
}

// away is for what passes by itself, or once an operator has helped. Whether a change that was under way was
// made cannot be known; to ask again with its key is safe.
func away(message string, err error) error {
	return fault.New(fault.Unavailable, "%s", message).With("Try again in a moment.").Because(err)
}

func refused(err *pgconn.PgError) error {
	switch err.Code {
	case "23505": // unique_violation
		if t, ok := taken[err.ConstraintName]; ok {
			return (&fault.Error{Kind: fault.Exists, Field: t.field, Message: t.noun + " with this " + t.value + " exists already",
				Remedy: "Choose another."}).Because(err)
		}
		if err.ConstraintName == "operations_one_active" {
			return fault.New(fault.Conflict, "another operation is under way on it").With("Wait for it to end, or cancel it.").Because(err)
		}
		return fault.New(fault.Exists, "it exists already").Because(err)
	case "23503": // foreign_key_violation
		return fault.New(fault.Conflict, "what this belongs to is gone, or is still in use").With("Look again.").Because(err)
	case "57014": // query_canceled: the statement's deadline
		return fault.New(fault.Deadline, "the database did not answer in time").Because(err)
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return fault.New(fault.Conflict, "it was changed by somebody else at the same moment").With("Try again.").Because(err)
	}
	switch {
	case err.Code == "25006": // read_only_sql_transaction: a standby, or somebody has locked it
		return away("the database takes no changes at the moment", err)
	case err.Code[:2] == "53": // disk full, out of memory, too many connections
		return away("the database has no room left", err)
	case err.Code[:2] == "08", err.Code[:2] == "57": // connection, operator intervention (shutdown)
		return away("the database does not answer", err)
	}
	return fault.New(fault.Internal, "the database gave an unexpected answer").Because(err)
}

// sqlState reports whether Postgres refused with a code of that class.
func sqlState(err error, class string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code[:2] == class
}

// found turns "no rows" into NotFound of the thing by what it is.
func found(err error, noun, id string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.Missing(noun, id)
	}
	return broken(err)
}

// touched is found for writes: NotFound when no row was hit.
func touched(r sql.Result, err error, noun, id string) error {
	if err != nil {
		return broken(err)
	}
	if n, err := r.RowsAffected(); err == nil && n == 0 {
		return fault.Missing(noun, id)
	}
	return nil
}
