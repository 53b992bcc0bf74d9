// Package escape takes a stream for a terminal apart: text, control characters,
// sequences and strings, as VT terminals do, whatever the bytes are. What they
// mean is for others.
package escape

import (
	"strconv"
	"unicode/utf8"
)

// The parser's states.
//
//	ground --ESC--> escape --[--> csi --final--> ground
//	                  |--]--> osc, --P X ^ _ k--> text: both until ST
const (
	ground = iota
	escape
	between // ESC and intermediates: one more byte
	csi
	osc
	text // DCS, SOS, PM, APC, and the title of screen(1)
)

// MaxText is how many bytes are kept of a string.
const MaxText = 4096

const (
	maxParams = 32
	maxHeld   = 256 // longer sequences are not held back
	maxValue  = 1 << 16
)

// Handler is told what a stream says.
type Handler interface {
	// Text takes the run of characters at the front, the bulk of all output, and
	// returns its length: no control, and nothing that is not complete.
	Text(p []byte) int
	// Print takes a character that Text left.
	Print(r rune)
	// Broken is for bytes that are no character: terminals differ in how many
	// signs they show for them.
	Broken()
	Control(c byte)
	Escape(c byte)
	// Designate is ESC with one or two intermediates and a final byte.
	Designate(inter, inter2, c byte)
	// Sequence is a control sequence, with at least one parameter. mark comes
	// before the parameters, inter behind them, 0 where there is none.
	Sequence(mark, inter, final byte, params []int)
	// String is one that has ended, with the byte that introduced it. cut says that
	// text is only its beginning.
	String(introducer byte, text []byte, cut bool)
}

// Parser takes a stream apart. The zero value is ready, for UTF-8.
type Parser struct {
	Bytes bool // characters are bytes, of some set that is not UTF-8

	state  int
	since  int  // bytes since ground, of a sequence or a character
	inST   bool // ESC came in a string: it ends if a backslash follows
	bad    bool // the sequence means nothing
	mark   byte // before the parameters
	inter  byte // the last intermediate
	inter2 byte // and one more
	params [maxParams]int
	colon  [maxParams]bool // the parameter belongs to the one before
	np     int
	raw    []byte            // what is not complete, without control characters in it
	cut    bool              // raw is only its beginning
	part   [utf8.UTFMax]byte // of a character
	npart  int
}

// Feed takes what comes next.
func (s *Parser) Feed(h Handler, p []byte) {
	for i := 0; i < len(p); {
		n := 0
		switch {
		case s.state == ground && s.npart == 0:
			switch c := p[i]; {
			case c == 0x1b:
				n = s.whole(h, p[i:])
			case c < 0x18:
				h.Control(c)
				n = 1
			default:
				n = h.Text(p[i:])
			}
		case s.state >= osc && !s.inST && len(s.raw) >= MaxText:
			for i+n < len(p) && p[i+n] >= 0x20 && p[i+n] < 0x80 { // nothing of it is kept: find its end
				n++
			}
			s.cut = s.cut || n > 0
			s.since += n
		}
		if n == 0 {
			s.byte(h, p[i])
			n = 1
		}
		i += n
	}
}

// whole takes a control sequence at the front that is complete and has nothing
// odd in it, as most have, and returns its length.
func (s *Parser) whole(h Handler, p []byte) int {
	if len(p) < 3 || p[1] != '[' {
		return 0
	}
	i, mark := 2, byte(0)
	if c := p[2]; c >= 0x3c && c < 0x40 {
		i, mark = 3, c
	}
	v, np := 0, 0
	s.colon[0] = false
	for ; i < len(p); i++ {
		switch c := p[i]; {
		case c >= '0' && c <= '9':
			v = min(v*10+int(c-'0'), maxValue)
		case c == ';' || c == ':':
			s.params[np] = v
			if np++; np == maxParams {
				return 0
			}
			v, s.colon[np] = 0, c == ':'
		case c >= 0x40 && c < 0x7f:
			s.params[np] = v
			h.Sequence(mark, 0, c, s.params[:np+1])
			return i + 1
		default:
			return 0
		}
	}
	return 0
}

// Sub tells whether a parameter of the sequence that is handled belongs to the
// one before, by a colon.
func (s *Parser) Sub(i int) bool { return s.colon[i] }

// Open says that a string is open: whatever comes now becomes part of it.
func (s *Parser) Open() bool { return s.state >= osc || s.since > maxHeld }

// Held is how many bytes at the end belong to a sequence or a character that is
// not complete.
func (s *Parser) Held() int { return s.since }

func (s *Parser) byte(h Handler, c byte) {
	s.since++
	if s.npart > 0 {
		if c&0xc0 == 0x80 {
			s.part[s.npart] = c
			s.npart++
			s.character(h)
			return
		}
		s.npart, s.since = 0, 1
		h.Broken()
	}
	if s.state >= osc {
		s.inString(h, c)
		return
	}
	switch {
	case c == 0x18 || c == 0x1a:
		s.ground()
	case c == 0x1b:
		s.start(c, escape)
	case c < 0x20:
		h.Control(c) // works inside a sequence too
		if s.state == ground {
			s.since = 0
		}
	case s.state == ground:
		s.graphic(h, c)
	default:
		s.raw = append(s.raw, c)
		if len(s.raw) > maxHeld {
			s.raw, s.cut = s.raw[:3], true // what it has said so far is in params
		}
		switch s.state {
		case escape:
			s.inEscape(h, c)
		case between:
			s.inDesignation(h, c)
		case csi:
			s.inCSI(h, c)
		}
	}
}

func (s *Parser) ground() { s.state, s.since, s.npart, s.inST = ground, 0, 0, false }

// start begins a sequence.
func (s *Parser) start(c byte, state int) {
	s.state, s.since, s.npart, s.inST, s.cut, s.bad = state, 1, 0, false, false, false
	s.raw = append(s.raw[:0], c)
	s.mark, s.inter, s.inter2, s.np = 0, 0, 0, 0
	s.params[0], s.colon[0] = 0, false
}

// graphic takes a byte of a character.
func (s *Parser) graphic(h Handler, c byte) {
	switch {
	case c < 0x80: // DEL
		s.since = 0
	case s.Bytes:
		s.since = 0
		h.Print(rune(c))
	default:
		s.part[0], s.npart = c, 1
		s.character(h)
	}
}

// character prints what has been gathered when it is complete.
func (s *Parser) character(h Handler) {
	p := s.part[:s.npart]
	if !utf8.FullRune(p) {
		return
	}
	r, n := utf8.DecodeRune(p)
	rest := s.npart - n
	s.npart, s.since = 0, 0
	switch {
	case r == utf8.RuneError && n == 1:
		h.Broken()
	case r >= 0xa0:
		h.Print(r)
	case r >= 0x80: // a control character of one byte
		s.start(0x1b, escape)
		s.raw = append(s.raw, byte(r-0x40))
		s.since = 2
		s.inEscape(h, byte(r-0x40))
	}
	for range rest {
		h.Broken()
	}
}

func (s *Parser) inString(h Handler, c byte) {
	switch {
	case c == 0x18 || c == 0x1a:
		s.ground()
	case s.inST:
		s.endString(h)
		if c != '\\' { // not the end but a new sequence
			s.byteAgain(h, c)
		}
	case c == 0x1b:
		s.inST = true
	case c == 7 && s.state == osc:
		s.endString(h)
	case c == 0x9c && !s.Bytes && len(s.raw) > 2 && s.raw[len(s.raw)-1] == 0xc2 && !s.cut:
		s.raw = s.raw[:len(s.raw)-1]
		s.endString(h)
	case len(s.raw) >= MaxText:
		s.cut = true
	default:
		s.raw = append(s.raw, c)
	}
}

func (s *Parser) byteAgain(h Handler, c byte) {
	s.start(0x1b, escape)
	if c == 0x1b {
		return
	}
	s.byte(h, c)
}

func (s *Parser) endString(h Handler) {
	introducer, body, cut := s.raw[1], s.raw[2:], s.cut
	s.ground()
	h.String(introducer, body, cut)
}

func (s *Parser) inEscape(h Handler, c byte) {
	switch {
	case c == '[':
		s.state = csi
	case c == ']':
		s.state = osc
	case c == 'P' || c == 'X' || c == '^' || c == '_' || c == 'k':
		s.state = text
	case c >= 0x20 && c < 0x30:
		s.state, s.inter = between, c
	default:
		s.ground()
		h.Escape(c)
	}
}

func (s *Parser) inDesignation(h Handler, c byte) {
	if c < 0x30 {
		s.bad = s.bad || s.inter2 != 0
		s.inter2 = c
		return
	}
	s.ground()
	if !s.bad && c < 0x7f {
		h.Designate(s.inter, s.inter2, c)
	}
}

func (s *Parser) inCSI(h Handler, c byte) {
	switch {
	case c >= '0' && c <= '9':
		s.bad = s.bad || s.inter != 0
		if s.np < maxParams {
			v := &s.params[s.np]
			*v = min(*v*10+int(c-'0'), maxValue)
		}
	case c == ';' || c == ':':
		s.bad = s.bad || s.inter != 0
		if s.np++; s.np < maxParams {
			s.params[s.np], s.colon[s.np] = 0, c == ':'
		} else {
			s.np = maxParams
		}
	case c >= 0x3c && c < 0x40:
		s.bad = s.bad || len(s.raw) > 3
		s.mark = c
	case c >= 0x20 && c < 0x30:
		s.bad = s.bad || s.inter != 0
		s.inter = c
	case c >= 0x40 && c < 0x7f:
		s.ground()
		if !s.bad {
			h.Sequence(s.mark, s.inter, c, s.params[:min(s.np+1, maxParams)])
		}
	case c >= 0x80:
		s.ground() // terminals differ
	}
}

// Unfinished appends what the stream has begun and not ended. Of a string
// longer than we keep it is one that means nothing, which ends as that would.
func (s *Parser) Unfinished(b []byte) []byte {
	switch {
	case s.npart > 0:
		return append(b, s.part[:s.npart]...)
	case s.state == ground:
		return b
	case s.state == osc && s.cut:
		b = append(b, "\x1b]9999;"...)
	case s.state == text && s.cut:
		b = append(b, "\x1bX"...)
	case s.state == between && s.cut:
		b = append(b, "\x1b###"...)
	case s.cut:
		b = s.appendParams(append(b, "\x1b["...))
	default:
		b = append(b, s.raw...)
	}
	if s.inST {
		b = append(b, 0x1b)
	}
	return b
}

// appendParams writes a control sequence again up to where it has come, as what
// means nothing where it already does.
func (s *Parser) appendParams(b []byte) []byte {
	if s.mark != 0 {
		b = append(b, s.mark)
	}
	for i, v := range s.params[:min(s.np+1, maxParams)] {
		switch {
		case i > 0 && s.colon[i]:
			b = append(b, ':')
		case i > 0:
			b = append(b, ';')
		}
		b = strconv.AppendInt(b, int64(v), 10)
	}
	if s.inter != 0 {
		b = append(b, s.inter)
	}
	if s.bad {
		b = append(b, "!1"...)
	}
	return b
}
