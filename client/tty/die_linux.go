package tty

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// byDefault sends this process a signal whose default action is taken, until
// undo is called. Package os/signal can't: once it has seen a signal Go keeps a
// handler of its own, which drops what nobody waits for.
func byDefault(s syscall.Signal) (undo func(), err error) {
	var fresh, old [256]byte // the kernel's; zeros are SIG_DFL without flags
	set := func(action, old *[256]byte) {
		const maskSize = 8
		unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(action)), uintptr(unsafe.Pointer(old)), maskSize, 0, 0)
	}
	set(&fresh, &old)
	return func() { set(&old, nil) }, unix.Kill(os.Getpid(), s)
}
