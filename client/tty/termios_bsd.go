//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package tty

import "golang.org/x/sys/unix"

const (
	getTermios        = unix.TIOCGETA
	setTermiosDrained = unix.TIOCSETAW
	setTermiosFlushed = unix.TIOCSETAF
	iuclc             = 0 // unknown here
	vdisable          = 0xff
)

func speeds(t *unix.Termios) (in, out uint32) { return uint32(t.Ispeed), uint32(t.Ospeed) }

func modeTable() table {
	return table{
		chars: []char{
			{1, unix.VINTR}, {2, unix.VQUIT}, {3, unix.VERASE}, {4, unix.VKILL}, {5, unix.VEOF}, {6, unix.VEOL}, {7, unix.VEOL2},
			{8, unix.VSTART}, {9, unix.VSTOP}, {10, unix.VSUSP}, {11, unix.VDSUSP}, {12, unix.VREPRINT}, {13, unix.VWERASE},
			{14, unix.VLNEXT}, {17, unix.VSTATUS}, {18, unix.VDISCARD},
		},
		input:   append(commonInput(), extraInput()...),
		local:   commonLocal(),
		output:  []flag{{70, unix.OPOST}, {72, unix.ONLCR}, {73, unix.OCRNL}, {74, unix.ONOCR}, {75, unix.ONLRET}},
		control: commonControl(),
	}
}
