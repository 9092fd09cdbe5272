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
		plain, fds := buf[:n], received(oob[:k])
		if len(fds) > 0 && n > 0 {
			plain = buf[:n-1]
		}
		if len(plain) > 0 && err == nil {
			_, err = to.Write(plain)
		}
		if len(fds) > 0 && n > 0 && err == nil {
			_, _, err = to.WriteMsgUnix(buf[n-1:n], unix.UnixRights(fds...), nil)
		}
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
		if err != nil || n == 0 {
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
