package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// rig is one whole NovaCron with its ground: everything in it belongs to one test, but the hosts.
type rig struct {
	t        *testing.T
	dir      string
	postgres *postgres
	redis    *redisServer
	env      []string
	replicas []*replica
	admin    *client
	hosts    []*host
}

// host is one real libvirt host, and what NovaCron calls it.
type host struct {
	name, address string
	wire          *wire // between NovaCron and its libvirtd
	id            string
}

// newRig starts replicas and connects that many hosts; it waits until all of them are read.
func newRig(t *testing.T, replicas, hosts int) *rig {
	t.Helper()
	skipUnlessWanted(t)
	r := &rig{t: t, dir: t.TempDir()}
	t.Cleanup(r.confess)
	require.NoError(t, os.Chmod(r.dir, 0o755)) // PostgreSQL is another user
	r.postgres, r.redis = startPostgres(t), startRedis(t, r.dir)
	r.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, "TMPDIR=" + r.dir,
		"NOVACRON_DATABASE_URL=" + r.postgres.url(), "NOVACRON_REDIS_URL=" + r.redis.url(),
		"NOVACRON_SECRETS_KEY_FILE=" + filepath.Join(r.dir, "secrets.json"), "NOVACRON_LOCAL_LIBVIRT=off",
		"NOVACRON_TINY_IMAGE=" + os.Getenv("NOVACRON_TEST_IMAGE"), "NOVACRON_LOG=info",
	}
	r.command("migrate")
	r.command("bootstrap")
	token := strings.TrimSpace(r.command("token", "create", "--role", "admin"))
	for range replicas {
		r.replicas = append(r.replicas, newReplica(t, r))
	}
	r.admin = &client{t: t, base: r.replicas[0].base, token: token}
	for _, h := range testHosts(t) {
		if len(r.hosts) == hosts {
			break
		}
		r.connect(h)
	}
	require.Len(t, r.hosts, hosts, "hosts that are up")
	for _, h := range r.hosts {
		r.until(time.Minute, h.name+" is connected and listed", func() bool {
			p := r.admin.provider(h.id)
			return p.Status == "CONNECTED" && p.LastSyncAt != ""
		})
	}
	for _, p := range r.replicas {
		p.idle = p.use(r.admin)
	}
	return r
}

func skipUnlessWanted(t *testing.T) {
	t.Helper()
	if os.Getenv("NOVACRON_TEST_FAULTS") == "" {
		t.Skip("slow, and needs real hosts: see doc.go")
	}
}

// testHosts are those of the set that NOVACRON_TEST_HOSTS names.
func testHosts(t *testing.T) []*host {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(os.Getenv("NOVACRON_TEST_HOSTS"), "hosts.json"))
	require.NoError(t, err)
	var all []struct{ Name, Address string }
	require.NoError(t, json.Unmarshal(text, &all))
	var hosts []*host
	for _, h := range all {
		hosts = append(hosts, &host{name: h.Name, address: h.Address})
	}
	return hosts
}

// connect adds the host as a provider, reached through a wire that can be cut.
func (r *rig) connect(h *host) {
	// The wire dials for one connection after the other: a host that swallows packets would hold up those that come after
	// its return, for as long as the kernel tries, which is two minutes.
	h.wire = newWire(r.t, relay(r.t, h.address+":16514", func() {}))
	pem := func(name string) string {
		text, err := os.ReadFile(filepath.Join(os.Getenv("NOVACRON_TEST_HOSTS"), "pki", name))
		require.NoError(r.t, err)
		return string(text)
	}
	var got struct {
		AddProvider struct{ Provider struct{ ID string } }
	}
	r.admin.must(&got, `mutation($in: AddProviderInput!) { addProvider(input: $in) { provider { id } } }`, vars{"in": vars{
		"name": h.name, "transport": "TLS", "host": "127.0.0.1", "port": h.wire.port(), "accelerator": "QEMU",
		"credentials": vars{"caCertificate": pem("cacert.pem"), "clientCertificate": pem("clientcert.pem"), "clientKey": pem("clientkey.pem")},
	}})
	h.id = got.AddProvider.Provider.ID
	r.hosts = append(r.hosts, h)
}

// command runs a command of the binary and gives its standard output.
func (r *rig) command(args ...string) string {
	r.t.Helper()
	var out, problem bytes.Buffer
	cmd := exec.Command(os.Getenv("NOVACRON_TEST_BINARY"), args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = r.env, &out, &problem
	require.NoError(r.t, cmd.Run(), "novacron %v: %s", args, &problem)
	return out.String()
}

// do breaks or mends a host: the verbs of e2e/hosts/hosts.sh.
func (h *host) do(t *testing.T, verb string, args ...string) string {
	t.Helper()
	cmd := exec.Command("../hosts/hosts.sh", append([]string{verb, h.name}, args...)...)
	cmd.Env = append(os.Environ(), "NOVACRON_HOSTS_DIR="+os.Getenv("NOVACRON_TEST_HOSTS"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "hosts.sh %s %s: %s", verb, h.name, out)
	return string(out)
}

// virsh asks the host itself, past NovaCron.
func (h *host) virsh(t *testing.T, args ...string) string {
	t.Helper()
	return h.do(t, "exec", append([]string{"virsh", "-q"}, args...)...)
}

// until waits for something that has to come, and gives the time that it took.
func (r *rig) until(most time.Duration, what string, ok func() bool) time.Duration {
	r.t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > most {
			for _, p := range r.replicas {
				r.t.Log(p.tail())
			}
			r.t.Fatalf("not within %s: %s", most, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(began)
}

// say is a progress line: a run takes an hour.
func (r *rig) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %-28s %s\n", time.Now().Format("15:04:05"), r.t.Name(), fmt.Sprintf(format, args...))
}
