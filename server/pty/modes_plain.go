//go:build dragonfly || freebsd || netbsd || openbsd

package pty

import "golang.org/x/sys/unix"

var moreFlags map[byte]flag

func setSpeed(t *unix.Termios, in, out uint32) {
	if in != 0 {
		setNumber(&t.Ispeed, in)
	}
	if out != 0 {
		setNumber(&t.Ospeed, out)
	}
}

// setNumber: the speed's type differs.
func setNumber[T int32 | uint32](field *T, n uint32) { *field = T(n) }
