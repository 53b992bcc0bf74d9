package registry

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

// ours is true: the directory for temporary files is the user's own here.
func ours(fs.FileInfo) bool { return true }

// refused means that a socket's process is gone.
func refused(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }
