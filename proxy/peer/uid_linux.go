package peer

import (
	"net"

	"golang.org/x/sys/unix"
)

// UID is the effective user of the process that connected, at that time.
func UID(conn *net.UnixConn) (int, error) {
	cred, err := credentials(conn)
	if err != nil {
		return -1, err
	}
	return int(cred.Uid), nil
}

// PID is the process that connected, or that listens; 0 is not known.
func PID(conn *net.UnixConn) int {
	cred, err := credentials(conn)
	if err != nil {
		return 0
	}
	return int(cred.Pid)
}

func credentials(conn *net.UnixConn) (*unix.Ucred, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return nil, err
	}
	return cred, failed
}
