package keep

const (
	small = 4 << 10  // a buffer for who says little
	large = 64 << 10 // and for who says much
	piece = 32 << 10 // is handed over at once
)

// queue is output that was read and not handed over. Its memory grows and
// shrinks with it: thousands of idle terminals must cost little.
type queue struct {
	chunks [][]byte // the oldest first; the last one may have room
	taken  int      // of the first one
	size   int      // of all
	want   int      // of the next chunk
	lent   bool     // what was taken of the chunks is still being written
}

// room is where to read next. Nothing else writes there meanwhile.
func (q *queue) room() []byte {
	q.want = max(q.want, small)
	last := len(q.chunks) - 1
	if last >= 0 && q.size == 0 { // all of it was taken
		if spent := q.chunks[last]; cap(spent) == q.want && !q.lent {
			q.chunks = append(q.chunks[:0], spent[:0])
		} else {
			q.chunks = nil
		}
		q.taken, q.lent, last = 0, false, len(q.chunks)-1
	}
	if last < 0 || cap(q.chunks[last])-len(q.chunks[last]) < small {
		size := q.want
		if q.size > 0 {
			size = large
		}
		q.chunks = append(q.chunks, make([]byte, 0, size))
		last++
	}
	b := q.chunks[last]
	return b[len(b):cap(b)]
}

// add takes the n bytes that were read into the room.
func (q *queue) add(n int) {
	last := &q.chunks[len(q.chunks)-1]
	switch {
	case len(*last)+n == cap(*last): // there is more than fits
		q.want = large
	case n < small/4: // it has calmed down
		q.want = small
	}
	*last = (*last)[:len(*last)+n]
	q.size += n
}

// take removes up to a piece from the front. The bytes stay as they are until
// room is called with nothing left, and beyond that if they are lent.
func (q *queue) take() []byte {
	if q.taken == len(q.chunks[0]) {
		q.chunks[0] = nil
		q.chunks, q.taken = q.chunks[1:], 0
	}
	b := q.chunks[0][q.taken:]
	b = b[:min(len(b), piece)]
	q.taken += len(b)
	q.size -= len(b)
	return b
}
