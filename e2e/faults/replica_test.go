package faults

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// replica is one API process.
type replica struct {
	t    *testing.T
	env  []string
	base string
	log  string
	cmd  *exec.Cmd
	idle use           // what this process took once it had settled
	done chan struct{} // closed when it has ended
}

func newReplica(t *testing.T, r *rig) *replica {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	p := &replica{t: t, base: "http://" + address, log: filepath.Join(r.dir, fmt.Sprintf("replica-%d.log", len(r.replicas)))}
	p.env = append(append([]string{}, r.env...), "NOVACRON_LISTEN="+address)
	p.start()
	t.Cleanup(func() {
		p.signal(syscall.SIGCONT)
		p.signal(syscall.SIGKILL)
		<-p.done
	})
	return p
}

// start runs it until it is ready.
func (p *replica) start() {
	p.t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(p.t, err)
	defer func() { _ = log.Close() }()
	p.cmd = exec.Command(os.Getenv("NOVACRON_TEST_BINARY"), "serve")
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.env, log, log
	require.NoError(p.t, p.cmd.Start())
	p.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) { _ = cmd.Wait(); close(done) }(p.cmd, p.done)
	for began := time.Now(); !p.ready(); time.Sleep(50 * time.Millisecond) {
		select {
		case <-p.done:
			p.t.Fatal("the replica has ended: ", p.tail())
		default:
		}
		if time.Since(began) > time.Minute {
			p.t.Fatal("the replica does not get ready: ", p.tail())
		}
	}
}

func (p *replica) ready() bool {
	c := http.Client{Timeout: 2500 * time.Millisecond} // it gives its database two
	r, err := c.Get(p.base + "/readyz")
	if err != nil {
		return false
	}
	_ = r.Body.Close()
	return r.StatusCode == http.StatusOK
}

func (p *replica) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// kill is kill -9.
func (p *replica) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// use is what the process takes of the machine.
type use struct{ goroutines, threads, descriptors, rss int }

// grown reports growth beyond what a few clients more or less and the pools of PostgreSQL (12) and Redis (20) explain, and of each host the sessions that whoever reads
// it keeps, a handful of descriptors each: a replica that had no host may have all of them now. Threads are never given back: there are as many as there were calls of libvirt's at once.
func (u use) grown(before use, hosts int) bool {
	return u.goroutines > before.goroutines+100+4*hosts || u.descriptors > before.descriptors+70+10*hosts || u.threads > before.threads+20+2*hosts
}

func (p *replica) use(c *client) use {
	m := c.metrics(p.base)
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	threads := 0
	for line := range strings.Lines(string(status)) {
		if n, ok := strings.CutPrefix(line, "Threads:"); ok {
			threads, _ = strconv.Atoi(strings.TrimSpace(n))
		}
	}
	return use{int(m["go_goroutines"]), threads, int(m["process_open_fds"]), int(m["process_resident_memory_bytes"])}
}

// tail is the log's end, for whoever has to find out.
func (p *replica) tail() string {
	file, err := os.Open(p.log)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = file.Close() }()
	var lines []string
	for s := bufio.NewScanner(file); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// complaints are lines of the log that a fault must not cause: our own errors and crashes.
func (p *replica) complaints() (all []string) {
	text, err := os.ReadFile(p.log)
	require.NoError(p.t, err)
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "level=ERROR") || strings.HasPrefix(line, "panic:") || strings.Contains(line, "DATA RACE") || strings.HasPrefix(line, "fatal error:") {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}
