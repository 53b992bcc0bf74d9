package screen

import "tssh/notify/screen/grid"

// moveTo goes to a place counted from the screen's corner, or the region's.
func (s *Screen) moveTo(x, y int) {
	low, high, from, to := 0, s.rows-1, 0, s.cols-1
	if s.origin {
		low, high, from, to = s.top, s.bottom, s.left, s.right
		x, y = x+from, y+low
	}
	s.x, s.y, s.pend = min(max(x, from), to), min(max(y, low), high), false
	s.asked.column, s.asked.row = true, true
	s.anchor()
}

// anchor is called when the cursor's row became known from the stream: the
// rows written before are somewhere else than the model has them.
func (s *Screen) anchor() {
	if p := s.page(); !p.anchored {
		p.anchored = true
		s.forget()
	}
}

// vertical moves up or down, and not out of the region from inside it.
func (s *Screen) vertical(n int) {
	low, high := 0, s.rows-1
	if n < 0 && s.y >= s.top {
		low = s.top
	}
	if n > 0 && s.y <= s.bottom {
		high = s.bottom
	}
	s.y, s.pend = min(max(s.y+n, low), high), false
	s.asked.low(s)
}

// sideway moves left or right, and not out of the margins from inside them.
func (s *Screen) sideway(n int) {
	from, to := 0, s.cols-1
	if n < 0 && s.x >= s.left {
		from = s.left
	}
	if n > 0 && s.x <= s.right {
		to = s.right
	}
	s.x, s.pend = min(max(s.x+n, from), to), false
}

// column goes to a column, counted from 0 or the margin.
func (s *Screen) column(x int) {
	from, to := 0, s.cols-1
	if s.origin {
		from, to = s.left, s.right
		x += from
	}
	s.x, s.pend = min(max(x, from), to), false
	s.asked.column = true
}

func (s *Screen) carriageReturn() {
	s.pend = false
	if s.x >= s.left {
		s.x = s.left
	} else {
		s.x = 0
	}
	s.asked.column = true
}

func (s *Screen) backspace() {
	if s.back && !s.noWrap && s.x == s.left && !s.pend && s.y > s.top && s.row(s.y-1).Wrapped {
		s.y--
		s.x = s.right
		return
	}
	if s.back && s.pend {
		s.pend = false
		return
	}
	s.sideway(-1)
}

// index goes a row down, and scrolls at the region's end.
func (s *Screen) index() {
	s.pend = false
	switch {
	case s.y == s.bottom:
		if s.x >= s.left && s.x <= s.right {
			s.shift(s.top, 1, true)
		}
	case s.y < s.rows-1:
		s.y++
	}
	s.asked.low(s)
}

func (s *Screen) lineFeed() {
	s.row(s.y).Wrapped = false
	s.index()
	if s.newline {
		s.carriageReturn()
	}
}

func (s *Screen) reverseIndex() {
	if s.y != s.top {
		s.vertical(-1)
		return
	}
	s.pend = false
	if s.x >= s.left && s.x <= s.right {
		s.shift(s.top, -1, false)
	}
}

// tab goes n stops on, or back. Where there is nowhere to go, it is as if it had
// not been: the next character still wraps.
func (s *Screen) tab(n int) {
	to := s.edge()
	if n > 0 && s.x >= to {
		return
	}
	x := s.x
	for ; n > 0 && x < to; n-- {
		for x++; x < to && !s.tabs[x]; x++ {
		}
	}
	for ; n < 0 && x > 0; n++ {
		for x--; x > 0 && !s.tabs[x]; x-- {
		}
	}
	s.x, s.pend = x, false
}

func (s *Screen) defaultTabs() {
	if len(s.tabs) != s.cols {
		s.tabs = make([]bool, s.cols)
	}
	clear(s.tabs)
	for x := 8; x < s.cols; x += 8 {
		s.tabs[x] = true
	}
}

func (s *Screen) save() {
	p := s.page()
	p.saved = s.cursor
	p.saved.sure, p.saved.set, p.saved.Single = p.anchored, true, 0
}

// restore is ESC 8. With nothing saved it goes to the corner.
func (s *Screen) restore() {
	p := s.page()
	c := p.saved
	if !c.set {
		c = cursor{sure: true}
		c.Sets.Init()
	}
	if p.anchored && !c.sure {
		p.anchored = false // saved before the rows were known
		s.forget()
	} else if c.sure {
		s.anchor()
	}
	c.pen.Extra = s.tables.Number(grid.Extra{Under: s.tables.Extra(c.pen.Extra).Under, Link: s.link})
	s.cursor = c
	s.under = s.tables.Extra(c.pen.Extra).Under
	s.x, s.y = min(s.x, s.cols-1), min(s.y, s.rows-1)
	s.pend = s.pend && s.x == s.edge()
	s.asked.column, s.asked.void = true, true
}

// region sets the scroll region; margins are set by marginsTo.
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

// marginsOrSave is CSI s: which it is depends on mode 69.
func (s *Screen) marginsOrSave(p []int) {
	if !s.sideways {
		s.save()
		return
	}
	left, right := max(p[0], 1)-1, param(p, 1)-1
	if right < 0 || right >= s.cols {
		right = s.cols - 1
	}
	if left < right {
		s.left, s.right = left, right
		s.moveTo(0, 0)
	}
}
