package tun

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// MaxFrame is the longest address family and packet that is carried: an sshd
// takes messages of 32 KiB, and counts a length in.
const MaxFrame = 32<<10 - lengthSize

const (
	lengthSize = 4
	familySize = 4
)

// The address families of the wire.
const (
	inet  = 2
	inet6 = 24
)

// ErrFrame is for a stream that is none of packets.
var ErrFrame = errors.New("malformed packet of a tunnel")

// head is how many bytes stand before a packet.
func (m Mode) head() int {
	if m == PointToPoint {
		return lengthSize + familySize
	}
	return lengthSize
}

// putHead writes what stands before a packet, which begins at b[m.head()]. False
// says that the packet is not one that can be carried.
func (m Mode) putHead(b []byte) bool {
	if len(b) <= m.head() || len(b)-lengthSize > MaxFrame {
		return false
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-lengthSize))
	if m != PointToPoint {
		return true
	}
	switch b[m.head()] >> 4 {
	case 4:
		binary.BigEndian.PutUint32(b[lengthSize:], inet)
	case 6:
		binary.BigEndian.PutUint32(b[lengthSize:], inet6)
	default:
		return false
	}
	return true
}

// readPacket reads one packet into buf, which holds MaxFrame bytes. It is empty
// when the frame holds none.
func (m Mode) readPacket(r io.Reader, buf []byte) ([]byte, error) {
	var length [lengthSize]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > MaxFrame {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrFrame, n, MaxFrame)
	}
	frame := buf[:n]
	if _, err := io.ReadFull(r, frame); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	// The family says no more than the packet itself.
	return frame[min(len(frame), m.head()-lengthSize):], nil
}
