package screen

import "tssh/notify/screen/grid"

// question is what was asked of the terminal: where its cursor is. What is
// written meanwhile moves the cursor on, and the answer is about where it was.
type question struct {
	asked  bool
	void   bool // the answer tells nothing: another page, another size
	x, y   int
	origin bool
	alt    bool
	scroll int  // counted then
	lowest int  // row since then, scrolled ones counted
	column bool // known from the stream since then
	row    bool
}

// low notes how far down the cursor went.
func (q *question) low(s *Screen) {
	if q.asked {
		q.lowest = max(q.lowest, s.y+s.scroll)
	}
}

// Query asks the terminal where its cursor is; Asked notes it, and the answer is
// for At.
const Query = "\x1b[6n"

// Asked says that Query is written now.
func (s *Screen) Asked() {
	s.asked = question{asked: true, x: s.x, y: s.y, origin: s.origin, alt: s.onAlt, scroll: s.scroll, lowest: s.y + s.scroll}
}

// At corrects the model by the terminal's answer, both counted from 0: what we
// took for the last row may be another one. Rows that come in from below the
// session's start are blank on any terminal that scrolls. It returns false where
// the answer tells nothing any more, and must be asked for again.
func (s *Screen) At(x, y int) bool {
	q := s.asked
	if !q.asked {
		q = question{asked: true, x: s.x, y: s.y, origin: s.origin, alt: s.onAlt, scroll: s.scroll, lowest: s.y + s.scroll}
	}
	s.asked = question{}
	if q.void || q.alt != s.onAlt {
		return false
	}
	if q.origin {
		x, y = x+s.left, y+s.top
	}
	x, y = min(max(x, 0), s.cols-1), min(max(y, 0), s.rows-1)
	p := s.page()
	if x != q.x && !q.column {
		if p.anchored { // what else is wrong can't be known
			s.forget()
		}
		s.x, s.pend = min(max(s.x+x-q.x, 0), s.cols-1), false
		s.row(s.y).Known = false
	}
	if q.row || p.anchored && y == q.y {
		return true
	}
	if p.anchored {
		s.forget()
	}
	s.move(s.real(q, y) - s.y)
	p.anchored = true
	return true
}

// real is the row of the terminal's cursor now, which was in row y when asked.
// Where output reached the last row, the terminal has scrolled.
func (s *Screen) real(q question, y int) int {
	down := q.lowest - (q.y + q.scroll)
	over := max(y+down-(s.rows-1), 0)
	return min(max(y+s.y+s.scroll-(q.y+q.scroll)-over, 0), s.rows-1)
}

// move takes all that the model has down by n rows, or up, with the cursor.
func (s *Screen) move(n int) {
	p := s.page()
	for ; n < 0; n++ { // everything is higher than we thought
		if !s.onAlt {
			s.keepLine(p.Lines[0])
		}
		p.Up().Clear(grid.Cell{}, true)
		s.y--
		p.saved.y--
	}
	for ; n > 0; n-- {
		p.Turn(0, s.rows-1, -1)
		s.y++
		p.saved.y++
		if before := s.history.Last(1); len(before) > 0 && !s.onAlt && before[0].Cols == s.cols {
			p.Lines[0] = s.unpack(before[0])
			s.history.Pop()
			continue
		}
		p.Lines[0].Clear(grid.Cell{}, false)
	}
	s.y = min(max(s.y, 0), s.rows-1)
	p.saved.y = min(max(p.saved.y, 0), s.rows-1)
	p.saved.sure = true
}

// Anchored says that the row of the cursor is known.
func (s *Screen) Anchored() bool { return s.page().anchored }

// Resize follows the terminal to a new size. Terminals differ in what they make
// of the main screen then: some wrap its lines anew, some don't. So what may be
// elsewhere now is not known any more, unless all is going to be painted again
// by Repaint. Of the line with the cursor nothing is known then in any case:
// some terminals leave that one as it is.
func (s *Screen) Resize(cols, rows int, repaint bool) {
	cols, rows = bound(cols, rows)
	if cols == s.cols && rows == s.rows {
		return
	}
	at := s.cursor
	if s.onAlt {
		at = s.main.saved
	}
	old := s.cols
	moved := s.rewrap(&at, cols, rows)
	if s.onAlt {
		s.main.saved.x, s.main.saved.y = at.x, at.y
		s.alt.cut(cols, rows, &s.cursor)
	} else {
		s.cursor = at
		s.main.saved.x, s.main.saved.y = min(s.main.saved.x, cols-1), min(s.main.saved.y, rows-1)
		s.alt.Lines = nil
	}
	s.alt.saved.x, s.alt.saved.y = min(s.alt.saved.x, cols-1), min(s.alt.saved.y, rows-1)
	s.asked.void, s.scroll = true, 0
	s.resizeTabs(cols)
	s.cols, s.rows = cols, rows
	s.top, s.bottom, s.left, s.right = 0, rows-1, 0, cols-1
	s.main.anchored = s.main.anchored && !s.config.Unknown
	if !s.config.Unknown {
		return
	}
	for _, l := range s.main.Lines {
		l.Known = l.Known && !s.onAlt && (!moved || repaint)
	}
	if cols != old && !s.onAlt {
		for y := s.y; y >= 0 && (y == s.y || s.row(y).Wrapped); y-- {
			s.row(y).Known = false
		}
		for y := s.y; y+1 < rows && s.row(y).Wrapped; y++ {
			s.row(y + 1).Known = false
		}
	}
}

func (s *Screen) resizeTabs(cols int) {
	old := s.tabs
	s.tabs = make([]bool, cols)
	for x := 8; x < cols; x += 8 {
		s.tabs[x] = true
	}
	copy(s.tabs, old)
}

// cut keeps what fits, as terminals do with the alternate screen: rows at the
// top go first where the cursor would not be seen.
func (p *page) cut(cols, rows int, c *cursor) {
	gone := max(c.y-(rows-1), 0)
	old := p.Lines[gone:]
	saved, keys, anchored := p.saved, p.keys, p.anchored
	p.Init(cols, rows)
	for y := range p.Lines {
		if y < len(old) {
			old[y].Resize(cols)
			p.Lines[y] = old[y]
		}
	}
	p.saved, p.keys, p.anchored = saved, keys, anchored
	c.x, c.y, c.pend = min(c.x, cols-1), c.y-gone, false
}

// rewrap lays the main page out for a new size, with as many rows of the history
// as may come back, and moves the cursor along. It tells whether any line is
// laid out otherwise than before.
func (s *Screen) rewrap(at *cursor, cols, rows int) (moved bool) {
	p := &s.main
	before := s.history.Last(rows)
	all := make([]*grid.Line, 0, len(before)+s.rows)
	for _, k := range before {
		s.history.Pop()
		all = append(all, s.unpack(k))
	}
	past := len(all)
	all = append(all, p.Lines[:max(at.y, p.Used())+1]...)
	var out []*grid.Line
	cursorAt, screenAt := 0, 0
	for i := 0; i < len(all); {
		cells, known, n := grid.Logical(all[i:])
		first := len(out)
		out = append(out, grid.LayOut(cells, cols, known)...)
		if past >= i && past < i+n {
			screenAt = first + (past-i)*len(all[i].Trim())/max(cols, 1)
			screenAt = min(screenAt, len(out)-1)
		}
		if k := past + at.y - i; k >= 0 && k < n {
			x := at.x
			for _, l := range all[i : i+k] {
				x += l.Cols
			}
			cursorAt = first + x/cols
			at.x = x % cols
			for len(out) <= cursorAt {
				out = append(out, &grid.Line{Cols: cols, Known: known})
			}
			at.pend = at.pend && at.x == cols-1
		}
		moved = moved || len(out)-first != n
		i += n
	}
	// The last row stays the last; a screen that has room to spare begins where
	// it began, or with what had scrolled off.
	top := max(0, len(out)-rows)
	top = min(top, cursorAt)
	if rows <= s.rows && top < screenAt {
		top = min(screenAt, cursorAt, max(len(out)-1, 0))
	}
	anchored, saved, keys := p.anchored, p.saved, p.keys
	p.Init(cols, rows)
	p.anchored, p.saved, p.keys = anchored, saved, keys
	for i, l := range out {
		switch {
		case i < top:
			s.keepAs(l, cols)
		case i-top < rows:
			p.Lines[i-top] = l
		}
	}
	at.y = min(cursorAt-top, rows-1)
	return moved
}

// keepAs is keepLine while the screen changes its width.
func (s *Screen) keepAs(l *grid.Line, cols int) {
	was := s.cols
	s.cols = cols
	s.keepLine(l)
	s.cols = was
}
