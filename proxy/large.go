package proxy

import (
	"sync"
	"time"

	"tssh/proxy/pmtu"
	"tssh/proxy/wire"
)

// large is the lock and the packets of two pmtu.Machines, and the peer's end of them.
type large struct {
	codec *wire.Large // nil: the peer does not join halves
	free  bool        // the transport looks for the largest size that passes

	mu       sync.Mutex // guards what follows; none is taken after it
	machines [kindsOfLarge]pmtu.Machine
	pairs    uint64 // that were sent
	joiner   pmtu.Joiner
	probes   [kindsOfLarge]uint64 // the peer's newest
}

// The connection for bulk has a size of its own, which may pass where that of the other
// one does not. The number of a probe tells which it is for, by its last bit.
const (
	ofMain = iota
	ofBulk
	kindsOfLarge
)

// refuses reports whether datagrams of segment bytes (0: all of b is one) are too large
// for a session whose peer could not be sent them over another path, later.
func (l *large) refuses(b []byte, segment int) bool {
	return l.codec == nil && l.free && sizeOf(b, segment) > wire.Sure
}

func sizeOf(b []byte, segment int) int {
	if segment <= 0 {
		return len(b)
	}
	return min(segment, len(b))
}

// write sends datagrams of segment bytes over UDP, whole or in halves, and what asks
// whether such pass.
func (l *large) write(b []byte, segment int, send func(b []byte, segment int) error) error {
	size := sizeOf(b, segment)
	if size <= wire.Sure || l.codec == nil {
		return send(b, segment)
	}
	kind, several := ofMain, len(b) >= 2*size
	if !wire.IsTransport(b) {
		kind, several = ofBulk, true // which looks for no other size
	}
	l.mu.Lock()
	v := l.machines[kind].Write(time.Now(), size, several)
	pair := l.pairs + 1
	if v.Halve {
		l.pairs += uint64((len(b) + size - 1) / size)
	}
	l.mu.Unlock()
	if v.Probe != 0 {
		send(l.codec.Probe(v.Probe*kindsOfLarge+uint64(kind), v.Size), 0) // one that is refused has no answer
	}
	switch {
	case v.Drop:
		return nil
	case v.Halve:
		return l.writeHalves(pair, b, size, send)
	}
	return send(b, segment)
}

// writeHalves sends datagrams of size bytes in halves, numbered from pair on. The last
// one may be shorter.
func (l *large) writeHalves(pair uint64, b []byte, size int, send func(b []byte, segment int) error) error {
	var train []byte
	half := 0
	for len(b) >= size {
		train, half = l.codec.AppendHalves(train, pair, b[:size])
		pair++
		b = b[size:]
	}
	err := send(train, half)
	switch {
	case len(b) > wire.Sure:
		train, half = l.codec.AppendHalves(train[:0], pair, b)
		return send(train, half)
	case len(b) > 0:
		return send(b, 0)
	}
	return err
}

// take takes a packet of the peer's large, from where the peer is. datagram was cut in
// two and is whole again; answer is to be sent back. Either may be nil.
func (l *large) take(b []byte) (datagram, answer []byte) {
	if l.codec == nil {
		return nil, nil
	}
	if h, ok := l.codec.OpenHalf(b); ok {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.joiner.Take(h), nil
	}
	if number, ok := l.codec.OpenProbe(b); ok {
		l.mu.Lock()
		defer l.mu.Unlock()
		newest := &l.probes[number%kindsOfLarge]
		if number <= *newest {
			return nil, nil // said again by somebody, or overtaken
		}
		*newest = number
		return nil, l.codec.Passed(number)
	}
	if number, ok := l.codec.OpenPassed(b); ok {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.machines[number%kindsOfLarge].Passed(time.Now(), number/kindsOfLarge)
	}
	return nil, nil
}

// moved is told that the path is, or may be, another one.
func (l *large) moved() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.machines {
		l.machines[i].Moved()
	}
}

// restart is told that the transport begins anew to find what passes.
func (l *large) restart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.machines[ofMain].Restart()
	l.machines[ofBulk].Moved() // its size stays
}
