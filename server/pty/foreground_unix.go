//go:build linux || darwin || freebsd

package pty

import "golang.org/x/sys/unix"

// Foreground returns the name of the program that has the terminal now, and its
// directory, as far as they are known.
func (t *Terminal) Foreground() (name, dir string) {
	var pid int
	err := t.control(func(fd int) (err error) {
		pid, err = unix.IoctlGetInt(fd, unix.TIOCGPGRP)
		return err
	})
	if err != nil || pid <= 0 {
		return "", ""
	}
	return running(pid)
}
