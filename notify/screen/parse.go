package screen

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

const (
	maxParams = 32
	maxText   = 4096 // bytes kept of a string
	maxHeld   = 256  // longer sequences are not held back
	maxValue  = 1 << 16
)

// parser takes a stream apart. The zero value is ready.
type parser struct {
	state  int
	fed    int  // all that came
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

// Feed takes what is written to the terminal and keeps the model up to date. It
// returns how many bytes at the end belong to a sequence or a character that is
// not complete: nothing may be drawn in the middle of it, and the terminal shows
// nothing of it before its end, so they can be held back.
func (s *Screen) Feed(p []byte) (held int) {
	for len(p) > 0 { // in pieces, so that credit lasts as if they came alone
		piece := p[:min(len(p), 1<<10)]
		s.fed += len(piece)
		s.credit = min(s.credit+perByte*len(piece), maxCredit)
		s.take(piece)
		p = p[len(piece):]
	}
	if s.Open() {
		return 0
	}
	return s.since
}

func (s *Screen) take(p []byte) {
	for i := 0; i < len(p); {
		switch {
		case s.state == ground && s.npart == 0:
			if n := s.text(p[i:]); n > 0 {
				i += n
				continue
			}
		case s.state >= osc && !s.inST && len(s.raw) >= maxText:
			n := 0 // nothing of it is kept: find its end
			for i+n < len(p) && p[i+n] >= 0x20 && p[i+n] < 0x80 {
				n++
			}
			if n > 0 {
				s.cut = true
				s.since += n
				i += n
				continue
			}
		}
		s.byte(p[i])
		i++
	}
}

// Open says that a string is open (a picture, a title, tmux's control mode):
// whatever is drawn now would become part of it. So does a single shift, which
// waits for its character.
func (s *Screen) Open() bool { return s.state >= osc || s.since > maxHeld || s.single != 0 }

// Inject takes text of ours, written between two parts of the stream.
func (s *Screen) Inject(p []byte) {
	outer := s.parser
	s.parser = parser{fed: outer.fed}
	s.Feed(p)
	s.parser = outer
}

func (s *Screen) byte(c byte) {
	s.since++
	if s.npart > 0 {
		if c&0xc0 == 0x80 {
			s.part[s.npart] = c
			s.npart++
			s.character()
			return
		}
		s.npart, s.since = 0, 1
		s.broken()
	}
	if s.state >= osc {
		s.inString(c)
		return
	}
	switch {
	case c == 0x18 || c == 0x1a:
		s.ground()
	case c == 0x1b:
		s.start(c, escape)
	case c < 0x20:
		s.control(c) // works inside a sequence too
		if s.state == ground {
			s.since = 0
		}
	case s.state == ground:
		s.graphic(c)
	default:
		s.raw = append(s.raw, c)
		if len(s.raw) > maxHeld {
			s.raw, s.cut = s.raw[:3], true // what it has said so far is in params
		}
		switch s.state {
		case escape:
			s.inEscape(c)
		case between:
			s.inDesignation(c)
		case csi:
			s.inCSI(c)
		}
	}
}

func (s *Screen) ground() { s.state, s.since, s.npart, s.inST = ground, 0, 0, false }

// start begins a sequence.
func (s *Screen) start(c byte, state int) {
	s.state, s.since, s.npart, s.inST, s.cut, s.bad = state, 1, 0, false, false, false
	s.raw = append(s.raw[:0], c)
	s.mark, s.inter, s.inter2, s.np = 0, 0, 0, 0
	s.params[0], s.colon[0] = 0, false
}

// broken is for bytes that are no character: terminals differ in how many signs
// they show for them.
func (s *Screen) broken() {
	s.print(utf8.RuneError)
	s.row(s.y).known = false
}

// graphic takes a byte of a character.
func (s *Screen) graphic(c byte) {
	switch {
	case c < 0x80: // DEL
		s.since = 0
	case s.config.Bytes:
		s.since = 0
		s.print(rune(c))
	default:
		s.part[0], s.npart = c, 1
		s.character()
	}
}

// character prints what has been gathered when it is complete.
func (s *Screen) character() {
	p := s.part[:s.npart]
	if !utf8.FullRune(p) {
		return
	}
	r, n := utf8.DecodeRune(p)
	rest := s.npart - n
	s.npart, s.since = 0, 0
	switch {
	case r == utf8.RuneError && n == 1:
		s.broken()
	case r >= 0xa0:
		s.print(r)
	case r >= 0x80: // a control character of one byte
		s.start(0x1b, escape)
		s.raw = append(s.raw, byte(r-0x40))
		s.since = 2
		s.inEscape(byte(r - 0x40))
	}
	for range rest {
		s.broken()
	}
}

func (s *Screen) inString(c byte) {
	switch {
	case c == 0x18 || c == 0x1a:
		s.ground()
	case s.inST:
		s.endString()
		if c != '\\' { // not the end but a new sequence
			s.byteAgain(c)
		}
	case c == 0x1b:
		s.inST = true
	case c == 7 && s.state == osc:
		s.endString()
	case c == 0x9c && !s.config.Bytes && len(s.raw) > 2 && s.raw[len(s.raw)-1] == 0xc2 && !s.cut:
		s.raw = s.raw[:len(s.raw)-1]
		s.endString()
	case len(s.raw) >= maxText:
		s.cut = true
	default:
		s.raw = append(s.raw, c)
	}
}

func (s *Screen) byteAgain(c byte) {
	s.start(0x1b, escape)
	if c == 0x1b {
		return
	}
	s.byte(c)
}

func (s *Screen) endString() {
	state, introducer, body := s.state, s.raw[1], s.raw[2:]
	s.ground()
	switch {
	case state == text:
		s.device(introducer, body)
	case !s.cut:
		s.operating(body)
	default:
		switch {
		case len(body) > 1 && string(body[:2]) == "8;":
			s.linkTo("") // longer than we keep
			s.row(s.y).known = false
		case len(body) > 5 && string(body[:5]) == "1337;":
			s.operating(body) // a picture
		}
	}
}

func (s *Screen) inEscape(c byte) {
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
		s.escape(c)
	}
}

func (s *Screen) inDesignation(c byte) {
	if c < 0x30 {
		s.bad = s.bad || s.inter2 != 0
		s.inter2 = c
		return
	}
	s.ground()
	if !s.bad && c < 0x7f {
		s.designate(s.inter, s.inter2, c)
	}
}

func (s *Screen) inCSI(c byte) {
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
			s.csi(s.mark, s.inter, c, s.params[:min(s.np+1, maxParams)])
		}
	case c >= 0x80:
		s.ground() // terminals differ
	}
}

// Unfinished is the end of what Redraw returns: what the stream has begun and not
// ended.
func (s *Screen) Unfinished() []byte { return s.appendUnfinished(nil) }

// appendUnfinished writes what the stream has begun and not ended. Of a string
// longer than we keep it is one that means nothing, which ends as that would.
func (s *Screen) appendUnfinished(b []byte) []byte {
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
func (s *Screen) appendParams(b []byte) []byte {
	if s.mark != 0 {
		b = append(b, s.mark)
	}
	for i, v := range s.params[:min(s.np+1, maxParams)] {
		if i > 0 {
			b = append(b, ";:"[btoi(s.colon[i])])
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

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
