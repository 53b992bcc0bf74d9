// Package scrollback keeps rows of text that scrolled off a screen, the last ones
// of them, in little memory.
package scrollback

import "encoding/binary"

// Rows lie in blocks, of which the oldest is dropped, and each is followed by a
// trailer, so that they are read from the last to the first.
type Rows struct {
	Limit  int // bytes that are kept
	blocks [][]byte
	size   int
	spare  []byte // a block to be used again
}

// Row is one of them.
type Row struct {
	Text           []byte // what paints it on a blank row in the default pen
	Cols           int    // of the screen then
	Wrapped, Known bool
	Blank          bool // its first column is: the row before does not wrap into it
}

const trailer = 7 // length, columns, flags

// Push adds a row.
func (r *Rows) Push(k Row) {
	block := max(r.Limit/16, 1<<9)
	last := len(r.blocks) - 1
	if last < 0 || len(r.blocks[last])+len(k.Text) > block {
		next := r.spare // of the oldest; the first ones grow with what is in them
		r.blocks, r.spare = append(r.blocks, next[:0]), nil
		last++
	}
	b := append(r.blocks[last], k.Text...)
	var t [trailer]byte
	binary.BigEndian.PutUint32(t[:], uint32(len(k.Text)))
	binary.BigEndian.PutUint16(t[4:], uint16(min(k.Cols, 1<<16-1)))
	t[6] = flags(k.Wrapped, k.Known, k.Blank)
	r.blocks[last] = append(b, t[:]...)
	r.size += len(k.Text) + trailer
	for r.size > r.Limit && len(r.blocks) > 0 {
		r.size -= len(r.blocks[0])
		if oldest := r.blocks[0]; cap(oldest) <= 2*block {
			r.spare = oldest
		}
		r.blocks[0] = nil
		r.blocks = r.blocks[1:]
	}
}

func flags(wrapped, known, blank bool) (b byte) {
	if wrapped {
		b = 1
	}
	if known {
		b |= 2
	}
	if blank {
		b |= 4
	}
	return b
}

// end takes the last row off a block.
func end(block []byte) (k Row, rest []byte) {
	t := block[len(block)-trailer:]
	from := len(block) - trailer - int(binary.BigEndian.Uint32(t))
	k = Row{block[from : len(block)-trailer], int(binary.BigEndian.Uint16(t[4:])), t[6]&1 != 0, t[6]&2 != 0, t[6]&4 != 0}
	return k, block[:from]
}

// Last returns up to n rows, the oldest first.
func (r *Rows) Last(n int) (rows []Row) {
	for i := len(r.blocks) - 1; i >= 0; i-- {
		for block := r.blocks[i]; len(block) > 0 && len(rows) < n; {
			var k Row
			k, block = end(block)
			rows = append(rows, k)
		}
	}
	for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
		rows[i], rows[j] = rows[j], rows[i]
	}
	return rows
}

// Pop removes the last row.
func (r *Rows) Pop() {
	for len(r.blocks) > 0 {
		last := len(r.blocks) - 1
		if len(r.blocks[last]) == 0 {
			r.blocks = r.blocks[:last]
			continue
		}
		_, rest := end(r.blocks[last])
		r.size -= len(r.blocks[last]) - len(rest)
		r.blocks[last] = rest
		return
	}
}

// Clear drops all of them.
func (r *Rows) Clear() { r.blocks, r.size = nil, 0 }
