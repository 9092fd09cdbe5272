package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// certificates is the pair of files by which the server speaks TLS. Whoever renews it writes them anew; the server looks.
type certificates struct {
	file, key string
	read      []byte // of both, when they were last read
	pair      atomic.Pointer[tls.Certificate]
}

// lookForRenewal is how often the files are looked at, and warnAt are how long before its end a certificate is warned of.
const lookForRenewal = 10 * time.Second

var warnAt = []time.Duration{30 * 24 * time.Hour, 7 * 24 * time.Hour, 24 * time.Hour}

// ownCertificates reads the settings; nil: the server speaks plain HTTP.
func ownCertificates() (*certificates, error) {
	c := &certificates{file: env("NOVACRON_TLS_CERTIFICATE"), key: env("NOVACRON_TLS_KEY")}
	switch {
	case c.file == "" && c.key == "":
		return nil, nil
	case c.file == "":
		return nil, wrong("NOVACRON_TLS_CERTIFICATE", "Name the certificate that belongs to NOVACRON_TLS_KEY, or leave both out.")
	case c.key == "":
		return nil, wrong("NOVACRON_TLS_KEY", "Name the key that belongs to NOVACRON_TLS_CERTIFICATE, or leave both out.")
	}
	if _, err := c.refresh(); err != nil {
		return nil, wrongBecause("NOVACRON_TLS_CERTIFICATE", "Name a certificate with its chain in PEM, and in NOVACRON_TLS_KEY its key.", err)
	}
	return c, nil
}

// refresh reads the files again if they have changed. With an error what was read before goes on being used.
func (c *certificates) refresh() (changed bool, err error) {
	cert, err := os.ReadFile(c.file)
	if err != nil {
		return false, err
	}
	key, err := os.ReadFile(c.key)
	if err != nil {
		return false, err
	}
	text := append(cert, key...)
	if bytes.Equal(text, c.read) {
		return false, nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return false, err // between the writing of the two, or for good
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return false, err
		}
	}
	c.read = text
	c.pair.Store(&pair)
	return true, nil
}

// config speaks TLS 1.2 and later, and HTTP/1.1.
func (c *certificates) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.pair.Load(), nil }}
}

// watch reads renewed files, and warns before a certificate ends.
func (c *certificates) watch(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(lookForRenewal)
	defer tick.Stop()
	broken, warned := false, len(warnAt)+1
	for {
		changed, err := c.refresh()
		if err != nil && !broken {
			log.WarnContext(ctx, "the certificate; the one that was read before is used", "file", c.file, "error", err)
		}
		broken = err != nil
		end := c.pair.Load().Leaf.NotAfter
		if changed {
			log.InfoContext(ctx, "the certificate has changed", "file", c.file, "until", end)
			warned = len(warnAt) + 1
		}
		if near := nearness(time.Until(end)); near > 0 && near != warned {
			warned = near
			log.WarnContext(ctx, "the certificate ends soon, or has", "file", c.file, "until", end)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// nearness counts how many of the warnings are due when so much time is left.
func nearness(left time.Duration) (n int) {
	for _, before := range warnAt {
		if left < before {
			n++
		}
	}
	return n
}
