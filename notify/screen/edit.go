package screen

import "tssh/notify/screen/grid"

// within tells whether the cursor is between the margins, where lines and cells
// can be moved.
func (s *Screen) within() bool { return s.x >= s.left && s.x <= s.right }

// ambiguous is called for what terminals do differently while the next
// character would wrap: some are behind the last column then.
func (s *Screen) ambiguous() {
	if s.pend {
		s.row(s.y).Known = false
		s.pend = false
	}
}

func (s *Screen) insertCells(n int) {
	s.ambiguous()
	if s.within() {
		s.row(s.y).Insert(s.x, s.right+1, n, s.blank())
	}
}

func (s *Screen) deleteCells(n int) {
	s.ambiguous()
	if s.within() {
		s.row(s.y).Delete(s.x, s.right+1, n, s.blank())
	}
}

func (s *Screen) eraseCells(n int) {
	s.ambiguous()
	s.row(s.y).Erase(s.x, s.x+n, s.blank())
}

// insertLines moves the rows from the cursor on up by n, or down.
func (s *Screen) insertLines(n int) {
	if s.y < s.top || s.y > s.bottom || !s.within() {
		return
	}
	s.pend = false
	s.unwrap(s.y)
	s.shift(s.y, n, false)
	s.carriageReturn()
}

// unwrap says that row y does not go on from the row before.
func (s *Screen) unwrap(y int) {
	if y > 0 {
		s.page().Lines[y-1].Wrapped = false
	}
}

func (s *Screen) eraseLine(how int) {
	l := s.row(s.y)
	switch how {
	case 0:
		if s.x == 0 {
			s.unwrap(s.y)
		}
		s.ambiguous()
		l.Erase(s.x, s.cols, s.blank())
		l.Wrapped = false
		l.Known = l.Known || s.x == 0
	case 1:
		s.ambiguous()
		l.Erase(0, s.x+1, s.blank())
	case 2:
		s.unwrap(s.y)
		s.pend = false
		l.Clear(s.blank(), true)
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
	case 3:
		s.history.Clear()
		s.history.joined = false
		return
	default:
		return
	}
	blank := s.blank()
	for _, l := range s.lines()[from:to] {
		l.Clear(blank, true)
	}
	s.pend = false
}

// eraseUnguarded is ED or EL that spares what is protected.
func (s *Screen) eraseUnguarded(how int, screen bool) {
	if how > 2 {
		return
	}
	rows := s.lines()
	cells := 4 * s.cols
	if screen {
		cells *= s.rows
	}
	if !s.guards {
		cells = perRow * s.rows
	}
	if !s.pay(cells, 0, s.rows-1) {
		return
	}
	for y, l := range rows {
		from, to := 0, s.cols
		switch {
		case y == s.y && how == 0:
			from = s.x
		case y == s.y && how == 1:
			to = s.x + 1
		case y != s.y && (!screen || how == 0 && y < s.y || how == 1 && y > s.y):
			continue
		}
		if s.guards {
			l.EraseUnguarded(from, to, s.blank())
		} else {
			l.Erase(from, to, s.blank())
		}
	}
	s.pend = false
}

// fillScreen is DECALN.
func (s *Screen) fillScreen(r rune) {
	for _, l := range s.lines() {
		l.Clear(grid.Cell{R: r}, true)
	}
	s.top, s.bottom, s.left, s.right, s.origin = 0, s.rows-1, 0, s.cols-1, false
	s.moveTo(0, 0)
	for _, l := range s.lines() {
		l.Known = true
	}
}

// shiftColumns moves the region's content from a column to the right margin by
// n to the right, or left.
func (s *Screen) shiftColumns(from, n int) {
	if !s.within() || s.y < s.top || s.y > s.bottom || !s.payRect(rect{from, s.top, s.right + 1, s.bottom + 1}, 1) {
		return
	}
	for _, l := range s.lines()[s.top : s.bottom+1] {
		if n > 0 {
			l.Insert(from, s.right+1, n, s.blank())
		} else {
			l.Delete(from, s.right+1, -n, s.blank())
		}
		l.Wrapped = false
	}
	s.pend = false
}

func (s *Screen) columnsHere(n int) { s.shiftColumns(s.x, n) }

// moveRow is VPA.
func (s *Screen) moveRow(y int) {
	x := s.x
	if s.origin {
		x -= s.left
	}
	column := s.asked.column
	s.moveTo(x, y)
	s.asked.column = column
}

func (s *Screen) clearTabs(how int) {
	s.tabsSet = true
	switch how {
	case 0:
		s.tabs[s.x] = false
	case 3:
		clear(s.tabs)
	}
}

// guard is DECSCA.
func (s *Screen) guard(p []int) {
	s.pen.Attr &^= grid.Guarded
	if p[0] == 1 {
		s.pen.Attr |= grid.Guarded
		s.guards = true
	}
}
