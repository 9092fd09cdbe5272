package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkNews measures how long a change that somebody makes with virsh takes to reach a subscriber: from the end
// of virsh's process to the graphql-transport-ws message that shows the change, over TLS to a real host. It needs
// what real scenarios need, see doc.go.
//
//	go test ./e2e/api -run '^$' -bench News -benchtime 100x
//
// Each kind of change is a line: p50, p95, p99 and the longest, in milliseconds. A message may be there before virsh
// has ended, hence the negative ones; the last column counts from virsh's start.
func BenchmarkNews(b *testing.B) {
	tiny := os.Getenv("NOVACRON_TEST_TINY_IMAGE")
	if hostsDir() == "" || tiny == "" {
		b.Skip("no real hosts: see doc.go")
	}
	n := newNews(b, tiny)
	const name, another = "news", "news-another"
	has := func(path, value string) func(vm any) bool {
		return func(vm any) bool {
			v, err := at(map[string]any{"data": vm}, path)
			return err == nil && same(v, value)
		}
	}
	of := func(shown func(vm any) bool, virsh ...string) change { return change{name, virsh, shown} }
	suspend, resume := of(has(".status", "PAUSED"), "suspend", name), of(has(".status", "RUNNING"), "resume", name)
	destroy, start := of(has(".status", "STOPPED"), "destroy", name), of(has(".status", "RUNNING"), "start", name)
	define := change{another, []string{"define", n.another}, has(".missingSince", "null")}
	undefine := change{another, []string{"undefine", another}, has(".status", "UNKNOWN")}
	for _, kind := range []struct {
		name        string
		there, back change
	}{
		{"suspend", suspend, resume},
		{"resume", resume, suspend},
		{"destroy", destroy, start},
		{"start", start, destroy},
		{"define", define, undefine},
		{"undefine", undefine, define},
		{
			"setvcpus-config",
			of(has(".pendingChanges[0].field", "vcpus"), "setvcpus", name, "2", "--config"),
			of(has(".pendingChanges", "*0"), "setvcpus", name, "1", "--config"),
		},
		{
			"setmaxmem-config",
			of(func(vm any) bool { return !has(".pendingChanges", "*0")(vm) }, "setmaxmem", name, "192M", "--config"),
			of(has(".pendingChanges", "*0"), "setmaxmem", name, "160M", "--config"),
		},
		{ // by its first step: how fast it goes on is the guest's affair
			"setmem-live",
			of(func(vm any) bool { return !has(".configuration.memoryMiB", "160")(vm) }, "setmem", name, "128M", "--live"),
			of(has(".configuration.memoryMiB", "160"), "setmem", name, "160M", "--live"),
		},
	} {
		b.Run(kind.name, func(b *testing.B) {
			if slices.Contains([]string{"resume", "start", "undefine"}, kind.name) {
				n.see(b, kind.back)
				defer n.see(b, kind.there)
			}
			var ended, began []time.Duration
			for b.Loop() {
				fromEnd, fromStart := n.see(b, kind.there)
				ended, began = append(ended, fromEnd), append(began, fromStart)
				n.see(b, kind.back)
			}
			b.ReportMetric(0, "ns/op") // both ways, of no interest
			for _, p := range []int{50, 95, 99} {
				b.ReportMetric(percentile(ended, p), fmt.Sprintf("p%d-ms", p))
			}
			b.ReportMetric(percentile(ended, 100), "pmax-ms")
			b.ReportMetric(percentile(began, 99), "start-p99-ms")
		})
	}
}

// percentile is the least duration, in milliseconds, that p of 100 do not exceed.
func percentile(all []time.Duration, p int) float64 {
	slices.Sort(all)
	return float64(all[(len(all)*p+99)/100-1].Microseconds()) / 1000
}

// news is a server with one real host, a running guest on it, and somebody who listens.
type news struct {
	virsh   []string
	sub     *subscription
	another string // the file of a VM to be defined
}

// change is one that virsh makes, and how it is told of a VM.
type change struct {
	vm    string
	virsh []string
	shown func(vm any) bool
}

func newNews(b *testing.B, tiny string) *news {
	dir := b.TempDir()
	server, err := newServer(b, dir)
	check(b, err)
	b.Cleanup(func() { check(b, server.stop(syscall.SIGTERM)) })
	s := &session{server: server, token: server.tokens["admin"]}
	uri, err := onHosts("uri", "hosta", "unix")
	check(b, err)
	n := &news{virsh: []string{"virsh", "-q", "-c", strings.TrimSpace(string(uri))}, another: filepath.Join(dir, "another.xml")}

	image := filepath.Join(hostsDir(), "hosta/lib/images/news.qcow2")
	content, err := os.ReadFile(tiny)
	check(b, errors.Join(err, os.WriteFile(image, content, 0o644))) //nolint:gosec // QEMU reads it as another user
	check(b, os.WriteFile(n.another, fmt.Appendf(nil, newsXML, "news-another", ""), 0o600))
	b.Cleanup(func() { _ = os.Remove(image) })
	guest := filepath.Join(dir, "news.xml")
	check(b, os.WriteFile(guest, fmt.Appendf(nil, newsXML, "news", newsDevices), 0o600))
	n.run(b, "define", guest)
	b.Cleanup(func() {
		n.run(b, "destroy", "news")
		n.run(b, "undefine", "news")
	})
	n.run(b, "start", "news")

	body, _ := json.Marshal(map[string]string{"query": `subscription { vmEvents { changes { vm {
		id name status missingSince configuration { memoryMiB } pendingChanges { field next } } } } }`})
	n.sub, err = s.subscribe(body)
	check(b, err)
	b.Cleanup(n.sub.cancel)
	pem := func(name string) string {
		content, err := os.ReadFile(filepath.Join(hostsDir(), "pki", name))
		check(b, err)
		return string(content)
	}
	address, err := os.ReadFile(filepath.Join(hostsDir(), "hosts.json"))
	check(b, err)
	var hosts []struct{ Address string }
	check(b, json.Unmarshal(address, &hosts))
	query, err := os.ReadFile("queries/add_host.graphql")
	check(b, err)
	body, _ = json.Marshal(map[string]any{"query": string(query), "variables": map[string]string{
		"name": "hosta", "host": hosts[0].Address, "ca": pem("cacert.pem"), "cert": pem("clientcert.pem"), "key": pem("clientkey.pem"),
	}})
	answer, err := s.ask(body)
	check(b, err)
	if answer["errors"] != nil {
		b.Fatal(text(answer))
	}
	vm := n.await(b, "news", func(any) bool { return true })
	id, err := at(map[string]any{"data": vm}, ".id")
	check(b, err)
	for { // a guest that answers has a driver for its memory
		_, err := s.askGuest(b.Context(), text(id), "true")
		if err == nil {
			return n
		}
		check(b, b.Context().Err())
	}
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (n *news) run(b *testing.B, args ...string) {
	b.Helper()
	if out, err := exec.Command(n.virsh[0], slices.Concat(n.virsh[1:], args)...).CombinedOutput(); err != nil { //nolint:gosec // virsh
		b.Fatalf("virsh %v: %v\n%s", args, err, out)
	}
}

// see makes a change and waits for the message of it: how long after virsh's end and start it came.
func (n *news) see(b *testing.B, c change) (fromEnd, fromStart time.Duration) {
	b.Helper()
	ended := make(chan time.Time, 1)
	start := time.Now()
	go func() {
		defer close(ended)
		out, err := exec.Command(n.virsh[0], slices.Concat(n.virsh[1:], c.virsh)...).CombinedOutput() //nolint:gosec // virsh
		ended <- time.Now()
		if err != nil {
			b.Errorf("virsh %v: %v\n%s", c.virsh, err, out)
		}
	}()
	n.await(b, c.vm, c.shown)
	told := time.Now()
	return told.Sub(<-ended), told.Sub(start)
}

// await takes events until one shows it of the VM of that name.
func (n *news) await(b *testing.B, name string, shown func(vm any) bool) any {
	b.Helper()
	end := time.After(time.Minute)
	for {
		select {
		case answer, ok := <-n.sub.events:
			if !ok {
				b.Fatal(n.sub.failed)
			}
			changes, err := at(answer, ".vmEvents.changes")
			check(b, err)
			for _, c := range changes.([]any) {
				vm := c.(map[string]any)["vm"]
				if called, err := at(map[string]any{"data": vm}, ".name"); err == nil && text(called) == name && shown(vm) {
					return vm
				}
			}
		case <-end:
			b.Fatal("no message within a minute")
		}
	}
}

const newsXML = `<domain type='qemu'>
  <name>%s</name>
  <memory unit='MiB'>160</memory>
  <vcpu current='1'>2</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/><apic/></features>
  <cpu mode='maximum'/>
  <devices>%s</devices>
</domain>`

const newsDevices = `
    <disk type='file'><driver name='qemu' type='qcow2'/><source file='/var/lib/libvirt/images/news.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <serial type='pty'/>
    <memballoon model='virtio'/>`
