//go:build unix

package registry

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// ours reports whether a directory belongs to this user and nobody else may enter it.
func ours(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid() && info.Mode().Perm()&0o077 == 0
}

// refused means that a socket's process is gone.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
