package screen

import (
	"tssh/notify/screen/grid"
	"tssh/notify/screen/ink"
)

// rect are the columns and rows that four parameters name: from a, b up to c, d.
type rect struct{ x0, y0, x1, y1 int }

// rect reads a rectangle from its parameters; it is not ok where it is empty.
func (s *Screen) rect(p []int, first int) (r rect, ok bool) {
	low, high, from, to := 0, s.rows, 0, s.cols
	if s.origin {
		low, high, from, to = s.top, s.bottom+1, s.left, s.right+1
	}
	get := func(i, origin, limit, missing int) int {
		if v := param(p, first+i); v > 0 {
			return min(max(v-1+origin, origin), limit)
		}
		return missing
	}
	r.y0, r.x0 = get(0, low, high, low), get(1, from, to, from)
	r.y1, r.x1 = min(get(2, low, high, high-1)+1, high), min(get(3, from, to, to-1)+1, to)
	return r, r.x0 < r.x1 && r.y0 < r.y1
}

// payRect is pay for something in a rectangle, which costs the more the more
// each cell does.
func (s *Screen) payRect(r rect, each int) bool {
	return s.pay((r.y1-r.y0)*((r.x1-r.x0)*each+perRow), r.y0, r.y1-1)
}

// payErase is payRect for what is one run where it ends with the row.
func (s *Screen) payErase(r rect) bool {
	if r.x1 == s.cols {
		r.x1 = r.x0
	}
	return s.payRect(r, 1)
}

// fillRect is DECFRA.
func (s *Screen) fillRect(p []int) {
	c := rune(p[0])
	r, ok := s.rect(p, 1)
	if !ok || !(c >= 0x20 && c < 0x7f || c >= 0xa0 && c <= 0xff) {
		return
	}
	if set := s.Glyphs(); set != nil && c < 0x7f {
		c = set[c-0x20]
	}
	if !s.payErase(r) {
		return
	}
	for _, l := range s.lines()[r.y0:r.y1] {
		l.Erase(r.x0, r.x1, grid.Cell{R: c, Pen: s.pen})
	}
}

// eraseRect is DECERA, and DECSERA, which spares what is protected.
func (s *Screen) eraseRect(p []int, selective bool) {
	r, ok := s.rect(p, 0)
	selective = selective && s.guards
	if !ok || selective && !s.payRect(r, 4) || !selective && !s.payErase(r) {
		return
	}
	for _, l := range s.lines()[r.y0:r.y1] {
		if selective {
			l.EraseUnguarded(r.x0, r.x1, s.blank())
		} else {
			l.Erase(r.x0, r.x1, s.blank())
		}
	}
}

// copyRect is DECCRA.
func (s *Screen) copyRect(p []int) {
	r, ok := s.rect(p, 0)
	if !ok {
		return
	}
	to, ok := s.rect([]int{param(p, 5), param(p, 6), 0, 0}, 0)
	if !ok {
		return
	}
	w, h := min(r.x1-r.x0, to.x1-to.x0), min(r.y1-r.y0, to.y1-to.y0)
	to.x1, to.y1 = to.x0+w, to.y0+h
	if !s.payRect(to, 2) {
		return
	}
	lines := s.lines()
	for i := range h {
		if to.y0 > r.y0 {
			i = h - 1 - i
		}
		source, l := lines[r.y0+i], lines[to.y0+i]
		source.Fill(r.x0 + w)
		s.scratch = append(s.scratch[:0], source.Cells[r.x0:r.x0+w]...)
		if s.scratch[0].R == grid.Second {
			s.scratch[0].R = ' '
		}
		if last := r.x0 + w; last < s.cols && source.At(last).R == grid.Second {
			s.scratch[w-1].R = ' '
		}
		copy(l.Span(to.x0, w), s.scratch)
		l.Known = l.Known && source.Known
	}
}

// styleRect is DECCARA, which sets attributes, and DECRARA, which turns them.
func (s *Screen) styleRect(p []int, reverse bool) {
	r, ok := s.rect(p, 0)
	if !ok || len(p) < 5 {
		return
	}
	if whole := (rect{0, r.y0, s.cols, r.y1}); !s.squares && !s.payRect(whole, 2) || s.squares && !s.payRect(r, 2) {
		return
	}
	keep, turn := ink.Restyle(p[4:], reverse)
	lines := s.lines()[r.y0:r.y1]
	for i, l := range lines {
		from, to := r.x0, r.x1
		if !s.squares { // as text flows: whole rows between the two ends
			if i > 0 {
				from = 0
			}
			if i < len(lines)-1 {
				to = s.cols
			}
		}
		l.Fill(to)
		for x := from; x < to; x++ {
			l.Cells[x].Attr = l.Cells[x].Attr&keep ^ turn
		}
	}
}
