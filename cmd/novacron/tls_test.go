package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/fault"
)

// issue writes a certificate and its key.
func issue(t *testing.T, file, key string, serial int64, lasts time.Duration) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lasts), DNSNames: []string{"vms.example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
}

// A renewed certificate is used from the next connection on; what does not fit is not.
func TestRenewedCertificate(t *testing.T) {
	dir := t.TempDir()
	file, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	t.Setenv("NOVACRON_TLS_CERTIFICATE", file)
	_, err := ownCertificates()
	require.True(t, fault.Is(err, fault.Invalid), "without its key")
	t.Setenv("NOVACRON_TLS_KEY", key)
	_, err = ownCertificates()
	require.True(t, fault.Is(err, fault.Invalid), "not there")
	issue(t, file, key, 1, time.Hour)
	c, err := ownCertificates()
	require.NoError(t, err)

	plain, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listener := tls.NewListener(plain, c.config())
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).Handshake()
			_ = conn.Close()
		}
	}()
	serial := func(most uint16) int64 {
		t.Helper()
		conn, err := tls.Dial("tcp", plain.Addr().String(), &tls.Config{InsecureSkipVerify: true, MaxVersion: most, NextProtos: []string{"h2", "http/1.1"}})
		require.NoError(t, err)
		defer conn.Close()
		assert.Equal(t, "http/1.1", conn.ConnectionState().NegotiatedProtocol)
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	assert.EqualValues(t, 1, serial(tls.VersionTLS13))
	assert.EqualValues(t, 1, serial(tls.VersionTLS12))
	_, err = tls.Dial("tcp", plain.Addr().String(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	require.Error(t, err)

	issue(t, file, key, 2, time.Hour)
	changed, err := c.refresh()
	require.NoError(t, err)
	require.True(t, changed)
	assert.EqualValues(t, 2, serial(tls.VersionTLS13))

	issue(t, file, filepath.Join(dir, "other.pem"), 3, time.Hour)
	_, err = c.refresh()
	require.Error(t, err, "a certificate with another's key")
	require.NoError(t, os.Remove(file))
	_, err = c.refresh()
	require.Error(t, err)
	assert.EqualValues(t, 2, serial(tls.VersionTLS13))
}

func TestNearness(t *testing.T) {
	for left, want := range map[time.Duration]int{60 * 24 * time.Hour: 0, 29 * 24 * time.Hour: 1, 6 * 24 * time.Hour: 2, time.Hour: 3, -time.Hour: 3} {
		assert.Equal(t, want, nearness(left), left)
	}
}
