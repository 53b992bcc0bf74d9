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
	ok = r.x0 < r.x1 && r.y0 < r.y1
	return r, ok && s.pay(4*(r.x1-r.x0)*(r.y1-r.y0), r.y0, r.y1-1)
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
	for _, l := range s.page().Lines[r.y0:r.y1] {
		l.Erase(r.x0, r.x1, grid.Cell{R: c, Pen: s.pen})
	}
}

// eraseRect is DECERA, and DECSERA, which spares what is protected.
func (s *Screen) eraseRect(p []int, selective bool) {
	r, ok := s.rect(p, 0)
	if !ok {
		return
	}
	for _, l := range s.page().Lines[r.y0:r.y1] {
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
	lines := s.page().Lines
	for i := range h {
		if to.y0 > r.y0 {
			i = h - 1 - i
		}
		source, l := lines[r.y0+i], lines[to.y0+i]
		source.Fill(r.x0 + w)
		cells := append([]grid.Cell(nil), source.Cells[r.x0:r.x0+w]...)
		if cells[0].R == grid.Second {
			cells[0].R = ' '
		}
		if last := r.x0 + w; source.At(min(last, s.cols-1)).R == grid.Second && last < s.cols {
			cells[w-1].R = ' '
		}
		copy(l.Span(to.x0, w), cells)
		l.Known = l.Known && source.Known
	}
}

// styleRect is DECCARA, which sets attributes, and DECRARA, which turns them.
func (s *Screen) styleRect(p []int, reverse bool) {
	r, ok := s.rect(p, 0)
	if !ok || len(p) < 5 {
		return
	}
	lines := s.page().Lines[r.y0:r.y1]
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
			for _, n := range p[4:] {
				l.Cells[x].Attr = ink.Restyle(l.Cells[x].Attr, n, reverse)
			}
		}
	}
}
