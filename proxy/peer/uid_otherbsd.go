//go:build dragonfly || netbsd || openbsd

package peer

import (
	"encoding/binary"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// UID is the effective user of the process that connected, at that time.
//
// x/sys has no function for these options. Any that asks for a structure will
// do: the kernel fills no more than the size that is passed, and what we need is
// in the first words of its answer.
func UID(conn *net.UnixConn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, err
	}
	var answer *unix.IPv6Mreq // 20 bytes
	var failed error
	if err := raw.Control(func(fd uintptr) {
		answer, failed = unix.GetsockoptIPv6Mreq(int(fd), peerLevel, peerOption)
	}); err != nil {
		return -1, err
	}
	if failed != nil {
		return -1, failed
	}
	words := (*[unsafe.Sizeof(*answer)]byte)(unsafe.Pointer(answer))
	return int(binary.NativeEndian.Uint32(words[peerUIDAt:])), nil
}

// PID is not known here.
func PID(*net.UnixConn) int { return 0 }
