// Package deflate compresses and expands the packets of SSH's zlib@openssh.com.
package deflate

import (
	"bytes"
	"compress/zlib"
)

// Deflater compresses packet by packet, each by its own bytes alone. All channels
// share one stream: if it referred back to what went before, the length of a packet
// would tell whether a guess in one channel repeats a secret of another, and who
// can write into the one and watch the network would read the other by and by.
type Deflater struct {
	buf bytes.Buffer
	w   *zlib.Writer
}

// NewDeflater begins a stream.
func NewDeflater() *Deflater {
	d := &Deflater{}
	d.w, _ = zlib.NewWriterLevel(&d.buf, zlib.HuffmanOnly) // a level that there is
	return d
}

// Packet returns a compressed payload, valid until the next call.
func (d *Deflater) Packet(payload []byte) ([]byte, error) {
	d.buf.Reset()
	if _, err := d.w.Write(payload); err != nil {
		return nil, err
	}
	err := d.w.Flush()
	return d.buf.Bytes(), err
}
