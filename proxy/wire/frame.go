package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// MaxDatagram is the largest datagram that a path carries.
const MaxDatagram = 2048

// maxNoise is how much an ssh channel may print before the preface.
const maxNoise = 256 << 10

// AppendFrame appends datagram to b as a frame of a stream path.
func AppendFrame(b, datagram []byte) ([]byte, error) {
	if len(datagram) == 0 || len(datagram) > MaxDatagram {
		return b, fmt.Errorf("frame of %d bytes, between 1 and %d are allowed", len(datagram), MaxDatagram)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(datagram)))
	return append(b, datagram...), nil
}

// ReadFrame reads one frame from r into buf, which holds MaxDatagram bytes, and
// returns its datagram. r should be buffered.
func ReadFrame(r io.Reader, buf []byte) ([]byte, error) {
	if _, err := io.ReadFull(r, buf[:2]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(buf))
	if n == 0 || n > MaxDatagram {
		return nil, fmt.Errorf("frame of %d bytes, between 1 and %d are allowed", n, MaxDatagram)
	}
	if _, err := io.ReadFull(r, buf[:n]); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return buf[:n], nil
}

// SkipPreface reads r up to and including the preface, past the noise of a
// login shell.
func SkipPreface(r io.ByteReader, preface [16]byte) error {
	window := make([]byte, 0, 2*len(preface))
	for range maxNoise {
		c, err := r.ReadByte()
		if err != nil {
			return err
		}
		if len(window) == cap(window) {
			window = append(window[:0], window[len(window)-len(preface):]...)
		}
		if window = append(window, c); bytes.HasSuffix(window, preface[:]) {
			return nil
		}
	}
	return fmt.Errorf("no tsshd within %d bytes", maxNoise)
}
