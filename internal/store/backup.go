package store

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/novacron/novacron/internal/fault"
)

// Backup is what a backup says of itself. The file is a zip: a word for people who open it, each table as
// COPY writes it, and this at the end.
type Backup struct {
	Format  int           `json:"format"`
	Program string        `json:"program"` // the version of NovaCron that wrote it
	Schema  int64         `json:"schema"`  // the migration that the database stood at
	At      time.Time     `json:"at"`      // whatever was committed by then is in it
	Tables  []BackupTable `json:"tables"`  // each after those that it refers to
}

// BackupTable is one table of a backup.
type BackupTable struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Rows    int64    `json:"rows"`
	SHA256  string   `json:"sha256"` // of its text
}

func (t BackupTable) entry() string { return "tables/" + t.Name + ".copy" }

func (t BackupTable) name() string { return pgx.Identifier{t.Name}.Sanitize() }

func (t BackupTable) columns() string {
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = pgx.Identifier{c}.Sanitize()
	}
	return strings.Join(columns, ", ")
}

const (
	backupFormat = 1
	backupMark   = "novacron-backup" // the first entry: by it a backup is known even when its end is missing
	backupWord   = "A backup of NovaCron. Bring it back with: novacron restore --from FILE\n"
	manifest     = "manifest.json"
)

// kept are the tables that a backup has, each after those that it refers to.
var kept = []string{"issuers", "tenants", "policies", "users", "grants", "api_tokens", "providers", "hypervisor_hosts", "vms", "images", "operations", "audit", "audit_seals", "audit_sent"}

// passing are those that it has not: what they hold is over by the time that anybody restores.
var passing = []string{"sessions", "tickets", "events", "event_floor"}

// WriteBackup writes what the database holds, all of it as it was at one moment; others read and write
// meanwhile. told hears of each table that is done. Conflict when the database has another version's shape.
func (s *Store) WriteBackup(ctx context.Context, w io.Writer, program string, told func(BackupTable)) (b Backup, err error) {
	ours, err := s.newest()
	if err != nil {
		return b, err
	}
	z := zip.NewWriter(sink{w})
	b = Backup{Format: backupFormat, Program: program}
	err = s.copying(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, func(tx copier) error {
		if err := tx.db.NewRaw("SELECT now()").Scan(ctx, &b.At); err != nil {
			return err
		}
		if b.Schema, err = tx.schema(ctx); err != nil {
			return err
		}
		if b.Schema != ours {
			return fault.New(fault.Conflict, "the database is at migration %d, and this program knows %d", b.Schema, ours).
				With("Use the version of NovaCron that runs on it, or novacron migrate first.")
		}
		if err := put(z, backupMark, zip.Store, b.At, []byte(backupWord)); err != nil {
			return err
		}
		for _, name := range kept {
			t, err := tx.dump(ctx, z, name, b.At)
			if err != nil {
				return err
			}
			b.Tables = append(b.Tables, t)
			told(t)
		}
		return nil
	})
	if err != nil {
		return b, err
	}
	text, err := json.MarshalIndent(b, "", "  ")
	if err == nil {
		err = put(z, manifest, zip.Deflate, b.At, text)
	}
	if err == nil {
		err = z.Close()
	}
	return b, err
}

// dump writes one table. Generated columns are left out: they come by themselves.
func (c copier) dump(ctx context.Context, z *zip.Writer, name string, at time.Time) (BackupTable, error) {
	t := BackupTable{Name: name}
	err := c.db.NewRaw(`SELECT attname::text FROM pg_attribute WHERE attrelid = ?::regclass AND attnum > 0 AND NOT attisdropped
		AND attgenerated = '' ORDER BY attnum`, name).Scan(ctx, &t.Columns)
	if err != nil {
		return t, err
	}
	w, err := z.CreateHeader(&zip.FileHeader{Name: t.entry(), Method: zip.Deflate, Modified: at})
	if err != nil {
		return t, err
	}
	sum := sha256.New()
	err = c.raw(func(conn *pgconn.PgConn) error {
		tag, err := conn.CopyTo(ctx, io.MultiWriter(w, sum), "COPY (SELECT "+t.columns()+" FROM "+t.name()+") TO STDOUT")
		t.Rows = tag.RowsAffected()
		return err
	})
	t.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return t, err
}

func put(z *zip.Writer, name string, method uint16, at time.Time, text []byte) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method, Modified: at})
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}

// sink says of a write that failed that it was the backup's, and not the database's fault.
type sink struct{ w io.Writer }

func (s sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		err = fault.New(fault.Exhausted, "the backup cannot be written").With("Make room, or write it elsewhere.").Because(err)
	}
	return n, err
}

// BackupFile is a backup that can be restored: every byte of it has been checked.
type BackupFile struct {
	Backup
	zip *zip.Reader
}

// ReadBackup opens a backup and checks all of it. Invalid, with what to do, for anything that is not a whole one.
func ReadBackup(file io.ReaderAt, size int64) (*BackupFile, error) {
	head := make([]byte, len("PK\x03\x04")+26+len(backupMark)) // a zip's first entry has its name at byte 30
	if n, _ := file.ReadAt(head, 0); n < len(head) || !bytes.HasPrefix(head, []byte("PK\x03\x04")) || !bytes.HasSuffix(head, []byte(backupMark)) {
		return nil, fault.New(fault.Invalid, "this is no backup of NovaCron").With("Name a file that novacron backup wrote.")
	}
	z, err := zip.NewReader(file, size)
	if err != nil {
		return nil, damaged("its end is missing", err)
	}
	b := &BackupFile{zip: z}
	text, err := z.Open(manifest)
	if err != nil {
		return nil, damaged("it does not say what is in it", err)
	}
	defer func() { _ = text.Close() }()
	if err := json.NewDecoder(text).Decode(&b.Backup); err != nil {
		return nil, damaged("what it says of itself cannot be read", err)
	}
	if b.Format > backupFormat {
		return nil, fault.New(fault.Invalid, "the backup has a newer form than this program knows").With("Restore it with the version that wrote it, " + b.Program + ", or a newer one.")
	}
	if b.Schema < 1 || len(b.Tables) == 0 {
		return nil, damaged("it does not say what is in it", nil)
	}
	for _, t := range b.Tables {
		if err := b.check(t); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *BackupFile) check(t BackupTable) error {
	r, err := b.zip.Open(t.entry())
	if err != nil {
		return damaged("the table "+t.Name+" is missing", err)
	}
	defer func() { _ = r.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil || hex.EncodeToString(sum.Sum(nil)) != t.SHA256 {
		return damaged("the table "+t.Name+" is not as it was written", err)
	}
	return nil
}

func damaged(how string, err error) error {
	return fault.New(fault.Invalid, "the backup is damaged: %s", how).With("Use another copy of it, or an earlier backup.").Because(err)
}

// copier is a transaction on a connection of its own, without a deadline: COPY of a large table takes its time.
type copier struct {
	*Store
	conn bun.Conn
}

func (s *Store) copying(ctx context.Context, o *sql.TxOptions, fn func(copier) error) error {
	pool, err := open(s.url, "0")
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	conn, err := bun.NewDB(pool, pgdialect.New()).Conn(ctx)
	if err != nil {
		return broken(err)
	}
	defer func() { _ = conn.Close() }()
	tx, err := conn.BeginTx(ctx, o)
	if err != nil {
		return broken(err)
	}
	defer func() { _ = tx.Rollback() }()
	// Dates have one form, whatever the server prefers, and a slow disk may take longer than a forgotten transaction.
	if _, err := tx.ExecContext(ctx, "SET LOCAL datestyle = ISO; SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
		return broken(err)
	}
	inside := *s
	inside.db, inside.tx = tx, &commit{}
	if err := fn(copier{&inside, conn}); err != nil {
		return broken(err)
	}
	return broken(tx.Commit())
}

// raw gives the connection underneath, which knows COPY.
func (c copier) raw(fn func(*pgconn.PgConn) error) error {
	return c.conn.Raw(func(conn any) error { return fn(conn.(*stdlib.Conn).Conn().PgConn()) })
}
