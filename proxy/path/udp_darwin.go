package path

import "golang.org/x/sys/unix"

// How macOS tells of the IPv4 address that was reached, and is told of the one
// to send from: struct in_pktinfo, of an interface, a source and a destination.
const (
	wantReached4 = unix.IP_RECVPKTINFO
	reached4     = unix.IP_PKTINFO
	reachedAt    = 8
	source4      = unix.IP_PKTINFO
	sourceAt     = 4
	sourceSize   = 12

	dontFragment4 = unix.IP_DONTFRAG
)
