package path

import "golang.org/x/sys/unix"

// How FreeBSD tells of the IPv4 address that was reached, and is told of the one
// to send from: the address alone.
const (
	wantReached4 = unix.IP_RECVDSTADDR
	reached4     = unix.IP_RECVDSTADDR
	reachedAt    = 0
	source4      = unix.IP_SENDSRCADDR
	sourceAt     = 0
	sourceSize   = 4

	dontFragment4 = unix.IP_DONTFRAG
)
