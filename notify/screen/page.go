package screen

import (
	"tssh/notify/screen/grid"
	"tssh/notify/screen/settings"
)

// page is the main screen or the alternate one.
type page struct {
	grid.Rows
	saved cursor
	keys  settings.Keys // of the keyboard
	// anchored says that the model's rows are the terminal's. Until then they may
	// all be some rows too low.
	anchored bool
}

// shift moves the rows from top to the region's end by n, up where n is above 0.
// What leaves the main page at its top is kept where keep says so.
func (s *Screen) shift(top, n int, keep bool) {
	height := s.bottom - top + 1
	if height <= 0 || n == 0 {
		return
	}
	n = max(min(n, height), -height)
	if n > 2 && !s.pay(n*2*perRow, top, s.bottom) {
		return
	}
	if s.left > 0 || s.right < s.cols-1 {
		s.shiftPart(top, n)
		return
	}
	s.settle()
	p := s.page()
	blank := s.blank()
	// Before the cursor's row is known, the terminal may have room below, and
	// fills no row with colour.
	known := p.anchored || blank.BG == 0
	keep = keep && n > 0 && top == 0 && !s.onAlt
	if top == 0 && height == s.rows && n > 0 {
		for range n {
			if keep {
				s.keepLine(p.Lines[0])
			}
			p.Up().Clear(blank, known)
		}
		s.scroll += n
		return
	}
	if keep {
		for _, l := range p.Lines[:n] {
			s.keepLine(l)
		}
	}
	if n > 0 {
		p.Turn(top, s.bottom, n)
		for _, l := range p.Lines[s.bottom-n+1 : s.bottom+1] {
			l.Clear(blank, known)
		}
		return
	}
	p.Turn(top, s.bottom, n)
	for _, l := range p.Lines[top : top-n] {
		l.Clear(blank, known)
	}
}

// shiftPart is shift between margins: cells move, rows stay.
func (s *Screen) shiftPart(top, n int) {
	width := s.right - s.left + 1
	area := width * (s.bottom - top + 1)
	if n == 1 && top == s.top && top < s.bottom {
		if s.band.page != nil && s.band.bounds == s.bounds() {
			area = width
		}
		if s.pay(area, top, s.bottom) {
			s.scrollLater()
		}
		return
	}
	if !s.pay(area, top, s.bottom) {
		return
	}
	s.settle()
	p := s.page()
	move := func(y, from int) {
		l, blank := p.Lines[y], s.blank()
		if from < top || from > s.bottom {
			l.Erase(s.left, s.right+1, blank)
			return
		}
		source := p.Lines[from]
		source.Fill(s.right + 1)
		source.Split(s.left)
		source.Split(s.right + 1)
		copy(l.Span(s.left, width), source.Cells[s.left:s.right+1])
		l.Known = l.Known && source.Known
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
// many more each byte of input allows for, half a nanosecond each. Programs stay
// far below; one that does nothing but move large rectangles would make the model
// slower than any terminal that is watched by people. Rows that are not moved are
// not known.
const (
	maxCredit = 1 << 22
	perByte   = 64
	perRow    = 48 // for each row besides its cells
)

// pay tells whether n cells may be touched in the rows from top to bottom.
func (s *Screen) pay(n, top, bottom int) bool {
	if s.credit >= n {
		s.credit -= n
		return true
	}
	for _, l := range s.lines()[top : bottom+1] {
		l.Known = false
	}
	return false
}

// forget takes nothing of the page for known any more.
func (s *Screen) forget() {
	for _, l := range s.lines() {
		l.Known = false
	}
}

// alternate switches pages. A fresh alternate one is blank, which is known.
func (s *Screen) alternate(on bool) {
	if on == s.onAlt {
		return
	}
	s.settle()
	if on {
		if s.alt.Lines == nil {
			s.alt.Init(s.cols, s.rows)
		}
		blank := s.blank()
		for _, l := range s.alt.Lines {
			l.Clear(blank, blank.BG == 0) // some terminals fill it with the colour
		}
		s.alt.anchored = s.main.anchored
	}
	s.onAlt = on
	s.asked.void = true
	s.scroll = 0
}

func (s *Screen) eraseRows(p *page, blank grid.Cell) {
	for _, l := range p.Lines {
		l.Clear(blank, true)
	}
}
