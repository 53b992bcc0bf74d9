package notify

import "unicode/utf8"

// The parser's states.
//
//	ground --ESC--> escape --[--> csi --final--> ground
//	                  |--]--> osc, --P X ^ _--> text: both until ST
const (
	ground = iota
	escape
	charset // ESC and an intermediate: one more byte
	csi
	osc
	text // DCS, SOS, PM, APC
)

const (
	maxParams = 32
	maxOSC    = 2048
	maxHeld   = 256 // longer sequences are not held back
)

// parser takes a stream apart. The zero value is ready.
type parser struct {
	state  int
	since  int  // bytes since ground, of a sequence or a character
	inST   bool // ESC came in a string: it ends if a backslash follows
	inter  byte // the last intermediate, or the mark before parameters
	params [maxParams]int
	colon  [maxParams]bool // the parameter belongs to the one before
	np     int
	osc    []byte
	part   [utf8.UTFMax]byte // of a character
	npart  int
}

// Feed takes what is written to the terminal and keeps the model up to date. It
// returns how many bytes at the end belong to a sequence or a character that is
// not complete: nothing may be drawn in the middle of it, and the terminal shows
// nothing of it before its end, so they can be held back.
func (s *Screen) Feed(p []byte) (held int) {
	for i := 0; i < len(p); {
		if s.state == ground && s.npart == 0 {
			if n := s.plain(p[i:]); n > 0 {
				i += n
				continue
			}
		}
		s.byte(p[i])
		i++
	}
	if s.state == osc || s.state == text || s.since > maxHeld {
		return 0
	}
	return s.since
}

// Open says that a string is open (a picture, a title, tmux's control mode):
// whatever is drawn now would become part of it.
func (s *Screen) Open() bool { return s.state == osc || s.state == text || s.since > maxHeld }

// Inject takes text of ours, written between two parts of the stream.
func (s *Screen) Inject(p []byte) {
	outer := s.parser
	s.parser = parser{}
	s.Feed(p)
	s.parser = outer
}

// plain takes the run of printable ASCII at the front, the bulk of all output.
func (s *Screen) plain(p []byte) int {
	if s.insert || s.graphics() {
		return 0
	}
	n := 0
	for n < len(p) && p[n] >= 0x20 && p[n] < 0x7f {
		n++
	}
	for run := p[:n]; len(run) > 0; {
		s.wrap()
		l := s.row(s.y)
		room := min(len(run), s.cols-s.x)
		if l.marks != nil || l.n < s.x {
			l.erase(s.x, s.x+room, pen{})
			l.put(s.x, cell{})
		}
		l.split(s.x)
		l.split(s.x + room)
		for j, c := range run[:room] {
			l.cells[s.x+j] = cell{rune(c), s.pen}
		}
		l.n = max(l.n, s.x+room)
		s.last = rune(run[room-1])
		s.advance(room)
		run = run[room:]
	}
	return n
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
		s.print(utf8.RuneError)
	}
	switch s.state {
	case osc, text:
		s.inString(c)
		return
	}
	switch {
	case c == 0x18 || c == 0x1a:
		s.ground()
	case c == 0x1b:
		s.parser = parser{state: escape, since: 1, osc: s.osc[:0]}
	case c < 0x20:
		s.control(c) // works inside a sequence too
		if s.state == ground {
			s.since = 0
		}
	case s.state == ground:
		s.graphic(c)
	case s.state == escape:
		s.inEscape(c)
	case s.state == charset:
		s.designate(s.inter, c)
		s.ground()
	case s.state == csi:
		s.inCSI(c)
	}
}

func (s *Screen) ground() { s.state, s.since, s.npart = ground, 0, 0 }

// graphic takes a byte of a character.
func (s *Screen) graphic(c byte) {
	switch {
	case c == 0x7f:
		s.since = 0
	case c < 0x80:
		s.since = 0
		s.print(rune(c))
	case !s.utf8:
		s.since = 0
		s.print(rune(c)) // whatever it is there, it takes one column
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
	if r >= 0xa0 {
		s.print(r)
	}
	for range rest {
		s.print(utf8.RuneError)
	}
}

func (s *Screen) inString(c byte) {
	switch {
	case c == 0x18 || c == 0x1a:
		s.ground()
	case s.inST:
		s.inST = false
		s.endString()
		if c != '\\' { // not the end but a new sequence
			s.parser = parser{state: escape, since: 2, osc: s.osc[:0]}
			s.inEscape(c)
		}
	case c == 0x1b:
		s.inST = true
	case c == 7 && s.state == osc:
		s.endString()
	case s.state == osc && len(s.osc) < maxOSC:
		s.osc = append(s.osc, c)
	}
}

// endString takes the one string that matters here: a hyperlink, which what we
// draw must not become part of.
func (s *Screen) endString() {
	if s.state == osc && len(s.osc) >= 2 && s.osc[0] == '8' && s.osc[1] == ';' {
		s.link = ""
		if n := len(s.osc); n < maxOSC && s.osc[n-1] != ';' {
			s.link = string(s.osc)
		}
	}
	s.osc = s.osc[:0]
	s.ground()
}

func (s *Screen) inEscape(c byte) {
	switch c {
	case '[':
		s.state = csi
		s.np, s.inter = 0, 0
		s.params[0], s.colon[0] = 0, false
		return
	case ']':
		s.state = osc
		return
	case 'P', 'X', '^', '_':
		s.state = text
		return
	}
	if c >= 0x20 && c < 0x30 {
		s.state, s.inter = charset, c
		return
	}
	s.ground()
	s.escape(c)
}

func (s *Screen) inCSI(c byte) {
	switch {
	case c >= '0' && c <= '9':
		if v := &s.params[s.np]; *v < 1<<16 {
			*v = *v*10 + int(c-'0')
		}
	case c == ';' || c == ':':
		if s.np < maxParams-1 {
			s.np++
			s.params[s.np], s.colon[s.np] = 0, c == ':'
		}
	case c >= 0x20 && c < 0x40:
		s.inter = c
	case c >= 0x40 && c < 0x7f:
		n := s.np + 1
		inter := s.inter
		s.ground()
		s.csi(inter, c, s.params[:n])
	}
}
