//go:build !windows

package voice

import (
	"os"
	"syscall"
)

func openTerminal() (in, out *os.File, err error) {
	// Opened by the system call: a terminal that Go's poller takes would be
	// set to not block, for the shell beside us too.
	fd, err := syscall.Open("/dev/tty", syscall.O_RDWR|syscall.O_CLOEXEC|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	f := os.NewFile(uintptr(fd), "/dev/tty")
	return f, f, nil
}

// endings are the signals that end a program by default.
func endings() []os.Signal {
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE}
}

// die ends the process by the signal, so that its parent sees which it was.
func die(s os.Signal) {
	syscall.Kill(syscall.Getpid(), s.(syscall.Signal))
}
