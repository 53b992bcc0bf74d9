//go:build unix

package descriptor

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Pair makes two connected sockets. No program inherits one that is not given it:
// the lock keeps others from being started before the mark is set, where the
// system does not set it at once.
func Pair() (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	unix.CloseOnExec(pair[0])
	unix.CloseOnExec(pair[1])
	return os.NewFile(uintptr(pair[0]), "socketpair"), os.NewFile(uintptr(pair[1]), "socketpair"), nil
}
