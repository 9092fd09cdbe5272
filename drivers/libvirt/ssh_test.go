package libvirt

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// sshKey makes a key pair: the private one in OpenSSH's format, the public one as a line.
func sshKey(t testing.TB) (private, public []byte) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	block, err := ssh.MarshalPrivateKey(key, "")
	must(t, err)
	line, err := ssh.NewPublicKey(pub)
	must(t, err)
	return pem.EncodeToMemory(block), ssh.MarshalAuthorizedKey(line)
}

// onHost is a command inside the first test host.
func onHost(t testing.TB, command ...string) *exec.Cmd {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	initPID, err := os.ReadFile(filepath.Join(testHosts(t), "hosta/init.pid"))
	must(t, err)
	return exec.Command("nsenter", append([]string{"-t", strings.TrimSpace(string(initPID)), "-m", "-n", "--"}, command...)...)
}

// sshHost runs a real sshd inside the first test host and gives the way to it.
func sshHost(t testing.TB, options string) drivers.Config {
	t.Helper()
	root := testHosts(t)
	sshd, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		t.Skip("needs sshd")
	}
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	write := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		must(t, os.WriteFile(p, b, 0o600))
		return p
	}
	hostKey, hostPub := sshKey(t)
	key, pub := sshKey(t)
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is likely free there too
	must(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	conf := write("sshd_config", []byte("Port "+strconv.Itoa(port)+"\nHostKey "+write("host_key", hostKey)+
		"\nAuthorizedKeysFile "+write("authorized_keys", pub)+"\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\n"+options+"\n"))
	cmd := onHost(t, "/bin/sh", "-c", "mkdir -p /run/sshd; exec "+sshd+" -D -e -f "+conf)
	log, err := os.Create(filepath.Join(dir, "log"))
	must(t, err)
	cmd.Stderr = log
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		b, _ := os.ReadFile(log.Name())
		if t.Failed() {
			t.Logf("sshd: %s", b)
		}
	})
	c := drivers.Config{Kind: drivers.KindLibvirt, Transport: drivers.TransportSSH, Host: hostAddress(t, root), Port: port,
		Accelerator: drivers.AcceleratorQEMU, Secrets: drivers.Secrets{SSHKey: key, SSHHostKey: hostPub}}
	eventually(t, "sshd listens", func() bool {
		n, err := net.Dial("tcp", net.JoinHostPort(c.Host, strconv.Itoa(port)))
		if err == nil {
			_ = n.Close()
		}
		return err == nil
	})
	return c
}

func TestOpenBySSH(t *testing.T) {
	c := sshHost(t, "")
	d, err := Open(t.Context(), c)
	must(t, err)
	defer d.Close()
	began := time.Now()
	must(t, d.Ping(t.Context()))
	t.Logf("ping in %v; %+v", time.Since(began), d.Info())
	for range d.List(t.Context(), drivers.ListOptions{}) { //nolint:revive // that it ends is the test
	}
	if i := d.Info(); i.Encryption != "SSH" || !strings.HasPrefix(i.URI, "qemu+ssh://root@") {
		t.Errorf("%+v", i)
	}
	other, otherPub := sshKey(t)
	wrong := c
	wrong.Secrets.SSHHostKey = otherPub
	if _, err := Open(t.Context(), wrong); fault.Of(err).Field != "sshHostKey" || fault.KindOf(err) != fault.Invalid {
		t.Errorf("another host key: %v", err)
	}
	wrong = c
	wrong.Secrets.SSHKey = other
	if _, err := Open(t.Context(), wrong); fault.Of(err).Field != "sshKey" || fault.KindOf(err) != fault.Invalid {
		t.Errorf("another key: %v", err)
	}
	wrong.Port = 16514
	if _, err := Open(t.Context(), wrong); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a port of something else: %v", err)
	}
}

func TestSSHWithoutForwarding(t *testing.T) {
	for _, option := range []string{"AllowStreamLocalForwarding no", "DisableForwarding yes"} {
		_, err := Open(t.Context(), sshHost(t, option))
		if f := fault.Of(err); f == nil || f.Kind != fault.Unavailable || !strings.Contains(f.Remedy, option) {
			t.Errorf("%s: %v", option, err)
		}
	}
}
