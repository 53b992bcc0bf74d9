package pty

import "golang.org/x/sys/unix"

func setUTF8(t *unix.Termios, m mode) {
	if m.opcode == 42 {
		flip(&t.Iflag, unix.IUTF8, m)
	}
}

func setSpeed(t *unix.Termios, in, out uint32) {
	if in != 0 {
		t.Ispeed = uint64(in)
	}
	if out != 0 {
		t.Ospeed = uint64(out)
	}
}
