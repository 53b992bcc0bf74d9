// Package ink writes rows, cells and pens for a terminal: the sequences that make
// it show what a model has.
package ink

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"tssh/notify/screen/charset"
	"tssh/notify/screen/grid"
)

// Ink writes what cells have for a terminal.
type Ink struct {
	Tables *grid.Tables
	Bytes  bool // the terminal's characters are bytes
}

// Tail is what is done with the blanks that end a row.
type Tail int

// What may be done with them.
const (
	SkipTail  Tail = iota // the row is blank already: only colours are erased into it
	EraseTail             // something else may be there
	SpaceTail             // the row goes on in the next: written, so that it wraps
)

// Row writes a row from its first column on, up to column to, in a terminal with
// the default pen, which it leaves.
func (i Ink) Row(b []byte, l *grid.Line, how Tail, to int) []byte {
	var now grid.Pen
	single := l.Cells[:min(l.N, to)]
	for x := 0; x < to; {
		for x < len(single) && single[x].R >= 0x20 && single[x].R < 0x7f && single[x].Pen == now { // most of all text
			b = append(b, byte(single[x].R))
			x++
		}
		if x == to {
			break
		}
		c := l.At(x)
		if c.Pen != now {
			b = i.Pen(b, now, c.Pen)
			now = c.Pen
		}
		if c.R >= 0x20 && c.R < 0x7f {
			b = append(b, byte(c.R))
			x++
			continue
		}
		if c.R == 0 {
			n := l.Run(x)
			b = i.appendBlanks(b, n, x, x+n >= l.Cols, how, c.BG != 0)
			x += n
			continue
		}
		b = i.Glyph(b, c.R)
		x++
		if x < l.N && l.Cells[x].R == grid.Second {
			x++
		}
	}
	return i.Pen(b, now, grid.Pen{})
}

func (i Ink) appendBlanks(b []byte, n, x int, last bool, how Tail, colored bool) []byte {
	switch {
	case last && how != SpaceTail:
		if colored || how == EraseTail {
			b = append(b, "\x1b[K"...)
		}
		return b
	case (n > 8 || x == 0) && !last: // the first tells whether a line wraps into the row
		if colored || how != SkipTail {
			b = append(strconv.AppendInt(append(b, "\x1b["...), int64(n), 10), 'X')
		}
		return append(strconv.AppendInt(append(b, "\x1b["...), int64(n), 10), 'C')
	}
	for range n {
		b = append(b, ' ')
	}
	return b
}

// Glyph writes one character with what is combined with it.
func (i Ink) Glyph(b []byte, r rune) []byte {
	switch {
	case r <= 0:
		return append(b, ' ')
	case r >= grid.FirstCluster:
		return append(b, i.Tables.Text(r)...)
	case r < 0x80 || !i.Bytes:
		return utf8.AppendRune(b, r)
	}
	if n := slices.Index(charset.Graphics, r); n > 0 && r > 0xff {
		return append(b, 0x1b, '(', '0', byte(0x5f+n), 0x1b, '(', 'B')
	}
	return append(b, byte(r))
}

// Pen appends what selects now, in a terminal where was is selected.
func (i Ink) Pen(b []byte, was, now grid.Pen) []byte {
	old, e := i.Tables.Extra(was.Extra), i.Tables.Extra(now.Extra)
	if old.Link != e.Link {
		b = Link(b, e.Link)
	}
	if (was.Attr^now.Attr)&grid.Guarded != 0 {
		b = append(b, 0x1b, '[', "01"[now.Attr&grid.Guarded/grid.Guarded], '"', 'q')
	}
	was.Extra, now.Extra, was.Attr, now.Attr = 0, 0, was.Attr&^grid.Guarded, now.Attr&^grid.Guarded
	if was == now && old.Under == e.Under {
		return b
	}
	b = appendSGR(b, now)
	if e.Under != 0 { // apart: who knows no colons drops it alone
		v := e.Under & 0xffffff
		if e.Under&grid.Direct != 0 {
			b = append(b, "\x1b[58:2:"...)
			for _, part := range [...]grid.Color{v >> 16, v >> 8 & 255, v & 255} {
				b = strconv.AppendInt(append(b, ':'), int64(part), 10)
			}
		} else {
			b = strconv.AppendInt(append(b, "\x1b[58:5:"...), int64(v), 10)
		}
		b = append(b, 'm')
	}
	return b
}

// Link makes what follows part of a link; "" ends it.
func Link(b []byte, link string) []byte {
	if link == "" {
		return append(b, "\x1b]8;;\x1b\\"...)
	}
	b = append(b, "\x1b]8;"...)
	return append(append(b, link...), "\x1b\\"...)
}

// appendSGR appends the sequence that selects p, whatever was selected before.
func appendSGR(b []byte, p grid.Pen) []byte {
	b = append(b, "\x1b[0"...)
	for _, a := range [...]struct {
		bit  uint16
		code string
	}{{grid.Bold, ";1"}, {grid.Faint, ";2"}, {grid.Italic, ";3"}, {grid.Blink, ";5"}, {grid.Inverse, ";7"}, {grid.Invisible, ";8"}, {grid.Strike, ";9"}, {grid.Overline, ";53"}} {
		if p.Attr&a.bit != 0 {
			b = append(b, a.code...)
		}
	}
	lines := p.Attr & grid.UnderlineMask / grid.Underline
	if lines != 0 {
		b = append(b, ";4"...)
	}
	b = appendColor(b, p.FG, 30)
	b = append(appendColor(b, p.BG, 40), 'm')
	if lines > 1 {
		b = append(strconv.AppendInt(append(b, "\x1b[4:"...), int64(lines), 10), 'm')
	}
	return b
}

func appendColor(b []byte, c grid.Color, base int64) []byte {
	v := int64(c & 0xffffff)
	switch {
	case c&grid.Direct != 0:
		b = strconv.AppendInt(append(b, ';'), base+8, 10)
		b = strconv.AppendInt(append(b, ";2;"...), v>>16, 10)
		b = strconv.AppendInt(append(b, ';'), v>>8&255, 10)
		return strconv.AppendInt(append(b, ';'), v&255, 10)
	case c&grid.Indexed == 0:
		return b
	case v < 8:
		return strconv.AppendInt(append(b, ';'), base+v, 10)
	case v < 16:
		return strconv.AppendInt(append(b, ';'), base+60+v-8, 10)
	}
	b = strconv.AppendInt(append(b, ';'), base+8, 10)
	return strconv.AppendInt(append(b, ";5;"...), v, 10)
}

// Place goes to a place, counted from 0.
func Place(b []byte, x, y int) []byte {
	b = strconv.AppendInt(append(b, "\x1b["...), int64(max(y, 0)+1), 10)
	return append(strconv.AppendInt(append(b, ';'), int64(max(x, 0)+1), 10), 'H')
}
