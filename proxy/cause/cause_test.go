//go:build unix

package cause

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestWordsAreThoseOfC(t *testing.T) {
	_, missing := os.Open("/nonexistent/file")
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{missing, "No such file or directory"},
		{fmt.Errorf("open it: %w", missing), "No such file or directory"},
		{&fs.PathError{Op: "open", Path: "/x", Err: syscall.EACCES}, "Permission denied"},
		{&fs.PathError{Op: "open", Path: "/x", Err: syscall.EPERM}, "Operation not permitted"},
		{&fs.PathError{Op: "open", Path: "/x", Err: syscall.EISDIR}, "Is a directory"},
		{&fs.PathError{Op: "open", Path: "/x", Err: errors.New("odd")}, "odd"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "Connection refused"},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, "Connection timed out"},
		{context.DeadlineExceeded, "Connection timed out"},
		{syscall.ETIMEDOUT, "Connection timed out"},
		{errors.New("something of ours"), "something of ours"},
	} {
		if got := Of(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

func TestWordsOfAnyLanguage(t *testing.T) {
	for text, want := range map[string]string{"is a directory": "Is a directory", "由于目标计算机积极拒绝": "由于目标计算机积极拒绝", "ошибка": "Ошибка"} {
		if got := sentence(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
