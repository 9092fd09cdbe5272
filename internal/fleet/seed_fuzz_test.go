package fleet

import (
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// Whatever a guest shall be told: it is taken or refused with its field, soon, whatever its aliases would grow to.
func FuzzCheckSeed(f *testing.F) {
	f.Add("#cloud-config\npackages: [a]\n", "version: 2\nethernets: {}\n", "web-1")
	f.Add("#cloud-config\na: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "network: {version: 1}", "{{ds}}")
	f.Add("#!/bin/sh\n", "a: &a {b: *a}\nversion: 2", "a\nb")
	f.Add("#include\nhttp://h/", "version: &v 2\nnetwork: *v", "")
	f.Fuzz(func(t *testing.T, data, network, host string) {
		began := time.Now()
		err := CheckSeed("cloudInit", &drivers.Seed{UserData: data, NetworkConfig: network, Hostname: host})
		if took := time.Since(began); took > time.Second {
			t.Fatalf("%d bytes took %s", len(data)+len(network), took)
		}
		if err != nil && (fault.KindOf(err) != fault.Invalid || fault.Of(err).Remedy == "" || len(fault.Of(err).Message) > 300) {
			t.Fatal(err)
		}
		if err == nil && strings.ContainsAny(host, "\n{: ") {
			t.Fatalf("%q is a host's name", host)
		}
	})
}
