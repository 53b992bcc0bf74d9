package transport

import (
	"slices"

	"tssh/client/transport/deflate"
)

// delayed is compression that begins when the user is authenticated: before,
// nobody should make us decompress anything.
const delayed = "zlib@openssh.com"

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
			c.inflate = new(deflate.Inflater)
		}
	}
	if out {
		c.deflate = nil
		if c.agreedNow.CompressOut == delayed {
			c.deflate = deflate.NewDeflater()
		}
	}
}

// expand decompresses a payload if that has begun.
func (c *Conn) expand(packet []byte) ([]byte, error) {
	if c.inflate == nil {
		return packet, nil
	}
	out, err := c.inflate.Packet(packet)
	if err != nil || len(out) == 0 {
		return nil, corrupt("uncompress: invalid format")
	}
	return slices.Clone(out), nil
}
