package libvirt

import (
	"net"

	"golang.org/x/sys/unix"
)

// pass copies from one local socket to another until from ends, and hands on the descriptors that
// travel with the bytes: libvirt opens a VM's screen by passing one.
//
// A descriptor comes with one byte of its own. The kernel ends a read with that byte, and libvirt
// asks for the descriptor with that byte only: so it is sent on by itself.
func pass(to, from *net.UnixConn) {
	const maxDescriptors = 32 // in one message of libvirt's
	buf, oob := make([]byte, 64<<10), make([]byte, unix.CmsgSpace(maxDescriptors*4))
	for {
		n, k, _, _, err := from.ReadMsgUnix(buf, oob)
		if err != nil || n == 0 {
			return
		}
		fds := received(oob[:k])
		plain := n
		if len(fds) > 0 {
			plain--
		}
		if plain > 0 {
			_, err = to.Write(buf[:plain])
		}
		if len(fds) > 0 && err == nil {
			_, _, err = to.WriteMsgUnix(buf[plain:n], unix.UnixRights(fds...), nil)
		}
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
		if err != nil {
			return
		}
	}
}

// received takes the descriptors out of a control message.
func received(oob []byte) []int {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	var all []int
	for i := range messages {
		if fds, err := unix.ParseUnixRights(&messages[i]); err == nil {
			all = append(all, fds...)
		}
	}
	return all
}
