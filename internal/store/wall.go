package store

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// The wall is the second of two between organisations. The first is each statement's own condition:
// see within. This one stands in Postgres (migration 2): a connection works for one tenant at a time,
// under a role that sees and writes that tenant's rows and no others.

type wallKey struct{}

// Walled returns a context in which Postgres itself shows and takes nothing outside of the scope,
// whatever a statement forgets to ask for; the zero scope: nothing at all. Each request's context is
// walled before anything is known of it. A context that never was is the house's own.
func Walled(ctx context.Context, scope fleet.Scope) context.Context {
	return context.WithValue(ctx, wallKey{}, scope)
}

// walled is the tenant that the context is walled to; false for the house's own work.
func walled(ctx context.Context) (uuid.UUID, bool) {
	scope, ok := ctx.Value(wallKey{}).(fleet.Scope)
	return scope.Tenant(), ok && !scope.All()
}

// connector makes connections that know for whom they work.
type connector struct{ driver.Connector }

// Connect is driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: inner.(*stdlib.Conn)}, nil
}

// conn says to Postgres for whom it works, once for as long as it works for the same.
type conn struct {
	*stdlib.Conn
	side string // what Postgres was told last; empty: nothing that is certain
	inTx bool
}

const (
	asHouse  = "SET ROLE novacron_house; SET novacron.tenant = ''"
	asTenant = "SET ROLE novacron_tenant; SET novacron.tenant = "
)

func (c *conn) as(ctx context.Context) error {
	side := asHouse
	if tenant, ok := walled(ctx); ok {
		side = asTenant + "'" + tenant.String() + "'"
	}
	if c.side == side {
		return nil
	}
	if c.inTx {
		return fault.New(fault.Internal, "a transaction of one organisation was used for another")
	}
	c.side = ""
	if c.Conn.Conn().IsClosed() {
		return driver.ErrBadConn
	}
	_, err := c.Conn.Conn().PgConn().Exec(ctx, side).ReadAll()
	var refused *pgconn.PgError
	if errors.As(err, &refused) && (refused.Code == "22023" || refused.Code == "42501") { // no such role; not ours to take
		return fault.New(fault.Internal, "the database's user cannot work as novacron_house and novacron_tenant").
			With("Run `novacron migrate` as the owner of the tables, then: GRANT novacron_house, novacron_tenant TO the user of NOVACRON_DATABASE_URL.").Because(err)
	}
	if err != nil {
		return err
	}
	c.side = side
	return nil
}

// ExecContext is driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.as(ctx); err != nil {
		return nil, err
	}
	return c.Conn.ExecContext(ctx, query, args)
}

// QueryContext is driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.as(ctx); err != nil {
		return nil, err
	}
	return c.Conn.QueryContext(ctx, query, args)
}

// PrepareContext is driver.ConnPrepareContext.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := c.as(ctx); err != nil {
		return nil, err
	}
	return c.Conn.PrepareContext(ctx, query)
}

// BeginTx is driver.ConnBeginTx.
func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if err := c.as(ctx); err != nil {
		return nil, err
	}
	tx, err := c.Conn.BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	c.inTx = true
	return ending{tx, c}, nil
}

// ending is a transaction that frees its connection for others.
type ending struct {
	driver.Tx
	conn *conn
}

// Commit is driver.Tx.
func (e ending) Commit() error {
	e.conn.inTx = false
	return e.Tx.Commit()
}

// Rollback is driver.Tx.
func (e ending) Rollback() error {
	e.conn.inTx = false
	return e.Tx.Rollback()
}
