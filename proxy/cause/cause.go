// Package cause says why something failed in the words of the C library, which are
// what ssh and sshd say.
package cause

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// Of is the innermost reason of err. Go's packages put files and addresses around it,
// which the caller names itself.
func Of(err error) string {
	var errno syscall.Errno
	var timeout net.Error
	var file *fs.PathError
	switch {
	case err == nil:
		return ""
	case errors.Is(err, fs.ErrNotExist):
		return "No such file or directory"
	case errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EPERM):
		return "Permission denied"
	case errors.As(err, &errno):
		return sentence(errno.Error())
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return "Connection timed out"
	case errors.As(err, &file):
		return Of(file.Err)
	}
	return err.Error()
}

// sentence begins text with a capital. Windows may say it in any language.
func sentence(text string) string {
	first, n := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[n:]
}
