package libvirt

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"libvirt.org/go/libvirtxml"
)

// A document with things that libvirtxml does not know, of a libvirt that does not exist yet.
const strange = `<domain type="kvm" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0" future="yes">
  <name>a &amp; b</name>
  <metadata>
    <other:thing xmlns:other="urn:x" other:attr="&lt;1&gt;"><other:deep>text &amp; more</other:deep></other:thing>
    <novacron:vm xmlns:novacron="urn:novacron:vm:1"><novacron:token>t1</novacron:token></novacron:vm>
  </metadata>
  <!-- a remark -->
  <memory unit="KiB">2097152</memory>
  <currentMemory unit="KiB">1048576</currentMemory>
  <vcpu placement="static" current="1">4</vcpu>
  <vcpus><vcpu id="0" enabled="yes"/></vcpus>
  <cpu mode="host-model"><topology sockets="1" dies="1" cores="4" threads="1"/></cpu>
  <quantum entangled="yes"><bit>0</bit></quantum>
  <devices><teleporter model="ng"><target where="there"/></teleporter><disk type="file" device="disk" novelty="1"><source file="/x"/><target dev="vda" bus="virtio"/></disk></devices>
  <qemu:commandline><qemu:arg value="-foo"/></qemu:commandline>
</domain>`

func TestEditsKeepWhatIsUnknown(t *testing.T) {
	now := size{1, 4, 1024, 2048}
	doc, err := setSize(strange, now, size{2, 6, 1024, 4096})
	must(t, err)
	var x libvirtxml.Domain
	must(t, x.Unmarshal(doc))
	if got := sizeOf(&x); got != (size{2, 6, 1024, 4096}) {
		t.Errorf("the size is %+v", got)
	}
	if x.CPU.Topology.Cores != 6 {
		t.Errorf("the topology counts %d cores", x.CPU.Topology.Cores)
	}
	if markOf(&x).Token != "t1" {
		t.Error("the token is lost")
	}
	// Every leaf but those that were to change.
	want, got := leaves(t, strange), leaves(t, doc)
	for _, gone := range []string{"vcpus", "vcpu", "memory", "currentMemory", "topology"} {
		want, got = without(want, gone), without(got, gone)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	same, err := setSize(strange, now, now)
	must(t, err)
	if d := cmp.Diff(leaves(t, strange), leaves(t, same)); d != "" {
		t.Error(d)
	}
}

// leaves lists start tags with their attributes, and texts, in order.
func leaves(t testing.TB, doc string) []string {
	t.Helper()
	var all []string
	d := xml.NewDecoder(strings.NewReader(doc))
	for {
		tok, err := d.Token()
		if err != nil {
			return all
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			s := tok.Name.Space + " " + tok.Name.Local
			for _, a := range tok.Attr {
				s += " " + a.Name.Space + ":" + a.Name.Local + "=" + a.Value
			}
			all = append(all, s)
		case xml.CharData:
			if s := strings.TrimSpace(string(tok)); s != "" {
				all = append(all, s)
			}
		case xml.Comment:
			all = append(all, string(tok))
		}
	}
}

func without(all []string, name string) []string {
	var kept []string
	skip := false
	for _, s := range all {
		head, _, _ := strings.Cut(strings.TrimPrefix(s, " "), " ")
		switch {
		case head == name:
			skip = true
		case skip && !strings.HasPrefix(s, " ") && !strings.Contains(s, "urn:"):
			skip = false // its text
		default:
			skip = false
			kept = append(kept, s)
		}
	}
	return kept
}

func TestTreeRefusesNonsense(t *testing.T) {
	for _, doc := range []string{"", "text", "<a>", "<a></b>", "</a>", "<a", "<a b=c/>"} {
		if x, err := parseTree(doc); err == nil {
			t.Errorf("%q was read as %s", doc, x)
		}
	}
}

func FuzzTree(f *testing.F) {
	f.Add(strange)
	f.Add("<a><b/>")
	f.Fuzz(func(t *testing.T, doc string) {
		x, err := parseTree(doc)
		if err != nil {
			return
		}
		again, err := parseTree(x.String())
		if err != nil {
			t.Fatalf("%q became %q: %v", doc, x.String(), err)
		}
		if again.String() != x.String() {
			t.Fatalf("%q became %q", x.String(), again.String())
		}
	})
}
