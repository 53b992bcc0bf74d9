//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package pty

import "golang.org/x/sys/unix"

const (
	getTermios = unix.TIOCGETA
	setTermios = unix.TIOCSETA
	disabled   = 0xff
)

func extraCharacter(opcode byte) (int, bool) {
	switch opcode {
	case 11:
		return unix.VDSUSP, true
	case 17:
		return unix.VSTATUS, true
	}
	return 0, false
}

func setExtra(t *unix.Termios, m mode) { setUTF8(t, m) }

func sendBreak(fd int) error { return nil }
