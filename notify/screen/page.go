package screen

// page is the main screen or the alternate one.
type page struct {
	lines []*line // of the screen; a window that moves through room
	room  []*line
	spare []*line
	saved cursor
	keys  []int // kitty's keyboard flags, by level; the first is the ground's
	// anchored says that the model's rows are the terminal's. Until then they may
	// all be some rows too low.
	anchored bool
}

func (p *page) init(cols, rows int) {
	p.room = make([]*line, rows+max(rows, 64))
	p.lines = p.room[:rows]
	all := make([]line, rows)
	for i := range p.lines {
		all[i] = line{cols: cols, known: true}
		p.lines[i] = &all[i]
	}
	p.spare = nil
}

// up makes the first row the last one, and moves none.
func (p *page) up() *line {
	gone := p.lines[0]
	rows := len(p.lines)
	if cap(p.lines) == rows {
		copy(p.room, p.lines[1:])
		p.lines = p.room[:rows]
	} else {
		p.lines = p.lines[1 : rows+1]
	}
	p.lines[rows-1] = gone
	return gone
}

// turn moves the rows from top to bottom by n, up where n is above 0; those that
// fall out come in at the other end.
func (p *page) turn(top, bottom, n int) {
	rows := p.lines[top : bottom+1]
	if n < 0 {
		n += len(rows)
	}
	p.spare = append(p.spare[:0], rows[:n]...)
	copy(rows, rows[n:])
	copy(rows[len(rows)-n:], p.spare)
}

// shift moves the rows from top to the region's end by n, up where n is above 0.
// What leaves the main page at its top is kept where keep says so.
func (s *Screen) shift(top, n int, keep bool) {
	height := s.bottom - top + 1
	if height <= 0 || n == 0 {
		return
	}
	n = max(min(n, height), -height)
	if s.left > 0 || s.right < s.cols-1 {
		s.shiftPart(top, n)
		return
	}
	p := s.page()
	blank := s.blank()
	// Before the cursor's row is known, the terminal may have room below, and
	// fills no row with colour.
	known := p.anchored || blank.bg == 0
	keep = keep && n > 0 && top == 0 && !s.onAlt
	if top == 0 && height == s.rows && n > 0 {
		for range n {
			if keep {
				s.keepLine(p.lines[0])
			}
			p.up().clear(blank, known)
		}
		s.scroll += n
		return
	}
	if keep {
		for _, l := range p.lines[:n] {
			s.keepLine(l)
		}
	}
	if n > 0 {
		p.turn(top, s.bottom, n)
		for _, l := range p.lines[s.bottom-n+1 : s.bottom+1] {
			l.clear(blank, known)
		}
		return
	}
	p.turn(top, s.bottom, n)
	for _, l := range p.lines[top : top-n] {
		l.clear(blank, known)
	}
}

// shiftPart is shift between margins: cells move, rows stay.
func (s *Screen) shiftPart(top, n int) {
	width := s.right - s.left + 1
	if !s.pay(width*(s.bottom-top+1), top, s.bottom) {
		return
	}
	p := s.page()
	move := func(y, from int) {
		l, blank := p.lines[y], s.blank()
		if from < top || from > s.bottom {
			l.erase(s.left, s.right+1, blank)
			return
		}
		source := p.lines[from]
		source.fill(s.right + 1)
		source.split(s.left)
		source.split(s.right + 1)
		copy(l.span(s.left, width), source.cells[s.left:s.right+1])
		l.known = l.known && source.known
	}
	if n > 0 {
		for y := top; y <= s.bottom; y++ {
			move(y, y+n)
		}
		return
	}
	for y := s.bottom; y >= top; y-- {
		move(y, y+n)
	}
}

// maxCredit is how many cells odd sequences may move at once, and perByte how
// many more each byte of input allows for. Programs stay far below; one that
// does nothing but move large rectangles would make the model slower than any
// terminal that is watched by people. Rows that are not moved are not known.
const (
	maxCredit = 1 << 20
	perByte   = 128
)

// pay tells whether n cells may be touched in the rows from top to bottom.
func (s *Screen) pay(n, top, bottom int) bool {
	if s.credit >= n {
		s.credit -= n
		return true
	}
	for _, l := range s.page().lines[top : bottom+1] {
		l.known = false
	}
	return false
}

// forget takes nothing of the page for known any more.
func (s *Screen) forget() {
	for _, l := range s.page().lines {
		l.known = false
	}
}

// alternate switches pages. A fresh alternate one is blank, which is known.
func (s *Screen) alternate(on bool) {
	if on == s.onAlt {
		return
	}
	if on {
		if s.alt.lines == nil {
			s.alt.init(s.cols, s.rows)
		}
		blank := s.blank()
		for _, l := range s.alt.lines {
			l.clear(blank, blank.bg == 0) // some terminals fill it with the colour
		}
		s.alt.anchored = s.main.anchored
	}
	s.onAlt = on
	s.asked.void = true
	s.scroll = 0
}

func (s *Screen) eraseRows(p *page, blank cell) {
	for _, l := range p.lines {
		l.clear(blank, true)
	}
}
