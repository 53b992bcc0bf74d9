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
	if i, ok := find(characters, moreCharacters, m.opcode); ok {
		t.Cc[i] = byte(m.value)
		if m.value == undefined {
			t.Cc[i] = disabled
		}
	}
	if f, ok := find(flags, moreFlags, m.opcode); ok {
		f.set(t, m.value != 0)
	}
	switch m.opcode {
	case 128:
		setSpeed(t, m.value, 0)
	case 129:
		setSpeed(t, 0, m.value)
	}
}

// find looks for an opcode in what all systems have, then in what this one has.
func find[T any](common, more map[byte]T, opcode byte) (T, bool) {
	v, ok := common[opcode]
	if !ok {
		v, ok = more[opcode]
	}
	return v, ok
}

// characters are the places of the control characters.
var characters = map[byte]int{
	1:  unix.VINTR,
	2:  unix.VQUIT,
	3:  unix.VERASE,
	4:  unix.VKILL,
	5:  unix.VEOF,
	6:  unix.VEOL,
	7:  unix.VEOL2,
	8:  unix.VSTART,
	9:  unix.VSTOP,
	10: unix.VSUSP,
	12: unix.VREPRINT,
	13: unix.VWERASE,
	14: unix.VLNEXT,
	18: unix.VDISCARD,
}

// flag is some bits of one of a terminal's four words.
type flag struct {
	word byte // input, output, control or local
	bits uint64
}

const (
	input   = 'i'
	output  = 'o'
	control = 'c'
	local   = 'l'
)

func (f flag) set(t *unix.Termios, on bool) {
	switch f.word {
	case input:
		flip(&t.Iflag, f.bits, on)
	case output:
		flip(&t.Oflag, f.bits, on)
	case control:
		flip(&t.Cflag, f.bits, on)
	case local:
		flip(&t.Lflag, f.bits, on)
	}
}

// flip sets or clears bits of a word, whose size is the system's.
func flip[T uint32 | uint64](word *T, bits uint64, on bool) {
	if on {
		*word |= T(bits)
	} else {
		*word &^= T(bits)
	}
}

// flags are the modes that are on or off. CS7 and CS8 come out right in the order
// in which clients send them.
var flags = map[byte]flag{
	30: {input, unix.IGNPAR},
	31: {input, unix.PARMRK},
	32: {input, unix.INPCK},
	33: {input, unix.ISTRIP},
	34: {input, unix.INLCR},
	35: {input, unix.IGNCR},
	36: {input, unix.ICRNL},
	38: {input, unix.IXON},
	39: {input, unix.IXANY},
	40: {input, unix.IXOFF},
	41: {input, unix.IMAXBEL},
	50: {local, unix.ISIG},
	51: {local, unix.ICANON},
	53: {local, unix.ECHO},
	54: {local, unix.ECHOE},
	55: {local, unix.ECHOK},
	56: {local, unix.ECHONL},
	57: {local, unix.NOFLSH},
	58: {local, unix.TOSTOP},
	59: {local, unix.IEXTEN},
	60: {local, unix.ECHOCTL},
	61: {local, unix.ECHOKE},
	62: {local, unix.PENDIN},
	70: {output, unix.OPOST},
	72: {output, unix.ONLCR},
	73: {output, unix.OCRNL},
	74: {output, unix.ONOCR},
	75: {output, unix.ONLRET},
	90: {control, unix.CS7},
	91: {control, unix.CS8},
	92: {control, unix.PARENB},
	93: {control, unix.PARODD},
}
