// Package store keeps the house's nouns in Postgres: one file per noun. Every read takes a
// fleet.Scope, and shows nothing outside it. Errors are faults: NotFound for what is not there or
// not in the scope, Exists with the field for a name that is taken.
package store

import (
	"context"
	"database/sql"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/migrations"
)

// Store is the database, or one transaction of it: Tx hands out a Store whose methods all work
// inside the transaction. The former is safe for concurrent use, the latter is not.
type Store struct {
	db       bun.IDB
	root     *bun.DB
	url      string
	history  fs.FS   // the migrations
	tx       *commit // nil outside a transaction
	onEvents *atomic.Pointer[func()]
}

// commit is what waits for the end of a transaction.
type commit struct {
	hooks  []func()
	undone []func()
	events bool
}

// Bounds of the pool. A replica's whole work goes through these: more connections than this per
// core make Postgres slower, not faster.
const (
	maxConns     = 24
	maxIdleConns = 12
)

// statementTimeout ends a statement that runs away. Migrations have none.
const statementTimeout = "30s"

// Open connects to Postgres and returns once it has answered. The URL is a libpq one, of a user who may
// become novacron_house and novacron_tenant: see Walled.
func Open(ctx context.Context, url string) (*Store, error) {
	config, err := configure(url, statementTimeout)
	if err != nil {
		return nil, err
	}
	return ready(ctx, url, sql.OpenDB(connector{stdlib.GetConnector(*config)}))
}

// OpenOwned is Open for the commands of whoever runs the house: it works as the owner of the tables, whom
// no wall keeps from anything, and in a database that has no tables yet.
func OpenOwned(ctx context.Context, url string) (*Store, error) {
	pool, err := open(url, statementTimeout)
	if err != nil {
		return nil, err
	}
	return ready(ctx, url, pool)
}

func ready(ctx context.Context, url string, pool *sql.DB) (*Store, error) {
	pool.SetMaxOpenConns(maxConns)
	pool.SetMaxIdleConns(maxIdleConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := pool.PingContext(ctx); err != nil {
		_ = pool.Close()
		return nil, fault.New(fault.Unavailable, "the database does not answer").
			With("Check NOVACRON_DATABASE_URL and that Postgres runs.").Because(err)
	}
	db := bun.NewDB(pool, pgdialect.New())
	return &Store{db: db, root: db, url: url, history: migrations.FS, onEvents: new(atomic.Pointer[func()])}, nil
}

// open connects as the owner of the tables, for what changes or copies all of them: no wall stands there.
func open(url, timeout string) (*sql.DB, error) {
	config, err := configure(url, timeout)
	if err != nil {
		return nil, err
	}
	return stdlib.OpenDB(*config), nil
}

func configure(url, timeout string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		// The cause may quote the URL, and with it the password.
		return nil, fault.New(fault.Invalid, "the database's URL cannot be read").
			With("NOVACRON_DATABASE_URL is postgres://user:password@host:5432/name, or a libpq string.")
	}
	// bun writes arguments into the statement's text, so preparing would be a second round trip for
	// a statement that never comes again.
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	for k, v := range map[string]string{
		"application_name":                    "novacron",
		"statement_timeout":                   timeout,
		"idle_in_transaction_session_timeout": "20s", // of a replica that sleeps: what it holds nobody else gets, and the event log waits for it
		"standard_conforming_strings":         "on",
		"client_encoding":                     "UTF8",
		"timezone":                            "UTC",
	} {
		if config.RuntimeParams[k] == "" {
			config.RuntimeParams[k] = v
		}
	}
	return config, nil
}

// Close ends all connections.
func (s *Store) Close() error { return s.root.Close() }

// Ping makes one round trip, for /readyz.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, "SELECT 1")
	return broken(err)
}

// Tx runs fn in a transaction: committed when fn returns nil, undone otherwise. Inside a transaction
// it joins that one. fn may not use the outer Store, nor keep the inner one.
func (s *Store) Tx(ctx context.Context, fn func(tx *Store) error) error {
	if s.tx != nil {
		return fn(s)
	}
	end := &commit{}
	err := s.root.RunInTx(ctx, nil, func(_ context.Context, tx bun.Tx) error {
		inside := *s
		inside.db, inside.tx = tx, end
		return fn(&inside)
	})
	if err != nil {
		for _, hook := range end.undone {
			hook()
		}
		return broken(err)
	}
	s.finish(end)
	return nil
}

func (s *Store) finish(end *commit) {
	if f := s.onEvents.Load(); end.events && f != nil {
		(*f)()
	}
	for _, hook := range end.hooks {
		hook()
	}
}

// AfterCommit runs fn once the transaction is committed, and not at all if it is undone; outside a
// transaction at once. fn returns quickly.
func (s *Store) AfterCommit(fn func()) {
	if s.tx == nil {
		fn()
		return
	}
	s.tx.hooks = append(s.tx.hooks, fn)
}

// AfterUndo runs fn once the transaction is undone, and not at all if it is committed; outside a transaction at once.
func (s *Store) AfterUndo(fn func()) {
	if s.tx == nil {
		fn()
		return
	}
	s.tx.undone = append(s.tx.undone, fn)
}

// OnEvents sets what is called after each commit that added to the event log. The events room sets
// it, once. fn returns quickly.
func (s *Store) OnEvents(fn func()) { s.onEvents.Store(&fn) }

// Now is the database's clock: the one that all replicas share.
func (s *Store) Now(ctx context.Context) (now time.Time, err error) {
	err = s.db.NewRaw("SELECT clock_timestamp()").Scan(ctx, &now)
	return now, broken(err)
}

// query is any bun query that takes a WHERE.
type query[Q any] interface {
	Where(query string, args ...any) Q
}

// within adds the scope to a query on a table that has tenant_id.
func within[Q query[Q]](q Q, scope fleet.Scope) Q {
	return restrict(q, scope, "?TableAlias.tenant_id")
}

// restrict adds the scope as a condition on the named column.
func restrict[Q query[Q]](q Q, scope fleet.Scope, column string) Q {
	if scope.All() {
		return q
	}
	// The zero scope has the nil tenant, which no row has.
	return q.Where(column+" = ?", scope.Tenant())
}
