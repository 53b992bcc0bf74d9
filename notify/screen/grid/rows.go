package grid

// Rows are what a page has of lines, the first one on tor.
type Rows struct {
	Lines []*Line // of the screen; a window that moves through room
	room  []*Line
	spare []*Line
}

// Init makes rows that are blank.
func (r *Rows) Init(cols, rows int) {
	r.room = make([]*Line, rows+max(rows, 64))
	r.Lines = r.room[:rows]
	all := make([]Line, rows)
	for i := range r.Lines {
		all[i] = Line{Cols: cols, Known: true}
		r.Lines[i] = &all[i]
	}
	r.spare = nil
}

// Up makes the first row the last one, and moves none.
func (r *Rows) Up() *Line {
	gone := r.Lines[0]
	n := len(r.Lines)
	if cap(r.Lines) == n {
		copy(r.room, r.Lines[1:])
		r.Lines = r.room[:n]
	} else {
		r.Lines = r.Lines[1 : n+1]
	}
	r.Lines[n-1] = gone
	return gone
}

// Turn moves the rows from top to bottom by n, up where n is above 0; those that
// fall out come in at the other end.
func (r *Rows) Turn(top, bottom, n int) {
	part := r.Lines[top : bottom+1]
	if n == 1 {
		first := part[0]
		copy(part, part[1:])
		part[len(part)-1] = first
		return
	}
	if n < 0 {
		n += len(part)
	}
	r.spare = append(r.spare[:0], part[:n]...)
	copy(part, part[n:])
	copy(part[len(part)-n:], r.spare)
}

// Used is the last row with something on it.
func (r *Rows) Used() int {
	for y := len(r.Lines) - 1; y > 0; y-- {
		if l := r.Lines[y]; l.N > 0 || !l.Known || l.Rest != (Cell{}) {
			return y
		}
	}
	return 0
}
