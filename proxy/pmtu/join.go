package pmtu

import "tssh/proxy/wire"

// waiting is how many datagrams may wait for their second halves at once: the packets of
// a pair leave together, so few come between them.
const waiting = 64

// Joiner puts halves together. A zero one is ready.
type Joiner struct {
	slots []slot // by the pair's number; none until the first half
}

type slot struct {
	pair   uint64
	second bool   // the half that is here
	data   []byte // nil: the pair was joined
}

// Take takes a half, whose data is not kept. It returns the datagram when this
// completes it; each one is returned once.
func (j *Joiner) Take(h wire.Half) []byte {
	if j.slots == nil {
		j.slots = make([]slot, waiting)
	}
	s := &j.slots[h.Pair%waiting]
	switch {
	case h.Pair > s.pair: // pairs are numbered from 1
		*s = slot{h.Pair, h.Second, append([]byte(nil), h.Data...)}
		return nil
	case h.Pair < s.pair || s.data == nil || s.second == h.Second:
		return nil // too late, or said again
	}
	first, second := s.data, h.Data
	if s.second {
		first, second = h.Data, s.data
	}
	if h.Overlap {
		second = second[1:]
	}
	d := append(append(make([]byte, 0, len(first)+len(second)), first...), second...)
	s.data = nil
	return d
}
