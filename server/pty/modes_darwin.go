package pty

import "golang.org/x/sys/unix"

var moreFlags = map[byte]flag{42: {input, unix.IUTF8}}

func setSpeed(t *unix.Termios, in, out uint32) {
	if in != 0 {
		t.Ispeed = uint64(in)
	}
	if out != 0 {
		t.Ospeed = uint64(out)
	}
}
