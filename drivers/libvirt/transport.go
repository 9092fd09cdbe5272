package libvirt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// dialFunc opens a stream to the daemon.
type dialFunc func(ctx context.Context) (net.Conn, error)

const (
	tlsPort = 16514
	sshPort = 22
)

// sockets are where daemons listen: libvirtd's first, then the modular one's.
var sockets = []string{"/run/libvirt/libvirt-sock", "/var/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock"}

// dialer checks the connection's fields and makes the way to its daemon.
func dialer(c drivers.Config) (dialFunc, error) {
	switch c.Transport {
	case drivers.TransportLocal, "":
		if c.Host != "" {
			return nil, fault.Field("host", "Leave the host empty, or choose TLS or SSH.", "a local connection has no host")
		}
		return dialLocal(sockets), nil
	case drivers.TransportTLS:
		addr, err := address(c, tlsPort)
		if err != nil {
			return nil, err
		}
		return tlsDialer(addr, c)
	case drivers.TransportSSH:
		addr, err := address(c, sshPort)
		if err != nil {
			return nil, err
		}
		return sshDialer(addr, c)
	}
	return nil, fault.Field("transport", "Use LOCAL, TLS or SSH.", "there is no such transport")
}

// hostName is a DNS name: labels of letters, digits, hyphens and (seen in the field) underscores.
var hostName = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?$`)

// numeric looks like an address but is none to netip: the old spellings of inet_aton, by which
// 0x7f.1 and 2130706433 are 127.0.0.1.
var numeric = regexp.MustCompile(`^(0[xX][0-9A-Fa-f]*|[0-9]+)(\.(0[xX][0-9A-Fa-f]*|[0-9]+))*\.?$`)

// address checks host and port and joins them.
func address(c drivers.Config, port int) (string, error) {
	const remedy = "Give a host name or an IP address, without scheme, user, port or path."
	ip, err := netip.ParseAddr(c.Host)
	switch {
	case c.Host == "":
		return "", fault.Field("host", remedy, "the host is missing")
	case err == nil:
		if err := allowed(ip); err != nil {
			return "", err
		}
	case len(c.Host) > 253 || numeric.MatchString(c.Host) || !hostName.MatchString(c.Host):
		return "", fault.Field("host", remedy, "that is neither a host name nor an IP address")
	}
	if c.Port < 0 || c.Port > 65535 {
		return "", fault.Field("port", "Give a number from 1 to 65535, or none for the usual one.", "there is no port %d", c.Port)
	}
	if c.Port != 0 {
		port = c.Port
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(port)), nil
}

// allowed refuses addresses that no hypervisor has: among them the clouds' metadata services,
// which would tell a stranger's connection test about us.
func allowed(ip netip.Addr) error {
	ip = ip.Unmap()
	if ip.Zone() != "" || ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return fault.Field("host", "Give the address by which the host is reached in your network.", "such an address cannot be a host's")
	}
	return nil
}

// dialTCP connects, and looks at the address again that a name has turned into.
func dialTCP(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{KeepAlive: 15 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return allowed(ap.Addr())
	}}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	return c, nil
}

// unreachable says why a host cannot be reached.
func unreachable(ctx context.Context, err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	var dns *net.DNSError
	e := fault.New(fault.Unavailable, "the host cannot be reached").With("Check host, port and firewall.")
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return waited(ctx)
	case errors.As(err, &dns) && dns.IsNotFound:
		e = fault.New(fault.Unavailable, "there is no host of this name").With("Check the host's name.").At("host")
	case errors.Is(err, syscall.ECONNREFUSED):
		e = fault.New(fault.Unavailable, "the host is there, but nothing listens on this port").With("Check the port, and that the host's libvirtd (TLS) or sshd (SSH) listens on it.").At("port")
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		e = fault.New(fault.Unavailable, "there is no way to the host").With("Check the network between here and the host.").At("host")
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		e = fault.New(fault.Unavailable, "the host does not answer").With("Check that the host is up, its address, and the firewall.").At("host")
	}
	return e.Because(err)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// dialLocal connects to the first daemon of this machine.
func dialLocal(paths []string) dialFunc {
	return func(ctx context.Context) (net.Conn, error) {
		var first error
		for _, p := range paths {
			c, err := (&net.Dialer{}).DialContext(ctx, "unix", p)
			if err == nil {
				return c, nil
			}
			if first == nil || errors.Is(first, syscall.ENOENT) && !errors.Is(err, syscall.ENOENT) {
				first = err
			}
		}
		if ctx.Err() != nil {
			return nil, waited(ctx)
		}
		if errors.Is(first, syscall.EACCES) || errors.Is(first, syscall.EPERM) {
			return nil, fault.New(fault.Denied, "we may not use this machine's libvirt").With("Add our user to the group libvirt.").Because(first)
		}
		return nil, fault.New(fault.Unavailable, "no libvirt daemon runs on this machine").With("Start it (systemctl start libvirtd); where it is missing, install libvirt-daemon-system.").Because(first)
	}
}

// tlsDialer speaks TLS 1.3 with certificates from memory.
func tlsDialer(addr string, c drivers.Config) (dialFunc, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(c.Secrets.CACert) {
		return nil, fault.Field("caCert", "Give the CA's certificate that signed the host's, in PEM.", "that is not a certificate in PEM")
	}
	if len(c.Secrets.ClientCert) == 0 {
		return nil, fault.Field("clientCert", "Give a client certificate in PEM that the host's libvirt trusts.", "the client certificate is missing")
	}
	pair, err := tls.X509KeyPair(c.Secrets.ClientCert, c.Secrets.ClientKey)
	if err != nil {
		// The cause is left out: it may quote what it could not read.
		return nil, fault.Field("clientKey", "Give the client certificate and the key that belongs to it, both in PEM and without a passphrase.", "client certificate and key do not fit together")
	}
	conf := &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, ServerName: strings.TrimSuffix(c.Host, "."), MinVersion: tls.VersionTLS13,
		DynamicRecordSizingDisabled: true} // see messages
	return func(ctx context.Context) (net.Conn, error) {
		for again := true; ; again = false {
			t, err := handshake(ctx, addr, conf)
			if err != nil {
				return nil, err
			}
			if err = confirmed(ctx, t); err == nil {
				return t, nil
			}
			_ = t.Close()
			// A daemon that refuses us hangs up without a word, as does one that ends at this moment. Asked again,
			// that one is not there.
			if !again || !fault.Is(err, fault.Invalid) {
				return nil, err
			}
		}
	}, nil
}

// handshake connects and finds out whether it is the host that we trust.
func handshake(ctx context.Context, addr string, conf *tls.Config) (*tls.Conn, error) {
	raw, err := dialTCP(ctx, addr)
	if err != nil {
		return nil, err
	}
	t := tls.Client(raw, conf)
	if err := t.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, untrusted(ctx, err)
	}
	return t, nil
}

// confirmed reads the daemon's word on our certificate: one byte, 1. Under TLS 1.3 a refusal shows
// only here, after a handshake that looked good.
func confirmed(ctx context.Context, c net.Conn) error {
	defer context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })()
	var b [1]byte
	_, err := io.ReadFull(c, b[:])
	if err == nil && b[0] == 1 {
		_ = c.SetReadDeadline(time.Time{})
		if ctx.Err() != nil {
			return waited(ctx)
		}
		return nil
	}
	if ctx.Err() != nil {
		return waited(ctx)
	}
	if err == nil {
		err = fmt.Errorf("the daemon's byte is %d", b[0])
	}
	return fault.Field("clientCert", "Use a certificate that is in date, is signed by the CA that the host's libvirtd trusts, is meant for clients, and is in its tls_allowed_dn_list if it has one.",
		"the host's libvirt does not accept our client certificate").Because(err)
}

// untrusted says what is wrong with a handshake. What trying again does not mend is Invalid, with the field that somebody
// has to look at: there, or here.
func untrusted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return unreachable(ctx, err)
	}
	var (
		ca    x509.UnknownAuthorityError
		name  x509.HostnameError
		cert  x509.CertificateInvalidError
		plain tls.RecordHeaderError
	)
	e := fault.New(fault.Unavailable, "the TLS handshake with the host did not succeed").With("Check that the port is libvirt's TLS port.")
	switch {
	case errors.As(err, &ca):
		e = fault.Field("caCert", "Give the certificate of the CA that signed the host's certificate.", "the host's certificate is signed by another CA")
	case errors.As(err, &name):
		e = fault.Field("host", "Use the name or address that is in the certificate's subject alternative names, or have it issued for this one.", "the host's certificate is for another name")
	case errors.As(err, &cert) && cert.Reason == x509.Expired:
		e = fault.Field("host", "Renew the certificate on the host and restart its libvirtd; check both clocks.", "the host's certificate has expired or is not valid yet")
	case errors.As(err, &cert):
		e = fault.Field("host", "Have it issued with the extended key usage of a server.", "the host's certificate may not be used by a server")
	case strings.Contains(err.Error(), "protocol version"): // the peer's alert, or our own refusal of its answer
		e = fault.Field("host", "Allow TLS 1.3 in tls_priority of the host's libvirtd.conf.", "the host does not speak TLS 1.3")
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF):
		e = fault.New(fault.Unavailable, "the host broke off the TLS handshake").With("Check that the port is libvirt's TLS port and that its daemon runs.")
	case errors.As(err, &plain):
		e = fault.New(fault.Unavailable, "what listens there does not speak TLS").At("port").With("Give libvirt's TLS port, usually 16514.")
	}
	return e.Because(err)
}

// pipe copies until from ends.
func pipe(to, from net.Conn) {
	a, ok := to.(*net.UnixConn)
	b, ok2 := from.(*net.UnixConn)
	if ok && ok2 {
		pass(a, b)
		return
	}
	if _, ok := to.(*tls.Conn); ok {
		messages(to, from)
		return
	}
	_, _ = io.Copy(to, from)
}

// maxMessage is more than libvirt's largest (32 MiB).
const maxMessage = 64 << 20

// messages copies libvirt's messages one by one, so that none shares a TLS record with the next.
// The daemon reads a message's bytes out of a record and then waits for the network: the rest of
// the record would wait with it until the next keepalive, 2 s later, as every upload did.
func messages(to io.Writer, from io.Reader) {
	buf := make([]byte, 64<<10)
	for {
		if _, err := io.ReadFull(from, buf[:4]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint32(buf)) // counts itself
		if n < 4 || n > maxMessage {
			return
		}
		if n > len(buf) {
			buf = append(buf[:4], make([]byte, n-4)...)
		}
		if _, err := io.ReadFull(from, buf[4:n]); err != nil {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// shownURI is where we are connected, for people.
func shownURI(c drivers.Config) string {
	u := url.URL{Scheme: "qemu", Path: "/system"}
	switch c.Transport {
	case drivers.TransportTLS:
		u.Scheme, u.Host = "qemu+tls", hostPort(c)
	case drivers.TransportSSH:
		u.Scheme, u.Host, u.User = "qemu+ssh", hostPort(c), url.User(sshUser(c))
	case drivers.TransportLocal:
	}
	return u.String()
}

func hostPort(c drivers.Config) string {
	if c.Port != 0 {
		return net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
	}
	if strings.Contains(c.Host, ":") {
		return "[" + c.Host + "]"
	}
	return c.Host
}

// encryption names what protects the wire.
func encryption(c drivers.Config) string {
	switch c.Transport {
	case drivers.TransportTLS:
		return "TLS 1.3"
	case drivers.TransportSSH:
		return "SSH"
	default:
		return "local socket"
	}
}
