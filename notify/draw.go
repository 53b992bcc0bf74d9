package notify

import (
	"fmt"
	"unicode/utf8"
)

// Place is where a notice goes.
type Place int

// On the rows at the top of the screen, or on the cursor's and those beside it.
const (
	Top Place = iota
	Cursor
)

// noticeLook is bold white on blue: found at a glance on any background.
const noticeLook = "\x1b[0;1;37;44m"

// Query asks the terminal where its cursor is; the answer is for At.
const Query = "\x1b[6n"

// Draw shows lines and returns the bytes that do. Rows are covered only whose
// content is known, so that they can be whole again: where not enough of them are,
// the notice is shorter, or on the cursor's row, which is always known.
// Before the row of the cursor is known the notice goes relative to it.
func (s *Screen) Draw(lines []string, at Place) []byte {
	b := s.begin(nil)
	rows := s.rowsFor(len(lines), at)
	b = append(b, s.uncover(rows)...)
	s.notice = rows
	for i, y := range rows {
		b = s.goRow(b, y)
		b = append(b, noticeLook...)
		text := lines[i]
		for n := 0; text != ""; {
			r, size := utf8.DecodeRuneInString(text)
			if r >= 0x80 && !s.utf8 {
				r = '?'
			}
			if n += width(r); n >= s.cols { // the last column would make the cursor wrap
				break
			}
			text = text[size:]
			b = utf8.AppendRune(b, r)
		}
		b = append(b, "\x1b[K"...)
	}
	return s.end(b)
}

// Clear takes the notice away and returns the bytes that do; none when there
// is no notice.
func (s *Screen) Clear() []byte {
	if s.notice == nil {
		return nil
	}
	b := s.begin(nil)
	b = append(b, s.uncover(nil)...)
	s.notice = nil
	return s.end(b)
}

// Shown says that a notice is on the screen.
func (s *Screen) Shown() bool { return s.notice != nil }

// Repaint paints every row that is known, and so removes whatever else is
// there. It is for after a resize, when a notice may have moved.
func (s *Screen) Repaint() []byte {
	b := s.begin(nil)
	for y := range s.rows {
		if s.row(y).known && (s.Anchored() || y == s.y) {
			b = s.paint(b, y)
		}
	}
	s.notice = nil
	return s.end(b)
}

// rowsFor chooses up to n rows that are known.
func (s *Screen) rowsFor(n int, at Place) []int {
	n = min(n, max(s.rows-1, 1))
	if !s.Anchored() {
		return []int{s.y}
	}
	if at == Top {
		if rows := s.knownFrom(0, n); len(rows) == n {
			return rows
		}
	}
	if rows := s.knownFrom(s.y, n); len(rows) == n {
		return rows
	}
	if rows := s.knownFrom(s.y-n+1, n); len(rows) == n {
		return rows
	}
	return []int{s.y}
}

func (s *Screen) knownFrom(y, n int) (rows []int) {
	for ; n > 0 && y >= 0 && y < s.rows && s.row(y).known; n-- {
		rows = append(rows, y)
		y++
	}
	return rows
}

// uncover paints the rows of the notice that are not in keep.
func (s *Screen) uncover(keep []int) (b []byte) {
	for _, y := range s.notice {
		kept := y >= s.rows
		for _, k := range keep {
			kept = kept || k == y
		}
		if !kept {
			b = s.paint(b, y)
		}
	}
	return b
}

// begin makes the terminal's state one in which rows can be painted: nothing
// is changed that end can't put back.
func (s *Screen) begin(b []byte) []byte {
	b = append(b, "\x1b[?2026h\x1b[?25l"...) // in one go, for terminals that can
	if s.link != "" {
		b = append(b, "\x1b]8;;\x1b\\"...)
	}
	if s.origin {
		b = append(b, "\x1b[?6l"...)
	}
	if s.gl != 0 {
		b = append(b, 0x0f)
	}
	if s.sets[0] != 'B' {
		b = append(b, "\x1b(B"...)
	}
	if s.insert {
		b = append(b, "\x1b[4l"...)
	}
	return b
}

// end puts back what begin and painting changed.
func (s *Screen) end(b []byte) []byte {
	b = s.goBack(b) // while its last character means itself
	if s.sets[0] != 'B' {
		b = append(b, 0x1b, '(', s.sets[0])
	}
	switch s.gl {
	case 1:
		b = append(b, 0x0e)
	case 2, 3:
		b = append(b, 0x1b, "no"[s.gl-2])
	}
	if s.insert {
		b = append(b, "\x1b[4h"...)
	}
	if s.link != "" {
		b = append(b, "\x1b]"+s.link+"\x1b\\"...)
	}
	if !s.hidden {
		b = append(b, "\x1b[?25h"...)
	}
	return append(b, "\x1b[?2026l"...)
}

// goBack puts the cursor where it was, with its pen. That the last column is
// written, and the next character wraps, is had only by writing it again.
func (s *Screen) goBack(b []byte) []byte {
	x, y := s.x, s.y
	l := s.row(y)
	again := s.pend
	if again && l.at(x).r == second && x > 0 {
		x--
	}
	switch {
	case !s.Anchored():
		b = append(b, '\r')
		if x > 0 {
			b = fmt.Appendf(b, "\x1b[%dC", x)
		}
	case s.origin:
		b = fmt.Appendf(b, "\x1b[?6h\x1b[%d;%dH", y-s.top+1, x+1)
	default:
		b = fmt.Appendf(b, "\x1b[%d;%dH", y+1, x+1)
	}
	if again {
		b, _ = s.appendCell(l.at(x).sgr(b), l, x)
	}
	return s.pen.sgr(b)
}

func (s *Screen) goRow(b []byte, y int) []byte {
	if !s.Anchored() {
		return append(b, '\r')
	}
	return fmt.Appendf(b, "\x1b[%d;1H", y+1)
}

// paint writes a row as the model has it.
func (s *Screen) paint(b []byte, y int) []byte {
	l := s.row(y)
	b = append(s.goRow(b, y), "\x1b[0m"...)
	if s.Anchored() || l.n < s.cols {
		b = append(b, "\x1b[K"...)
	}
	var now pen
	for x := 0; x < l.n; {
		c := l.at(x)
		if c.pen != now {
			now = c.pen
			b = now.sgr(b)
		}
		var w int
		b, w = s.appendCell(b, l, x)
		x += w
	}
	return append(b, "\x1b[0m"...)
}

// appendCell writes the character at x and what it is combined with, and
// returns how many columns it takes.
func (s *Screen) appendCell(b []byte, l *line, x int) ([]byte, int) {
	r := l.at(x).r
	w := 1
	if x+1 < s.cols && l.at(x+1).r == second {
		w = 2
	}
	switch {
	case r == 0 || r == second:
		return append(b, ' '), 1
	case r < 0x80 || s.utf8:
		b = utf8.AppendRune(b, r)
	default:
		b = append(b, byte(r))
	}
	return append(b, l.marks[x]...), w
}

// Answer reads the terminal's answer to Query at the front of p: column and row
// from 0, and its length n. With ok false, n > 0 says that it may become one
// when more is read.
func Answer(p []byte) (x, y, n int, ok bool) {
	want := []byte("\x1b[")
	for i, c := range want {
		if i == len(p) {
			return 0, 0, i, false
		}
		if p[i] != c {
			return 0, 0, 0, false
		}
	}
	v, at := [2]int{}, 0
	for i := len(want); i < len(p) && i < 16; i++ {
		switch c := p[i]; {
		case c >= '0' && c <= '9':
			v[at] = v[at]*10 + int(c-'0')
		case c == ';' && at == 0:
			at = 1
		case c == 'R' && at == 1 && v[0] > 0 && v[1] > 0:
			return v[1] - 1, v[0] - 1, i + 1, true
		default:
			return 0, 0, 0, false
		}
	}
	if len(p) >= 16 {
		return 0, 0, 0, false
	}
	return 0, 0, len(p), false
}
