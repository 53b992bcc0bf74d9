//go:build unix

package peer

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Private reports whether a directory, for sockets, belongs to this user and nobody
// else may enter it.
func Private(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid() && info.Mode().Perm()&0o077 == 0
}

// Gone reports whether the error of a dial means that the socket's process is gone.
func Gone(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
