package libvirt

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// authority signs certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t testing.TB) *authority {
	a := &authority{}
	a.cert, a.key, a.pem = a.issue(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: "CA"}})
	return a
}

var serial int64

// issue makes a certificate, signed by a, or by itself when a is empty.
func (a *authority) issue(t testing.TB, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	serial++
	c.SerialNumber = big.NewInt(serial)
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// pair issues a certificate with its key, both in PEM.
func (a *authority) pair(t testing.TB, c *x509.Certificate) (cert, key []byte) {
	t.Helper()
	_, k, certPEM := a.issue(t, c)
	der, err := x509.MarshalPKCS8PrivateKey(k)
	must(t, err)
	return certPEM, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func server() *x509.Certificate {
	return &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
}

func client() *x509.Certificate {
	return &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, Subject: pkix.Name{CommonName: "client"}}
}

// daemon is what a libvirtd looks like until the first message: TLS, then the byte.
func daemon(t *testing.T, conf *tls.Config, word byte) int {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if c.(*tls.Conn).HandshakeContext(t.Context()) == nil {
					_, _ = c.Write([]byte{word})
					_, _ = c.Read(make([]byte, 1))
				}
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// Every way in which certificates go wrong is told apart, and none is passed over.
func TestCertificates(t *testing.T) {
	good, other := newAuthority(t), newAuthority(t)
	clientCert, clientKey := good.pair(t, client())
	strayCert, strayKey := other.pair(t, client())
	expired := server()
	expired.NotBefore, expired.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	renamed := server()
	renamed.IPAddresses, renamed.DNSNames = nil, []string{"elsewhere.example"}
	forClients := server()
	forClients.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	for _, c := range []struct {
		what   string
		signer *authority
		server *x509.Certificate
		max    uint16
		word   byte
		stray  bool // our own certificate is another CA's
		field  string
		has    string
	}{
		{what: "all is well", signer: good, server: server(), word: 1},
		{what: "another CA", signer: other, server: server(), word: 1, field: "caCert", has: "another CA"},
		{what: "expired", signer: good, server: expired, word: 1, field: "host", has: "expired"},
		{what: "another name", signer: good, server: renamed, word: 1, field: "host", has: "another name"},
		{what: "not for servers", signer: good, server: forClients, word: 1, field: "host", has: "may not be used by a server"},
		{what: "TLS 1.2 only", signer: good, server: server(), max: tls.VersionTLS12, word: 1, field: "host", has: "TLS 1.3"},
		{what: "our certificate is a stranger's", signer: good, server: server(), word: 1, stray: true, field: "clientCert", has: "does not accept"},
		{what: "the daemon says no", signer: good, server: server(), word: 0, field: "clientCert", has: "does not accept"},
	} {
		t.Run(c.what, func(t *testing.T) {
			certPEM, keyPEM := c.signer.pair(t, c.server)
			pair, err := tls.X509KeyPair(certPEM, keyPEM)
			must(t, err)
			roots := x509.NewCertPool()
			roots.AddCert(good.cert)
			port := daemon(t, &tls.Config{Certificates: []tls.Certificate{pair}, MaxVersion: c.max, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots}, c.word)
			secrets := drivers.Secrets{CACert: good.pem, ClientCert: clientCert, ClientKey: clientKey}
			if c.stray {
				secrets.ClientCert, secrets.ClientKey = strayCert, strayKey
			}
			dial, err := dialer(drivers.Config{Transport: drivers.TransportTLS, Host: "127.0.0.1", Port: port, Secrets: secrets})
			must(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			conn, err := dial(ctx)
			if c.has == "" {
				must(t, err)
				if v := conn.(*tls.Conn).ConnectionState().Version; v != tls.VersionTLS13 {
					t.Errorf("version %x", v)
				}
				_ = conn.Close()
				return
			}
			f := fault.Of(err)
			if f == nil || f.Kind != fault.Invalid || f.Field != c.field || f.Remedy == "" || !strings.Contains(f.Message, c.has) {
				t.Errorf("%s at %q: %v", f.Kind, f.Field, err)
			}
		})
	}
}

// A daemon that ends between its handshake and its word looks like one that refuses us: it is not blamed on the certificate.
func TestDaemonEndsAtTheHandshake(t *testing.T) {
	a := newAuthority(t)
	cert, key := a.pair(t, client())
	serverCert, serverKey := a.pair(t, server())
	pair, err := tls.X509KeyPair(serverCert, serverKey)
	must(t, err)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	must(t, err)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_ = c.(*tls.Conn).HandshakeContext(t.Context())
		_ = l.Close()
	}()
	dial, err := dialer(drivers.Config{Transport: drivers.TransportTLS, Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port,
		Secrets: drivers.Secrets{CACert: a.pem, ClientCert: cert, ClientKey: key}})
	must(t, err)
	if _, err := dial(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}

// What listens but is no libvirt ends by the deadline.
func TestSilentServer(t *testing.T) {
	a := newAuthority(t)
	cert, key := a.pair(t, client())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	dial, err := dialer(drivers.Config{Transport: drivers.TransportTLS, Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port,
		Secrets: drivers.Secrets{CACert: a.pem, ClientCert: cert, ClientKey: key}})
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := dial(ctx); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
	if took := time.Since(began); took > prompt {
		t.Errorf("it took %v", took)
	}
	_ = l.Close()
	if _, err := dial(t.Context()); !fault.Is(err, fault.Unavailable) || fault.Of(err).Field != "port" {
		t.Error(err)
	}
}

// tlsConfig is a connection to the first test host over TLS.
func tlsConfig(t testing.TB) drivers.Config {
	t.Helper()
	root := testHosts(t)
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(root, "pki", name))
		must(t, err)
		return b
	}
	host := hostAddress(t, root)
	return drivers.Config{Kind: drivers.KindLibvirt, Transport: drivers.TransportTLS, Host: host, Accelerator: drivers.AcceleratorQEMU,
		Secrets: drivers.Secrets{CACert: read("cacert.pem"), ClientCert: read("clientcert.pem"), ClientKey: read("clientkey.pem")}}
}

// hostAddress reads the first test host's address from the hosts file that all of them share.
func hostAddress(t testing.TB, root string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "etc-hosts"))
	must(t, err)
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 2 && f[1] == "hosta" {
			return f[0]
		}
	}
	t.Fatal("there is no hosta in " + root)
	return ""
}

func TestOpenByTLS(t *testing.T) {
	c := tlsConfig(t)
	d, err := Open(t.Context(), c)
	must(t, err)
	defer d.Close()
	must(t, d.Ping(t.Context()))
	if i := d.Info(); i.Encryption != "TLS 1.3" || i.URI != "qemu+tls://"+c.Host+"/system" {
		t.Errorf("%+v", i)
	}
	// Our own certificate, refused by the real daemon.
	a := newAuthority(t)
	c.Secrets.ClientCert, c.Secrets.ClientKey = a.pair(t, client())
	if _, err := Open(t.Context(), c); !fault.Is(err, fault.Invalid) || fault.Of(err).Field != "clientCert" {
		t.Errorf("a stranger's certificate: %v", err)
	}
	c.Secrets.CACert = a.pem
	if _, err := Open(t.Context(), c); !fault.Is(err, fault.Invalid) || fault.Of(err).Field != "caCert" {
		t.Errorf("another CA: %v", err)
	}
	c.Port = 1
	if _, err := Open(t.Context(), c); !fault.Is(err, fault.Unavailable) || fault.Of(err).Field != "port" {
		t.Errorf("port %s: %v", strconv.Itoa(c.Port), err)
	}
}

// An upload does not wait for the keepalive: see messages.
func TestUploadByTLS(t *testing.T) {
	d, err := Open(t.Context(), tlsConfig(t))
	must(t, err)
	defer d.Close()
	v := drivers.VolumeRef{Pool: poolForTests(t, d.(*Driver)), Volume: "test-upload.raw"}
	content := bytes.Repeat([]byte("0123456789abcdef"), 3<<16)
	quickly(t, "3 MiB", keepSeconds*time.Second/2, func() {
		_, err = d.(*Driver).PutVolume(t.Context(), v, "test-upload", "raw", int64(len(content)), bytes.NewReader(content))
		must(t, err)
	})
	must(t, d.(*Driver).DeleteVolume(t.Context(), v))
}

// quickly does something until it has once been quick enough: a busy machine makes any time long, but not every time.
func quickly(t testing.TB, what string, limit time.Duration, do func()) {
	t.Helper()
	var took time.Duration
	for range 10 {
		began := time.Now()
		do()
		if took = time.Since(began); took <= limit {
			t.Logf("%s: %v", what, took.Round(time.Millisecond))
			return
		}
	}
	t.Errorf("%s takes %v, ten times more than %v", what, took, limit)
}

func TestMessages(t *testing.T) {
	var in, out bytes.Buffer
	for _, n := range []int{4, 28, 70_000, 5} {
		in.Write(binary.BigEndian.AppendUint32(nil, uint32(n)))
		in.Write(make([]byte, n-4))
	}
	want := bytes.Clone(in.Bytes())
	in.Write([]byte{0, 0, 0, 3, 'x'}) // no message at all
	writes := 0
	messages(writer(func(b []byte) (int, error) { writes++; return out.Write(b) }), &in)
	if writes != 4 || !bytes.Equal(out.Bytes(), want) {
		t.Errorf("%d writes of %d bytes", writes, out.Len())
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }
