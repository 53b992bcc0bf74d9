package notify

// cursor is what ESC 7 saves.
type cursor struct {
	x, y   int
	pend   bool // the last column is written: the next character wraps
	pen    pen
	origin bool
	sets   [4]byte // G0 to G3: 'B' ASCII, '0' graphics
	gl     int     // which of them is in use
	sure   bool    // y is a row of the terminal and not only of the model
}

// page is the main screen or the alternate one. Rows turn in a ring, so that
// scrolling moves none; the ring of the main screen is longer than the screen and
// has what scrolled off last, since a terminal that grows may show it again.
type page struct {
	lines []*line
	first int // the ring's place of row 0
	past  int // how many rows before row 0 are those that scrolled off
	saved cursor
	// anchored says that the model's rows are the terminal's. Until then they may
	// all be some rows too low.
	anchored bool
}

// Screen is the model of a terminal's screen.
type Screen struct {
	parser
	cursor
	cols, rows int
	utf8       bool

	main, alt page
	onAlt     bool

	top, bottom int // of the scroll region, inclusive
	tabs        []bool
	noWrap      bool // mode 7 off
	insert      bool
	newline     bool // mode 20: LF returns too
	hidden      bool // the cursor
	link        string
	last        rune // for REP

	modes     []int // that last until they are switched off
	keypad    bool  // sends its own codes
	pushed    int   // kitty's keyboard flags
	otherKeys bool

	notice []int // rows that a notice covers
}

// NewScreen makes the model of a terminal whose content is not known. The cursor
// is taken to be in the last row, where output scrolls; At corrects that.
func NewScreen(cols, rows int, utf8 bool) *Screen {
	s := &Screen{utf8: utf8}
	s.sets = [4]byte{'B', 'B', 'B', 'B'}
	s.setSize(max(cols, 1), max(rows, 1))
	s.main.lines = newLines(2*s.rows, s.cols)
	s.y = s.rows - 1
	s.row(s.y).known = true
	return s
}

func newLines(rows, cols int) []*line {
	lines := make([]*line, rows)
	for i := range lines {
		lines[i] = &line{cells: make([]cell, cols)}
	}
	return lines
}

func (s *Screen) setSize(cols, rows int) {
	s.cols, s.rows = cols, rows
	s.top, s.bottom = 0, rows-1
	s.tabs = make([]bool, cols)
	for x := 8; x < cols; x += 8 {
		s.tabs[x] = true
	}
}

func (s *Screen) page() *page {
	if s.onAlt {
		return &s.alt
	}
	return &s.main
}

func (s *Screen) row(y int) *line {
	p := s.page()
	return p.lines[(p.first+y)%len(p.lines)]
}

func (s *Screen) graphics() bool { return s.sets[s.gl] == '0' }

// wrap moves to the next row when the last column is written.
func (s *Screen) wrap() {
	if !s.pend {
		return
	}
	s.pend = false
	if s.noWrap {
		return
	}
	s.row(s.y).wrapped = true
	s.x = 0
	s.lineFeed()
}

// advance moves the cursor past n columns just written.
func (s *Screen) advance(n int) {
	s.x += n
	if s.x >= s.cols {
		s.x, s.pend = s.cols-1, true
	}
}

func (s *Screen) print(r rune) {
	if s.graphics() {
		r = graphic(r)
	}
	w := width(r)
	if w == 0 {
		s.mark(r)
		return
	}
	s.wrap()
	if w == 2 && s.x == s.cols-1 {
		if s.noWrap || s.cols < 2 {
			return
		}
		s.pend = true
		s.wrap()
	}
	l := s.row(s.y)
	if s.insert {
		s.insertCells(w)
	}
	l.split(s.x)
	l.split(s.x + w)
	l.put(s.x, cell{r, s.pen})
	if w == 2 {
		l.put(s.x+1, cell{second, s.pen})
	}
	s.last = r
	s.advance(w)
}

// mark puts a combining character on the one before it.
func (s *Screen) mark(r rune) {
	x := s.x - 1
	if s.pend {
		x = s.x
	}
	l := s.row(s.y)
	if x > 0 && l.at(x).r == second {
		x--
	}
	if x < 0 || len(l.marks[x]) > 32 {
		return
	}
	if l.at(x).r == 0 {
		l.put(x, cell{' ', l.at(x).pen})
	}
	if l.marks == nil {
		l.marks = map[int]string{}
	}
	l.marks[x] += string(r)
}

func (s *Screen) lineFeed() {
	s.pend = false
	switch {
	case s.y == s.bottom:
		s.scroll(s.top, 1)
	case s.y < s.rows-1:
		s.y++
	}
}

// scroll moves the rows from top to the region's end up by n, or down.
func (s *Screen) scroll(top, n int) {
	height := s.bottom - top + 1
	p := s.page()
	for ; n > 0 && height > 0; n-- {
		if top == 0 && height == s.rows {
			s.down()
			s.row(s.rows - 1).clear(s.pen)
			continue
		}
		gone := s.row(top)
		for y := top; y < s.bottom; y++ {
			p.set(y, s.row(y+1))
		}
		p.set(s.bottom, gone)
		gone.clear(s.pen)
	}
	for ; n < 0 && height > 0; n++ {
		gone := s.row(s.bottom)
		for y := s.bottom; y > top; y-- {
			p.set(y, s.row(y-1))
		}
		p.set(top, gone)
		gone.clear(s.pen)
	}
}

// down moves the screen one row down its ring.
func (s *Screen) down() {
	p := s.page()
	p.first = (p.first + 1) % len(p.lines)
	p.past = min(p.past+1, len(p.lines)-s.rows)
}

func (p *page) set(y int, l *line) { p.lines[(p.first+y)%len(p.lines)] = l }

// moveTo goes to a place counted from the screen's corner, or the region's.
func (s *Screen) moveTo(x, y int) {
	low, high := 0, s.rows-1
	if s.origin {
		low, high = s.top, s.bottom
		y += s.top
	}
	s.x, s.y, s.pend = min(max(x, 0), s.cols-1), min(max(y, low), high), false
	s.anchor()
}

// anchor is called when the cursor's row became known from the stream: the
// rows written before are somewhere else than the model has them.
func (s *Screen) anchor() {
	p := s.page()
	if p.anchored {
		return
	}
	p.anchored = true
	s.forget()
}

// forget takes nothing for known any more.
func (s *Screen) forget() {
	for _, l := range s.page().lines {
		l.known = false
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
}

func (s *Screen) horizontal(x int) { s.x, s.pend = min(max(x, 0), s.cols-1), false }

func (s *Screen) save() {
	p := s.page()
	p.saved = s.cursor
	p.saved.sure = p.anchored
}

func (s *Screen) restoreCursor() {
	p := s.page()
	c := p.saved
	if c.sets[0] == 0 { // nothing saved: the corner
		c = cursor{sets: [4]byte{'B', 'B', 'B', 'B'}, sure: true}
	}
	if p.anchored && !c.sure {
		p.anchored = false // saved before the rows were known
		s.forget()
	} else if c.sure {
		s.anchor()
	}
	s.cursor = c
	s.x, s.y = min(s.x, s.cols-1), min(s.y, s.rows-1)
	s.row(s.y).known = s.row(s.y).known || !p.anchored
}

// alternate switches pages. A fresh alternate one is blank, which is known.
func (s *Screen) alternate(on, clear bool) {
	if on == s.onAlt {
		return
	}
	s.onAlt = on
	if on && (clear || s.alt.lines == nil) {
		s.alt.lines, s.alt.first, s.alt.anchored = newLines(s.rows, s.cols), 0, s.main.anchored
		for _, l := range s.alt.lines {
			l.known = true
		}
	}
	if !on {
		s.alt.lines = nil // 16 bytes a place: given back
	}
}

// reset is ESC c.
func (s *Screen) reset() {
	outer := s.parser
	*s = *NewScreen(s.cols, s.rows, s.utf8)
	s.parser = outer
	s.moveTo(0, 0)
	for y := range s.rows {
		s.row(y).clear(pen{})
	}
}

// graphic is the line drawing set.
func graphic(r rune) rune {
	const set = "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"
	if r < 0x60 || r > 0x7e {
		return r
	}
	i := 0
	for _, g := range set {
		if i == int(r-0x60) {
			return g
		}
		i++
	}
	return r
}
