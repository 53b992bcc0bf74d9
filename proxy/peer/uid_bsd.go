//go:build darwin || freebsd

package peer

import (
	"net"

	"golang.org/x/sys/unix"
)

// UID is the effective user of the process that connected, at that time.
func UID(conn *net.UnixConn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, err
	}
	var cred *unix.Xucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		cred, failed = unix.GetsockoptXucred(int(fd), 0, unix.LOCAL_PEERCRED) // level SOL_LOCAL
	}); err != nil {
		return -1, err
	}
	if failed != nil {
		return -1, failed
	}
	return int(cred.Uid), nil
}

// PID is not known here.
func PID(*net.UnixConn) int { return 0 }
