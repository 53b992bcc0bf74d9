//go:build !linux

package forward

import (
	"os"
	"runtime"
	"syscall"
)

// chmodSocket can't be done before binding here.
func chmodSocket(os.FileMode) func(network, address string, c syscall.RawConn) error { return nil }

// socketDir is where the agent's socket goes: TMPDIR may be too long for a socket's name.
func socketDir() string {
	if runtime.GOOS == "windows" {
		return os.TempDir()
	}
	return "/tmp"
}
