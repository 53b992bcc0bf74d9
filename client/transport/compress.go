package transport

import (
	"bytes"
	"compress/zlib"
	"slices"
)

// delayed is compression that begins when the user is authenticated: before,
// nobody should make us decompress anything.
const delayed = "zlib@openssh.com"

// deflater compresses packet by packet, each by its own bytes alone. All channels
// share one stream: if it referred back to what went before, the length of a packet
// would tell whether a guess in one channel repeats a secret of another, and who
// can write into the one and watch the network would read the other by and by.
type deflater struct {
	buf bytes.Buffer
	w   *zlib.Writer
}

func newDeflater() *deflater {
	d := &deflater{}
	d.w, _ = zlib.NewWriterLevel(&d.buf, zlib.HuffmanOnly) // a level that there is
	return d
}

// packet returns a compressed payload, valid until the next call.
func (d *deflater) packet(payload []byte) ([]byte, error) {
	d.buf.Reset()
	if _, err := d.w.Write(payload); err != nil {
		return nil, err
	}
	err := d.w.Flush()
	return d.buf.Bytes(), err
}

// compressions is what is offered: nothing unless the user wants it, since
// most networks are faster than it is.
func (c *Conn) compressions() []string {
	if c.cfg.Compression {
		return []string{delayed, "none"}
	}
	return []string{"none"}
}

// startCompression begins afresh, after authentication and with each new keys.
func (c *Conn) startCompression(in, out bool) {
	if in {
		c.inflate = nil
		if c.agreedNow.CompressIn == delayed {
			c.inflate = &inflater{}
		}
	}
	if out {
		c.deflate = nil
		if c.agreedNow.CompressOut == delayed {
			c.deflate = newDeflater()
		}
	}
}

// expand decompresses a payload if that has begun.
func (c *Conn) expand(packet []byte) ([]byte, error) {
	if c.inflate == nil {
		return packet, nil
	}
	out, err := c.inflate.packet(packet)
	if err != nil || len(out) == 0 {
		return nil, corrupt("uncompress: invalid format")
	}
	return slices.Clone(out), nil
}
