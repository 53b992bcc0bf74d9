package tty

import "encoding/binary"

// Opcodes of RFC 4254, section 8, that are not in a table of terminal flags.
const (
	opEnd    = 0
	opISpeed = 128
	opOSpeed = 129
	opChars  = 1 // the first special character; they end where the flags begin
)

// char is one special character: its opcode and its place in c_cc.
type char struct {
	op    byte
	index int
}

// flag is one bit of a terminal flag word.
type flag struct {
	op  byte
	bit uint64
}

// settings are the terminal settings of any unix, widened to one form.
type settings struct {
	input, output, control, local uint64
	chars                         []byte
	disabled                      byte // the value of c_cc that means none
	ispeed, ospeed                uint32
}

// table says which flags and characters a system has. Those that it lacks are
// not sent, so that the far side keeps its own.
type table struct {
	chars                         []char
	input, local, output, control []flag
}

// encode writes s in the order that OpenSSH uses: speeds, characters, flags.
func (t *table) encode(s *settings) []byte {
	b := make([]byte, 0, 300)
	put := func(op byte, v uint32) {
		b = binary.BigEndian.AppendUint32(append(b, op), v)
	}
	put(opOSpeed, s.ospeed)
	put(opISpeed, s.ispeed)
	for _, c := range t.chars {
		v := s.chars[c.index]
		if v == s.disabled {
			v = 255 // what the RFC says for none
		}
		put(c.op, uint32(v))
	}
	for _, g := range []struct {
		word  uint64
		flags []flag
	}{{s.input, t.input}, {s.local, t.local}, {s.output, t.output}, {s.control, t.control}} {
		for _, f := range g.flags {
			put(f.op, bit(g.word&f.bit != 0))
		}
	}
	return append(b, opEnd)
}

func bit(on bool) uint32 {
	if on {
		return 1
	}
	return 0
}
