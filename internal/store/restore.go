package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// Restored is what became of things that were under way when the backup was made.
type Restored struct {
	Operations int64 // ended as FAILED
	VMs        int64 // were being made, and had no id at their host yet: forgotten
}

// forgotten is why an operation ends that a backup has in the middle.
var forgotten = fault.New(fault.Conflict, "NovaCron was restored from a backup made while this was under way; what it did afterwards is not known").
	With("Look at what it was about, and ask again if it is still wanted.")

// RestoreBackup puts a backup into a database without data, or, by force, in the place of what is there. It does
// all of it or nothing. Conflict when servers run on the database, or when it has data and there is no force.
func (s *Store) RestoreBackup(ctx context.Context, b *BackupFile, force bool, told func(BackupTable)) (done Restored, err error) {
	ours, err := s.newest()
	if err != nil {
		return done, err
	}
	if b.Schema > ours {
		return done, fault.New(fault.Invalid, "the backup is of a newer NovaCron: it is at migration %d, and this program knows %d", b.Schema, ours).
			With("Restore it with the version that wrote it, " + b.Program + ", or a newer one.")
	}
	empty, err := s.mayRestore(ctx, b, force, ours)
	if err != nil {
		return done, err
	}
	// A backup of an older version is loaded into that version's tables, which then become ours.
	err = s.migrate(func(p *goose.Provider) error {
		if _, err := p.UpTo(ctx, b.Schema); err != nil {
			return err
		}
		_, err := p.DownTo(ctx, b.Schema)
		return err
	})
	if err != nil {
		return done, err
	}
	err = s.copying(ctx, nil, func(tx copier) error {
		if !empty {
			all := slices.DeleteFunc(slices.Concat(kept, passing), func(t string) bool { return t == "event_floor" })
			if _, err := tx.db.ExecContext(ctx, "TRUNCATE "+strings.Join(all, ", ")); err != nil {
				return err
			}
		}
		for _, t := range b.Tables {
			if err := tx.load(ctx, b, t); err != nil {
				return err
			}
			told(t)
		}
		done, err = tx.settle(ctx, b)
		return err
	})
	if err != nil {
		return done, err
	}
	return done, s.Migrate(ctx)
}

// leaves is how long PostgreSQL may still count those who have just closed their connection.
const leaves = 2 * time.Second

// mayRestore refuses a database that a restore would harm. empty: there is nothing in it.
func (s *Store) mayRestore(ctx context.Context, b *BackupFile, force bool, ours int64) (empty bool, err error) {
	served := true
	for began := time.Now(); served; time.Sleep(50 * time.Millisecond) {
		err = s.db.NewRaw(`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'novacron'
			AND pid <> pg_backend_pid())`).Scan(ctx, &served)
		if err != nil {
			return false, broken(err)
		}
		if time.Since(began) > leaves {
			break
		}
	}
	if served {
		return false, fault.New(fault.Conflict, "a NovaCron server runs on this database").With("Stop all replicas first.")
	}
	schema, err := s.schema(ctx)
	if err != nil {
		return false, broken(err)
	}
	if empty, err = s.empty(ctx); err != nil {
		return false, broken(err)
	}
	switch {
	case schema > ours:
		return false, fault.New(fault.Conflict, "the database is at migration %d, and this program knows %d", schema, ours).With("Drop it, and make an empty one.")
	case !empty && !force:
		return false, fault.New(fault.Conflict, "the database has data in it").With("Restore into an empty one, or say --force: what is there is lost then.")
	case !empty && schema != b.Schema:
		return false, fault.New(fault.Conflict, "the database has data of migration %d, and the backup is of %d", schema, b.Schema).With("Drop it, and make an empty one.")
	}
	return empty, nil
}

// schema is the migration that the database stands at; 0 when it has seen none.
func (s *Store) schema(ctx context.Context) (version int64, err error) {
	var there bool
	if err := s.db.NewRaw("SELECT to_regclass('goose_db_version') IS NOT NULL").Scan(ctx, &there); err != nil || !there {
		return 0, err
	}
	err = s.db.NewRaw("SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(ctx, &version)
	return version, err
}

// empty reports whether no table has a row, but those that migrations fill.
func (s *Store) empty(ctx context.Context) (bool, error) {
	var tables []string
	err := s.db.NewRaw(`SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
		AND relname NOT IN ('goose_db_version', 'event_floor')`).Scan(ctx, &tables)
	if err != nil {
		return false, err
	}
	for _, t := range tables {
		var full bool
		if err := s.db.NewRaw("SELECT EXISTS (SELECT FROM ?)", bun.Ident(t)).Scan(ctx, &full); err != nil || full {
			return false, err
		}
	}
	return true, nil
}

func (c copier) load(ctx context.Context, b *BackupFile, t BackupTable) error {
	r, err := b.zip.Open(t.entry())
	if err != nil {
		return damaged("the table "+t.Name+" is missing", err)
	}
	defer func() { _ = r.Close() }()
	var rows int64
	err = c.raw(func(conn *pgconn.PgConn) error {
		tag, err := conn.CopyFrom(ctx, r, "COPY "+t.name()+" ("+t.columns()+") FROM STDIN")
		rows = tag.RowsAffected()
		return err
	})
	switch {
	case sqlState(err, "22"), sqlState(err, "23"), sqlState(err, "42"):
		return fault.New(fault.Invalid, "the backup's table %s does not fit this database", t.Name).
			With("Restore it with the version that wrote it: " + b.Program + ".").Because(err)
	case err == nil && rows != t.Rows:
		return damaged("the table "+t.Name+" has not as many rows as were written", nil)
	}
	return err
}

// settle ends what cannot go on. It is written in SQL, with few columns: the tables may still be an older version's.
func (c copier) settle(ctx context.Context, b *BackupFile) (done Restored, err error) {
	if err := c.continueIdentities(ctx, b); err != nil {
		return done, err
	}
	why, err := json.Marshal(forgotten)
	if err != nil {
		return done, err
	}
	count := func(to *int64, query string, args ...any) {
		if err != nil {
			return
		}
		var r sql.Result
		if r, err = c.db.ExecContext(ctx, query, args...); err == nil {
			*to, err = r.RowsAffected()
		}
	}
	var others int64
	// Nobody knows how far they came: to go on, or to undo, could harm what was done since.
	count(&done.Operations, `WITH ended AS (
		UPDATE operations SET status = 'FAILED', error = ?0::jsonb, progress = NULL, finished_at = now(), updated_at = now(), waits_for = NULL,
			note = CASE status WHEN 'STUCK' THEN concat('It was stuck: ', error->>'message') ELSE '' END,
			lease_owner = '', lease_until = 'epoch', lease_epoch = lease_epoch + 1,
			steps = coalesce((SELECT jsonb_agg(CASE WHEN step->>'status' IN ('RUNNING', 'UNDOING')
				THEN step || jsonb_build_object('status', 'FAILED', 'finishedAt', now(), 'error', ?0::jsonb) ELSE step END ORDER BY n)
				FROM jsonb_array_elements(steps) WITH ORDINALITY AS s (step, n)), '[]')
		WHERE status IN (?1) RETURNING *)
		INSERT INTO audit (tenant_id, actor, user_id, action, target_type, target_id, target_name, operation_id, detail)
		SELECT tenant_id, requested_by, user_id, 'operationEnded', target_type, target_id, target_name, id,
			jsonb_build_object('kind', kind, 'status', status, 'code', error->>'kind', 'message', error->>'message') FROM ended`,
		string(why), bun.List(fleet.ActiveOperationStatuses()))
	// What was made of them meanwhile the next list of their host brings.
	count(&done.VMs, `DELETE FROM vms WHERE ref IS NULL`)
	count(&others, `UPDATE vms SET intent = NULL, operation_id = NULL, updated_at = now() WHERE intent IS NOT NULL OR operation_id IS NOT NULL`)
	count(&others, `UPDATE images SET status = ?, updated_at = now() WHERE status = ?`, fleet.ImageFailed, fleet.ImageImporting)
	// A replica that slept through all this may hold a lease that was given after the backup: no epoch has come as far
	// as the clock.
	count(&others, `UPDATE providers SET status = ?, status_since = now(), problem = NULL, lease_owner = '', lease_until = 'epoch',
		lease_epoch = greatest(lease_epoch, extract(epoch FROM now())::bigint)`, fleet.ProviderConnecting)
	// The log begins here: whoever comes with an earlier cursor has missed something.
	count(&others, `UPDATE event_floor SET txid = pg_current_xact_id(), seq = 0`)
	count(&others, `INSERT INTO audit (tenant_id, actor, action, detail)
		SELECT id, 'novacron restore', 'restoreBackup', jsonb_build_object('at', ?::timestamptz, 'operationsEnded', ?::bigint) FROM tenants`, b.At, done.Operations)
	for _, t := range b.Tables { // plans are bad until the tables are known, and everybody comes at once now
		count(&others, `ANALYZE ?`, bun.Ident(t.Name))
	}
	return done, err
}

// continueIdentities has new rows numbered after those that were loaded.
func (c copier) continueIdentities(ctx context.Context, b *BackupFile) error {
	for _, t := range b.Tables {
		var columns []string
		err := c.db.NewRaw(`SELECT attname::text FROM pg_attribute WHERE attrelid = ?::regclass AND attidentity <> ''`, t.Name).Scan(ctx, &columns)
		if err != nil {
			return err
		}
		for _, column := range columns {
			_, err := c.db.ExecContext(ctx, `SELECT setval(pg_get_serial_sequence(?0, ?1), coalesce(max(?2), 0) + 1, false) FROM ?3`,
				pgx.Identifier{t.Name}.Sanitize(), column, bun.Ident(column), bun.Ident(t.Name))
			if err != nil {
				return err
			}
		}
	}
	return nil
}
