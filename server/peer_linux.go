package server

import (
	"errors"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// samePeer refuses a connection with a process of another user.
func samePeer(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var cred *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	if int(cred.Uid) != os.Getuid() {
		return errors.New("the other end belongs to another user")
	}
	return nil
}
