//go:build dragonfly || netbsd || openbsd

package path

import "golang.org/x/sys/unix"

// These tell of the IPv4 address that was reached as FreeBSD does; the message
// that tells them of the one to send from, IP_SENDSRCADDR, is the same. None of
// them can be told not to fragment IPv4: the transport's search for the largest
// size then finds one that may go in pieces, which costs loss, not sense.
const (
	wantReached4 = unix.IP_RECVDSTADDR
	reached4     = unix.IP_RECVDSTADDR
	reachedAt    = 0
	source4      = unix.IP_RECVDSTADDR
	sourceAt     = 0
	sourceSize   = 4

	dontFragment4 = 0
)
