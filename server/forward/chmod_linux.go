package forward

import (
	"os"
	"syscall"
)

// chmodSocket gives a socket its mode before it is bound.
func chmodSocket(mode os.FileMode) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var done error
		err := c.Control(func(fd uintptr) { done = syscall.Fchmod(int(fd), uint32(mode)) })
		if err != nil {
			return err
		}
		return done
	}
}

// socketDir is where the agent's socket goes: TMPDIR may be too long for a socket's name.
func socketDir() string { return "/tmp" }
