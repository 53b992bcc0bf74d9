//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package pty

import "golang.org/x/sys/unix"

const (
	getTermios = unix.TIOCGETA
	setTermios = unix.TIOCSETA
	disabled   = 0xff
)

var moreCharacters = map[byte]int{
	11: unix.VDSUSP,
	17: unix.VSTATUS,
}

func sendBreak(fd int) error { return nil }
