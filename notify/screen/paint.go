package screen

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// tail is what is done with the blanks that end a row.
type tail int

const (
	skipTail  tail = iota // the row is blank already: only colours are erased into it
	eraseTail             // something else may be there
	spaceTail             // the row goes on in the next: written, so that it wraps
)

// appendRow writes a row from its first column on, up to column to, in a
// terminal with the default pen, which it leaves.
func (s *Screen) appendRow(b []byte, l *line, how tail, to int) []byte {
	var now pen
	single := l.cells[:min(l.n, to)]
	for x := 0; x < to; {
		for x < len(single) && single[x].r >= 0x20 && single[x].r < 0x7f && single[x].pen == now { // most of all text
			b = append(b, byte(single[x].r))
			x++
		}
		if x == to {
			break
		}
		c := l.at(x)
		if c.pen != now {
			b = s.appendPen(b, now, c.pen)
			now = c.pen
		}
		if c.r >= 0x20 && c.r < 0x7f {
			b = append(b, byte(c.r))
			x++
			continue
		}
		if c.r == 0 {
			n := l.run(x)
			b = s.appendBlanks(b, n, x, x+n >= l.cols, how, c.bg != 0)
			x += n
			continue
		}
		b = s.appendGlyph(b, c.r)
		x++
		if x < l.n && l.cells[x].r == second {
			x++
		}
	}
	return s.appendPen(b, now, pen{})
}

// run is how many blanks alike are at x.
func (l *line) run(x int) (n int) {
	c := l.at(x)
	for x+n < l.n && l.cells[x+n] == c {
		n++
	}
	if x+n >= l.n && l.rest == c {
		n = l.cols - x
	}
	return n
}

func (s *Screen) appendBlanks(b []byte, n, x int, last bool, how tail, colored bool) []byte {
	switch {
	case last && how != spaceTail:
		if colored || how == eraseTail {
			b = append(b, "\x1b[K"...)
		}
		return b
	case (n > 8 || x == 0) && !last: // the first tells whether a line wraps into the row
		count := strconv.Itoa(n)
		if colored || how != skipTail {
			b = append(append(append(b, "\x1b["...), count...), 'X')
		}
		return append(append(append(b, "\x1b["...), count...), 'C')
	}
	for range n {
		b = append(b, ' ')
	}
	return b
}

// appendGlyph writes one character with what is combined with it.
func (s *Screen) appendGlyph(b []byte, r rune) []byte {
	switch {
	case r <= 0:
		return append(b, ' ')
	case r >= firstCluster:
		return append(b, s.tables.text(r)...)
	case r < 0x80 || !s.config.Bytes:
		return utf8.AppendRune(b, r)
	}
	if i := slices.Index(graphics, r); i > 0 && r > 0xff {
		return append(b, 0x1b, '(', '0', byte(0x5f+i), 0x1b, '(', 'B')
	}
	return append(b, byte(r))
}

// joins tells whether row y of a page is written so that it wraps into the next
// one, and up to which column. One that was erased since needs no wrap.
func (s *Screen) joins(p *page, y int) (to int, ok bool) {
	if y+1 >= len(p.lines) || !p.lines[y].wrapped || p.lines[y+1].at(0).r == 0 {
		return s.cols, false
	}
	if next := p.lines[y+1]; next.at(1).r == second && p.lines[y].at(s.cols-1) == (cell{}) {
		return s.cols - 1, true
	}
	return s.cols, true
}

// Row is one that is written over.
type Row struct {
	Y    int
	Text string // from the first column on, cut where the screen ends
}

// Overlay returns the bytes that write over rows in a look (an SGR sequence),
// and make others whole again, which an earlier Overlay had written over.
// Nothing else of the terminal is changed. Rows must be known; none are drawn
// before the cursor's row is known but that one itself.
func (s *Screen) Overlay(whole []int, look string, over []Row) []byte {
	b := s.begin(nil)
	b = s.paint(b, whole)
	for _, r := range over {
		b = append(s.goRow(b, r.Y), look...)
		n := 0
		for _, c := range r.Text {
			if c >= 0x80 && s.config.Bytes {
				c = '?'
			}
			if n += width(c); n >= s.cols { // the last column would make the cursor wrap
				break
			}
			b = utf8.AppendRune(b, c)
		}
		b = append(b, "\x1b[K\x1b[0m"...)
	}
	b = s.appendState(b, !s.Anchored(), false)
	if !s.hidden {
		b = append(b, "\x1b[?25h"...)
	}
	if s.modeOn(2026) {
		return b
	}
	return append(b, "\x1b[?2026l"...)
}

// paint writes rows as the model has them, lines that wrap in one go.
func (s *Screen) paint(b []byte, rows []int) []byte {
	p, joined := s.page(), false
	for i, y := range rows {
		l := s.row(y)
		if !joined {
			b = s.goRow(b, y)
		}
		to, joins := s.joins(p, y)
		joins = joins && p.anchored && y != s.bottom && s.row(y+1).known // at the region's end it would scroll
		next := i+1 < len(rows) && rows[i+1] == y+1
		if joins {
			b = s.appendRow(b, l, spaceTail, to)
		} else {
			b = s.appendRow(b, l, eraseTail, s.cols)
		}
		if joined = joins && next; joins && !next {
			first := s.row(y + 1).at(0)
			b = s.appendGlyph(s.appendPen(b, pen{}, first.pen), first.r)
			b = s.appendPen(b, first.pen, pen{})
		}
	}
	return b
}

// Repaint paints every row that is known, and so removes whatever else is
// there. It is for after a resize, when what was written over may have moved.
func (s *Screen) Repaint() []byte {
	var rows []int
	for y := range s.rows {
		if s.row(y).known && (s.Anchored() || y == s.y) {
			rows = append(rows, y)
		}
	}
	return s.Overlay(rows, "", nil)
}

// begin makes the terminal's state one in which rows can be painted: nothing is
// changed that appendState can't put back.
func (s *Screen) begin(b []byte) []byte {
	b = append(b, "\x1b[?2026h\x1b[?25l"...) // in one go, for terminals that can
	b = s.appendPen(b, s.pen, pen{})
	if s.link != "" && s.pen.extra == 0 {
		b = appendLink(b, "")
	}
	if s.origin {
		b = append(b, "\x1b[?6l"...)
	}
	if s.sideways {
		b = append(b, "\x1b[?69l"...)
	}
	b = charsets{sets: [4]charset{s.sets[0], asciiSet, asciiSet, asciiSet}, gl: s.gl}.appendASCII(b)
	if s.insert {
		b = append(b, "\x1b[4l"...)
	}
	if s.noWrap {
		b = append(b, "\x1b[?7h"...)
	}
	return b
}

// appendState puts the cursor and what begin changed to what they are, in a
// terminal that is as begin leaves it. That the last column is written, and the
// next character wraps, is had only by writing it again.
func (s *Screen) appendState(b []byte, relative, allSets bool) []byte {
	if s.sideways {
		b = append(b, "\x1b[?69h"...)
		if s.left > 0 || s.right < s.cols-1 {
			b = append(b, "\x1b["...)
			b = append(strconv.AppendInt(append(strconv.AppendInt(b, int64(s.left+1), 10), ';'), int64(s.right+1), 10), 's')
		}
	}
	b = s.appendCursor(b, s.cursor, s.page(), relative)
	c := s.charsets
	if !allSets {
		c.sets[1], c.sets[2], c.sets[3] = asciiSet, asciiSet, asciiSet
	}
	b = c.appendTo(b)
	if s.link != "" && s.pen.extra == 0 {
		b = appendLink(b, s.link)
	}
	if s.noWrap {
		b = append(b, "\x1b[?7l"...)
	}
	if s.insert {
		b = append(b, "\x1b[4h"...)
	}
	return b
}

// appendCursor goes to c's place with c's pen, from the default one.
func (s *Screen) appendCursor(b []byte, c cursor, p *page, relative bool) []byte {
	x, y := c.x, c.y
	l := p.lines[y]
	if c.pend && l.at(x).r == second && x > 0 {
		x--
	}
	switch {
	case relative:
		b = append(b, '\r')
		if x > 0 {
			b = append(strconv.AppendInt(append(b, "\x1b["...), int64(x), 10), 'C')
		}
	case c.origin:
		b = append(b, "\x1b[?6h"...)
		b = appendPlace(b, x-s.left, y-s.top)
	default:
		b = appendPlace(b, x, y)
	}
	if !c.pend {
		return s.appendPen(b, pen{}, c.pen)
	}
	last := l.at(x)
	b = s.appendGlyph(s.appendPen(b, pen{}, last.pen), last.r)
	return s.appendPen(b, last.pen, c.pen)
}

func appendPlace(b []byte, x, y int) []byte {
	b = strconv.AppendInt(append(b, "\x1b["...), int64(max(y, 0)+1), 10)
	return append(strconv.AppendInt(append(b, ';'), int64(max(x, 0)+1), 10), 'H')
}

func (s *Screen) goRow(b []byte, y int) []byte {
	if !s.Anchored() {
		return append(b, '\r')
	}
	return appendPlace(b, 0, y)
}
