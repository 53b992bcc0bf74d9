//go:build unix

package pty

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// undefined is the value that a client gives a control character it has not.
const undefined = 255

// mode is one terminal mode of RFC 4254 section 8.
type mode struct {
	opcode byte
	value  uint32
}

// parseModes reads encoded terminal modes. It stops, as RFC 4254 says, at
// opcode 0 and at the opcodes from 160 on, whose arguments nobody knows, and at
// an argument cut short.
func parseModes(b []byte) []mode {
	var modes []mode
	for len(b) >= 5 && b[0] != 0 && b[0] < 160 {
		modes = append(modes, mode{b[0], binary.BigEndian.Uint32(b[1:])})
		b = b[5:]
	}
	return modes
}

// setModes changes the modes of the terminal fd to what the client's terminal has.
func setModes(fd int, modes []mode) error {
	if len(modes) == 0 {
		return nil
	}
	t, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return err
	}
	for _, m := range modes {
		apply(t, m)
	}
	return unix.IoctlSetTermios(fd, setTermios, t)
}

// apply changes one mode. What this system doesn't have is ignored, as in sshd.
func apply(t *unix.Termios, m mode) {
	switch {
	case m.opcode <= 18:
		if i, ok := character(m.opcode); ok {
			t.Cc[i] = byte(m.value)
			if m.value == undefined {
				t.Cc[i] = disabled
			}
		}
	case m.opcode < 50:
		setInput(t, m)
	case m.opcode < 70:
		setLocal(t, m)
	case m.opcode < 90:
		setOutput(t, m)
	case m.opcode < 128:
		setControl(t, m)
	case m.opcode == 128:
		setSpeed(t, m.value, 0)
	case m.opcode == 129:
		setSpeed(t, 0, m.value)
	}
}

// character is the place of a control character.
func character(opcode byte) (int, bool) {
	switch opcode {
	case 1:
		return unix.VINTR, true
	case 2:
		return unix.VQUIT, true
	case 3:
		return unix.VERASE, true
	case 4:
		return unix.VKILL, true
	case 5:
		return unix.VEOF, true
	case 6:
		return unix.VEOL, true
	case 7:
		return unix.VEOL2, true
	case 8:
		return unix.VSTART, true
	case 9:
		return unix.VSTOP, true
	case 10:
		return unix.VSUSP, true
	case 12:
		return unix.VREPRINT, true
	case 13:
		return unix.VWERASE, true
	case 14:
		return unix.VLNEXT, true
	case 18:
		return unix.VDISCARD, true
	}
	return extraCharacter(opcode)
}

// flip sets or clears the bits of one flag.
func flip[T uint32 | uint64](field *T, bits T, m mode) {
	if m.value != 0 {
		*field |= bits
	} else {
		*field &^= bits
	}
}

func setInput(t *unix.Termios, m mode) {
	switch m.opcode {
	case 30:
		flip(&t.Iflag, unix.IGNPAR, m)
	case 31:
		flip(&t.Iflag, unix.PARMRK, m)
	case 32:
		flip(&t.Iflag, unix.INPCK, m)
	case 33:
		flip(&t.Iflag, unix.ISTRIP, m)
	case 34:
		flip(&t.Iflag, unix.INLCR, m)
	case 35:
		flip(&t.Iflag, unix.IGNCR, m)
	case 36:
		flip(&t.Iflag, unix.ICRNL, m)
	case 38:
		flip(&t.Iflag, unix.IXON, m)
	case 39:
		flip(&t.Iflag, unix.IXANY, m)
	case 40:
		flip(&t.Iflag, unix.IXOFF, m)
	case 41:
		flip(&t.Iflag, unix.IMAXBEL, m)
	default:
		setExtra(t, m)
	}
}

func setLocal(t *unix.Termios, m mode) {
	switch m.opcode {
	case 50:
		flip(&t.Lflag, unix.ISIG, m)
	case 51:
		flip(&t.Lflag, unix.ICANON, m)
	case 53:
		flip(&t.Lflag, unix.ECHO, m)
	case 54:
		flip(&t.Lflag, unix.ECHOE, m)
	case 55:
		flip(&t.Lflag, unix.ECHOK, m)
	case 56:
		flip(&t.Lflag, unix.ECHONL, m)
	case 57:
		flip(&t.Lflag, unix.NOFLSH, m)
	case 58:
		flip(&t.Lflag, unix.TOSTOP, m)
	case 59:
		flip(&t.Lflag, unix.IEXTEN, m)
	case 60:
		flip(&t.Lflag, unix.ECHOCTL, m)
	case 61:
		flip(&t.Lflag, unix.ECHOKE, m)
	case 62:
		flip(&t.Lflag, unix.PENDIN, m)
	default:
		setExtra(t, m)
	}
}

func setOutput(t *unix.Termios, m mode) {
	switch m.opcode {
	case 70:
		flip(&t.Oflag, unix.OPOST, m)
	case 72:
		flip(&t.Oflag, unix.ONLCR, m)
	case 73:
		flip(&t.Oflag, unix.OCRNL, m)
	case 74:
		flip(&t.Oflag, unix.ONOCR, m)
	case 75:
		flip(&t.Oflag, unix.ONLRET, m)
	default:
		setExtra(t, m)
	}
}

// setControl sets bits one at a time, so CS7 and CS8 come out right in the
// order in which clients send them.
func setControl(t *unix.Termios, m mode) {
	switch m.opcode {
	case 90:
		flip(&t.Cflag, unix.CS7, m)
	case 91:
		flip(&t.Cflag, unix.CS8, m)
	case 92:
		flip(&t.Cflag, unix.PARENB, m)
	case 93:
		flip(&t.Cflag, unix.PARODD, m)
	}
}
