package screen

import "encoding/binary"

// history are the rows that scrolled off the main page, packed: each is what
// paints it on a blank row in the default pen. They lie in blocks, of which the
// oldest is dropped, and each is followed by a trailer, so that they are read
// from the last to the first.
type history struct {
	limit  int
	blocks [][]byte
	size   int
	buf    []byte // of the row being packed
	spare  []byte // a block to be used again
	joined bool   // the last one wraps

	scrolled int // rows that came, wanted or not
}

// kept is one row of it.
type kept struct {
	text           []byte
	cols           int // of the screen then
	wrapped, known bool
	blank          bool // its first column is: the row before does not wrap into it
}

const trailer = 7 // length, columns, flags

func (h *history) push(k kept) {
	block := max(h.limit/16, 1<<9)
	last := len(h.blocks) - 1
	if last < 0 || len(h.blocks[last])+len(k.text) > block {
		next := h.spare // of the oldest; the first ones grow with what is in them
		h.blocks, h.spare = append(h.blocks, next[:0]), nil
		last++
	}
	b := append(h.blocks[last], k.text...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(k.text)))
	b = binary.BigEndian.AppendUint16(b, uint16(min(k.cols, 1<<16-1)))
	b = append(b, byte(btoi(k.wrapped)|btoi(k.known)<<1|btoi(k.blank)<<2))
	h.blocks[last] = b
	h.size += len(k.text) + trailer
	for h.size > h.limit && len(h.blocks) > 0 {
		h.size -= len(h.blocks[0])
		if oldest := h.blocks[0]; cap(oldest) <= 2*block {
			h.spare = oldest
		}
		h.blocks[0] = nil
		h.blocks = h.blocks[1:]
	}
}

// end takes the last row off a block.
func end(block []byte) (k kept, rest []byte) {
	t := block[len(block)-trailer:]
	from := len(block) - trailer - int(binary.BigEndian.Uint32(t))
	k = kept{block[from : len(block)-trailer], int(binary.BigEndian.Uint16(t[4:])), t[6]&1 != 0, t[6]&2 != 0, t[6]&4 != 0}
	return k, block[:from]
}

// last returns up to n rows, the oldest first.
func (h *history) last(n int) (rows []kept) {
	for i := len(h.blocks) - 1; i >= 0; i-- {
		for block := h.blocks[i]; len(block) > 0 && len(rows) < n; {
			var k kept
			k, block = end(block)
			rows = append(rows, k)
		}
	}
	for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
		rows[i], rows[j] = rows[j], rows[i]
	}
	return rows
}

// pop removes the last row.
func (h *history) pop() {
	for len(h.blocks) > 0 {
		last := len(h.blocks) - 1
		if len(h.blocks[last]) == 0 {
			h.blocks = h.blocks[:last]
			continue
		}
		_, rest := end(h.blocks[last])
		h.size -= len(h.blocks[last]) - len(rest)
		h.blocks[last] = rest
		return
	}
}

func (h *history) clear() { h.blocks, h.size, h.joined = nil, 0, false }

// keepLine puts a row that scrolls off into the history. Rows of one character
// throughout come from a repetition without end, and are not wanted.
func (s *Screen) keepLine(l *line) {
	h := &s.history
	h.scrolled++
	if h.limit == 0 || l.n == 0 && l.rest.r != 0 {
		return
	}
	if l.n == 0 && l.rest == (cell{}) {
		h.joined = false
		h.push(kept{nil, s.cols, false, l.known, true})
		return
	}
	fill := skipTail
	switch {
	case l.wrapped:
		fill = spaceTail
	case h.joined:
		fill = eraseTail // it may come in with the colour of the text that wrapped
	}
	h.joined = l.wrapped
	h.buf = s.appendRow(h.buf[:0], l, fill, l.cols)
	if len(h.buf) > h.limit/8 { // links and colours for each cell: as plain text
		plain := line{cols: l.cols, n: l.n, cells: make([]cell, l.n)}
		for x, c := range l.cells[:l.n] {
			plain.cells[x].r = c.r
		}
		h.buf = s.appendRow(h.buf[:0], &plain, fill, l.cols)
	}
	if len(h.buf) <= h.limit/2 {
		h.push(kept{h.buf, s.cols, l.wrapped, l.known, l.at(0).r == 0})
	}
	if cap(h.buf) > 1<<16 {
		h.buf = nil
	}
}

// unpack makes a row of a kept one. It may be wider than the screen.
func (s *Screen) unpack(k kept) *line {
	s.tables.borrowed = true
	defer func() { s.tables.borrowed = false }()
	t := New(max(k.cols, 1), 1, Config{Bytes: s.config.Bytes})
	t.tables, t.noWrap = s.tables, true
	t.Feed(k.text)
	l := t.row(0)
	l.wrapped, l.known = k.wrapped, k.known
	return l
}
