package screen

import "tssh/notify/screen/grid"

// band are the scrolls by a row between margins that the page has not followed
// yet. Only the last row changes in between, most of the time, so that a pane
// beside another one, as tmux has it, costs a row for each and not its area. Any
// look at another row makes up for them first (settle).
type band struct {
	page *page // nil: there are none
	bounds
	n     int
	gone  []part // what left the last row, as a ring
	known bool   // what is no more in the ring was
}

// bounds are the region's, inclusive.
type bounds struct{ top, bottom, left, right int }

func (s *Screen) bounds() bounds { return bounds{s.top, s.bottom, s.left, s.right} }

// part is what a row has between the margins: cells, and rest behind them.
type part struct {
	cells []grid.Cell
	rest  grid.Cell
	known bool
}

// scrollLater notes that the region's rows between the margins move up by one,
// and blanks the last one there.
func (s *Screen) scrollLater() {
	b := &s.band
	if b.page != nil && b.bounds != s.bounds() {
		s.settle()
	}
	if b.page == nil {
		ring := b.gone
		if cap(ring) < s.bottom-s.top {
			ring = make([]part, s.bottom-s.top)
		}
		*b = band{page: s.page(), bounds: s.bounds(), gone: ring[:s.bottom-s.top], known: true}
	}
	l := b.page.Lines[b.bottom]
	l.Split(b.left)
	l.Split(b.right + 1)
	p := &b.gone[b.n%len(b.gone)]
	if b.n >= len(b.gone) {
		b.known = b.known && p.known
	}
	p.cells, p.rest, p.known = p.cells[:0], l.Rest, l.Known
	if l.N > b.left {
		p.cells = append(p.cells, l.Cells[b.left:min(l.N, b.right+1)]...)
	}
	b.n++
	l.Erase(b.left, b.right+1, s.blank())
}

// settle lets the page follow.
func (s *Screen) settle() {
	b := &s.band
	if b.page == nil {
		return
	}
	lines, width, height := b.page.Lines, b.right-b.left+1, len(b.gone)
	s.settleKnown()
	for y := b.top; y < b.bottom; y++ {
		to := lines[y]
		if y+b.n < b.bottom {
			from := lines[y+b.n]
			from.Fill(b.right + 1)
			from.Split(b.left)
			from.Split(b.right + 1)
			copy(to.Span(b.left, width), from.Cells[b.left:b.right+1])
			continue
		}
		p := &b.gone[(y+b.n-b.bottom)%height]
		n := len(p.cells)
		copy(to.Span(b.left, n), p.cells)
		to.Erase(b.left+n, b.right+1, p.rest)
	}
	b.page = nil
}

// settleKnown: a row is known where all were that passed it.
func (s *Screen) settleKnown() {
	b := &s.band
	height := len(b.gone)
	first := max(b.n-height, 0) // that left and was not known
	if b.known {
		for first < b.n && b.gone[first%height].known {
			first++
		}
	} else {
		first = -1
	}
	next := height + b.n // row that was not
	for i := height - 1; i >= 0; i-- {
		l := b.page.Lines[b.top+i]
		if !l.Known {
			next = i
		}
		l.Known = next > i+b.n && (first == b.n || first > i+b.n-height)
	}
}
