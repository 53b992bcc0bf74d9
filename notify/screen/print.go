package screen

import "unicode/utf8"

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
	s.row(s.y).wrapped = s.left == 0 && s.right == s.cols-1
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
	set := s.charsets.glyphs()
	if s.single != 0 {
		s.print(s.charsets.shifted(rune(run[0])))
		run = run[1:]
	}
	for len(run) > 0 {
		s.wrap()
		edge := s.edge()
		room := min(len(run), edge-s.x+1)
		l := s.row(s.y)
		if s.insert {
			l.insert(s.x, edge+1, room, cell{})
		}
		c := cell{pen: s.pen}
		cells := l.span(s.x, room)
		if set == nil {
			for j, b := range run[:room] {
				c.r = rune(b)
				cells[j] = c
			}
		} else {
			for j, b := range run[:room] {
				c.r = set[b-0x20]
				cells[j] = c
			}
			l.known = l.known && s.charsets.sure(run[:room])
		}
		s.last = c.r
		s.advance(room, edge)
		run = run[room:]
		if s.noWrap && s.pend && len(run) > 1 {
			run = run[len(run)-1:] // each is written over the one before
		}
	}
}

// print puts a character at the cursor.
func (s *Screen) print(r rune) {
	w := width(r)
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
		l.insert(s.x, edge+1, w, cell{})
	}
	cells := l.span(s.x, w)
	cells[0] = cell{r, s.pen}
	if w == 2 {
		cells[1] = cell{second, s.pen}
	}
	if disputed(r) {
		l.known = false // terminals join it with its neighbours, or don't
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
	if disputed(r) {
		l.known = false
	}
	if x > 0 && l.at(x).r == second {
		x--
	}
	if x < 0 || r < 0x300 {
		return
	}
	l.fill(x + 1)
	c := &l.cells[x]
	if c.r == 0 {
		c.r = ' '
	}
	if with, ok := s.tables.combine(s, c.r, r); ok {
		c.r = with
	} else {
		s.lost++
		l.known = false
	}
}

// repeat is REP. Rows that are filled whole cost nothing, and what is scrolled
// off by it alone is not kept more than once.
func (s *Screen) repeat(n int) {
	r := s.last
	if r == 0 {
		return
	}
	w := max(width(r), 1)
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
		s.wrap()
		edge := s.edge()
		k := min(n, edge-s.x+1)
		l := s.row(s.y)
		c := cell{r, s.pen}
		if edge == s.cols-1 && s.x+k == s.cols {
			l.erase(s.x, s.cols, c)
		} else {
			for i, part := 0, l.span(s.x, k); i < k; i++ {
				part[i] = c
			}
		}
		s.advance(k, edge)
		n -= k
	}
}
