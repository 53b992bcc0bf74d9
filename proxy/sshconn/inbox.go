package sshconn

import "sync"

// pool keeps buffers of one full data frame with its head.
var pool = sync.Pool{New: func() any { return new([headSize + maxData]byte) }}

// chunk is bytes of one frame. Its array comes from the pool when it is big:
// a key typed must not hold 32 KiB while nobody reads it.
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

// inbox holds what arrived and was not read. The window bounds it.
type inbox struct {
	chunks []chunk
	read   int  // bytes of chunks[0] that were read
	eof    bool // nothing more comes
}

func (i *inbox) put(c chunk) { i.chunks = append(i.chunks, c) }

func (i *inbox) take(p []byte) (n int) {
	for n < len(p) && len(i.chunks) > 0 {
		first := i.chunks[0]
		m := copy(p[n:], first.b[i.read:])
		n += m
		i.read += m
		if i.read == len(first.b) {
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
