//go:build unix

package tty

import "golang.org/x/sys/unix"

// commonInput are the input flags that every unix has.
func commonInput() []flag {
	return []flag{
		{30, unix.IGNPAR}, {31, unix.PARMRK}, {32, unix.INPCK}, {33, unix.ISTRIP}, {34, unix.INLCR}, {35, unix.IGNCR},
		{36, unix.ICRNL}, {38, unix.IXON}, {39, unix.IXANY}, {40, unix.IXOFF}, {41, unix.IMAXBEL},
	}
}

// commonLocal are the local flags that every unix has.
func commonLocal() []flag {
	return []flag{
		{50, unix.ISIG}, {51, unix.ICANON}, {53, unix.ECHO}, {54, unix.ECHOE}, {55, unix.ECHOK}, {56, unix.ECHONL},
		{57, unix.NOFLSH}, {58, unix.TOSTOP}, {59, unix.IEXTEN}, {60, unix.ECHOCTL}, {61, unix.ECHOKE}, {62, unix.PENDIN},
	}
}

// commonControl are the control flags that every unix has. CS7 is told as a
// bit, which CS8 has too; OpenSSH tells it so, and no server minds.
func commonControl() []flag {
	return []flag{{90, unix.CS7}, {91, unix.CS8}, {92, unix.PARENB}, {93, unix.PARODD}}
}
