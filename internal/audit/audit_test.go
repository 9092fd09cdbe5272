package audit

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, storetest.Ignore()...) }

// log is an audit log with a keeper, and the database's owner.
type log struct {
	t      *testing.T
	url    string
	store  *store.Store
	keeper *Keeper
	db     *sql.DB
	scope  fleet.Scope
	ann    *fleet.User
}

func newLog(t *testing.T) *log {
	l := &log{t: t, url: storetest.URL(t)}
	l.store = storetest.Open(t, l.url)
	l.keeper = NewKeeper(l.store, Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	l.scope = storetest.Tenant(t, l.store, "acme")
	l.ann = storetest.Person(t, l.store, l.scope, &fleet.User{Name: "ann@acme.example"}, fleet.RoleOwner)
	var err error
	l.db, err = sql.Open("pgx", l.url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.db.Close() })
	return l
}

func (l *log) line(action string, detail map[string]any) *fleet.AuditEntry {
	return &fleet.AuditEntry{TenantID: l.scope.Tenant(), Actor: l.ann.Name, UserID: &l.ann.ID, Address: "192.0.2.7", RequestID: "r1", Action: action, Detail: detail}
}

func (l *log) write(n int) {
	l.t.Helper()
	for i := range n {
		require.NoError(l.t, l.store.Audit(l.t.Context(), l.line("startVM", map[string]any{"n": i, "why": "ünicode\n\"<b>\"", "part": 0.5, "none": nil})))
	}
}

func (l *log) seal() {
	l.t.Helper()
	_, err := l.keeper.Seal(l.t.Context(), false)
	require.NoError(l.t, err)
}

func (l *log) verify(head string) Verdict {
	l.t.Helper()
	v, err := Verify(l.t.Context(), l.store, head)
	require.NoError(l.t, err)
	return v
}

// owner does what only the database's owner can.
func (l *log) owner(statement string) {
	l.t.Helper()
	_, err := l.db.ExecContext(l.t.Context(), statement)
	require.NoError(l.t, err, statement)
}

func TestSealed(t *testing.T) {
	l := newLog(t)
	l.seal()
	assert.Equal(t, Verdict{}, l.verify(""), "an empty log is whole")
	for range 3 {
		l.write(40)
		l.seal()
		l.seal()
	}
	v := l.verify("")
	assert.EqualValues(t, 120, v.Lines)
	assert.EqualValues(t, 3, v.Seals)
	assert.Empty(t, v.Findings)
	assert.Empty(t, l.verify(Head(v.Head)).Findings)
	l.write(sealedAtOnce + 1)
	l.seal()
	later := l.verify(Head(v.Head))
	assert.Empty(t, later.Findings, "a log that went on still has the seal")
	assert.EqualValues(t, 5, later.Seals)
}

// sealedAtOnce is more lines than one seal holds.
const sealedAtOnce = 1000

// A line that is committed after later ones have been sealed gets into a seal all the same.
func TestLateCommit(t *testing.T) {
	for name, later := range map[string]int{"soon": 5, "long after": 2500} {
		t.Run(name, func(t *testing.T) {
			l := newLog(t)
			tx, err := l.db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			_, err = tx.ExecContext(t.Context(), `INSERT INTO audit (tenant_id, actor, action) VALUES ($1, 'late', 'startVM')`, l.scope.Tenant())
			require.NoError(t, err)
			_, err = l.db.ExecContext(t.Context(), `INSERT INTO audit (tenant_id, actor, action) SELECT $1, 'ann', 'startVM' FROM generate_series(1, $2)`, l.scope.Tenant(), later)
			require.NoError(t, err)
			l.seal()
			require.NoError(t, tx.Commit())
			_, err = l.keeper.Seal(t.Context(), later > 2000)
			require.NoError(t, err)
			v := l.verify("")
			assert.Empty(t, v.Findings)
			assert.EqualValues(t, later+1, v.Lines)
			n, err := l.store.CountUnsealed(t.Context(), 0)
			require.NoError(t, err)
			assert.Zero(t, n)
		})
	}
}

// Whatever the database's owner changes is found.
func TestTampered(t *testing.T) {
	for name, c := range map[string]struct{ statement, says string }{
		"who":             {`UPDATE audit SET actor = 'bob' WHERE id = 7`, "the line 7 of .* has been changed"},
		"from where":      {`UPDATE audit SET address = '198.51.100.1' WHERE id = 7`, "the line 7 of .* has been changed"},
		"by which user":   {`UPDATE audit SET user_id = gen_random_uuid() WHERE id = 7`, "the line 7 of .* has been changed"},
		"what":            {`UPDATE audit SET action = 'stopVM' WHERE id = 7`, "the line 7 of .* has been changed"},
		"the outcome":     {`UPDATE audit SET outcome = 'DENIED' WHERE id = 7`, "the line 7 of .* has been changed"},
		"a detail":        {`UPDATE audit SET detail = '{"n": 8}' WHERE id = 7`, "the line 7 of .* has been changed"},
		"when":            {`UPDATE audit SET at = at + interval '1 s' WHERE id = 7`, "the line 7 of .* has been changed"},
		"whose":           {`UPDATE audit SET tenant_id = gen_random_uuid() WHERE id = 7`, "the line 7 of .* has been changed"},
		"who, forgotten":  {`UPDATE audit SET actor = 'bob', salt = NULL WHERE id = 7`, "the line 7 of .* has been changed"},
		"who, rehashed":   {`UPDATE audit SET actor = 'bob', personal = audit_personal(salt, 'bob', address, target_type, target_name) WHERE id = 7`, "the line 7 of .* has been changed"},
		"a line removed":  {`DELETE FROM audit WHERE id = 7`, "the line 7 of .* has been removed"},
		"the last line":   {`DELETE FROM audit WHERE id = 30`, "the line 30 of .* has been removed"},
		"a seal removed":  {`DELETE FROM audit_seals WHERE n = 2`, "the seals 2 to 2 are missing"},
		"the last seal":   {`DELETE FROM audit_seals WHERE n = 3`, "which was kept elsewhere, is not in the chain"},
		"a seal's leaves": {`UPDATE audit_seals SET leaves = substr(leaves, 33) || substr(leaves, 1, 32) WHERE n = 2`, "the seal 2 does not follow"},
		"a seal's lines":  {`UPDATE audit_seals SET ids = ids - '{[15,16)}' WHERE n = 2`, "the seal 2 holds other lines"},
		"a line put in": {`INSERT INTO audit (tenant_id, actor, action, at) SELECT tenant_id, 'bob', 'startVM', now() - interval '2 days' FROM audit LIMIT 1`,
			"1 lines are in no seal"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLog(t)
			for range 3 {
				l.write(10)
				l.seal()
			}
			head := Head(l.verify("").Head)
			require.Empty(t, l.verify(head).Findings)
			l.owner(c.statement)
			assert.Regexp(t, c.says, strings.Join(l.verify(head).Findings, "\n"))
		})
	}
	t.Run("another chain", func(t *testing.T) {
		l := newLog(t)
		l.write(10)
		l.seal()
		head := Head(l.verify("").Head)
		l.owner(`DELETE FROM audit_seals; UPDATE audit SET action = 'stopVM' WHERE id = 7`)
		l.seal()
		assert.Empty(t, l.verify("").Findings, "made anew, it is whole")
		assert.Len(t, l.verify(head).Findings, 1, "but not the one that was kept elsewhere")
	})
}

// Somebody is forgotten, and the log still proves everything else.
func TestForgotten(t *testing.T) {
	l := newLog(t)
	l.write(5)
	about := l.line("grantRole", nil)
	about.Actor, about.UserID, about.TargetType, about.TargetID, about.TargetName = "bob", nil, fleet.TargetPerson, &l.ann.ID, l.ann.Name
	require.NoError(t, l.store.Audit(t.Context(), about))
	l.seal()
	head := Head(l.verify("").Head)
	_, err := l.store.ForgetInAudit(t.Context(), l.ann.ID)
	require.Error(t, err, "the server's own role may not")
	n, err := storetest.OpenOwned(t, l.url).ForgetInAudit(t.Context(), l.ann.ID)
	require.NoError(t, err)
	assert.EqualValues(t, 6, n)
	v := l.verify(head)
	assert.Empty(t, v.Findings)
	assert.EqualValues(t, 6, v.Lines)
	all, err := l.store.AuditEntries(t.Context(), l.scope, fleet.AuditFilter{}, 0, 10)
	require.NoError(t, err)
	said := fmt.Sprint(all[0].Actor, all[0].TargetName, all[1].Actor, all[1].Address)
	assert.Equal(t, "bob"+fleet.Forgotten+fleet.Forgotten, said)
	l.write(1)
	l.seal()
	assert.Empty(t, l.verify(head).Findings)
}

// What is older than its time goes with its month, and only that.
func TestMonths(t *testing.T) {
	l := newLog(t)
	l.owner(`INSERT INTO audit (tenant_id, actor, action, at) SELECT (SELECT id FROM tenants LIMIT 1), 'ann', 'startVM', now() - d * interval '1 day' FROM generate_series(0, 800, 10) d`)
	l.owner(`SELECT audit_months(0)`)
	count := func(where string) (n int) {
		require.NoError(t, l.db.QueryRowContext(t.Context(), `SELECT count(*) FROM audit WHERE `+where).Scan(&n))
		return n
	}
	assert.Equal(t, 37, count("at > now() - interval '365 days 1 minute'"))
	assert.Zero(t, count("at < now() - interval '400 days'"))
	l.owner(`INSERT INTO audit (tenant_id, actor, action, at) SELECT (SELECT id FROM tenants LIMIT 1), 'ann', 'startVM', now() + interval '3 months'`)
	assert.Equal(t, 1, count("tableoid = 'audit_rest'::regclass"), "a month that is not there yet refuses nothing")

	said, err := l.store.AuditMonths(t.Context(), 500)
	require.NoError(t, err)
	assert.NotEmpty(t, said, "who keeps it for longer has the months for it")
	said, err = l.store.AuditMonths(t.Context(), -500)
	require.NoError(t, err)
	assert.NotEmpty(t, said)
	assert.Equal(t, 37, count("at BETWEEN now() - interval '365 days 1 minute' AND now()"), "nobody makes a year shorter")
}

// A backup brings the log with its seals.
func TestRestored(t *testing.T) {
	l := newLog(t)
	l.write(25)
	l.seal()
	head := Head(l.verify("").Head)
	var file bytes.Buffer
	_, err := storetest.OpenOwned(t, l.url).WriteBackup(t.Context(), &file, "v1", func(store.BackupTable) {})
	require.NoError(t, err)
	b, err := store.ReadBackup(bytes.NewReader(file.Bytes()), int64(file.Len()))
	require.NoError(t, err)
	empty := storetest.OpenOwned(t, storetest.Empty(t))
	_, err = empty.RestoreBackup(t.Context(), b, false, func(store.BackupTable) {})
	require.NoError(t, err)
	_, err = NewKeeper(empty, l.keeper.o).Seal(t.Context(), false)
	require.NoError(t, err)
	v, err := Verify(t.Context(), empty, head)
	require.NoError(t, err)
	assert.Empty(t, v.Findings)
	assert.EqualValues(t, 26, v.Lines, "and the restore itself")
}
