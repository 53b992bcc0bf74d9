package servers

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
)

// Checksum computes what the command cksum prints, which costs a server less
// than a hash. Its CRC is that of package crc32 with the bits of each byte, and
// of the result, in the other order, without the inversion before, and with the
// length behind the data.
type Checksum struct {
	crc  uint32
	size uint64
	buf  [1 << 10]byte
}

// NewChecksum is that of nothing.
func NewChecksum() *Checksum { return &Checksum{crc: ^uint32(0)} }

// Write never fails.
func (c *Checksum) Write(p []byte) (int, error) {
	c.size += uint64(len(p))
	c.add(p)
	return len(p), nil
}

func (c *Checksum) add(p []byte) {
	for len(p) > 0 {
		n := min(len(p), len(c.buf))
		i := 0
		for ; i+8 <= n; i += 8 { // the bits of each of eight bytes
			eight := bits.Reverse64(binary.BigEndian.Uint64(p[i:]))
			binary.LittleEndian.PutUint64(c.buf[i:], eight)
		}
		for ; i < n; i++ {
			c.buf[i] = bits.Reverse8(p[i])
		}
		c.crc = crc32.Update(c.crc, crc32.IEEETable, c.buf[:n])
		p = p[n:]
	}
}

// String is the line of cksum for its stdin. Nothing is to be written after.
func (c *Checksum) String() string {
	for n := c.size; n > 0; n >>= 8 {
		c.add([]byte{byte(n)})
	}
	return fmt.Sprintf("%d %d", bits.Reverse32(c.crc), c.size)
}

// Cksum returns the line for all of r, which must not fail.
func Cksum(r io.Reader) string {
	c := NewChecksum()
	io.Copy(c, r)
	return c.String()
}
