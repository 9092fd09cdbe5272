package store

import (
	"context"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/novacron/novacron/internal/fault"
)

// Migrate brings the database to this binary's shape. Replicas that start together take turns: the
// first one works, the others find nothing to do. A migration that fails leaves no trace.
func (s *Store) Migrate(ctx context.Context) error {
	return s.migrate(func(p *goose.Provider) error { _, err := p.Up(ctx); return err })
}

// MigrateDown takes all of it back, and with it every row.
func (s *Store) MigrateDown(ctx context.Context) error {
	return s.migrate(func(p *goose.Provider) error { _, err := p.DownTo(ctx, 0); return err })
}

// newest is the last migration that this binary knows.
func (s *Store) newest() (version int64, err error) {
	err = s.migrate(func(p *goose.Provider) error {
		all := p.ListSources()
		version = all[len(all)-1].Version
		return nil
	})
	return version, err
}

func (s *Store) migrate(run func(*goose.Provider) error) error {
	// A connection of its own: building an index may take longer than any statement of ours.
	db, err := open(s.url, "0")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fault.Of(err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, s.history, goose.WithSessionLocker(locker))
	if err != nil {
		return fault.New(fault.Internal, "the migrations cannot be read").Because(err)
	}
	if err := run(p); err != nil {
		return fault.New(fault.Internal, "the database cannot be brought to this version's shape").
			With("The log has the statement; the migration before it is in place.").Because(err)
	}
	return nil
}
