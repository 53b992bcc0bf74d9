// Package peer tells who is at the other end of a unix socket, if anybody, and who can
// reach it.
package peer

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// Same refuses the process of another user. A socket's mode and directory keep
// others out; this holds where they are not as they should be, or where a system
// does not look at the mode.
func Same(conn *net.UnixConn) error {
	uid, err := UID(conn)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil // as on Windows; there the directory alone decides
	}
	if err == nil && uid != os.Getuid() {
		err = fmt.Errorf("the other end belongs to another user, %d", uid)
	}
	return err
}

// SameOrRoot is Same, for what lets root in as OpenSSH does: root could take it
// anyway.
func SameOrRoot(conn *net.UnixConn) error {
	if uid, err := UID(conn); err == nil && uid == 0 {
		return nil
	}
	return Same(conn)
}
