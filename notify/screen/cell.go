package screen

// Attributes of a cell. Three bits hold the style of the underline.
const (
	bold uint16 = 1 << iota
	faint
	italic
	blink
	inverse
	invisible
	strike
	overline
	guarded       // from selective erasure
	underline     // and two bits more
	underlineMask = 7 * underline
)

// color is 0 for the default, or an index or RGB with its kind on top.
type color uint32

const (
	indexed color = 1 << 24
	direct  color = 2 << 24
)

// pen is how text looks. extra stands for what is rare: a link, the colour of
// the underline.
type pen struct {
	fg, bg color
	attr   uint16
	extra  uint16
}

// cell is one place of the screen. r is 0 for nothing printed, second for the
// right half of a wide character, and from firstCluster on a character with what
// is combined with it.
type cell struct {
	r rune
	pen
}

const second rune = -1

// line is one row. All from n on is rest, so that a row that is blank, or filled
// with one character, costs nothing.
type line struct {
	cells   []cell // none until the first is written
	cols, n int
	rest    cell
	wrapped bool // goes on in the next row
	known   bool // what the terminal shows there is what we have
}

func (l *line) clear(blank cell, known bool) {
	l.n, l.rest, l.wrapped, l.known = 0, blank, false, known
}

func (l *line) at(x int) cell {
	if x < l.n {
		return l.cells[x]
	}
	return l.rest
}

// fill makes the cells before to single ones.
func (l *line) fill(to int) {
	if l.cells == nil {
		l.cells = make([]cell, l.cols)
	}
	for ; l.n < to; l.n++ {
		l.cells[l.n] = l.rest
	}
}

// span returns n cells from x on, to be written.
func (l *line) span(x, n int) []cell {
	l.fill(x)
	l.split(x)
	l.split(x + n)
	l.n = max(l.n, x+n)
	return l.cells[x : x+n]
}

// split keeps a wide character whole: one half overwritten takes the other with
// it. x is where what is written begins or has ended.
func (l *line) split(x int) {
	if x > 0 && x < l.n && l.cells[x].r == second {
		l.cells[x-1].r, l.cells[x].r = ' ', ' '
	}
}

// erase puts blank into a part.
func (l *line) erase(from, to int, blank cell) {
	to = min(to, l.cols)
	if from >= to || from >= l.n && l.rest == blank {
		return
	}
	if to < l.cols {
		part := l.span(from, to-from)
		for i := range part {
			part[i] = blank
		}
		return
	}
	if from > l.n {
		l.fill(from)
	}
	l.split(from)
	l.n, l.rest = from, blank
}

// insert moves what is from x to end n to the right; what passes end is gone.
func (l *line) insert(x, end, n int, blank cell) {
	n = min(n, end-x)
	if end < l.cols || l.rest != blank {
		l.fill(end)
	}
	l.split(x)
	l.split(end - n)
	l.split(end)
	if to := min(l.n+n, end); l.n > x && to > x+n {
		l.n = max(l.n, to)
		copy(l.cells[x+n:to], l.cells[x:])
	}
	if l.n > x {
		l.erase(x, x+n, blank)
	}
}

// delete moves what is from x to end n to the left, and blanks come in at end.
func (l *line) delete(x, end, n int, blank cell) {
	n = min(n, end-x)
	if end < l.cols || l.rest != blank {
		l.fill(end)
	}
	l.split(x)
	l.split(x + n)
	l.split(end)
	if end < l.cols {
		copy(l.cells[x:end-n], l.cells[x+n:end])
		l.erase(end-n, end, blank)
		return
	}
	if l.n > x {
		l.n = x + copy(l.cells[x:l.n], l.cells[min(x+n, l.n):l.n])
	}
	l.rest = blank
}

// resize cuts the line or makes room.
func (l *line) resize(cols int) {
	cells, n := l.cells, min(l.n, cols)
	l.split(n)
	l.cells, l.cols, l.n = nil, cols, 0
	if n > 0 {
		l.cells = make([]cell, cols)
		l.n = copy(l.cells, cells[:n])
	}
}
