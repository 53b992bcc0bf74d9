//go:build darwin || freebsd

package path

import "golang.org/x/sys/unix"

const errTooLarge = unix.EMSGSIZE

// forbidFragments makes the kernel drop what is too large for the path, which
// the transport's search for the largest size relies on.
func forbidFragments(fd uintptr) {
	unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_DONTFRAG, 1)
	unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG, 1)
}
