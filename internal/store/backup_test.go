package store_test

import (
	"archive/zip"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
	"github.com/novacron/novacron/migrations"
)

func ignore(store.BackupTable) {}

// backedUp gives the bytes of a backup.
func backedUp(t *testing.T, s *store.Store, told func(store.BackupTable)) []byte {
	t.Helper()
	var b bytes.Buffer
	_, err := s.WriteBackup(t.Context(), &b, "v1", told)
	require.NoError(t, err)
	return b.Bytes()
}

func restored(t *testing.T, s *store.Store, file []byte, force bool) store.Restored {
	t.Helper()
	b, err := store.ReadBackup(bytes.NewReader(file), int64(len(file)))
	require.NoError(t, err)
	done, err := s.RestoreBackup(t.Context(), b, force, ignore)
	require.NoError(t, err)
	return done
}

// looker reads a database as it is.
type looker struct {
	t  *testing.T
	db *sql.DB
}

func look(t *testing.T, url string) looker {
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	return looker{t, db}
}

func (l looker) text(query string, args ...any) (s string) {
	l.t.Helper()
	require.NoError(l.t, l.db.QueryRowContext(l.t.Context(), query, args...).Scan(&s), query)
	return s
}

// all is a table's whole content.
func (l looker) all(table string) string {
	return l.text("SELECT coalesce(string_agg(r::text, E'\\n' ORDER BY r::text), '') FROM " + table + " r")
}

const tablesThere = `SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), '') FROM pg_class
	WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = current_schema()::regnamespace AND relname <> 'goose_db_version'`

// A table that nobody thought of would be missing from backups without a word.
func TestBackupKnowsAllTables(t *testing.T) {
	url := storetest.URL(t)
	l := look(t, url)
	defer l.db.Close()
	require.Equal(t, l.text(tablesThere), strings.Join(slices.Sorted(slices.Values(store.BackupTables())), " "))
}

// ground is a database with a little of everything.
type ground struct {
	url      string
	store    *store.Store
	scope    fleet.Scope
	provider *fleet.Provider
	user     *fleet.User
}

func newGround(t *testing.T) *ground {
	g := &ground{url: storetest.URL(t)}
	g.store = storetest.OpenOwned(t, g.url)
	g.scope = storetest.Tenant(t, g.store, "acme")
	ctx, tenant := t.Context(), g.scope.Tenant()
	g.user = &fleet.User{ID: fleet.NewID(), TenantID: tenant, Name: "alice", PasswordHash: "x\ty\\N\n"}
	require.NoError(t, g.store.InsertUser(ctx, g.user))
	require.NoError(t, g.store.InsertSession(ctx, &fleet.Session{Hash: []byte{1}, UserID: g.user.ID, ExpiresAt: time.Now().Add(time.Hour), LastUsedAt: time.Now()}))
	require.NoError(t, g.store.InsertToken(ctx, &fleet.APIToken{ID: fleet.NewID(), TenantID: tenant, UserID: g.user.ID, Name: "ci", Hash: []byte{0, 0xff}, Role: fleet.RoleViewer}))
	g.provider = &fleet.Provider{ID: fleet.NewID(), TenantID: tenant, Name: "hosta", Kind: drivers.KindFake, Status: fleet.ProviderConnected, Credentials: []byte("sealed\x00")}
	require.NoError(t, g.store.InsertProvider(ctx, g.provider))
	g.vm(t, "quiet", func(v *fleet.VM) { v.Description, v.Tags = "\\. – \t'\"\nsecond line", map[string]string{"a": "b"} })
	for range 3 {
		g.audit(t)
	}
	return g
}

func (g *ground) audit(t *testing.T) {
	require.NoError(t, g.store.Audit(t.Context(), &fleet.AuditEntry{TenantID: g.scope.Tenant(), Actor: "alice", Action: "look"}))
}

func (g *ground) vm(t *testing.T, name string, as func(*fleet.VM)) *fleet.VM {
	v := &fleet.VM{ID: fleet.NewID(), TenantID: g.scope.Tenant(), ProviderID: g.provider.ID, Ref: drivers.Ref(name), Name: name,
		Management: fleet.Managed, ObservedStatus: fleet.VMStopped}
	as(v)
	require.NoError(t, g.store.InsertVM(t.Context(), v))
	return v
}

func (g *ground) operation(t *testing.T, status fleet.OperationStatus, of *fleet.VM) *fleet.Operation {
	o := &fleet.Operation{ID: fleet.NewID(), TenantID: g.scope.Tenant(), Kind: fleet.StartVM, Status: status, ProviderID: &g.provider.ID,
		TargetType: fleet.TargetVM, TargetID: &of.ID, TargetName: of.Name, RequestedBy: "alice",
		Steps: []fleet.Step{{Name: "first", Status: fleet.StepDone, Attempts: 1}, {Name: "second", Status: fleet.StepRunning, Attempts: 1}}}
	if status == fleet.OperationStuck {
		o.Error = fault.New(fault.Denied, "the host refuses")
	}
	require.NoError(t, g.store.InsertOperation(t.Context(), o))
	if !status.Ended() {
		starting := fleet.VMStarting
		require.NoError(t, g.store.SetIntent(t.Context(), of.ID, o.ID, &starting))
	}
	return o
}

func TestBackupComesBack(t *testing.T) {
	g := newGround(t)
	from := look(t, g.url)
	defer from.db.Close()
	url := storetest.Empty(t)
	s := storetest.OpenOwned(t, url)
	done := restored(t, s, backedUp(t, g.store, ignore), false)
	require.Zero(t, done)
	to := look(t, url)
	defer to.db.Close()
	require.Equal(t, from.text(tablesThere), to.text(tablesThere))
	for _, table := range []string{"tenants", "users", "api_tokens", "hypervisor_hosts", "vms", "images", "operations"} {
		require.Equal(t, from.all(table), to.all(table), table)
	}
	require.NotEmpty(t, to.all("vms"))
	require.Empty(t, to.all("sessions"), "everybody signs in again")

	p, err := s.Provider(t.Context(), g.scope, g.provider.ID)
	require.NoError(t, err)
	require.Equal(t, g.provider.Credentials, p.Credentials)
	require.Equal(t, fleet.ProviderConnecting, p.Status, "nobody has looked yet")
	require.Greater(t, p.LeaseEpoch, int64(1e9), "what a sleeping replica holds is of another time")

	// What is numbered goes on: three of before, the restore's own, and a new one.
	g.store = s
	g.audit(t)
	require.Equal(t, "1 2 3 4 5", to.text("SELECT string_agg(id::text, ' ' ORDER BY id) FROM audit"))
	require.Equal(t, "novacron restore restoreBackup", to.text("SELECT actor || ' ' || action FROM audit WHERE id = 4"))
}

// A backup is of one moment, though others write while it is made.
func TestBackupIsOneMoment(t *testing.T) {
	g := newGround(t)
	file := backedUp(t, g.store, func(done store.BackupTable) {
		if done.Name == "tenants" { // what refers to each other is written in between, and seen as a whole or not at all
			scope := storetest.Tenant(t, g.store, "late")
			require.NoError(t, g.store.InsertUser(t.Context(), &fleet.User{ID: fleet.NewID(), TenantID: scope.Tenant(), Name: "late"}))
		}
	})
	s := storetest.OpenOwned(t, storetest.Empty(t))
	restored(t, s, file, false)
	all, err := s.Tenants(t.Context(), fleet.System())
	require.NoError(t, err)
	require.Len(t, all, 1)
	_, err = s.UserByName(t.Context(), fleet.System(), "late")
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
}

// What was under way in the backup is ended: nobody knows what it did afterwards.
func TestRestoreEndsOperations(t *testing.T) {
	g := newGround(t)
	ctx := t.Context()
	busy, stuck, idle := g.vm(t, "busy", func(*fleet.VM) {}), g.vm(t, "stuck", func(*fleet.VM) {}), g.vm(t, "idle", func(*fleet.VM) {})
	making := g.vm(t, "making", func(v *fleet.VM) { v.Ref, v.ObservedStatus = "", fleet.VMProvisioning })
	running, stopped := g.operation(t, fleet.OperationRunning, busy), g.operation(t, fleet.OperationStuck, stuck)
	begun, over := g.operation(t, fleet.OperationQueued, making), g.operation(t, fleet.OperationSucceeded, idle)
	image := &fleet.Image{ID: fleet.NewID(), TenantID: g.scope.Tenant(), ProviderID: g.provider.ID, Name: "debian", Pool: "default", Volume: "debian.qcow2", Status: fleet.ImageImporting}
	require.NoError(t, g.store.InsertImage(ctx, image))

	s := storetest.OpenOwned(t, storetest.Empty(t))
	done := restored(t, s, backedUp(t, g.store, ignore), false)
	require.Equal(t, store.Restored{Operations: 3, VMs: 1}, done)

	for _, was := range []*fleet.Operation{running, stopped, begun} {
		o, err := s.Operation(ctx, g.scope, was.ID)
		require.NoError(t, err)
		require.Equal(t, fleet.OperationFailed, o.Status)
		require.NotNil(t, o.FinishedAt)
		require.Equal(t, fault.Conflict, o.Error.Kind)
		require.Contains(t, o.Error.Message, "not known")
		require.NotEmpty(t, o.Error.Remedy)
		require.Equal(t, fleet.StepDone, o.Steps[0].Status)
		require.Equal(t, fleet.StepFailed, o.Steps[1].Status)
		require.Equal(t, o.Error.Message, o.Steps[1].Error.Message)
		require.NotNil(t, o.Steps[1].FinishedAt)
		if was == stopped {
			require.Equal(t, "It was stuck: the host refuses", o.Note)
		}
	}
	o, err := s.Operation(ctx, g.scope, over.ID)
	require.NoError(t, err)
	require.Equal(t, fleet.OperationSucceeded, o.Status)
	for _, was := range []*fleet.VM{busy, stuck, idle} {
		v, err := s.VM(ctx, g.scope, was.ID)
		require.NoError(t, err)
		require.Nil(t, v.OperationID)
		require.Equal(t, fleet.VMStopped, v.Status, was.Name)
	}
	_, err = s.VM(ctx, g.scope, making.ID)
	require.True(t, fault.Is(err, fault.NotFound), "the host's list brings it, if it is there: %v", err)
	i, err := s.Image(ctx, g.scope, image.ID)
	require.NoError(t, err)
	require.Equal(t, fleet.ImageFailed, i.Status)
	entries, err := s.AuditEntries(ctx, g.scope, fleet.AuditFilter{}, 0, 10)
	require.NoError(t, err)
	ended := 0
	for _, e := range entries {
		if e.Action == "operationEnded" {
			ended++
		}
	}
	require.Equal(t, 3, ended)
	leased, err := s.LeaseOperations(ctx, "w", time.Minute, 10, 10)
	require.NoError(t, err)
	require.Empty(t, leased, "nothing goes on by itself")
}

// A cursor of before the restore must not be taken for one of after it, on the same server too.
func TestRestoreCutsTheEventLog(t *testing.T) {
	g := newGround(t)
	require.NoError(t, g.store.Tx(t.Context(), func(tx *store.Store) error { return tx.AppendEvents(t.Context(), g.provider.Event(fleet.Updated)) }))
	before, err := g.store.EventLog(t.Context())
	require.NoError(t, err)
	s := storetest.OpenOwned(t, storetest.Empty(t)) // on the same server, as it is when the database is dropped and made again
	restored(t, s, backedUp(t, g.store, ignore), false)
	after, err := s.EventLog(t.Context())
	require.NoError(t, err)
	require.Negative(t, before.Head.Compare(after.Floor))
	// Not before whatever else the server does has ended, other tests' transactions too.
	require.Eventually(t, func() bool {
		after, err = s.EventLog(t.Context())
		return err == nil && after.Head.Compare(after.Floor) > 0
	}, time.Minute, 10*time.Millisecond, "who comes now misses nothing")
}

func TestRestoreByForce(t *testing.T) {
	g, other := newGround(t), newGround(t)
	b, err := store.ReadBackup(reader(backedUp(t, g.store, ignore)))
	require.NoError(t, err)
	l := look(t, other.url)
	defer l.db.Close()
	was := l.all("vms")
	_, err = other.store.RestoreBackup(t.Context(), b, false, ignore)
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	require.Contains(t, fault.Of(err).Remedy, "--force")
	require.Equal(t, was, l.all("vms"))
	_, err = other.store.RestoreBackup(t.Context(), b, true, ignore)
	require.NoError(t, err)
	from := look(t, g.url)
	defer from.db.Close()
	require.Equal(t, from.all("vms"), l.all("vms"))
	require.Empty(t, l.all("sessions"))
}

func reader(file []byte) (io.ReaderAt, int64) { return bytes.NewReader(file), int64(len(file)) }

func TestRestoreBesideServers(t *testing.T) {
	g := newGround(t)
	url := storetest.Empty(t)
	s := storetest.OpenOwned(t, url)
	storetest.OpenOwned(t, url) // somebody else's
	b, err := store.ReadBackup(reader(backedUp(t, g.store, ignore)))
	require.NoError(t, err)
	_, err = s.RestoreBackup(t.Context(), b, true, ignore)
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	require.Contains(t, err.Error(), "server runs")
}

// What is not a whole backup is refused by name, before the database is touched.
func TestReadBackupRefuses(t *testing.T) {
	file := backedUp(t, newGround(t).store, ignore)
	changed := func(at int) []byte {
		c := slices.Clone(file)
		c[at] ^= 0xff
		return c
	}
	for name, c := range map[string]struct {
		file []byte
		says string
	}{
		"nothing":           {nil, "no backup"},
		"text":              {bytes.Repeat([]byte("no zip "), 100), "no backup"},
		"another zip":       {rezipped(t, file, func(all map[string][]byte) { delete(all, "novacron-backup") }), "no backup"},
		"only a head":       {file[:60], "damaged"},
		"cut in the middle": {file[:len(file)/2], "damaged"},
		"one byte missing":  {file[:len(file)-1], "damaged"},
		"a bit turned":      {changed(len(file) / 3), "damaged"},
		"a table missing":   {rezipped(t, file, func(all map[string][]byte) { delete(all, "tables/vms.copy") }), "vms"},
		"a table changed":   {rezipped(t, file, func(all map[string][]byte) { all["tables/users.copy"] = append(all["tables/users.copy"], 'x') }), "users"},
		"without manifest":  {rezipped(t, file, func(all map[string][]byte) { delete(all, "manifest.json") }), "damaged"},
		"a newer form":      {described(t, file, func(b *store.Backup) { b.Format++ }), "newer"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.ReadBackup(reader(c.file))
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			assert.Contains(t, err.Error(), c.says)
			assert.NotEmpty(t, fault.Of(err).Remedy)
		})
	}
}

// A backup that can be read and does not fit leaves nothing behind.
func TestRestoreRefuses(t *testing.T) {
	file := backedUp(t, newGround(t).store, ignore)
	for name, c := range map[string]struct {
		change func(*store.Backup)
		says   string
	}{
		"a newer schema":   {func(b *store.Backup) { b.Schema += 1000 }, "newer"},
		"a strange table":  {func(b *store.Backup) { b.Tables[len(b.Tables)-1].Columns[0] = "what" }, "does not fit"},
		"rows are missing": {func(b *store.Backup) { b.Tables[len(b.Tables)-1].Rows++ }, "as many rows"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := store.ReadBackup(reader(described(t, file, c.change)))
			require.NoError(t, err)
			url := storetest.Empty(t)
			_, err = storetest.OpenOwned(t, url).RestoreBackup(t.Context(), b, false, ignore)
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			require.Contains(t, err.Error(), c.says)
			require.NotEmpty(t, fault.Of(err).Remedy)
			l := look(t, url)
			defer l.db.Close()
			if l.text(tablesThere) != "" {
				require.Empty(t, l.all("tenants"))
			}
		})
	}
}

// nextVersion is the history of a program that has one migration more, and that one's number.
func nextVersion(t *testing.T) (fs.FS, int) {
	next := fstest.MapFS{}
	files, err := fs.Glob(migrations.FS, "*.sql")
	require.NoError(t, err)
	for _, name := range files {
		text, err := fs.ReadFile(migrations.FS, name)
		require.NoError(t, err)
		next[name] = &fstest.MapFile{Data: text}
	}
	version := len(files) + 1
	next[fmt.Sprintf("%05d_next.sql", version)] = &fstest.MapFile{Data: []byte("-- +goose Up\nALTER TABLE vms ADD COLUMN colour text NOT NULL DEFAULT 'grey';\n" +
		"-- +goose Down\nALTER TABLE vms DROP COLUMN colour;\n")}
	return next, version
}

// Who goes back to the version before finds a newer database: it is left as it is.
func TestMigrateLeavesNewerAlone(t *testing.T) {
	url := storetest.URL(t)
	s := storetest.OpenOwned(t, url)
	next, version := nextVersion(t)
	require.NoError(t, s.WithHistory(next).Migrate(t.Context()))
	require.NoError(t, s.Migrate(t.Context()))
	l := look(t, url)
	defer l.db.Close()
	require.Equal(t, strconv.Itoa(version), l.text("SELECT max(version_id)::text FROM goose_db_version"))
}

// A backup of an older version becomes ours; one of a newer version is that version's.
func TestRestoreAcrossVersions(t *testing.T) {
	next, _ := nextVersion(t)
	g := newGround(t)
	old := backedUp(t, g.store, ignore)
	url := storetest.Empty(t)
	newer := storetest.OpenOwned(t, url).WithHistory(next)
	restored(t, newer, old, false)
	l := look(t, url)
	defer l.db.Close()
	require.Equal(t, "grey", l.text("SELECT colour FROM vms"))

	// An empty database of the newer version goes back first.
	url = storetest.Empty(t)
	migrated := storetest.OpenOwned(t, url).WithHistory(next)
	require.NoError(t, migrated.Migrate(t.Context()))
	restored(t, migrated, old, false)

	_, err := g.store.WithHistory(next).WriteBackup(t.Context(), io.Discard, "v2", ignore)
	require.True(t, fault.Is(err, fault.Conflict), "a program that does not know the shape does not know what to keep: %v", err)
	b, err := store.ReadBackup(reader(backedUp(t, newer, ignore)))
	require.NoError(t, err)
	_, err = storetest.OpenOwned(t, storetest.Empty(t)).RestoreBackup(t.Context(), b, false, ignore)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	require.Contains(t, err.Error(), "newer")
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestBackupWithoutRoom(t *testing.T) {
	_, err := newGround(t).store.WriteBackup(t.Context(), full{}, "v1", ignore)
	require.True(t, fault.Is(err, fault.Exhausted), "%v", err)
}

// rezipped is the backup with other entries, its zip whole.
func rezipped(t *testing.T, file []byte, change func(map[string][]byte)) []byte {
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	require.NoError(t, err)
	all := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		all[f.Name], err = io.ReadAll(r)
		require.NoError(t, err)
	}
	change(all)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	first := func(name string) int { return map[bool]int{true: 0, false: 1}[name == "novacron-backup"] }
	for _, name := range slices.SortedFunc(maps.Keys(all), func(a, b string) int { return first(a) - first(b) }) {
		e, err := w.Create(name)
		require.NoError(t, err)
		_, err = e.Write(all[name])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// described is the backup with another manifest.
func described(t *testing.T, file []byte, change func(*store.Backup)) []byte {
	return rezipped(t, file, func(all map[string][]byte) {
		var b store.Backup
		require.NoError(t, json.Unmarshal(all["manifest.json"], &b))
		change(&b)
		text, err := json.Marshal(b)
		require.NoError(t, err)
		all["manifest.json"] = text
	})
}
