// Package storetest gives each test a real Postgres database of its own, migrated and empty.
package storetest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"go.uber.org/goleak"

	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/migrations"
)

// New gives a fresh, migrated database that goes with the test. It is made on the server that
// NOVACRON_TEST_DATABASE_URL names (its user must be able to create databases), else on a private
// one that is started for this test process.
func New(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, URL(t))
}

// Open opens another Store, as another replica would.
func Open(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// OpenOwned opens it as the commands do.
func OpenOwned(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.OpenOwned(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// URL is New, for tests that open the database themselves, or twice.
func URL(t testing.TB) string {
	t.Helper()
	admin, err := server()
	if err != nil {
		t.Fatal("starting Postgres for tests: ", err)
	}
	ctx := context.WithoutCancel(t.Context())
	from, err := template(ctx, admin)
	if err != nil {
		t.Fatal("preparing the template database: ", err)
	}
	name := "novacron_t_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if err := execute(ctx, admin, "CREATE DATABASE "+name+" TEMPLATE "+from); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = execute(ctx, admin, "DROP DATABASE "+name+" WITH (FORCE)") })
	return at(admin, name)
}

// Empty is URL without the migrations.
func Empty(t testing.TB) string {
	t.Helper()
	admin, err := server()
	if err != nil {
		t.Fatal("starting Postgres for tests: ", err)
	}
	ctx := context.WithoutCancel(t.Context())
	name := "novacron_t_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if err := execute(ctx, admin, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = execute(ctx, admin, "DROP DATABASE "+name+" WITH (FORCE)") })
	return at(admin, name)
}

// Tenant adds an organisation to the database and gives its scope.
func Tenant(t testing.TB, s *store.Store, name string) fleet.Scope {
	t.Helper()
	tenant := &fleet.Tenant{ID: fleet.NewID(), Name: name}
	if err := s.InsertTenant(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	return fleet.Within(tenant.ID)
}

// Person adds somebody who has the role in the organisation.
func Person(t testing.TB, s *store.Store, scope fleet.Scope, u *fleet.User, role fleet.Role) *fleet.User {
	t.Helper()
	if u.ID == uuid.Nil {
		u.ID = fleet.NewID()
	}
	u.TenantID = scope.Tenant()
	if err := s.InsertUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	Grant(t, s, scope, u, role)
	return u
}

// Grant gives somebody a role in the organisation.
func Grant(t testing.TB, s *store.Store, scope fleet.Scope, u *fleet.User, role fleet.Role) {
	t.Helper()
	g := &fleet.Grant{ID: fleet.NewID(), TenantID: scope.Tenant(), UserID: u.ID, Role: role, Source: fleet.GrantByHand}
	if err := s.InsertGrant(t.Context(), g); err != nil {
		t.Fatal(err)
	}
}

// Ignore is for goleak: what this package and database/sql keep running on purpose.
func Ignore() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreTopFunction("github.com/novacron/novacron/internal/store/storetest.hold"),
		goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"),
	}
}

var server = sync.OnceValues(func() (string, error) {
	if u := os.Getenv("NOVACRON_TEST_DATABASE_URL"); u != "" {
		return u, nil
	}
	return start()
})

// at is the same server's other database.
func at(admin, name string) string {
	u, err := url.Parse(admin)
	if err != nil || u.Scheme == "" {
		return admin + " dbname=" + name
	}
	u.Path = "/" + name
	return u.String()
}

func execute(ctx context.Context, url, statement string) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(ctx, statement)
	return err
}

var templates struct {
	sync.Mutex
	name string
}

// template is a migrated database to copy, made once for each state of the migrations. Test processes
// that share a server take turns by an advisory lock.
func template(ctx context.Context, admin string) (string, error) {
	templates.Lock()
	defer templates.Unlock()
	if templates.name != "" {
		return templates.name, nil
	}
	name, err := fingerprint()
	if err != nil {
		return "", err
	}
	db, err := sql.Open("pgx", admin)
	if err != nil {
		return "", err
	}
	defer func() { _ = db.Close() }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(hashtext($1))", name); err != nil {
		return "", err
	}
	var there bool
	if err := conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil {
		return "", err
	}
	if !there {
		if err := prepare(ctx, conn, admin, name); err != nil {
			return "", err
		}
	}
	templates.name = name
	return name, nil
}

// prepare migrates under another name first: whoever sees the name sees a whole template.
func prepare(ctx context.Context, conn *sql.Conn, admin, name string) error {
	raw := name + "_raw"
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + raw + " WITH (FORCE)", "CREATE DATABASE " + raw + " TEMPLATE template0"} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	s, err := store.Open(ctx, at(admin, raw))
	if err != nil {
		return err
	}
	err = s.Migrate(ctx)
	_ = s.Close()
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "ALTER DATABASE "+raw+" RENAME TO "+name)
	return err
}

func fingerprint() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(migrations.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(migrations.FS, path)
		h.Write([]byte(path))
		h.Write(b)
		return err
	})
	return fmt.Sprintf("novacron_template_%x", h.Sum(nil)[:8]), err
}
