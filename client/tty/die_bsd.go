//go:build unix && !linux

package tty

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// byDefault is for a signal what its default action would be, which can't be had
// back here: once package os/signal has seen a signal, Go keeps a handler.
func byDefault(s syscall.Signal) (undo func(), err error) {
	switch s {
	case syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU:
		if parent := os.Getppid(); isShell(parent) {
			s = syscall.SIGSTOP
		}
	case syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE:
		signal.Reset(s) // Go's own action is the default one
	default:
		os.Exit(128 + int(s)) // the status that a shell would give it
	}
	return func() {}, unix.Kill(os.Getpid(), s)
}

// isShell tells whether a process can continue our job: it is of our session,
// and of another job.
func isShell(pid int) bool {
	theirs, err := unix.Getsid(pid)
	if err != nil {
		return false
	}
	ours, err := unix.Getsid(0)
	if err != nil {
		return false
	}
	job, err := unix.Getpgid(pid)
	return err == nil && theirs == ours && job != unix.Getpgrp()
}
