package tty

import "golang.org/x/sys/unix"

const (
	getTermios        = unix.TCGETS
	setTermiosDrained = unix.TCSETSW
	setTermiosFlushed = unix.TCSETSF
	iuclc             = unix.IUCLC
	vdisable          = 0
)

// speeds decodes the codes of the control word; a speed without a code (BOTHER)
// is told as 9600, as ssh does.
func speeds(t *unix.Termios) (in, out uint32) {
	out = baud(uint32(t.Cflag) & unix.CBAUD)
	in = baud(uint32(t.Cflag) & unix.CIBAUD >> 16)
	if uint32(t.Cflag)&unix.CIBAUD == 0 {
		in = out
	}
	return in, out
}

func baud(code uint32) uint32 {
	switch code {
	case unix.B0:
		return 0
	case unix.B50:
		return 50
	case unix.B75:
		return 75
	case unix.B110:
		return 110
	case unix.B134:
		return 134
	case unix.B150:
		return 150
	case unix.B200:
		return 200
	case unix.B300:
		return 300
	case unix.B600:
		return 600
	case unix.B1200:
		return 1200
	case unix.B1800:
		return 1800
	case unix.B2400:
		return 2400
	case unix.B4800:
		return 4800
	case unix.B19200:
		return 19200
	case unix.B38400:
		return 38400
	case unix.B57600:
		return 57600
	case unix.B115200:
		return 115200
	case unix.B230400:
		return 230400
	case unix.B460800:
		return 460800
	case unix.B921600:
		return 921600
	}
	return 9600
}

func modeTable() table {
	return table{
		chars: []char{
			{1, unix.VINTR}, {2, unix.VQUIT}, {3, unix.VERASE}, {4, unix.VKILL}, {5, unix.VEOF}, {6, unix.VEOL}, {7, unix.VEOL2},
			{8, unix.VSTART}, {9, unix.VSTOP}, {10, unix.VSUSP}, {12, unix.VREPRINT}, {13, unix.VWERASE}, {14, unix.VLNEXT},
			{16, unix.VSWTC}, {18, unix.VDISCARD},
		},
		input: append(commonInput(), flag{37, unix.IUCLC}, flag{42, unix.IUTF8}),
		local: append(commonLocal(), flag{52, unix.XCASE}),
		output: []flag{
			{70, unix.OPOST}, {71, unix.OLCUC}, {72, unix.ONLCR}, {73, unix.OCRNL}, {74, unix.ONOCR}, {75, unix.ONLRET},
		},
		control: commonControl(),
	}
}
