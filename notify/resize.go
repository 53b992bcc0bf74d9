package notify

// At corrects the model when the terminal has told where its cursor is, both
// counted from 0: what we took for the last row may be another one. Rows that
// come in from below the session's start are blank on any terminal that scrolls.
func (s *Screen) At(x, y int) {
	x, y = min(max(x, 0), s.cols-1), min(max(y, 0), s.rows-1)
	p := s.page()
	was := s.y
	for ; s.y > y; s.y-- { // everything is higher than we thought
		s.down()
		s.row(s.rows - 1).clear(pen{})
	}
	for ; s.y < y; s.y++ {
		p.first = (p.first + len(p.lines) - 1) % len(p.lines)
		if p.past > 0 {
			p.past--
			continue
		}
		s.row(0).clear(pen{})
		s.row(0).known = false
	}
	if s.x != x {
		s.x, s.pend = x, false
	}
	if !p.anchored && !p.saved.sure {
		p.saved.y = min(max(p.saved.y+y-was, 0), s.rows-1)
		p.saved.sure = true
	}
	p.anchored = true
}

// Anchored says that the row of the cursor is known.
func (s *Screen) Anchored() bool { return s.page().anchored }

// Resize follows the terminal to a new size. Terminals differ in what they make
// of the main screen then: some wrap its lines anew, some don't. So what may be
// elsewhere now is not known any more, unless all is going to be painted again
// by Repaint.
func (s *Screen) Resize(cols, rows int, repaint bool) {
	cols, rows = max(cols, 1), max(rows, 1)
	if cols == s.cols && rows == s.rows {
		return
	}
	at := s.cursor
	if s.onAlt {
		at = s.main.saved
	}
	moved := s.main.rewrap(&at, s.cols, s.rows, cols, rows)
	if s.onAlt {
		s.main.saved.x, s.main.saved.y = at.x, at.y
		s.alt.cut(cols, rows)
		s.x, s.y, s.pend = min(s.x, cols-1), min(s.y, rows-1), false
	} else {
		s.cursor = at
	}
	s.setSize(cols, rows)
	s.main.anchored = false
	for _, l := range s.main.lines {
		l.known = l.known && !s.onAlt && (!moved || repaint)
	}
	if !s.onAlt {
		s.row(s.y).known = true
	}
}

// cut keeps the corner, as terminals do with the alternate screen.
func (p *page) cut(cols, rows int) {
	lines := newLines(rows, cols)
	for y := range lines {
		lines[y].known = true
		if y < len(p.lines) {
			lines[y] = p.lines[(p.first+y)%len(p.lines)]
			lines[y].resize(cols)
		}
	}
	p.lines, p.first = lines, 0
}

// rewrap lays the lines out for a new width, and moves the cursor along. It
// tells whether any line is laid out otherwise than before.
func (p *page) rewrap(at *cursor, cols, rows, newCols, newRows int) (moved bool) {
	var out []*line
	cursorAt := -1
	end := p.past + max(at.y, p.used(rows)) + 1
	for i := 0; i < end; {
		cells, known, n := p.logical(i, cols)
		first := len(out)
		out = append(out, layOut(cells, newCols, known)...)
		if k := p.past + at.y - i; k >= 0 && k < n {
			x := k*cols + at.x
			cursorAt = first + x/newCols
			at.x = x % newCols
			for len(out) <= cursorAt {
				out = append(out, &line{cells: make([]cell, newCols), known: known})
			}
			at.pend = at.pend && at.x == newCols-1
		}
		moved = moved || len(out)-first != n
		i += n
	}
	// The last row stays the last; a screen that has room to spare begins where
	// it began, or with what had scrolled off.
	top := max(0, len(out)-newRows)
	if cursorAt < top {
		top = cursorAt
	}
	if len(out)-p.past < newRows && p.past > 0 && newRows >= rows {
		top = max(0, min(p.past, top))
	}
	lines := newLines(2*newRows, newCols)
	for i := range lines {
		lines[i].known = true
	}
	p.past = min(top, newRows)
	for i := range min(len(out)-top+p.past, len(lines)) {
		lines[i] = out[top-p.past+i]
	}
	p.lines, p.first = lines, p.past
	at.y = min(cursorAt-top, newRows-1)
	return moved
}

// used is the last row with something on it.
func (p *page) used(rows int) int {
	for y := rows - 1; y > 0; y-- {
		if l := p.lines[(p.first+y)%len(p.lines)]; l.n > 0 || !l.known {
			return y
		}
	}
	return 0
}

// logical gathers the rows of one line of text, from the i-th that is kept on.
func (p *page) logical(i, cols int) (cells []cell, known bool, rows int) {
	known = true
	for {
		l := p.lines[(p.first-p.past+i+rows+len(p.lines))%len(p.lines)]
		known = known && l.known
		rows++
		cells = append(cells, l.cells[:l.n]...)
		if !l.wrapped || i+rows >= len(p.lines) {
			return cells, known, rows
		}
		for len(cells) < rows*cols {
			cells = append(cells, cell{})
		}
	}
}

// layOut breaks a line of text into rows; a wide character stays whole.
func layOut(cells []cell, cols int, known bool) (rows []*line) {
	for {
		n := min(cols, len(cells))
		if n < len(cells) && n > 1 && cells[n].r == second {
			n--
		}
		l := &line{cells: make([]cell, cols), n: n, known: known, wrapped: n < len(cells)}
		copy(l.cells, cells[:n])
		rows = append(rows, l)
		if cells = cells[n:]; len(cells) == 0 {
			return rows
		}
	}
}
