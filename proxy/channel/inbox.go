package channel

const (
	leastChunk = 64
	mostChunk  = 32 << 10
)

// inbox holds what arrived and was not read. The window bounds its bytes, and as
// pieces are merged, what they cost is no more than a few times that: a peer that
// sends them one by one would make a byte cost a hundred.
type inbox struct {
	chunks [][]byte
	read   int  // bytes of chunks[0] that were read
	size   int  // bytes that were not read
	eof    bool // nothing more comes
}

func (i *inbox) empty() bool { return len(i.chunks) == 0 }

// put adds a copy of head and b, into the room that is left behind the last chunk
// or into a new one that has room for more.
func (i *inbox) put(head, b []byte) {
	i.size += len(head) + len(b)
	i.add(head)
	i.add(b)
}

func (i *inbox) add(b []byte) {
	if k := len(i.chunks) - 1; k >= 0 {
		last := &i.chunks[k]
		n := min(len(b), cap(*last)-len(*last))
		*last = append(*last, b[:n]...)
		b = b[n:]
	}
	if len(b) == 0 {
		return
	}
	room := len(b)
	if room < mostChunk {
		room = max(leastChunk, room)
		if len(i.chunks) > 0 { // nobody is reading: more will come
			room = min(max(2*room, 2*cap(i.chunks[len(i.chunks)-1])), mostChunk)
		}
	}
	i.chunks = append(i.chunks, append(make([]byte, 0, room), b...))
}

func (i *inbox) take(p []byte) (n int) {
	for n < len(p) && len(i.chunks) > 0 {
		first := i.chunks[0]
		m := copy(p[n:], first[i.read:])
		n += m
		i.read += m
		if i.read == len(first) {
			i.chunks[0] = nil
			i.chunks = i.chunks[1:]
			i.read = 0
		}
	}
	i.size -= n
	if len(i.chunks) == 0 {
		i.chunks = nil
	}
	return n
}
