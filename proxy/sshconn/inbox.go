package sshconn

import "sync"

// pool keeps buffers of one full data frame with its head.
var pool = sync.Pool{New: func() any { return new([headSize + maxData]byte) }}

// chunk is bytes that arrived, one frame's or more. Its array comes from the pool
// when it is big: a key typed must not hold 32 KiB while nobody reads it.
type chunk struct {
	b      []byte
	pooled *[headSize + maxData]byte
}

func newChunk(n int) chunk {
	if n < 4<<10 {
		return chunk{b: make([]byte, n)}
	}
	a := pool.Get().(*[headSize + maxData]byte)
	return chunk{b: a[:n], pooled: a}
}

func (c chunk) free() {
	if c.pooled != nil {
		pool.Put(c.pooled)
	}
}

// inbox holds what arrived and was not read. The window bounds its bytes, and
// as frames are merged, what they cost is no more than a few times that: a peer
// that sends them one by one would make a byte cost a hundred.
type inbox struct {
	chunks []chunk
	read   int  // bytes of chunks[0] that were read
	cost   int  // bytes of the chunks' arrays
	eof    bool // nothing more comes
}

// put adds c, whose frame was read whole. It is copied into the room that is
// left behind the last one, or, if small, into a new array with room for more.
func (i *inbox) put(c chunk) {
	k := len(i.chunks)
	if k == 0 {
		i.add(c)
		return
	}
	last := &i.chunks[k-1]
	if len(c.b) > cap(last.b)-len(last.b) {
		if c.pooled != nil {
			i.add(c)
			return
		}
		roomy := newChunk(min(max(64, 2*cap(last.b), 2*len(c.b)), maxData))
		roomy.b = roomy.b[:0]
		i.add(roomy)
		last = &i.chunks[k]
	}
	last.b = append(last.b, c.b...)
	c.free()
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
