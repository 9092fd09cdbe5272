package api

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/access"
)

// secretKinds are what secrets of ours and of others look like.
var secretKinds = map[string]*regexp.Regexp{
	"an API token":                     regexp.MustCompile(`ncr_[0-9a-z]{58}`),
	"a session's or a ticket's secret": regexp.MustCompile(`\b[0-9a-hjkmnp-tv-z]{52}\b`),
	"a session's cookie":               regexp.MustCompile(`novacron_session=[^\s;"]+`),
	"an Authorization header":          regexp.MustCompile(`(?i)\b(bearer|basic) [\w.~+/=-]{20,}`),
	"a JWT":                            regexp.MustCompile(`\beyJ[\w-]{10,}\.[\w-]{10,}\.`),
	"a password's hash":                regexp.MustCompile(`\$argon2id?\$`),
	"a private key":                    regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY`),
	"a password":                       regexp.MustCompile(`(?i)"?password"?[=:] ?"?[^\s",}{\[]{8,}`),
}

// secretsIn tells what kinds of secrets a text has, and which of the given ones.
func secretsIn(text string, given []string) (found []string) {
	for kind, looks := range secretKinds {
		if at := looks.FindStringIndex(text); at != nil {
			found = append(found, kind+": …"+text[max(0, at[0]-80):at[0]]+"…")
		}
	}
	for _, secret := range given {
		if at := strings.Index(text, secret); at >= 0 {
			found = append(found, "a secret that was given out: …"+text[max(0, at-80):at]+"…")
		}
	}
	slices.Sort(found)
	return found
}

// keepsSecrets fails the test when the server has written a secret to its log at its most talkative, or, where people
// may look at it, into the database: the audit log, operations and events.
func (s *server) keepsSecrets(t testing.TB) {
	log, err := os.ReadFile(s.log.Name())
	if err != nil {
		t.Error(err)
		return
	}
	for _, found := range secretsIn(string(log), s.given) {
		t.Errorf("the log has %s", found)
	}
	ctx, done := context.WithTimeout(context.Background(), 30*time.Second)
	defer done()
	db, err := pgx.Connect(ctx, s.setting("NOVACRON_DATABASE_URL"))
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = db.Close(ctx) }()
	for _, table := range []string{"audit", "operations", "events"} {
		var rows string
		if err := db.QueryRow(ctx, "SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM "+table+" t").Scan(&rows); err != nil {
			t.Error(err)
		}
		for _, found := range secretsIn(rows, s.given) {
			t.Errorf("the table %s has %s", table, found)
		}
	}
}

func (s *server) setting(name string) (value string) {
	for _, v := range s.env {
		if after, ok := strings.CutPrefix(v, name+"="); ok {
			value = after
		}
	}
	return value
}

// TestSecretsAreFound: what looks for secrets would find them.
func TestSecretsAreFound(t *testing.T) {
	_, token := access.NewAPIToken([16]byte{}, [16]byte{}, "", "", nil)
	for kind, text := range map[string]string{
		"an API token":                     `level=DEBUG msg=x token=` + token,
		"a session's or a ticket's secret": `path=/console/` + access.NewSecret(),
		"a session's cookie":               `cookie="__Host-novacron_session=x"`,
		"an Authorization header":          `header="Bearer abcdefghijklmnopqrstuvwxyz"`,
		"a JWT":                            `eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0In0.x`,
		"a password's hash":                access.HashPassword("x"),
		"a private key":                    "-----BEGIN RSA PRIVATE KEY-----",
		"a password":                       `input={"name":"x","password":"correct-horse"}`,
	} {
		require.Contains(t, secretKinds, kind)
		assert.Regexp(t, "^"+regexp.QuoteMeta(kind), strings.Join(secretsIn(text, nil), "\n"), text)
	}
	assert.Len(t, secretsIn("x hunter2", []string{"hunter2"}), 1)
	assert.Empty(t, secretsIn(`level=WARN msg="sign-in refused" name=admin peer=127.0.0.1 id=`+strings.Repeat("a", 64)+` error="the name or the password is wrong"`, []string{"hunter2"}))
}
