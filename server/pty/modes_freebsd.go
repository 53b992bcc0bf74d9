package pty

import "golang.org/x/sys/unix"

func setUTF8(t *unix.Termios, m mode) {}

func setSpeed(t *unix.Termios, in, out uint32) {
	if in != 0 {
		t.Ispeed = in
	}
	if out != 0 {
		t.Ospeed = out
	}
}
