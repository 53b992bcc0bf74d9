//go:build dragonfly || netbsd || openbsd

package server

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// samePeer refuses a connection with a process of another user.
//
// x/sys has no function for these options. Any that asks for a structure will
// do: the kernel fills no more than the size that is passed, and what we need is
// in the first words of its answer.
func samePeer(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var answer *unix.IPv6Mreq // 20 bytes
	var failed error
	if err := raw.Control(func(fd uintptr) {
		answer, failed = unix.GetsockoptIPv6Mreq(int(fd), peerLevel, peerOption)
	}); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	words := (*[unsafe.Sizeof(*answer)]byte)(unsafe.Pointer(answer))
	if uid := binary.NativeEndian.Uint32(words[peerUIDAt:]); int64(uid) != int64(os.Getuid()) {
		return errors.New("the other end belongs to another user")
	}
	return nil
}
