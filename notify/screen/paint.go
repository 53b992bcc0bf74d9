package screen

import (
	"strconv"
	"unicode/utf8"

	"tssh/notify/screen/charset"
	"tssh/notify/screen/grid"
	"tssh/notify/screen/ink"
	"tssh/notify/screen/width"
)

// joins tells whether row y of a page is written so that it wraps into the next
// one, and up to which column. One that was erased since needs no wrap.
func (s *Screen) joins(p *page, y int) (to int, ok bool) {
	if y+1 >= len(p.Lines) || !p.Lines[y].Wrapped || p.Lines[y+1].At(0).R == 0 {
		return s.cols, false
	}
	if next := p.Lines[y+1]; next.At(1).R == grid.Second && p.Lines[y].At(s.cols-1) == (grid.Cell{}) {
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
			if n += width.Of(c); n >= s.cols { // the last column would make the cursor wrap
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
	if s.modes.On(2026) {
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
		joins = joins && p.anchored && y != s.bottom && s.row(y+1).Known // at the region's end it would scroll
		next := i+1 < len(rows) && rows[i+1] == y+1
		if joins {
			b = s.ink.Row(b, l, ink.SpaceTail, to)
		} else {
			b = s.ink.Row(b, l, ink.EraseTail, s.cols)
		}
		if joined = joins && next; joins && !next {
			first := s.row(y + 1).At(0)
			b = s.ink.Glyph(s.ink.Pen(b, grid.Pen{}, first.Pen), first.R)
			b = s.ink.Pen(b, first.Pen, grid.Pen{})
		}
	}
	return b
}

// Repaint paints every row that is known, and so removes whatever else is
// there. It is for after a resize, when what was written over may have moved.
func (s *Screen) Repaint() []byte {
	var rows []int
	for y := range s.rows {
		if s.row(y).Known && (s.Anchored() || y == s.y) {
			rows = append(rows, y)
		}
	}
	return s.Overlay(rows, "", nil)
}

// begin makes the terminal's state one in which rows can be painted: nothing is
// changed that appendState can't put back.
func (s *Screen) begin(b []byte) []byte {
	b = append(b, "\x1b[?2026h\x1b[?25l"...) // in one go, for terminals that can
	b = s.ink.Pen(b, s.pen, grid.Pen{})
	if s.link != "" && s.pen.Extra == 0 {
		b = ink.Link(b, "")
	}
	if s.origin {
		b = append(b, "\x1b[?6l"...)
	}
	if s.sideways {
		b = append(b, "\x1b[?69l"...)
	}
	b = charset.Sets{G: [4]charset.Set{s.G[0], charset.ASCII, charset.ASCII, charset.ASCII}, GL: s.GL}.AppendASCII(b)
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
	c := s.Sets
	if !allSets {
		c.G[1], c.G[2], c.G[3] = charset.ASCII, charset.ASCII, charset.ASCII
	}
	b = c.AppendTo(b)
	if s.link != "" && s.pen.Extra == 0 {
		b = ink.Link(b, s.link)
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
	l := p.Lines[y]
	if c.pend && l.At(x).R == grid.Second && x > 0 {
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
		b = ink.Place(b, x-s.left, y-s.top)
	default:
		b = ink.Place(b, x, y)
	}
	if !c.pend {
		return s.ink.Pen(b, grid.Pen{}, c.pen)
	}
	last := l.At(x)
	b = s.ink.Glyph(s.ink.Pen(b, grid.Pen{}, last.Pen), last.R)
	return s.ink.Pen(b, last.Pen, c.pen)
}

func (s *Screen) goRow(b []byte, y int) []byte {
	if !s.Anchored() {
		return append(b, '\r')
	}
	return ink.Place(b, 0, y)
}
