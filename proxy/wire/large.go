package wire

import "crypto/cipher"

// Sure is the size of a datagram, in bytes, that every path takes over which there is
// QUIC at all (RFC 9000, section 14).
const Sure = 1200

const (
	typeHalf   = 0x13
	typeProbe  = 0x14
	typePassed = 0x15

	largeTag    = 12
	halfHead    = 8
	probeHead   = 7
	passedSize  = probeHead + largeTag
	flagOverlap = 1 // of a half
)

// Large seals and opens what lets datagrams above Sure cross paths that may not take
// them.
type Large struct{ seals, opens cipher.AEAD }

// NewClientLarge returns the client's end.
func NewClientLarge(secret [32]byte) *Large {
	return &Large{gcm12(secret, "tssh large to server"), gcm12(secret, "tssh large to client")}
}

// NewServerLarge returns the server's end.
func NewServerLarge(secret [32]byte) *Large {
	return &Large{gcm12(secret, "tssh large to client"), gcm12(secret, "tssh large to server")}
}

// IsLarge reports whether datagram b claims to be one of Large's.
func IsLarge(b []byte) bool { return len(b) > 0 && b[0] >= typeHalf && b[0] <= typePassed }

// AppendHalves appends two packets of one size to b, which are d together, and returns
// that size. They have the numbers 2*pair and 2*pair+1, and a pair is used once: it makes
// the nonces.
func (l *Large) AppendHalves(b []byte, pair uint64, d []byte) ([]byte, int) {
	n := (len(d) + 1) / 2
	for i, part := range [2][]byte{d[:n], d[len(d)-n:]} {
		start := len(b)
		b = append48(append(b, typeHalf), 2*pair+uint64(i))
		b = append(b, flag(len(d)%2 == 1, flagOverlap))
		b = append(b, part...)
		nonce := repairNonce(typeHalf, 2*pair+uint64(i))
		b = l.seals.Seal(b, nonce[:], nil, b[start:])
	}
	return b, halfHead + n + largeTag
}

// Half is one of the two packets that a datagram was cut into.
type Half struct {
	Pair    uint64
	Second  bool
	Overlap bool   // the second one begins with the byte that the first one ends with
	Data    []byte // a part of what was opened
}

// OpenHalf reads a half.
func (l *Large) OpenHalf(b []byte) (h Half, ok bool) {
	if len(b) <= halfHead+largeTag || b[0] != typeHalf {
		return h, false
	}
	number := uint48(b[1:])
	signed, ok := l.open(typeHalf, number, b)
	if !ok {
		return h, false
	}
	return Half{number / 2, number%2 == 1, signed[halfHead-1]&flagOverlap != 0, signed[halfHead:]}, true
}

// Probe returns a packet of size bytes, which asks whether such pass. Its number is used
// once.
func (l *Large) Probe(number uint64, size int) []byte {
	b := make([]byte, size-largeTag, size)
	b[0] = typeProbe
	append48(b[:1], number)
	nonce := repairNonce(typeProbe, number)
	return l.seals.Seal(b, nonce[:], nil, b)
}

// OpenProbe reads a probe. A smaller one than what every path takes is none: the answer
// to it would prove nothing.
func (l *Large) OpenProbe(b []byte) (number uint64, ok bool) {
	if len(b) <= Sure || b[0] != typeProbe {
		return 0, false
	}
	number = uint48(b[1:])
	_, ok = l.open(typeProbe, number, b)
	return number, ok
}

// Passed returns the answer to a probe, which is sent once.
func (l *Large) Passed(number uint64) []byte {
	b := append48(append(make([]byte, 0, passedSize), typePassed), number)
	nonce := repairNonce(typePassed, number)
	return l.seals.Seal(b, nonce[:], nil, b)
}

// OpenPassed reads the answer to a probe.
func (l *Large) OpenPassed(b []byte) (number uint64, ok bool) {
	if len(b) != passedSize || b[0] != typePassed {
		return 0, false
	}
	number = uint48(b[1:])
	_, ok = l.open(typePassed, number, b)
	return number, ok
}

// open returns what of b is before the tag, if that is right.
func (l *Large) open(kind byte, number uint64, b []byte) (signed []byte, ok bool) {
	nonce := repairNonce(kind, number)
	signed, tag := b[:len(b)-largeTag], b[len(b)-largeTag:]
	_, err := l.opens.Open(nil, nonce[:], tag, signed)
	return signed, err == nil
}
