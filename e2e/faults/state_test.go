package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// define makes a VM at the host, past NovaCron: off and without a disk. Its UUID is the host's choice if it is empty.
func (h *host) define(t *testing.T, name, uuid string) {
	t.Helper()
	if uuid != "" {
		uuid = "<uuid>" + uuid + "</uuid>"
	}
	h.do(t, "exec", "sh", "-c", fmt.Sprintf(`virsh -q define /dev/stdin <<'E'
<domain type='qemu'><name>%s</name>%s<memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os></domain>
E`, name, uuid))
}

// forgotten waits until VMs that are gone from their hosts are no longer listed: several full lists have to lack them.
func (r *rig) forgotten() {
	r.t.Helper()
	r.until(3*time.Minute, "what is gone is forgotten", func() bool {
		for _, h := range r.hosts {
			var got any
			r.admin.must(&got, `mutation($id: ID!) { refreshProvider(input: {id: $id}) { provider { id } } }`, vars{"id": h.id})
		}
		time.Sleep(3 * time.Second)
		return !slices.ContainsFunc(r.hosts, func(h *host) bool { return r.difference(h) != "" })
	})
}

// named is one VM of a host's.
func (r *rig) named(h *host, name string) (found []vm) {
	return slices.DeleteFunc(r.admin.vms(h.id), func(v vm) bool { return v.Name != name })
}

// Somebody works on the host with tools of his own.
func TestChangedOutside(t *testing.T) {
	r := newRig(t, 1, 1)
	h := r.hosts[0]
	vms := r.seed(6)[h.id]
	name := func(n int) string { return fmt.Sprintf("web-%d-%s", n, h.name) }
	s := r.admin.subscribe("", 0)
	s.first()
	l := &ledger{}

	var slowest time.Duration
	var slow string
	for _, c := range []struct {
		virsh []string
		shown func(vm) bool
	}{
		{[]string{"start", name(0)}, is("RUNNING")},
		{[]string{"suspend", name(0)}, is("PAUSED")},
		{[]string{"resume", name(0)}, is("RUNNING")},
		{[]string{"setmaxmem", name(0), "96M", "--config"}, func(vm) bool { return true }},
		{[]string{"destroy", name(0)}, is("STOPPED")},
		{[]string{"setmaxmem", name(0), "128M", "--config"}, func(vm) bool { return true }},
		{[]string{"undefine", name(0)}, gone},
	} {
		began := time.Now()
		h.virsh(t, c.virsh...)
		if took := s.await(time.Minute, strings.Join(c.virsh, " "), about(name(0), c.shown)).Sub(began); took > slowest {
			slowest, slow = took, c.virsh[0]
		}
	}
	r.report("F24", "a VM changed by virsh in seven ways", "seen ≤ 5 s", slowest <= 5*time.Second, "slowest %s, %s", seconds(slowest), slow)

	_, err := r.admin.act(t.Context(), "startVM", vms[0], nil)
	var refused *refusal
	said := errors.As(err, &refused) && refused.code == "CONFLICT" && strings.Contains(refused.message, "no longer has it") && refused.remedy != ""
	r.report("F24", "an action on a VM that is gone", "refused, and says so", said, "%v", err)
	op, err := r.admin.act(t.Context(), "deleteVM", vms[0], nil)
	require.NoError(t, err)
	l.add(op)

	// It goes in the very moment in which somebody asks for it: whoever comes first, it is said.
	clear, texts := true, map[string]int{}
	for n := 1; n < 5; n++ {
		undefined := make(chan struct{})
		go func() { defer close(undefined); h.virsh(t, "undefine", name(n)) }()
		time.Sleep(time.Duration(n) * 30 * time.Millisecond)
		op, err := r.admin.act(t.Context(), "startVM", vms[n], nil)
		<-undefined
		text := fmt.Sprint(err)
		if err == nil {
			l.add(op)
			o := r.admin.ended(op, time.Minute)
			text = o.Status
			if o.Error != nil {
				text = fmt.Sprintf("%s %s: %s", o.Status, o.Error.Code, o.Error.Message)
			}
			clear = clear && (o.Status == "SUCCEEDED" || o.Error != nil && o.Error.Code == "NOT_FOUND")
		} else {
			clear = clear && errors.As(err, &refused) && (refused.code == "CONFLICT" || refused.code == "NOT_FOUND")
		}
		texts[text]++
	}
	r.report("F24", "a VM undefined while it is started", "succeeds, or says that it is gone", clear, "%v", texts)

	// A plan is of the VM as it was seen.
	var planned struct{ VM struct{ Version int } }
	r.admin.must(&planned, `query($id: ID!) { vm(id: $id) { version } }`, vars{"id": vms[5]})
	h.virsh(t, "setmaxmem", name(5), "96M", "--config")
	s.await(time.Minute, "the change", about(name(5), func(vm) bool { return true }))
	_, err = r.admin.act(t.Context(), "updateVM", vms[5], vars{"memoryMiB": 48, "ifVersion": planned.VM.Version})
	r.report("F24", "a VM changed by virsh between plan and apply", "the plan is refused", errors.As(err, &refused) && refused.code == "CONFLICT", "%v", err)

	s.close()
	r.clear()
	r.forgotten()
	r.check(l, time.Minute)
}

// Two VMs with one name, two with one UUID, one host that is added twice: each is what it is, and what is done to one
// is done to that one.
func TestTwins(t *testing.T) {
	r := newRig(t, 1, 2)
	vms := r.seed(2)
	a, b := r.hosts[0], r.hosts[1]
	original := "web-0-" + a.name
	uuid := strings.TrimSpace(a.virsh(t, "domuuid", original))
	b.define(t, original, uuid)
	a.define(t, "twin", "")
	b.define(t, "twin", "")
	once := func(h *host, name, status string) func() bool {
		return func() bool { v := r.named(h, name); return len(v) == 1 && v[0].Status == status }
	}
	for _, h := range r.hosts {
		r.until(time.Minute, "the twins of "+h.name, once(h, original, "STOPPED"))
		r.until(time.Minute, "the twins of "+h.name, once(h, "twin", "STOPPED"))
	}
	var rows, places int
	r.postgres.row(&rows, `SELECT count(*) FROM vms WHERE ref = '`+uuid+`'`)
	r.postgres.row(&places, `SELECT count(DISTINCT provider_id) FROM vms WHERE ref = '`+uuid+`'`)
	ours := r.named(a, original)[0].ID == vms[a.id][0]
	r.report("F25", "one UUID, and one name, on two hosts", "a row each, none merged", rows == 2 && places == 2 && ours, "%d rows on %d hosts", rows, places)

	// What is done to one is not done to its twin.
	l := &ledger{}
	do := func(verb, id string) {
		op, err := r.admin.act(t.Context(), verb, id, nil)
		require.NoError(t, err)
		if op != "" {
			l.add(op)
			o := r.admin.ended(op, time.Minute)
			require.Equal(t, "SUCCEEDED", o.Status, "%+v", o.Error)
		}
	}
	do("startVM", vms[a.id][0])
	r.until(time.Minute, "the one runs", once(a, original, "RUNNING"))
	off := once(b, original, "STOPPED")()
	other := r.named(b, original)[0].ID
	var ignored any
	r.admin.must(&ignored, `mutation($id: ID!) { adoptVM(input: {id: $id}) { vm { id } } }`, vars{"id": other})
	do("deleteVM", other)
	r.report("F25", "one of two with one UUID started, the other deleted", "its twin is untouched",
		off && once(a, original, "RUNNING")() && len(r.named(b, original)) == 0, "off meanwhile: %t", off)

	// The same host by another address: allowed, since both may be needed for a while, and told wherever it shows.
	again := &host{name: a.name + "-again", address: a.address}
	before := len(r.admin.vms(a.id))
	r.connect(again)
	r.hosts = r.hosts[:2]
	r.until(time.Minute, "the second connection lists its VMs", func() bool { return len(r.admin.vms(again.id)) == before })
	var got struct {
		HypervisorHosts []struct {
			Provider struct{ ID string }
			Warnings []string
		}
	}
	r.admin.must(&got, `{ hypervisorHosts { provider { id } warnings } }`, nil)
	warned := 0
	for _, h := range got.HypervisorHosts {
		if slices.ContainsFunc(h.Warnings, func(w string) bool { return strings.Contains(w, "same machine") }) {
			warned++
		}
	}
	r.admin.must(&ignored, `mutation($id: ID!) { removeProvider(input: {id: $id}) { id } }`, vars{"id": again.id})
	left := len(r.admin.vms(a.id))
	r.report("F25", "a host added again by another address, and removed", "told on both, nothing merged or deleted",
		warned == 2 && left == before && once(a, original, "RUNNING")(), "warned on %d, %d VMs before and %d after", warned, before, left)
	err := r.admin.ask(context.Background(), &ignored, `mutation($in: AddProviderInput!) { addProvider(input: $in) { provider { id } } }`, vars{"in": vars{
		"name": "once-more", "transport": "TLS", "host": "127.0.0.1", "port": a.wire.port(),
		"credentials": vars{"caCertificate": "-", "clientCertificate": "-", "clientKey": "-"},
	}})
	var refused *refusal
	r.report("F25", "a host added again by the same address", "refused", errors.As(err, &refused) && refused.code == "EXISTS", "%v", err)
	r.check(l, time.Minute)
}
