// Package grid has what a screen is made of: cells, rows of them, and the rows of
// a page. Rows that are blank, or filled with one character, cost nothing.
package grid

// Attributes of a cell. Three bits hold the style of the underline.
const (
	Bold uint16 = 1 << iota
	Faint
	Italic
	Blink
	Inverse
	Invisible
	Strike
	Overline
	Guarded       // from selective erasure
	Underline     // and two bits more
	UnderlineMask = 7 * Underline
)

// Color is 0 for the default, or an index or RGB with its kind on top.
type Color uint32

// Kinds of colours.
const (
	Indexed Color = 1 << 24
	Direct  Color = 2 << 24
)

// Pen is how text looks. Extra stands for what is rare: a link, the colour of
// the underline.
type Pen struct {
	FG, BG Color
	Attr   uint16
	Extra  uint16
}

// Cell is one place of the screen. R is 0 for nothing printed, Second for the
// right half of a wide character, and from FirstCluster on a character with what
// is combined with it (Tables).
type Cell struct {
	R rune
	Pen
}

// Second is the right half of a wide character.
const Second rune = -1

// Line is one row. All from N on is Rest, so that a row that is blank, or filled
// with one character, costs nothing.
type Line struct {
	Cells   []Cell // none until the first is written
	Cols, N int
	Rest    Cell
	Wrapped bool // goes on in the next row
	Known   bool // what the terminal shows there is what we have
}

// Clear makes all of it blank.
func (l *Line) Clear(blank Cell, known bool) {
	l.N, l.Rest, l.Wrapped, l.Known = 0, blank, false, known
}

// At is the cell in column x.
func (l *Line) At(x int) Cell {
	if x < l.N {
		return l.Cells[x]
	}
	return l.Rest
}

// Run is how many blanks alike are at x.
func (l *Line) Run(x int) (n int) {
	c := l.At(x)
	if x+1 < l.N && l.Cells[x+1] == c {
		for n = 2; x+n+16 <= l.N && *(*[16]Cell)(l.Cells[x+n:]) == *(*[16]Cell)(l.Cells[x+n-1:]); {
			n += 16
		}
	}
	for x+n < l.N && l.Cells[x+n] == c {
		n++
	}
	if x+n >= l.N && l.Rest == c {
		n = l.Cols - x
	}
	return n
}

// Fill makes the cells before to single ones.
func (l *Line) Fill(to int) {
	if l.Cells == nil {
		l.Cells = make([]Cell, l.Cols)
	}
	if l.N < to {
		Set(l.Cells[l.N:to], l.Rest)
		l.N = to
	}
}

// Set makes all cells one.
func Set(cells []Cell, c Cell) {
	for i := range min(len(cells), 8) {
		cells[i] = c
	}
	for n := 8; n < len(cells); n *= 2 {
		copy(cells[n:], cells[:n])
	}
}

// Span returns n cells from x on, to be written.
func (l *Line) Span(x, n int) []Cell {
	l.Fill(x)
	l.Split(x)
	l.Split(x + n)
	l.N = max(l.N, x+n)
	return l.Cells[x : x+n]
}

// Split keeps a wide character whole: one half overwritten takes the other with
// it. x is where what is written begins or has ended.
func (l *Line) Split(x int) {
	if x > 0 && x < l.N && l.Cells[x].R == Second {
		l.Cells[x-1].R, l.Cells[x].R = ' ', ' '
	}
}

// Erase puts blank into a part.
func (l *Line) Erase(from, to int, blank Cell) {
	to = min(to, l.Cols)
	if from >= to || from >= l.N && l.Rest == blank {
		return
	}
	if to < l.Cols {
		Set(l.Span(from, to-from), blank)
		return
	}
	if from > l.N {
		l.Fill(from)
	}
	l.Split(from)
	l.N, l.Rest = from, blank
}

// Insert moves what is from x to end n to the right; what passes end is gone.
func (l *Line) Insert(x, end, n int, blank Cell) {
	n = min(n, end-x)
	if end < l.Cols || l.Rest != blank {
		l.Fill(end)
	}
	l.Split(x)
	l.Split(end - n)
	l.Split(end)
	if to := min(l.N+n, end); l.N > x && to > x+n {
		l.N = max(l.N, to)
		copy(l.Cells[x+n:to], l.Cells[x:])
	}
	if l.N > x {
		l.Erase(x, x+n, blank)
	}
}

// Delete moves what is from x to end n to the left, and blanks come in at end.
func (l *Line) Delete(x, end, n int, blank Cell) {
	n = min(n, end-x)
	if end < l.Cols || l.Rest != blank {
		l.Fill(end)
	}
	l.Split(x)
	l.Split(x + n)
	l.Split(end)
	if end < l.Cols {
		copy(l.Cells[x:end-n], l.Cells[x+n:end])
		l.Erase(end-n, end, blank)
		return
	}
	if l.N > x {
		l.N = x + copy(l.Cells[x:l.N], l.Cells[min(x+n, l.N):l.N])
	}
	l.Rest = blank
}

// Resize cuts the line or makes room.
func (l *Line) Resize(cols int) {
	cells, n := l.Cells, min(l.N, cols)
	l.Split(n)
	l.Cells, l.Cols, l.N = nil, cols, 0
	if n > 0 {
		l.Cells = make([]Cell, cols)
		l.N = copy(l.Cells, cells[:n])
	}
}

// EraseUnguarded is Erase that spares what is protected.
func (l *Line) EraseUnguarded(from, to int, blank Cell) {
	if from >= to {
		return
	}
	l.Fill(to)
	for x := from; x < to; x++ {
		if l.Cells[x].Attr&Guarded == 0 {
			if c := l.Cells[x].R; c == Second && x == from || x+1 == to && x+1 < l.N && l.Cells[x+1].R == Second {
				l.Split(x)
				l.Split(x + 1)
			}
			l.Cells[x] = blank
		}
	}
}
