//go:build !windows

package voice

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"tssh/client/tty"
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

// prepare makes a terminal ready for an answer and forgets what was typed before,
// whose echo may have been seen. It waits, stopped, until the program is in the
// foreground: only then are the terminal's settings those to go back to.
func prepare(in *os.File, secret bool) (restore func(), err error) {
	fd := int(in.Fd())
	for !foreground(fd) && !signal.Ignored(syscall.SIGTTOU) {
		if continued, err := tty.Stop(syscall.SIGTTOU); err != nil || !continued {
			break // nobody could continue us
		}
	}
	before, err := tty.Settings(fd)
	if err != nil {
		return nil, err
	}
	now := *before
	now.Lflag |= unix.ICANON | unix.ISIG
	now.Iflag |= unix.ICRNL
	if secret {
		now.Lflag &^= unix.ECHO | unix.ECHONL
	}
	if err := tty.SetSettings(fd, &now); err != nil {
		return nil, err
	}
	return func() { tty.SetSettings(fd, before) }, nil
}

// foreground tells whether this program's job is the terminal's.
func foreground(fd int) bool {
	job, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err != nil || job == unix.Getpgrp()
}

// caught are the signals that end or stop a program, but for those that our
// parent has us ignore, and those of jobs in the background: where they come
// the terminal is another's.
func caught() (all []os.Signal) {
	for _, s := range []os.Signal{
		syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGALRM,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTSTP,
	} {
		if !signal.Ignored(s) {
			all = append(all, s)
		}
	}
	return all
}

// suspend stops the program if that is what s does, until it is continued.
func suspend(s os.Signal) bool {
	if s != syscall.SIGTSTP {
		return false
	}
	tty.Stop(syscall.SIGTSTP)
	return true
}

// die ends the process by the signal, so that its parent sees which it was.
func die(s os.Signal) { tty.Die(s.(syscall.Signal)) }
