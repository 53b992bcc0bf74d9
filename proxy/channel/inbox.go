package channel

import "sync"

const (
	leastChunk  = 64
	mostChunk   = 32 << 10
	pooledChunk = 4 << 10 // and above
)

// pool keeps arrays of full pieces of data.
var pool = sync.Pool{New: func() any { return new([mostChunk]byte) }}

// chunk is bytes that arrived, one piece or more. Its array comes from the pool
// when it is big: a key typed must not hold 32 KiB while nobody reads it.
type chunk struct {
	b      []byte
	pooled *[mostChunk]byte
}

// newChunk returns one of n bytes, at most mostChunk.
func newChunk(n int) chunk {
	if n < pooledChunk {
		return chunk{b: make([]byte, n)}
	}
	a := pool.Get().(*[mostChunk]byte)
	return chunk{b: a[:n], pooled: a}
}

func (c chunk) free() {
	if c.pooled != nil {
		pool.Put(c.pooled)
	}
}

// inbox holds what arrived and was not read. The window bounds its bytes, and as
// pieces are merged, what they cost is no more than a few times that: a peer that
// sends them one by one would make a byte cost a hundred.
type inbox struct {
	chunks []chunk
	read   int  // bytes of chunks[0] that were read
	size   int  // bytes that were not read
	cost   int  // bytes of the chunks' arrays
	eof    bool // nothing more comes
}

func (i *inbox) empty() bool { return len(i.chunks) == 0 }

// put takes c over, but one that fits behind the last, or is small, is copied.
func (i *inbox) put(c chunk) {
	k := len(i.chunks) - 1
	if k < 0 || c.pooled != nil && len(c.b) > i.room() {
		i.size += len(c.b)
		i.add(c)
		return
	}
	i.write(c.b)
	c.free()
}

// write adds a copy of b, into the room that is left behind the last chunk and
// then into new ones, with room for more when nobody is reading.
func (i *inbox) write(b []byte) {
	i.size += len(b)
	for len(b) > 0 {
		if i.room() == 0 {
			n := max(leastChunk, len(b))
			if k := len(i.chunks) - 1; k >= 0 {
				n = max(2*n, 2*cap(i.chunks[k].b))
			}
			c := newChunk(min(n, mostChunk))
			c.b = c.b[:0]
			i.add(c)
		}
		last := &i.chunks[len(i.chunks)-1]
		n := min(len(b), cap(last.b)-len(last.b))
		last.b = append(last.b, b[:n]...)
		b = b[n:]
	}
}

// room is what the last chunk has left.
func (i *inbox) room() int {
	if i.empty() {
		return 0
	}
	last := i.chunks[len(i.chunks)-1].b
	return cap(last) - len(last)
}

func (i *inbox) add(c chunk) {
	i.chunks = append(i.chunks, c)
	i.cost += cap(c.b)
}

func (i *inbox) take(p []byte) (n int) {
	for n < len(p) && len(i.chunks) > 0 {
		first := i.chunks[0]
		m := copy(p[n:], first.b[i.read:])
		n += m
		i.read += m
		if i.read == len(first.b) {
			i.cost -= cap(first.b)
			first.free()
			i.chunks[0] = chunk{}
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

// drop throws away all there is.
func (i *inbox) drop() {
	for _, c := range i.chunks {
		c.free()
	}
	*i = inbox{eof: true}
}
