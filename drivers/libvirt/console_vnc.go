package libvirt

import (
	"context"
	"io"
	"net"
	"strconv"

	"golang.org/x/crypto/ssh"
	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// vnc opens the VM's screen. QEMU's VNC server listens on the host alone, and how it is reached
// depends on the way to the host:
//   - the daemon's own socket: libvirt opens the connection and passes its descriptor;
//   - SSH: forwarded by the SSH connection, which needs nothing on the host;
//   - TLS: not at all, since no descriptor can travel through it.
func (d *Driver) vnc(ctx context.Context, ref drivers.Ref) (io.ReadWriteCloser, error) {
	var at screen
	err := d.do(ctx, func(c *libvirt.Connect) error {
		dom, x, err := running(c, ref)
		if err != nil {
			return err
		}
		_ = dom.Free()
		at, err = screenOf(x)
		return err
	})
	if err != nil {
		return nil, err
	}
	switch d.config.Transport {
	case drivers.TransportTLS:
		return nil, fault.New(fault.Unsupported, "the screen cannot be reached through libvirt's TLS connection, which carries no other stream").
			With("Use the serial console, or connect the host by SSH.")
	case drivers.TransportSSH:
		return d.forwarded(ctx, at)
	default:
		return d.descriptor(ctx, ref, at)
	}
}

// forwarded opens it through an SSH connection of its own.
func (d *Driver) forwarded(ctx context.Context, at screen) (io.ReadWriteCloser, error) {
	s, err := d.pool.dial(ctx)
	if err != nil {
		return nil, err
	}
	way, ok := s.remote.(*sshConn)
	if !ok {
		s.end()
		return nil, fault.New(fault.Unsupported, "the screen cannot be reached on this way to the host").With("Use the serial console.")
	}
	conn, err := at.through(ctx, way.client)
	if err != nil {
		s.end()
		return nil, err
	}
	return &screenConn{conn, s.end}, nil
}

// screen is where a VM's VNC server listens on its host.
type screen struct {
	index  uint // among the VM's graphics
	host   string
	port   int
	socket string
}

// screenOf finds the VNC server of a running VM.
func screenOf(x *libvirtxml.Domain) (screen, error) {
	if x.Devices != nil {
		for i, g := range x.Devices.Graphics {
			if g.VNC == nil {
				continue
			}
			s := screen{index: uint(i), host: g.VNC.Listen, port: g.VNC.Port, socket: g.VNC.Socket}
			for _, l := range g.VNC.Listeners {
				switch {
				case l.Socket != nil && l.Socket.Socket != "":
					s.socket = l.Socket.Socket
				case l.Address != nil && s.host == "":
					s.host = l.Address.Address
				}
			}
			if ip := net.ParseIP(s.host); ip == nil || ip.IsUnspecified() {
				s.host = "127.0.0.1"
			}
			return s, nil
		}
	}
	return screen{}, fault.New(fault.Unsupported, "the VM has no VNC screen").With("Use the serial console, or add a VNC screen to its definition.")
}

// through reaches it from the far side of an SSH connection.
func (s screen) through(ctx context.Context, client *ssh.Client) (net.Conn, error) {
	network, addr := "tcp", net.JoinHostPort(s.host, strconv.Itoa(s.port))
	if s.socket != "" {
		network, addr = "unix", s.socket
	}
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	conn, err := client.DialContext(ctx, network, addr)
	if err == nil {
		return conn, nil
	}
	if ctx.Err() != nil {
		return nil, waited(ctx)
	}
	return nil, fault.New(fault.Unsupported, "the host's SSH server does not forward to the VM's screen").
		With("Look for AllowTcpForwarding no and AllowStreamLocalForwarding no in its sshd_config; the serial console works without.").Because(err)
}

// descriptor has the local daemon open it, and takes over what the daemon passes.
func (d *Driver) descriptor(ctx context.Context, ref drivers.Ref, at screen) (io.ReadWriteCloser, error) {
	var conn net.Conn
	err := d.do(ctx, about(ref, func(_ *libvirt.Connect, dom *libvirt.Domain) error {
		// Whoever may see the VM has been asked for that by us: its VNC password is not for them.
		f, err := dom.OpenGraphicsFD(at.index, libvirt.DOMAIN_OPEN_GRAPHICS_SKIPAUTH)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		conn, err = net.FileConn(f)
		return err
	}))
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(d.pool.life, func() { _ = conn.Close() }) // it passes by our sessions
	return &screenConn{conn, func() { stop() }}, nil
}

// screenConn takes its session along when it closes.
type screenConn struct {
	net.Conn
	end func()
}

// Close is as net.Conn has it.
func (c *screenConn) Close() error {
	err := c.Conn.Close()
	c.end()
	return err
}
