package libvirt

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// No URI, option, program or file of ours can be smuggled in by a connection's fields.
func TestHostIsAHost(t *testing.T) {
	for _, host := range []string{
		"", " ", "-oProxyCommand=touch /tmp/x", "host/system?command=/bin/sh", "host?socket=/run/x", "host#x",
		"user@host", "qemu+tls://host", "host:22", "a b", "a\nb", "a\x00b", "a;b", "a&b", "a%63b", "%2fetc",
		"test:///etc/shadow", "/etc/shadow", "..", ".", "a..b", "-a", "a-", strings.Repeat("a", 300), strings.Repeat("a.", 130) + "b",
		"[::1]", "fe80::1", "fe80::1%eth0", "::1%lo", "0.0.0.0", "::", "169.254.169.254", "::ffff:169.254.169.254",
		"224.0.0.1", "255.255.255.255", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "host$(id)", "`id`", "hôte",
	} {
		for _, transport := range []drivers.Transport{drivers.TransportTLS, drivers.TransportSSH} {
			_, err := dialer(drivers.Config{Transport: transport, Host: host})
			if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || f.Field != "host" || f.Remedy == "" {
				t.Errorf("%s to %q: %v", transport, host, err)
			}
		}
	}
	for _, host := range []string{"host", "host.example.org", "host.example.org.", "h-1_x.lan", "192.0.2.1", "2001:db8::1", "xn--hte-1na.fr", "1and1.de"} {
		if _, err := address(drivers.Config{Host: host}, tlsPort); err != nil {
			t.Errorf("%q: %v", host, err)
		}
	}
	for _, port := range []int{-1, 65536, 1 << 40} {
		if _, err := address(drivers.Config{Host: "host", Port: port}, tlsPort); fault.Of(err).Field != "port" {
			t.Errorf("port %d: %v", port, err)
		}
	}
	if _, err := dialer(drivers.Config{Transport: drivers.TransportLocal, Host: "elsewhere"}); fault.Of(err).Field != "host" {
		t.Error("a local connection with a host")
	}
	if _, err := dialer(drivers.Config{Transport: "TCP", Host: "host"}); fault.Of(err).Field != "transport" {
		t.Error("a transport that there is not")
	}
}

func TestUserIsAUser(t *testing.T) {
	for _, user := range []string{"-l", "a b", "a;b", "a/b", "a\nb", "$(id)", strings.Repeat("a", 65)} {
		_, err := dialer(drivers.Config{Transport: drivers.TransportSSH, Host: "host", User: user})
		if fault.Of(err).Field != "user" {
			t.Errorf("%q: %v", user, err)
		}
	}
}

func TestCredentialsAreChecked(t *testing.T) {
	const canary = "CANARY-3141"
	for _, c := range []struct {
		field string
		conf  drivers.Config
	}{
		{"caCert", drivers.Config{Transport: drivers.TransportTLS, Host: "h", Secrets: drivers.Secrets{CACert: []byte(canary)}}},
		{"sshKey", drivers.Config{Transport: drivers.TransportSSH, Host: "h", Secrets: drivers.Secrets{SSHKey: []byte(canary)}}},
	} {
		_, err := dialer(c.conf)
		f := fault.Of(err)
		if f == nil || f.Kind != fault.Invalid || f.Field != c.field || f.Remedy == "" {
			t.Errorf("%s: %v", c.field, err)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%s: the error tells the secret", c.field)
		}
	}
}

func TestShownURI(t *testing.T) {
	for want, c := range map[string]drivers.Config{
		"qemu:///system":                       {Transport: drivers.TransportLocal},
		"qemu+tls://host/system":               {Transport: drivers.TransportTLS, Host: "host"},
		"qemu+tls://[2001:db8::1]:1/system":    {Transport: drivers.TransportTLS, Host: "2001:db8::1", Port: 1},
		"qemu+ssh://root@host/system":          {Transport: drivers.TransportSSH, Host: "host"},
		"qemu+ssh://u@[2001:db8::1]/system":    {Transport: drivers.TransportSSH, Host: "2001:db8::1", User: "u"},
		"qemu+ssh://ann@192.0.2.1:2222/system": {Transport: drivers.TransportSSH, Host: "192.0.2.1", Port: 2222, User: "ann"},
	} {
		if got := shownURI(c); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
}

func TestAllowed(t *testing.T) {
	for a, ok := range map[string]bool{"192.0.2.1": true, "10.0.0.1": true, "127.0.0.1": true, "fd00::1": true, "169.254.1.1": false, "fe80::1": false, "::": false} {
		if err := allowed(netip.MustParseAddr(a)); (err == nil) != ok {
			t.Errorf("%s: %v", a, err)
		}
	}
}

func FuzzHost(f *testing.F) {
	for _, s := range []string{"host", "127.0.0.1", "::1", "a/b", "a?b", "-a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		addr, err := address(drivers.Config{Host: host}, tlsPort)
		if err != nil {
			return
		}
		if strings.ContainsAny(addr, "/?#@ \\\n\r\t\x00%'\"`$&;|<>(){}") || strings.HasPrefix(addr, "-") {
			t.Fatalf("%q became %q", host, addr)
		}
	})
}
