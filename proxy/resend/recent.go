package resend

import (
	"bytes"
	"time"
)

const (
	// Small is the largest datagram, in bytes, that counts as small: one that
	// may hold a key.
	Small = 400
	// Outage is the silence after which QUIC's own timer has backed off so far
	// that it is better shown a new path.
	Outage = time.Second
	// Slack is how much before the first sign of trouble it may have begun.
	Slack = time.Second / 2

	// keptLarge datagrams are sent again when contact came back: two suffice
	// for QUIC to find out the rest. Small ones hold a key each, so there are more.
	keptLarge = 2
	keptSmall = 6
)

// Recent holds the last datagrams of the transport. They are sent again when contact
// comes back, and tell the peer's transport at once what it missed. Its own timers
// would do so after many seconds.
//
// It holds a few more of a typist's small ones, as each is a key.
type Recent struct {
	datagrams [keptSmall]kept // a ring
	next      int
}

type kept struct {
	data []byte
	at   time.Time
}

// Note keeps the last of the datagrams of segment bytes in b.
func (r *Recent) Note(now time.Time, b []byte, segment int) {
	if segment > 0 && len(b) > keptLarge*segment {
		count := (len(b) + segment - 1) / segment
		b = b[(count-keptLarge)*segment:]
	}
	for len(b) > 0 {
		n := len(b)
		if segment > 0 {
			n = min(n, segment)
		}
		d := &r.datagrams[r.next]
		d.data, d.at = append(d.data[:0], b[:n]...), now
		r.next = (r.next + 1) % keptSmall
		b = b[n:]
	}
}

// Small returns copies of the small ones that were noted at t or later, the
// oldest first.
func (r *Recent) Small(t time.Time) [][]byte { return r.since(t, 0) }

// Last returns copies of the last ones of any size, and of the small ones
// before, that were noted at t or later, the oldest first.
func (r *Recent) Last(t time.Time) [][]byte { return r.since(t, keptLarge) }

func (r *Recent) since(t time.Time, large int) [][]byte {
	var list [][]byte
	for i := range r.datagrams {
		d := &r.datagrams[(r.next+i)%keptSmall]
		if len(d.data) == 0 || d.at.Before(t) {
			continue
		}
		if len(d.data) <= Small || i >= keptSmall-large {
			list = append(list, bytes.Clone(d.data))
		}
	}
	return list
}
