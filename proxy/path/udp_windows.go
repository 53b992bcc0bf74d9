package path

import "golang.org/x/sys/windows"

const (
	errTooLarge = windows.WSAEMSGSIZE

	ipDontFragment = 14 // of both families in ws2ipdef.h
)

// forbidFragments makes the system drop what is too large for the path, which
// the transport's search for the largest size relies on.
func forbidFragments(fd uintptr) {
	windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_IP, ipDontFragment, 1)
	windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_IPV6, ipDontFragment, 1)
}
