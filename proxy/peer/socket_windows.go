package peer

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

// Private is true: the directory for temporary files is the user's own here.
func Private(fs.FileInfo) bool { return true }

// Gone reports whether the error of a dial means that the socket's process is gone.
func Gone(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }
