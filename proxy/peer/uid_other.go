//go:build !unix || aix || solaris

package peer

import (
	"errors"
	"net"
)

// UID is not known here.
func UID(*net.UnixConn) (int, error) { return -1, errors.ErrUnsupported }

// PID is not known here.
func PID(*net.UnixConn) int { return 0 }
