package memconn

import "golang.org/x/sys/unix"

func isSegment(level, name int32) bool {
	return level == unix.IPPROTO_UDP && name == unix.UDP_SEGMENT
}
