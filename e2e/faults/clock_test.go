package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// skew is added to the standard library's package time: libfaketime cannot reach Go programs, which read the clock
// without a call that could be caught. As with a real clock that is set, what measures durations is not touched.
const skew = `package time

import "syscall"

func set(name string) int64 {
	s, _ := syscall.Getenv(name)
	d, _ := ParseDuration(s)
	return int64(d)
}

var skew, within = set("NOVACRON_TEST_SKEW"), set("NOVACRON_TEST_WITHIN")

// skewed is by how many seconds the clock is off: from the beginning, or more and more.
func skewed(mono int64) int64 {
	if within == 0 {
		return skew / int64(Second)
	}
	return skew / int64(Second) * min(mono-startNano, within) / within
}
`

// skewed builds the program with a clock that is off by NOVACRON_TEST_SKEW, which it comes to be by and by if there is a NOVACRON_TEST_WITHIN.
func skewed(t *testing.T) string {
	t.Helper()
	if os.Getenv("NOVACRON_TEST_FAULTS") == "" {
		t.Skip("slow, and needs real hosts: see doc.go")
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	of := filepath.Join(strings.TrimSpace(string(root)), "src/time")
	text, err := os.ReadFile(filepath.Join(of, "time.go"))
	require.NoError(t, err)
	const clock = "sec, nsec, mono := runtimeNow()\n"
	now := strings.Replace(string(text), clock, clock+"\tsec += skewed(mono)\n", 1)
	require.NotEqual(t, string(text), now, "this Go reads its clock elsewhere")
	dir := t.TempDir()
	replace := map[string]string{}
	for name, text := range map[string]string{"time.go": now, "skew.go": skew} {
		replace[filepath.Join(of, name)] = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o644))
	binary := filepath.Join(dir, "novacron")
	out, err := exec.Command("go", "build", "-C", "../..", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, "./cmd/novacron").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return binary
}

// off is how far from ours the replica's clock is, by the Date of its answers.
func (p *replica) off() time.Duration {
	answer, err := http.Get(p.base + "/healthz")
	require.NoError(p.t, err)
	_ = answer.Body.Close()
	at, err := http.ParseTime(answer.Header.Get("Date"))
	require.NoError(p.t, err)
	return time.Until(at)
}

// Of two replicas one has a clock that is an hour off, or gains five minutes while they work. They work on the same operations all the same, also on those that
// have to be tried again, and one takes over from the other.
func TestClockOff(t *testing.T) {
	t.Setenv("NOVACRON_TEST_BINARY", skewed(t))
	for _, clock := range []struct {
		name        string
		off, within time.Duration
	}{
		{"a clock that is an hour ahead", time.Hour, 0},
		{"a clock that is an hour behind", -time.Hour, 0},
		{"a clock that gains 5 min in 30 s", 5 * time.Minute, 30 * time.Second},
	} {
		t.Run(clock.name, func(t *testing.T) {
			r := newRig(t, 1, 2)
			t.Cleanup(r.clear)
			r.env = append(r.env, "NOVACRON_TEST_SKEW="+clock.off.String(), "NOVACRON_TEST_WITHIN="+clock.within.String())
			right, wrong := r.replicas[0], newReplica(t, r)
			r.replicas = append(r.replicas, wrong)
			wrong.idle = wrong.use(r.admin)
			l := &ledger{}
			var asked atomic.Int64
			both := func() *client { return r.admin.at(r.replicas[asked.Add(1)%2]) }
			stormed := make(chan struct{})
			go func() { defer close(stormed); r.storm(l, both, 60) }()
			time.Sleep(time.Second)
			r.hosts[0].wire.cut() // what is asked of this host now has to be tried again, by either replica
			time.Sleep(calm)
			r.hosts[0].wire.mend()
			<-stormed
			r.ended(l, time.Now())
			r.until(clock.within+time.Second, "the replica's clock is off", func() bool { return (wrong.off() - clock.off).Abs() < 10*time.Second })
			failed := 0
			for id := range l.all {
				if o := r.admin.ended(id, time.Second); o.Status != "SUCCEEDED" {
					failed++
					t.Logf("%s %s: %+v", o.TargetName, o.Status, o.Error)
				}
			}
			fault := fmt.Sprintf("%s, of one of two replicas, and a host away %s", clock.name, seconds(calm))
			right.idle = right.use(r.admin) // with all its sessions, which stay
			r.report("F17", fault, "no operation fails", failed == 0 && len(l.all) == 60, "%d of %d failed", failed, len(l.all))

			more := &ledger{}
			for n := range 20 {
				_, op, err := both().create(context.Background(), r.hosts[n%2].id, fmt.Sprintf("late-%d", n), false)
				require.NoError(t, err)
				more.add(op)
			}
			wrong.kill()
			began := time.Now()
			r.replicas = []*replica{right}
			last := r.ended(more, began)
			r.report("F17", fault, "taken over ≤ 60 s", last <= time.Minute, "%s", seconds(last))
			r.check(more, time.Minute)
		})
	}
}
