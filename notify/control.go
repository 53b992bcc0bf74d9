package notify

// control is a C0 control character.
func (s *Screen) control(c byte) {
	switch c {
	case '\b':
		s.horizontal(s.x - 1)
	case '\t':
		s.tab(1)
	case '\n', '\v', '\f':
		s.lineFeed()
		if s.newline {
			s.x = 0
		}
	case '\r':
		s.horizontal(0)
	case 0x0e:
		s.gl = 1
	case 0x0f:
		s.gl = 0
	}
}

func (s *Screen) tab(n int) {
	x := s.x
	for ; n > 0 && x < s.cols-1; n-- {
		for x++; x < s.cols-1 && !s.tabs[x]; x++ {
		}
	}
	for ; n < 0 && x > 0; n++ {
		for x--; x > 0 && !s.tabs[x]; x-- {
		}
	}
	s.horizontal(x)
}

// escape is ESC and one byte.
func (s *Screen) escape(c byte) {
	switch c {
	case '7':
		s.save()
	case '8':
		s.restoreCursor()
	case 'c':
		s.reset()
	case 'D':
		s.lineFeed()
	case 'E':
		s.lineFeed()
		s.x = 0
	case 'H':
		s.tabs[s.x] = true
	case 'M':
		if s.y == s.top {
			s.scroll(s.top, -1)
			s.pend = false
		} else {
			s.vertical(-1)
		}
	case '=', '>':
		s.keypad = c == '='
	case 'n':
		s.gl = 2
	case 'o':
		s.gl = 3
	}
}

// designate is ESC, an intermediate and a byte.
func (s *Screen) designate(inter, c byte) {
	switch inter {
	case '(', ')', '*', '+':
		s.sets[inter-'('] = c
	case '#':
		if c == '8' {
			for y := range s.rows {
				for x := range s.cols {
					s.row(y).put(x, cell{r: 'E'})
				}
			}
			s.moveTo(0, 0)
		}
	}
}

// csi is a control sequence.
func (s *Screen) csi(inter, final byte, p []int) {
	switch inter {
	case '?':
		if final == 'h' || final == 'l' {
			for _, m := range p {
				s.private(m, final == 'h')
			}
		}
		return
	case '!':
		if final == 'p' {
			s.softReset()
		}
		return
	case 0:
	default:
		s.keyboard(inter, final, p)
		return
	}
	n := max(p[0], 1)
	switch final {
	case 'A':
		s.vertical(-n)
	case 'B', 'e':
		s.vertical(n)
	case 'C', 'a':
		s.horizontal(s.x + n)
	case 'D':
		s.horizontal(s.x - n)
	case 'E':
		s.vertical(n)
		s.x = 0
	case 'F':
		s.vertical(-n)
		s.x = 0
	case 'G', '`':
		s.horizontal(n - 1)
	case 'H', 'f':
		s.moveTo(max(param(p, 1), 1)-1, n-1)
	case 'd':
		x := s.x
		s.moveTo(x, n-1)
	case 'I':
		s.tab(n)
	case 'Z':
		s.tab(-n)
	case 'b':
		for range min(n, s.cols*s.rows) {
			s.print(s.last)
		}
	case 'm':
		s.pen.set(p, &s.colon)
	default:
		s.edit(final, p, n)
	}
}

// param is a parameter, 0 when missing.
func param(p []int, i int) int {
	if i >= len(p) {
		return 0
	}
	return p[i]
}

// edit are the sequences that change the screen or its modes.
func (s *Screen) edit(final byte, p []int, n int) {
	switch final {
	case '@':
		s.insertCells(n)
	case 'P':
		s.deleteCells(n)
	case 'X':
		s.row(s.y).erase(s.x, s.x+n, s.pen)
		s.pend = false
	case 'J':
		s.eraseScreen(p[0])
	case 'K':
		s.eraseLine(p[0])
	case 'L', 'M':
		if s.y < s.top || s.y > s.bottom {
			return
		}
		if final == 'L' {
			n = -n
		}
		s.scroll(s.y, max(min(n, s.rows), -s.rows))
		s.horizontal(0)
	case 'S':
		s.scroll(s.top, min(n, s.rows))
	case 'T':
		if len(p) == 1 {
			s.scroll(s.top, -min(n, s.rows))
		}
	case 'g':
		if p[0] == 3 {
			clear(s.tabs)
		} else if p[0] == 0 {
			s.tabs[s.x] = false
		}
	case 'h', 'l':
		for _, m := range p {
			switch m {
			case 4:
				s.insert = final == 'h'
			case 20:
				s.newline = final == 'h'
			}
		}
	case 'r':
		s.region(p)
	case 's':
		s.save()
	case 'u':
		s.restoreCursor()
	}
}

func (s *Screen) region(p []int) {
	top, bottom := max(p[0], 1)-1, param(p, 1)-1
	if bottom < 0 || bottom >= s.rows {
		bottom = s.rows - 1
	}
	if top < bottom {
		s.top, s.bottom = top, bottom
		s.moveTo(0, 0)
	}
}

func (s *Screen) softReset() {
	s.origin, s.insert, s.noWrap, s.hidden = false, false, false, false
	s.pen, s.top, s.bottom = pen{}, 0, s.rows-1
	s.sets, s.gl = [4]byte{'B', 'B', 'B', 'B'}, 0
}

func (s *Screen) private(mode int, on bool) {
	s.keep(mode, on)
	switch mode {
	case 6:
		s.origin = on
		s.moveTo(0, 0)
	case 7:
		s.noWrap = !on
	case 25:
		s.hidden = !on
	case 47, 1047:
		s.alternate(on, mode == 1047)
	case 1048:
		s.saveOrRestore(on)
	case 1049:
		if on && !s.onAlt {
			s.save()
		}
		was := s.onAlt
		s.alternate(on, true)
		if !on && was {
			s.restoreCursor()
		}
	}
}

func (s *Screen) saveOrRestore(save bool) {
	if save {
		s.save()
	} else {
		s.restoreCursor()
	}
}

func (s *Screen) insertCells(n int) {
	l := s.row(s.y)
	n = min(n, s.cols-s.x)
	s.pend = false
	l.split(s.x)
	l.split(s.cols - n)
	if l.n > s.x {
		l.put(min(l.n+n, s.cols)-1, cell{})
		copy(l.cells[s.x+n:l.n], l.cells[s.x:l.n-n])
	}
	l.marks = nil
	l.erase(s.x, min(s.x+n, l.n), s.pen)
}

func (s *Screen) deleteCells(n int) {
	l := s.row(s.y)
	n = min(n, s.cols-s.x)
	s.pend = false
	l.split(s.x)
	l.split(s.x + n)
	if l.n > s.x {
		k := copy(l.cells[s.x:l.n], l.cells[min(s.x+n, l.n):l.n])
		l.n = s.x + k
	}
	l.marks = nil
	if s.pen.bg != 0 {
		l.erase(s.cols-n, s.cols, s.pen)
	}
}

func (s *Screen) eraseLine(how int) {
	l := s.row(s.y)
	s.pend = false
	switch how {
	case 0:
		l.erase(s.x, s.cols, s.pen)
		l.wrapped = false
	case 1:
		l.erase(0, s.x+1, s.pen)
	case 2:
		l.erase(0, s.cols, s.pen)
		l.wrapped = false
	}
}

func (s *Screen) eraseScreen(how int) {
	from, to := 0, s.rows
	switch how {
	case 0:
		s.eraseLine(0)
		from = s.y + 1
	case 1:
		s.eraseLine(1)
		to = s.y
	case 2:
	default:
		return
	}
	for y := from; y < to; y++ {
		s.row(y).clear(s.pen)
	}
	s.pend = false
}
