package wire

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"time"
)

// The sizes of a numbered datagram's own bytes, and of a report.
const (
	RepairSize = repairHead + repairTag // that numbers add to a datagram
	MaxReport  = 1100                   // of a report, in bytes

	repairHead = 13
	repairTag  = 12
	maxSpans   = 100

	typeNumbered = 0x10
	typeReport   = 0x11
	typeBulk     = 0x12

	flagDown = 1 // of a report
)

// BulkMTU returns the largest datagram that the connection for bulk sends, where the
// other one sends mtu bytes at most, or 0: the proxies add their numbers to each. 1,200
// bytes, with these and the headers of IPv6, are below the 1,280 that IPv6 asks of every
// link; where less passes they go in halves.
func BulkMTU(mtu int) int { return max(mtu-RepairSize, 1200) }

// AppendBulk appends the datagrams of segment bytes in d (0: d is one), of the
// connection for bulk, as they go on a path whose losses nobody repairs. It returns
// their size there.
func AppendBulk(b, d []byte, segment int) ([]byte, int) {
	if segment <= 0 {
		segment = len(d)
	}
	for len(d) > 0 {
		n := min(segment, len(d))
		b = append(append(b, typeBulk), d[:n]...)
		d = d[n:]
	}
	return b, segment + 1
}

// OpenBulk returns a datagram of the connection for bulk that came as it is.
func OpenBulk(b []byte) (d []byte, ok bool) {
	if len(b) < 2 || b[0] != typeBulk {
		return nil, false
	}
	return b[1:], true
}

// IsRepair reports whether datagram b claims to be of a link that repairs losses.
func IsRepair(b []byte) bool { return len(b) > 0 && (b[0] == typeNumbered || b[0] == typeReport) }

// Report is what one end of a link that repairs losses tells the other.
type Report struct {
	Number uint64        // of the report; later ones have higher numbers
	Down   bool          // who reports sends without numbers for a while
	Bytes  uint64        // received in all
	Stamp  time.Duration // when the last transmission came, by the receiver's clock
	Delay  time.Duration // since then
	Last   uint64        // that transmission
	Spans  []Span        // transmissions received, the newest first
}

// Span is of transmissions, both ends included.
type Span struct{ First, Last uint64 }

// Repair seals and opens what a link that repairs losses sends.
type Repair struct{ seals, opens cipher.AEAD }

// NewClientRepair returns the client's end.
func NewClientRepair(secret [32]byte) *Repair {
	return &Repair{gcm12(secret, "tssh repair to server"), gcm12(secret, "tssh repair to client")}
}

// NewServerRepair returns the server's end.
func NewServerRepair(secret [32]byte) *Repair {
	return &Repair{gcm12(secret, "tssh repair to client"), gcm12(secret, "tssh repair to server")}
}

// AppendNumbered appends the numbered datagram d to b. A transmission's number
// is used once: it makes the nonce.
func (r *Repair) AppendNumbered(b []byte, transmission, order uint64, d []byte) []byte {
	start := len(b)
	b = append(b, typeNumbered)
	b = append48(append48(b, transmission), order)
	b = append(b, d...)
	n := repairNonce(typeNumbered, transmission)
	return r.seals.Seal(b, n[:], nil, b[start:])
}

// OpenNumbered returns what AppendNumbered put into b, of which d is a part.
func (r *Repair) OpenNumbered(b []byte) (transmission, order uint64, d []byte, ok bool) {
	if len(b) <= RepairSize || b[0] != typeNumbered {
		return 0, 0, nil, false
	}
	transmission, order = uint48(b[1:]), uint48(b[7:])
	n := repairNonce(typeNumbered, transmission)
	signed, tag := b[:len(b)-repairTag], b[len(b)-repairTag:]
	if _, err := r.opens.Open(nil, n[:], tag, signed); err != nil {
		return 0, 0, nil, false
	}
	return transmission, order, signed[repairHead:], true
}

// SealReport returns the packet of p. Its number is used once.
func (r *Repair) SealReport(p *Report) []byte {
	b := make([]byte, headSize, 256)
	b[0] = typeReport
	binary.BigEndian.PutUint64(b[1:], p.Number)
	n := repairNonce(typeReport, p.Number)
	return r.seals.Seal(b, n[:], p.body(), b)
}

// body encodes p without its number, and with as many spans as have room.
func (p *Report) body() []byte {
	b := binary.AppendUvarint(nil, uint64(flag(p.Down, flagDown)))
	b = binary.AppendUvarint(b, p.Bytes)
	b = binary.AppendUvarint(b, uint64(p.Stamp/time.Microsecond))
	b = binary.AppendUvarint(b, uint64(p.Delay/time.Microsecond))
	b = binary.AppendUvarint(b, p.Last)
	for i, s := range p.Spans {
		if i >= maxSpans || len(b) > MaxReport-64 {
			break
		}
		if i == 0 {
			b = binary.AppendUvarint(b, s.Last)
		} else {
			b = binary.AppendUvarint(b, p.Spans[i-1].First-s.Last)
		}
		b = binary.AppendUvarint(b, s.Last-s.First)
	}
	return b
}

// OpenReport reads b into p, whose Spans are used again.
func (r *Repair) OpenReport(p *Report, b []byte) error {
	if len(b) < headSize+repairTag || len(b) > MaxReport || b[0] != typeReport {
		return errForged
	}
	number := binary.BigEndian.Uint64(b[1:])
	n := repairNonce(typeReport, number)
	body, err := r.opens.Open(nil, n[:], b[headSize:], b[:headSize])
	if err != nil {
		return errForged
	}
	p.Number = number
	return p.parse(body)
}

var errReport = errors.New("parse report: cut short, or its spans go below 0")

func (p *Report) parse(b []byte) error {
	bad := false
	next := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > 1<<62 {
			bad, b = true, nil
			return 0
		}
		b = b[n:]
		return v
	}
	p.Down = next()&flagDown != 0
	p.Bytes = next()
	p.Stamp = time.Duration(min(next(), 1<<50)) * time.Microsecond
	p.Delay = time.Duration(min(next(), 1<<40)) * time.Microsecond
	p.Last = next()
	p.Spans = p.Spans[:0]
	for len(b) > 0 && len(p.Spans) < maxSpans {
		last := next()
		if n := len(p.Spans); n > 0 {
			first := p.Spans[n-1].First
			if last == 0 || last > first {
				return errReport
			}
			last = first - last
		}
		size := next()
		if bad || size > last {
			return errReport
		}
		p.Spans = append(p.Spans, Span{last - size, last})
	}
	if bad {
		return errReport
	}
	return nil
}

func repairNonce(kind byte, number uint64) (n [nonceSize]byte) {
	n[0] = kind // the two kinds count for themselves under one key
	binary.BigEndian.PutUint64(n[nonceSize-8:], number)
	return n
}

func append48(b []byte, v uint64) []byte {
	return append(b, byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

func uint48(b []byte) uint64 {
	return uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
}
