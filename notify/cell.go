package notify

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
	underline // and two bits more
)

const underlineMask = underline * 7

// color is 0 for the default, or an index or RGB with its kind on top.
type color uint32

const (
	indexed color = 1 << 24
	direct  color = 2 << 24
)

// pen is how text looks.
type pen struct {
	fg, bg color
	attr   uint16
}

// cell is one place of the screen. r is 0 for nothing printed, and second for
// the right half of a wide character.
type cell struct {
	r rune
	pen
}

const second rune = -1

// line is one row. Cells from n on are blank in the default colours, so that a
// row that scrolls in costs nothing.
type line struct {
	cells   []cell
	n       int
	marks   map[int]string // combining characters by column
	wrapped bool           // goes on in the next row
	known   bool           // what the terminal shows there is what we have
}

func (l *line) clear(p pen) {
	l.n, l.marks, l.wrapped, l.known = 0, nil, false, true
	if p.bg != 0 {
		l.erase(0, len(l.cells), p)
	}
}

// split keeps a wide character whole: one half overwritten takes the other with
// it. x is where what is written begins or has ended.
func (l *line) split(x int) {
	if x > 0 && x < l.n && l.cells[x].r == second {
		l.cells[x-1].r, l.cells[x].r = ' ', ' '
	}
}

// erase blanks a part in the background of p.
func (l *line) erase(from, to int, p pen) {
	to = min(to, len(l.cells))
	l.split(from)
	l.split(to)
	if p.bg == 0 && to >= l.n {
		l.n = min(l.n, from)
	} else {
		for x := from; x < to; x++ {
			l.put(x, cell{pen: pen{bg: p.bg}})
		}
	}
	for x := range l.marks {
		if x >= from && x < to {
			delete(l.marks, x)
		}
	}
	if from == 0 && to == len(l.cells) {
		l.known = true
	}
}

// put sets a cell.
func (l *line) put(x int, c cell) {
	for l.n < x {
		l.cells[l.n] = cell{}
		l.n++
	}
	l.cells[x] = c
	l.n = max(l.n, x+1)
	if l.marks != nil {
		delete(l.marks, x)
	}
}

func (l *line) at(x int) cell {
	if x >= l.n {
		return cell{}
	}
	return l.cells[x]
}

// resize cuts the line or makes room.
func (l *line) resize(cols int) {
	cells := make([]cell, cols)
	copy(cells, l.cells[:min(l.n, cols)])
	l.cells, l.n = cells, min(l.n, cols)
}
