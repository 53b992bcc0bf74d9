package screen

import (
	"tssh/notify/screen/grid"
	"tssh/notify/screen/ink"
	"tssh/notify/screen/scrollback"
)

// history are the rows that scrolled off the main page.
type history struct {
	scrollback.Rows
	buf      []byte // of the row being packed
	joined   bool   // the last one wraps
	scrolled int    // rows that came, wanted or not
}

// keepLine puts a row that scrolls off into the history. Rows of one character
// throughout come from a repetition without end, and are not wanted.
func (s *Screen) keepLine(l *grid.Line) {
	h := &s.history
	h.scrolled++
	if h.Limit == 0 || l.N == 0 && l.Rest.R != 0 {
		return
	}
	if l.N == 0 && l.Rest == (grid.Cell{}) {
		h.joined = false
		h.Push(scrollback.Row{Cols: s.cols, Known: l.Known, Blank: true})
		return
	}
	fill := ink.SkipTail
	switch {
	case l.Wrapped:
		fill = ink.SpaceTail
	case h.joined:
		fill = ink.EraseTail // it may come in with the colour of the text that wrapped
	}
	h.joined = l.Wrapped
	h.buf = s.ink.Row(h.buf[:0], l, fill, l.Cols)
	if len(h.buf) > h.Limit/8 { // links and colours for each cell: as plain text
		plain := grid.Line{Cols: l.Cols, N: l.N, Cells: make([]grid.Cell, l.N)}
		for x, c := range l.Cells[:l.N] {
			plain.Cells[x].R = c.R
		}
		h.buf = s.ink.Row(h.buf[:0], &plain, fill, l.Cols)
	}
	if len(h.buf) <= h.Limit/2 {
		h.Push(scrollback.Row{Text: h.buf, Cols: s.cols, Wrapped: l.Wrapped, Known: l.Known, Blank: l.At(0).R == 0})
	}
	if cap(h.buf) > 1<<16 {
		h.buf = nil
	}
}

// unpack makes a row of a kept one. It may be wider than the screen.
func (s *Screen) unpack(k scrollback.Row) *grid.Line {
	s.tables.Borrowed = true
	defer func() { s.tables.Borrowed = false }()
	t := New(max(k.Cols, 1), 1, Config{Bytes: s.config.Bytes})
	t.tables, t.ink.Tables, t.noWrap = s.tables, s.tables, true
	t.Feed(k.Text)
	l := t.row(0)
	l.Wrapped, l.Known = k.Wrapped, k.Known
	return l
}
