package peer

import "golang.org/x/sys/unix"

// struct sockpeercred of OpenBSD's unix(4) is uid, gid, pid.
const (
	peerLevel  = unix.SOL_SOCKET
	peerOption = unix.SO_PEERCRED
	peerUIDAt  = 0
)
