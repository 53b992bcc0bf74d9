package pty

import "golang.org/x/sys/unix"

const (
	getTermios = unix.TCGETS
	setTermios = unix.TCSETS
	disabled   = 0
)

var moreCharacters = map[byte]int{16: unix.VSWTC}

var moreFlags = map[byte]flag{
	37: {input, unix.IUCLC},
	42: {input, unix.IUTF8},
	52: {local, unix.XCASE},
	71: {output, unix.OLCUC},
}

// setSpeed sets what stty shows as the speed. Linux has one for both ways here
// and a code for each; a speed without one leaves it alone.
func setSpeed(t *unix.Termios, in, out uint32) {
	code, ok := speedCode(max(in, out))
	if !ok {
		return
	}
	t.Cflag = t.Cflag&^unix.CBAUD | code
	t.Ispeed, t.Ospeed = code, code
}

func speedCode(baud uint32) (uint32, bool) {
	speeds := [...]uint32{50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400}
	for i, s := range speeds {
		if s == baud {
			return unix.B50 + uint32(i), true
		}
	}
	fast := [...]uint32{57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000}
	for i, s := range fast {
		if s == baud {
			return unix.B57600 + uint32(i), true
		}
	}
	return 0, false
}

func sendBreak(fd int) error {
	return unix.IoctlSetInt(fd, unix.TCSBRK, 0)
}
