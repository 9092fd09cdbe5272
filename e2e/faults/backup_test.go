package faults

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// names are the VMs that a host has, as it says itself.
func (h *host) names(t *testing.T) []string {
	all := strings.Fields(h.virsh(t, "list", "--all", "--name"))
	slices.Sort(all)
	return all
}

// renew loses the database and makes an empty one.
func (p *postgres) renew() {
	p.t.Helper()
	u, err := url.Parse(p.base)
	require.NoError(p.t, err)
	u.Path = "/postgres"
	db, err := sql.Open("pgx", u.String())
	require.NoError(p.t, err)
	defer func() { _ = db.Close() }()
	for _, statement := range []string{"DROP DATABASE novacron WITH (FORCE)", "CREATE DATABASE novacron"} {
		_, err = db.Exec(statement)
		require.NoError(p.t, err, statement)
	}
}

// The database is lost, and what is left is a backup of some time ago, made in the middle of work. The hosts have
// gone on meanwhile: more VMs, one less, and some half made.
func TestDatabaseLost(t *testing.T) {
	r := newRig(t, 1, 2)
	vms := r.seed(5)
	calm, busy, p := r.hosts[0], r.hosts[1], r.replicas[0]
	create := func(h *host, name string) (vm, op string) {
		vm, op, err := r.admin.create(context.Background(), h.id, name, false)
		require.NoError(t, err)
		return vm, op
	}
	act := func(verb, id string) operation {
		op, err := r.admin.act(context.Background(), verb, id, nil)
		require.NoError(t, err)
		return r.admin.ended(op, time.Minute)
	}

	// In the backup these are under way: their host does not answer.
	busy.do(t, "freeze")
	t.Cleanup(func() { busy.do(t, "thaw") })
	accepted, under := &ledger{}, []string{}
	for n := range 5 {
		_, op := create(busy, fmt.Sprintf("half-made-%d", n))
		under = append(under, op)
	}
	started := vms[busy.id][0]
	op, err := r.admin.act(context.Background(), "startVM", started, nil)
	require.NoError(t, err)
	under = append(under, op)
	for _, op := range under {
		accepted.add(op)
	}
	file := filepath.Join(r.dir, "novacron.zip")
	began := time.Now()
	r.command("backup", "--to", file)
	backupTook := time.Since(began)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	busy.do(t, "thaw")

	// And this is not in it.
	r.ended(accepted, time.Now())
	const newer = 3
	for n := range newer {
		_, op := create(calm, fmt.Sprintf("newer-%d", n))
		require.Equal(t, "SUCCEEDED", r.admin.ended(op, time.Minute).Status)
	}
	lost, err := r.admin.act(context.Background(), "deleteVM", vms[calm.id][0], nil)
	require.NoError(t, err)
	require.Equal(t, "SUCCEEDED", r.admin.ended(lost, time.Minute).Status)
	for n := range 20 {
		create(r.hosts[n%2], fmt.Sprintf("last-%d", n))
	}
	p.kill()
	there := map[string][]string{} // by host
	for _, h := range r.hosts {
		there[h.name] = h.names(t)
	}
	r.postgres.renew()

	began = time.Now()
	r.command("restore", "--from", file)
	restored := time.Since(began)
	p.start()
	r.until(5*time.Minute, "the lists are right", func() bool {
		for _, h := range r.hosts {
			if r.admin.provider(h.id).Status != "CONNECTED" || r.worse(h) != "" {
				return false
			}
		}
		return true
	})
	right := time.Since(began)
	p.idle = p.use(r.admin) // it is another process, and has asked its hosts for each VM

	for _, h := range r.hosts {
		assert.Subset(t, h.names(t), there[h.name], "what %s had", h.name)
	}
	for _, id := range under {
		o, err := r.admin.operation(context.Background(), id)
		require.NoError(t, err)
		require.Equal(t, "FAILED", o.Status, "what was under way in the backup: %s", o.Kind)
		require.Equal(t, "CONFLICT", o.Error.Code)
		require.NotEmpty(t, o.Error.Remedy)
	}
	o, err := r.admin.operation(context.Background(), lost)
	require.NoError(t, err)
	require.Empty(t, o.ID, "what came after the backup is lost")
	// Life goes on, with what was busy and with what was found.
	require.Equal(t, "SUCCEEDED", act("powerOffVM", started).Status)
	managed := 0
	for _, v := range r.admin.vms(calm.id) {
		if !strings.HasPrefix(v.Name, "newer-") {
			continue
		}
		var got struct{ VM struct{ Management string } }
		r.admin.must(&got, `query($id: ID!) { vm(id: $id) { management } }`, vars{"id": v.ID})
		if got.VM.Management == "MANAGED" {
			managed++
		}
		require.Equal(t, "SUCCEEDED", act("startVM", v.ID).Status, v.Name)
	}
	_, op = create(calm, "after")
	require.Equal(t, "SUCCEEDED", r.admin.ended(op, time.Minute).Status)
	// What was deleted is told to be missing; three lists, which somebody may ask for, and it is forgotten.
	forgotten := r.until(3*time.Minute, "what was deleted is forgotten", func() bool {
		for _, h := range r.hosts {
			var got any
			r.admin.must(&got, `mutation($in: RefreshProviderInput!) { refreshProvider(input: $in) { provider { id } } }`, vars{"in": vars{"id": h.id}})
		}
		time.Sleep(3 * time.Second)
		return r.difference(calm) == "" && r.difference(busy) == ""
	})
	r.check(accepted, time.Minute)
	r.report("F28", "the database is lost, the last backup restored", "RTO ≤ 5 min, newer VMs are managed again, none is deleted", right <= 5*time.Minute && managed == newer && !t.Failed(),
		"backup %s, restore %s, lists right after %s; %d of %d newer VMs managed; forgotten when read again after %s",
		seconds(backupTook), seconds(restored), seconds(right), managed, newer, seconds(forgotten))
}

// worse is difference without what the list itself calls missing.
func (r *rig) worse(h *host) string {
	missing := map[string]bool{}
	for _, v := range r.admin.vms(h.id) {
		if v.Status == "UNKNOWN" && v.MissingSince != "" {
			missing[v.Name+" is UNKNOWN here and not at the host"] = true
		}
	}
	var wrong []string
	for _, w := range strings.Split(r.difference(h), "; ") {
		if w != "" && !missing[w] {
			wrong = append(wrong, w)
		}
	}
	return strings.Join(wrong, "; ")
}

// refused runs a command that has to fail, and gives what it said.
func (r *rig) refused(args ...string) (said string, failed bool) {
	cmd := exec.Command(os.Getenv("NOVACRON_TEST_BINARY"), args...)
	cmd.Env = r.env
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	return string(out), errors.As(err, &exit) && exit.ExitCode() == 1
}

// What is no backup, or has no place to go, is refused in words, and the database stays as it was.
func TestRestoreRefused(t *testing.T) {
	r := newRig(t, 1, 1)
	r.seed(1)
	file := filepath.Join(r.dir, "novacron.zip")
	r.command("backup", "--to", file)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	bad := filepath.Join(r.dir, "bad.zip")
	tried, refused := 0, 0
	try := func(of []byte, says string, args ...string) bool {
		require.NoError(t, os.WriteFile(bad, of, 0o600))
		said, failed := r.refused(append([]string{"restore", "--from", bad}, args...)...)
		t.Log(said)
		return failed && strings.Contains(said, says)
	}
	count := func(ok bool) {
		if tried++; ok {
			refused++
		}
	}
	count(try(text[:len(text)/2], "damaged"))
	count(try([]byte("hello"), "no backup"))
	count(try(nil, "no backup"))
	count(try(text, "Stop all replicas", "--force"))
	p := r.replicas[0]
	p.kill()
	r.until(10*time.Second, "PostgreSQL knows that the server has gone", func() bool { return !try(text, "Stop all replicas") })
	count(try(text, "has data"))
	_, failed := r.refused("backup", "--to", filepath.Join(r.dir, "nowhere", "novacron.zip"))
	count(failed)
	p.start()
	r.check(&ledger{}, time.Minute)
	r.report("F28", "a file that is no backup, a cut one, a database in use or with data", "refused in words, nothing changed", refused == tried && !t.Failed(),
		"%d of %d refused", refused, tried)
}
