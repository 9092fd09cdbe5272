package libvirt

import (
	"testing"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
)

// most is what reading one input may take, on a machine that has other work too.
const most = time.Second

// Whatever a host says a VM's document is: it is read or refused, soon, and so is what is edited in it.
func FuzzDomain(f *testing.F) {
	f.Add(strange)
	f.Add("<domain/>")
	f.Add(`<domain type="kvm"><vcpu current="3">2</vcpu><memory unit="TB">99999999999999999999</memory><devices><disk/><interface/><channel/><graphics/></devices></domain>`)
	f.Add(`<domain><metadata><vm xmlns="urn:novacron:vm:1"><token>t</token></vm></metadata><devices><disk><source volume="v" pool="p"/><target/></disk></devices></domain>`)
	f.Fuzz(func(t *testing.T, doc string) {
		began := time.Now()
		_ = withoutSecrets(doc)
		_, _ = setSize(doc, size{1, 1, 16, 16}, size{2, 4, 32, 64})
		if x, err := parseDomain(doc); err == nil {
			var vm drivers.VM
			fill(&vm, x, roll{state: libvirt.DOMAIN_RUNNING, persistent: true}, []poolPath{{"p", "/p"}})
			_ = pending(vm, x, x)
		}
		if took := time.Since(began); took > most {
			t.Fatalf("%d bytes took %s", len(doc), took)
		}
	})
}
