package libvirt

import (
	"context"
	"errors"
	"net"
	"regexp"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

var userName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.@\\-]{0,63}$`)

// sshDialer reaches the daemon's socket through SSH: no ssh program, no shell, no netcat. The
// host's key is pinned.
func sshDialer(addr string, c drivers.Config) (dialFunc, error) {
	if !userName.MatchString(sshUser(c)) {
		return nil, fault.Field("user", "Give the name of a user of the host who may use libvirt.", "that is not a user name")
	}
	key, err := ssh.ParsePrivateKey(c.Secrets.SSHKey)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil, fault.Field("sshKey", "Give a key without a passphrase.", "the SSH key is locked by a passphrase")
	case err != nil:
		// The cause is left out: it may quote what it could not read.
		return nil, fault.Field("sshKey", "Give a private key in OpenSSH's format.", "that is not an SSH private key")
	}
	pinned, err := parseHostKey(c.Secrets.SSHHostKey)
	if err != nil {
		return nil, err
	}
	conf := &ssh.ClientConfig{
		User: sshUser(c), Auth: []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback:   ssh.FixedHostKey(pinned),
		HostKeyAlgorithms: hostKeyAlgorithms(pinned),
	}
	return func(ctx context.Context) (net.Conn, error) {
		raw, err := dialTCP(ctx, addr)
		if err != nil {
			return nil, err
		}
		stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
		conn, err := throughSSH(raw, addr, conf)
		if !stop() {
			_ = raw.Close()
			return nil, waited(ctx)
		}
		if err != nil {
			_ = raw.Close()
			return nil, err
		}
		return conn, nil
	}, nil
}

// throughSSH makes the handshake and opens the daemon's socket on the far side.
func throughSSH(raw net.Conn, addr string, conf *ssh.ClientConfig) (net.Conn, error) {
	_ = raw.SetDeadline(time.Now().Add(callDeadline))
	c, chans, reqs, err := ssh.NewClientConn(raw, addr, conf)
	if err != nil {
		return nil, sshRefused(err)
	}
	_ = raw.SetDeadline(time.Time{})
	client := ssh.NewClient(c, chans, reqs)
	var last error
	for _, path := range sockets {
		s, err := client.Dial("unix", path)
		if err == nil {
			return &sshConn{Conn: s, client: client}, nil
		}
		last = err
		var refused *ssh.OpenChannelError
		if !errors.As(err, &refused) || refused.Reason == ssh.Prohibited {
			break
		}
	}
	_ = client.Close()
	return nil, fault.New(fault.Unavailable, "SSH works, but the libvirt daemon's socket cannot be reached through it").
		With("Check that libvirtd runs on the host, that the user is in its group libvirt, and that neither sshd_config (AllowStreamLocalForwarding no, AllowTcpForwarding no, DisableForwarding yes) nor the key's line in authorized_keys (restrict, no-port-forwarding) forbids forwarding.").Because(last)
}

// sshRefused says what is wrong with an SSH handshake, as untrusted does. x/crypto/ssh has words only, no types.
func sshRefused(err error) error {
	e := fault.New(fault.Unavailable, "the SSH handshake with the host did not succeed").With("Check that the port is the host's SSH port.")
	switch t := err.Error(); {
	case strings.Contains(t, "host key mismatch"), strings.Contains(t, "no common algorithm for host key"):
		e = fault.Field("sshHostKey", "If the host was reinstalled, give its new public key; otherwise somebody else may be answering.",
			"the host shows another key than the one that is pinned")
	case strings.Contains(t, "unable to authenticate"):
		e = fault.Field("sshKey", "Add the key's public half to the user's authorized_keys on the host.", "the host does not let this user in with this key")
	}
	return e.Because(err)
}

// parseHostKey reads a public key, with or without the host's name before it, as ssh-keyscan prints it.
func parseHostKey(b []byte) (ssh.PublicKey, error) {
	if k, _, _, _, err := ssh.ParseAuthorizedKey(b); err == nil {
		return k, nil
	}
	if _, _, k, _, _, err := ssh.ParseKnownHosts(b); err == nil {
		return k, nil
	}
	return nil, fault.Field("sshHostKey", "Give the host's public key: /etc/ssh/ssh_host_ed25519_key.pub there.", "that is not an SSH public key")
}

// hostKeyAlgorithms makes the host show the key that is pinned and not another of its own.
func hostKeyAlgorithms(k ssh.PublicKey) []string {
	if k.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{k.Type()}
}

func sshUser(c drivers.Config) string {
	if c.User == "" {
		return "root"
	}
	return c.User
}

// sshConn is a channel that takes its SSH connection along when it closes.
type sshConn struct {
	net.Conn
	client *ssh.Client
}

// Close is as net.Conn has it.
func (c *sshConn) Close() error {
	_ = c.Conn.Close()
	return c.client.Close()
}
