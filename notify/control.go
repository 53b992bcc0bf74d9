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
		s.moveTo(max(second2(p), 1)-1, n-1)
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

// second2 is the second parameter, 0 when missing.
func second2(p []int) int {
	if len(p) < 2 {
		return 0
	}
	return p[1]
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
	top, bottom := max(p[0], 1)-1, second2(p)-1
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

// set is SGR.
func (p *pen) set(v []int, colon *[maxParams]bool) {
	for i := 0; i < len(v); i++ {
		sub := i + 1 // the parameters behind colons
		for sub < len(v) && colon[sub] {
			sub++
		}
		switch c := v[i]; {
		case c == 38 || c == 48 || c == 58:
			col, used := extended(v[i+1:], sub-i-1)
			if c == 38 {
				p.fg = col
			} else if c == 48 {
				p.bg = col
			}
			i += used
			continue
		case c == 4 && sub > i+1:
			p.attr = p.attr&^underlineMask | uint16(v[i+1]&7)*underline
		default:
			p.simple(c)
		}
		i = sub - 1
	}
}

// extended reads the color behind 38, 48 or 58; subs of v belong to it by
// colons, 0 for the older way with semicolons.
func extended(v []int, subs int) (c color, used int) {
	if subs > 0 {
		v = v[:subs]
		used = subs
	}
	switch {
	case len(v) >= 2 && v[0] == 5:
		return indexed | color(v[1]&255), max(used, 2)
	case len(v) >= 4 && v[0] == 2:
		rgb := v[1:4]
		if subs >= 5 { // with the number of a colour space
			rgb = v[2:5]
		}
		return direct | color(rgb[0]&255)<<16 | color(rgb[1]&255)<<8 | color(rgb[2]&255), max(used, 4)
	}
	return 0, max(used, min(len(v), 1))
}

func (p *pen) simple(c int) {
	switch {
	case c == 0:
		*p = pen{}
	case c == 1:
		p.attr |= bold
	case c == 2:
		p.attr |= faint
	case c == 3:
		p.attr |= italic
	case c == 4:
		p.attr = p.attr&^underlineMask | underline
	case c == 5, c == 6:
		p.attr |= blink
	case c == 7:
		p.attr |= inverse
	case c == 8:
		p.attr |= invisible
	case c == 9:
		p.attr |= strike
	case c == 21:
		p.attr = p.attr&^underlineMask | underline*2
	case c == 22:
		p.attr &^= bold | faint
	case c == 23:
		p.attr &^= italic
	case c == 24:
		p.attr &^= underlineMask
	case c == 25:
		p.attr &^= blink
	case c == 27:
		p.attr &^= inverse
	case c == 28:
		p.attr &^= invisible
	case c == 29:
		p.attr &^= strike
	case c == 53:
		p.attr |= overline
	case c == 55:
		p.attr &^= overline
	case c >= 30 && c <= 37:
		p.fg = indexed | color(c-30)
	case c == 39:
		p.fg = 0
	case c >= 40 && c <= 47:
		p.bg = indexed | color(c-40)
	case c == 49:
		p.bg = 0
	case c >= 90 && c <= 97:
		p.fg = indexed | color(c-90+8)
	case c >= 100 && c <= 107:
		p.bg = indexed | color(c-100+8)
	}
}
