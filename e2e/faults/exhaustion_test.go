package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// alive reports whether it is the same process as before.
func (p *replica) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Somebody takes all descriptors that a replica may have. Who comes then waits or is refused; when there are some
// again it goes on as if nothing had been.
func TestOutOfDescriptors(t *testing.T) {
	r := newRig(t, 1, 1)
	vms, p := r.seed(2)[r.hosts[0].id], r.replicas[0]
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	require.NoError(t, err)
	var before unix.Rlimit
	require.NoError(t, unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &before))
	few := before
	few.Cur = uint64(len(open) + 10)
	require.NoError(t, unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, &few, nil))
	t.Cleanup(func() { _ = unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, &before, nil) })

	var taken []net.Conn
	t.Cleanup(func() {
		for _, c := range taken {
			_ = c.Close()
		}
	})
	take := func(n int) {
		for range n {
			c, err := net.DialTimeout("tcp", strings.TrimPrefix(p.base, "http://"), time.Second)
			if err == nil {
				taken = append(taken, c)
			}
		}
	}
	answers, there := map[string]int{}, map[string]int{} // of new clients, and of one that was connected before
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		take(5)
		answers[r.outcome(vms[0])]++
		there[outcome((&load{c: r.admin}).list(context.Background(), 0))]++
		time.Sleep(200 * time.Millisecond)
	}
	for _, c := range taken {
		_ = c.Close()
	}
	taken = nil
	require.NoError(t, unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, &before, nil))
	returned := r.until(30*time.Second, "it answers, and works", func() bool { return r.outcome(vms[0]) == "works" })
	clean := p.alive()
	for answer := range answers {
		clean = clean && slices.Contains([]string{"works", "waits", "UNAVAILABLE", "CONFLICT"}, answer) // the last: who waited in vain was heard after all
	}
	for answer := range there { // its request may need a connection to the database that cannot be opened
		clean = clean && slices.Contains([]string{"works", "UNAVAILABLE"}, answer)
	}
	assert.NotZero(t, answers["waits"]+answers["UNAVAILABLE"], "nobody was in want: %v", answers)
	assert.Greater(t, there["works"], there["UNAVAILABLE"])
	r.check(&ledger{}, time.Minute)
	r.report("F23", "no descriptors left, 30 s", "who comes waits or gets UNAVAILABLE, no new start, back ≤ 10 s", clean && returned <= 10*time.Second,
		"new clients %v, one from before %v; back after %s", answers, there, seconds(returned))
}

// outcome is what a new client gets that changes a VM and waits for the end: "works", "waits", or the code of a refusal.
func (r *rig) outcome(vm string) string {
	was := http.DefaultClient
	http.DefaultClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	defer func() { http.DefaultClient = was }()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	id, err := r.admin.act(ctx, "updateVM", vm, vars{"vcpus": 1 + rand.N(2)})
	for err == nil && id != "" { // nothing to change is no operation
		var o operation
		if o, err = r.admin.operation(ctx, id); o.Status == "SUCCEEDED" {
			break
		} else if ended(o.Status) {
			return o.Error.Code
		}
		time.Sleep(10 * time.Millisecond)
	}
	return outcome(err)
}

func outcome(err error) string {
	var refused *refusal
	var network net.Error
	switch {
	case err == nil:
		return "works"
	case errors.As(err, &refused):
		return refused.code
	case errors.As(err, &network) && network.Timeout():
		return "waits"
	}
	return err.Error()
}

// The disk on which a replica keeps what passes through it is full. Images are refused and leave nothing behind, all
// else goes on; when there is room again, so do they.
func TestDiskFull(t *testing.T) {
	r := newRig(t, 1, 1)
	t.Cleanup(r.clear)
	vms, p, h := r.seed(2)[r.hosts[0].id], r.replicas[0], r.hosts[0]
	dir := filepath.Join(r.dir, "small")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"))
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	p.env = append(p.env, "TMPDIR="+dir)
	p.kill()
	p.start()
	r.until(time.Minute, "the host is listed", func() bool { return r.admin.provider(h.id).Status == "CONNECTED" && r.difference(h) == "" })

	const tooLarge, small = 16 << 20, 2 << 20
	l := &ledger{}
	large := r.upload(l, h, "too-large", tooLarge)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "what was refused is still there")

	filler := filepath.Join(dir, "filler")
	require.ErrorIs(t, os.WriteFile(filler, make([]byte, tooLarge), 0o600), unix.ENOSPC)
	none := r.upload(l, h, "no-room", small)
	works := r.outcome(vms[0])
	said, failed := r.refused("backup", "--to", filepath.Join(dir, "novacron.zip"))
	left, err = os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 1, "beside the filler")

	require.NoError(t, os.Remove(filler))
	room := r.upload(l, h, "room", small)
	r.check(l, time.Minute)
	r.report("F23", "NovaCron's own disk is full", "images are refused with EXHAUSTED and leave nothing, all else works, no new start",
		large == "EXHAUSTED" && none == "EXHAUSTED" && works == "works" && room == "SUCCEEDED" && p.alive(),
		"16 MiB into 8: %s; into none: %s; a change of a VM meanwhile %s; with room again: %s", large, none, works, room)
	r.report("F23", "a backup onto a full disk", "refused in words, no half file", failed && strings.Contains(said, "no space left"), "%s", strings.ReplaceAll(strings.TrimSpace(said[strings.LastIndex(said, ": ")+2:]), "\n", ". "))
}

// upload sends an image of that size, and gives how its operation ended: SUCCEEDED, or the error's code.
func (r *rig) upload(l *ledger, h *host, name string, size int) string {
	r.t.Helper()
	var got struct {
		UploadImage struct {
			Path      string
			Operation struct{ ID string }
		}
	}
	r.admin.must(&got, `mutation($in: UploadImageInput!) { uploadImage(input: $in) { path operation { id } } }`,
		vars{"in": vars{"provider": h.id, "name": name, "sizeBytes": size, "format": "raw"}})
	l.add(got.UploadImage.Operation.ID)
	put, err := http.NewRequest(http.MethodPut, r.admin.base+got.UploadImage.Path, bytes.NewReader(make([]byte, size)))
	require.NoError(r.t, err)
	put.Header.Set("Authorization", "Bearer "+r.admin.token)
	answer, err := http.DefaultClient.Do(put)
	if err == nil { // an answer may come before all is sent
		defer func() { _ = answer.Body.Close() }()
		text, _ := io.ReadAll(answer.Body)
		r.say("%s: %s %s", name, answer.Status, text)
	}
	o := r.admin.ended(got.UploadImage.Operation.ID, time.Minute)
	if o.Error != nil {
		return o.Error.Code
	}
	return o.Status
}
