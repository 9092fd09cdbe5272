package libvirt

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
)

// linuxGuest defines a VM of others that boots the small Linux from a disk in pool, and removes it at the end.
func linuxGuest(t *testing.T, d *Driver, pool string) drivers.Ref {
	t.Helper()
	image, name := linuxImage(t, d), unique("nvtest-")
	file, format, err := d.makeDisk(t.Context(), name, 0, name, drivers.DiskRequest{Pool: pool, Image: &image})
	require.NoError(t, err)
	ref := foreign(t, d, fmt.Sprintf(`<domain type='qemu'><name>%s</name><memory unit='MiB'>192</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/><apic/></features><devices>
<disk type='file' device='disk'><driver name='qemu' type='%s'/><source file='%s'/><target dev='vda' bus='virtio'/></disk>
<interface type='network'><source network='default'/><model type='virtio'/></interface>
<serial type='pty'><target port='0'/></serial><console type='pty'><target type='serial' port='0'/></console>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
<graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1' passwd='secret12'/><memballoon model='virtio'/></devices></domain>`, name, format, file))
	t.Cleanup(func() {
		ctx := context.Background()
		if _, err := d.Delete(ctx, ref, drivers.DeleteOptions{Snapshots: true, Disks: map[string]drivers.DiskFate{"vda": drivers.DiskDelete}}); err != nil {
			t.Errorf("deleting the guest: %v", err)
		}
	})
	return ref
}

// shell is a guest's serial console with somebody typing.
type shell struct {
	t *testing.T
	c io.ReadWriteCloser

	mu   sync.Mutex
	seen bytes.Buffer
	n    int
}

func openShell(t *testing.T, d *Driver, ref drivers.Ref) *shell {
	t.Helper()
	c, err := d.Console(t.Context(), ref, drivers.ConsoleRequest{Kind: drivers.ConsoleSerial})
	require.NoError(t, err)
	return readShell(t, c)
}

// readShell reads what a console shows from now on.
func readShell(t *testing.T, c io.ReadWriteCloser) *shell {
	t.Helper()
	s := &shell{t: t, c: c}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := c.Read(buf)
			s.mu.Lock()
			s.seen.Write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

// wait waits until the guest has printed something.
func (s *shell) wait(what string) string {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		s.mu.Lock()
		all := s.seen.String()
		s.mu.Unlock()
		if strings.Contains(all, what) {
			return all
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.t.Fatalf("the guest did not print %q within %v but\n%s", what, patience, s.seen.String())
	return ""
}

// run types a command and gives what it prints.
func (s *shell) run(command string) string {
	s.t.Helper()
	s.n++
	s.mu.Lock()
	s.seen.Reset()
	s.mu.Unlock()
	// The marks are computed, so that the echo of what is typed does not have them.
	_, err := fmt.Fprintf(s.c, "echo B$((%d+1000))E; %s; echo D$((%d+1000))E\n", s.n, command, s.n)
	require.NoError(s.t, err)
	all := s.wait(fmt.Sprintf("D%dE", s.n+1000))
	_, rest, _ := strings.Cut(all, fmt.Sprintf("B%dE", s.n+1000))
	out, _, _ := strings.Cut(rest, fmt.Sprintf("D%dE", s.n+1000))
	// The guest's network comes up when it likes, and says so in between.
	return strings.TrimSpace(regexp.MustCompile(`NET eth0 .*\r?\n`).ReplaceAllString(out, ""))
}

// bootShell starts the guest and waits until its shell answers.
func bootShell(t *testing.T, d *Driver, ref drivers.Ref) *shell {
	t.Helper()
	_, err := d.Power(t.Context(), ref, drivers.PowerStart)
	require.NoError(t, err)
	s := openShell(t, d, ref)
	s.wait("READY")
	s.run("stty -echo") // its echo would come back as output
	return s
}

// write puts a text between the disk's boot sector and its first partition, where nobody else writes.
func (s *shell) write(text string) {
	s.t.Helper()
	s.run("printf '%-512s' " + text + " | dd of=/dev/vda bs=512 seek=1 conv=notrunc,fsync 2>/dev/null; sync")
}

// read reads it back, from the disk itself.
func (s *shell) read() string {
	s.t.Helper()
	return s.run("echo 3 > /proc/sys/vm/drop_caches; dd if=/dev/vda bs=512 skip=1 count=1 2>/dev/null")
}
