package libvirt

import (
	"net/url"
	"strings"
	"testing"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// Whatever is in a connection's fields: what passes is one host and one port, and the URI that is shown says the same.
func FuzzConnection(f *testing.F) {
	f.Add("host", 0, "root", true)
	f.Add("2001:db8::1", 16514, "", false)
	f.Add("h/system?command=x", 1, "-oProxyCommand=x", true)
	f.Add("test:///etc/shadow", 0, "a@b", false)
	f.Add("::ffff:169.254.169.254", 0, "a", true)
	f.Add("h%63ommand", 0, "a:b", true)
	f.Fuzz(func(t *testing.T, host string, port int, user string, ssh bool) {
		c := drivers.Config{Transport: drivers.TransportTLS, Host: host, Port: port, User: user}
		if ssh {
			c.Transport = drivers.TransportSSH
		}
		if _, err := dialer(c); fault.KindOf(err) != fault.Invalid { // credentials are missing at least
			t.Fatalf("%v is not about the input", err)
		}
		if _, err := address(c, tlsPort); err != nil {
			return
		}
		c.User = ""
		u, err := url.Parse(shownURI(c))
		if err != nil {
			t.Fatalf("%q: %v", host, err)
		}
		if !strings.HasPrefix(u.Scheme, "qemu+") || u.Hostname() != host || u.Path != "/system" || u.RawQuery != "" || u.Fragment != "" {
			t.Fatalf("%q is shown as %s", host, u)
		}
	})
}
