package grid

// Logical gathers the rows of one line of text at the front.
func Logical(rows []*Line) (cells []Cell, known bool, n int) {
	known = true
	for {
		l := rows[n]
		known = known && l.Known
		n++
		if !l.Wrapped || n == len(rows) {
			return append(cells, l.Trim()...), known, n
		}
		if last := l.At(l.Cols - 1); last.R != 0 || rows[n].At(1).R != Second {
			l.Fill(l.Cols) // a wide character that found no room leaves a blank that is none
		}
		cells = append(cells, l.Cells[:l.N]...)
	}
}

// Trim are the cells with something in them.
func (l *Line) Trim() []Cell {
	if l.Rest.R != 0 {
		l.Fill(l.Cols)
	}
	return l.Cells[:l.N]
}

// LayOut breaks a line of text into rows; a wide character stays whole.
func LayOut(cells []Cell, cols int, known bool) (rows []*Line) {
	for {
		n := min(cols, len(cells))
		if n < len(cells) && n > 1 && cells[n].R == Second {
			n--
		}
		l := &Line{Cols: cols, Known: known, Wrapped: n < len(cells)}
		if n > 0 {
			l.Cells, l.N = make([]Cell, cols), n
			copy(l.Cells, cells[:n])
		}
		rows = append(rows, l)
		if cells = cells[n:]; len(cells) == 0 {
			return rows
		}
	}
}
