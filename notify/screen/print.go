package screen

import (
	"unicode/utf8"

	"tssh/notify/screen/charset"
	"tssh/notify/screen/grid"
	"tssh/notify/screen/width"
)

// edge is the last column that text takes before it wraps.
func (s *Screen) edge() int {
	if s.x <= s.right {
		return s.right
	}
	return s.cols - 1
}

// wrap moves to the next row when the last column is written.
func (s *Screen) wrap() {
	if !s.pend {
		return
	}
	s.pend = false
	if s.noWrap {
		return
	}
	s.row(s.y).Wrapped = s.left == 0 && s.right == s.cols-1
	s.x = s.left
	s.asked.column = true
	s.index()
}

// advance moves the cursor past n columns just written.
func (s *Screen) advance(n, edge int) {
	s.x += n
	if s.x > edge {
		s.x, s.pend = edge, true
	}
}

// text takes the run of characters at the front, the bulk of all output, and
// returns its length: no control, and nothing that is not complete.
func (s *Screen) text(p []byte) (n int) {
	for n < len(p) {
		c := p[n]
		switch {
		case c < 0x20 || c == 0x7f:
			return n
		case c < 0x80:
			k := n + 1
			for k < len(p) && p[k] >= 0x20 && p[k] < 0x7f {
				k++
			}
			s.ascii(p[n:k])
			n = k
		case s.config.Bytes:
			s.print(rune(c)) // whatever it is there, it takes one column
			n++
		default:
			r, size := utf8.DecodeRune(p[n:])
			if r < 0xa0 || r == utf8.RuneError && size == 1 {
				return n
			}
			s.print(r)
			n += size
		}
	}
	return n
}

// ascii takes a run of printable ASCII.
func (s *Screen) ascii(run []byte) {
	set := s.Sets.Glyphs()
	if s.Single != 0 {
		s.print(s.Sets.Shifted(rune(run[0])))
		run = run[1:]
	}
	for len(run) > 0 {
		s.wrap()
		edge := s.edge()
		room := min(len(run), edge-s.x+1)
		l := s.row(s.y)
		if s.insert {
			l.Insert(s.x, edge+1, room, grid.Cell{})
		}
		c := grid.Cell{Pen: s.pen}
		cells := l.Span(s.x, room)
		if set == nil {
			for j, b := range run[:room] {
				c.R = rune(b)
				cells[j] = c
			}
		} else {
			for j, b := range run[:room] {
				c.R = set[b-0x20]
				cells[j] = c
			}
			l.Known = l.Known && s.Sets.Sure(run[:room])
		}
		s.last = c.R
		s.advance(room, edge)
		run = run[room:]
		if s.noWrap && s.pend && len(run) > 1 {
			run = run[len(run)-1:] // each is written over the one before
		}
	}
}

// print puts a character at the cursor.
func (s *Screen) print(r rune) {
	w := width.Of(r)
	if w == 0 {
		s.join(r)
		return
	}
	s.wrap()
	edge := s.edge()
	if w == 2 && s.x == edge {
		if s.noWrap || edge == s.left {
			return
		}
		s.pend = true
		s.wrap()
		edge = s.edge()
	}
	l := s.row(s.y)
	if s.insert {
		l.Insert(s.x, edge+1, w, grid.Cell{})
	}
	cells := l.Span(s.x, w)
	cells[0] = grid.Cell{R: r, Pen: s.pen}
	if w == 2 {
		cells[1] = grid.Cell{R: grid.Second, Pen: s.pen}
	}
	if width.Disputed(r) {
		l.Known = false // terminals join it with its neighbours, or don't
	}
	s.last = r
	s.advance(w, edge)
}

// join puts a combining character on the one before it.
func (s *Screen) join(r rune) {
	x := s.x - 1
	if s.pend {
		x = s.x
	}
	l := s.row(s.y)
	if width.Disputed(r) {
		l.Known = false
	}
	if x > 0 && l.At(x).R == grid.Second {
		x--
	}
	if x < 0 || r < 0x300 {
		return
	}
	l.Fill(x + 1)
	c := &l.Cells[x]
	if c.R == 0 {
		c.R = ' '
	}
	if with, ok := s.tables.Combine(c.R, r); ok {
		c.R = with
	} else {
		l.Known = false
	}
}

// repeat is REP. Rows that are filled whole cost nothing, and what is scrolled
// off by it alone is not kept more than once.
func (s *Screen) repeat(n int) {
	r := s.last
	if r == 0 {
		return
	}
	w := max(width.Of(r), 1)
	n = min(n, s.cols*s.rows)
	for n > 0 {
		plain := w == 1 && !s.insert && !s.noWrap
		if !plain {
			if s.noWrap {
				n = min(n, s.cols)
			}
			if !s.pay(perByte, s.y, s.y) { // each takes as long as many cells that move
				return
			}
			s.print(r)
			n--
			continue
		}
		if s.pend && !s.pay(3*perRow, s.top, s.bottom) {
			return
		}
		s.wrap()
		edge := s.edge()
		k := min(n, edge-s.x+1)
		l := s.row(s.y)
		c := grid.Cell{R: r, Pen: s.pen}
		if edge == s.cols-1 && s.x+k == s.cols {
			l.Erase(s.x, s.cols, c)
		} else {
			if !s.pay(k, s.y, s.y) {
				return
			}
			grid.Set(l.Span(s.x, k), c)
		}
		s.advance(k, edge)
		n -= k
	}
}

// designate is ESC with one or two intermediates and a final byte.
func (s *Screen) designate(inter, inter2, c byte) {
	switch inter {
	case '(', ')', '*', '+':
		s.G[inter-'('] = charset.Set{Final: c, Inter: inter2}
	case '-', '.', '/':
		s.G[inter-','] = charset.Set{Final: c, Inter: inter2, Big: true}
	case '#':
		switch c {
		case '8':
			s.fillScreen('E')
		case '3', '4', '6': // double width or height, where terminals have it
			s.row(s.y).Known = false
		}
	}
}
