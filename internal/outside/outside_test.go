package outside

import (
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/fault"
)

func TestAllow(t *testing.T) {
	for inner, cases := range map[string]map[string]bool{
		"": {
			"1.1.1.1": true, "2606:4700::1": true, "::ffff:1.1.1.1": true, "64:ff9b::101:101": true,
			"127.0.0.1": false, "127.255.255.254": false, "::1": false, "::ffff:127.0.0.1": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false,
			"0.0.0.0": false, "0.1.2.3": false, "::": false,
			"10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "fd00::1": false, "fec0::1": false, "64:ff9b::a00:1": false,
			"169.254.169.254": false, "::ffff:169.254.169.254": false, "64:ff9b::a9fe:a9fe": false, "fe80::1": false, "fe80::a9fe:a9fe%eth0": false,
			"fd00:ec2::254": false, "fd20:ce::254": false, "100.100.100.200": false, "168.63.129.16": false, "192.0.0.192": false,
			"224.0.0.1": false, "239.255.255.250": false, "255.255.255.255": false, "ff02::1": false, "100.64.0.1": false, "198.18.0.1": false, "240.0.0.1": false,
			"2002:7f00:1::": false, "2001:0:7f00:1::": false, "64:ff9b:1::7f00:1": false, "2001:db8::1": false, "5f00::1": false,
		},
		"10.20.0.0/16":       {"10.20.3.4": true, "::ffff:10.20.3.4": true, "64:ff9b::a14:304": true, "10.21.0.1": false, "127.0.0.1": false, "1.1.1.1": true},
		"0.0.0.0/0":          {"10.0.0.1": true, "100.64.0.1": true, "127.0.0.1": false, "169.254.169.254": false, "100.100.100.200": false, "168.63.129.16": false, "0.0.0.0": false, "224.0.0.1": false, "fd00::1": false},
		"fc00::/7":           {"fd00::1": true, "fd00:ec2::254": false, "fd20:ce::254": false, "::1": false},
		"127.0.0.2/32":       {"127.0.0.2": true, "::ffff:127.0.0.2": true, "127.0.0.1": false},
		"127.0.0.0/8":        {"127.0.0.1": true, "169.254.169.254": false},
		"169.254.169.254/32": {"169.254.169.254": true, "169.254.169.253": false},
	} {
		r := New()
		if inner != "" {
			r = New(netip.MustParsePrefix(inner))
		}
		for address, want := range cases {
			assert.Equal(t, want, r.Allow(netip.MustParseAddr(address)), "%s, inner networks %q", address, inner)
		}
	}
}

// site is a server that counts who connects to it.
type site struct {
	*httptest.Server
	port      string
	connected atomic.Int32
}

func newSite(t *testing.T, address string, h http.Handler) *site {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Skipf("this machine has no %s: %v", address, err)
	}
	s := &site{Server: httptest.NewUnstartedServer(h)}
	_ = s.Listener.Close()
	s.Listener = l
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connected.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	_, s.port, _ = net.SplitHostPort(l.Addr().String())
	return s
}

func get(t *testing.T, transport *http.Transport, url string) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	t.Cleanup(transport.CloseIdleConnections)
	res, err := (&http.Client{Transport: transport}).Do(request)
	if err == nil {
		_ = res.Body.Close()
	}
	return err
}

// However the address of this machine is written, nobody gets to it.
func TestNotations(t *testing.T) {
	four, six := newSite(t, "127.0.0.1", http.NotFoundHandler()), newSite(t, "::1", http.NotFoundHandler())
	for _, host := range []string{
		"127.0.0.1", "localhost", "localhost.", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "0",
		"0.0.0.0", "[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[::1%25lo]",
		"127。0。0。1", "%31%32%37.0.0.1",
	} {
		for _, s := range []*site{four, six} {
			assert.Error(t, get(t, New().Transport(), "http://"+host+":"+s.port+"/"), host)
		}
	}
	assert.Zero(t, four.connected.Load()+six.connected.Load())
	require.NoError(t, get(t, New(netip.MustParsePrefix("127.0.0.1/32")).Transport(), four.URL))
	assert.EqualValues(t, 1, four.connected.Load(), "it could have been reached")
}

func TestRedirectInside(t *testing.T) {
	inner := newSite(t, "127.0.0.1", http.NotFoundHandler())
	outer := newSite(t, "127.0.0.2", http.RedirectHandler(inner.URL, http.StatusFound))
	err := get(t, New(netip.MustParsePrefix("127.0.0.2/32")).Transport(), outer.URL)
	assert.True(t, fault.Is(err, fault.Invalid), "%v", err)
	assert.EqualValues(t, 1, outer.connected.Load())
	assert.Zero(t, inner.connected.Load())
}

// A name that means a public address when somebody looks, and an inner one when it is dialled.
func TestRebinding(t *testing.T) {
	inner := newSite(t, "127.0.0.1", http.NotFoundHandler())
	var asked atomic.Int32
	d := New().dialer()
	d.Resolver = resolver(t, func() netip.Addr {
		if asked.Add(1) == 1 {
			return netip.MustParseAddr("1.1.1.1")
		}
		return netip.MustParseAddr("127.0.0.1")
	})
	looked, err := d.Resolver.LookupNetIP(t.Context(), "ip4", "rebind.example.org")
	require.NoError(t, err)
	require.True(t, New().Allow(looked[0]), "whoever looks first finds nothing wrong")
	transport := New().Transport()
	transport.DialContext = func(ctx context.Context, _, address string) (net.Conn, error) {
		return d.DialContext(ctx, "tcp4", address)
	}
	err = get(t, transport, "http://rebind.example.org:"+inner.port+"/")
	assert.True(t, fault.Is(err, fault.Invalid), "%v", err)
	assert.Zero(t, inner.connected.Load())
}

// resolver asks a server that answers each question for an IPv4 address as it is told.
func resolver(t *testing.T, answer func() netip.Addr) *net.Resolver {
	t.Helper()
	s, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	go func() {
		for buffer := make([]byte, 512); ; {
			n, from, err := s.ReadFrom(buffer)
			if err != nil {
				return
			}
			const header = 12
			question := buffer[header:n]
			question = question[:strings.IndexByte(string(question), 0)+5] // the name, its type and its class
			reply := append(binary.BigEndian.AppendUint16(nil, binary.BigEndian.Uint16(buffer)), 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0)
			reply = append(append(reply, question...), 0xc0, header, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
			_, _ = s.WriteTo(append(reply, answer().AsSlice()...), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", s.LocalAddr().String())
	}}
}
