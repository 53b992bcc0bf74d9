// Package pmtu decides whether datagrams larger than what every path takes
// (wire.Sure) go over a path whole or in halves. QUIC finds by itself what the path of
// its beginning takes (DPLPMTUD, RFC 8899), and has no way back: it never learns that the
// path is another one now. So after a change large datagrams go in halves, which pass
// everywhere, until a probe of their size was answered; and while they go whole a probe
// now and then sees to it that they still arrive. Without large datagrams nothing is
// sent. Both are machines without a clock or a lock.
package pmtu

import (
	"time"

	"tssh/proxy/wire"
)

const (
	checkEvery = 500 * time.Millisecond // a probe, while large datagrams go whole
	holeProbes = 4                      // without an answer, and
	holeAfter  = 2 * time.Second        // so long, say that large ones vanish
	firstAgain = 200 * time.Millisecond // between probes while they go in halves,
	lastAgain  = 10 * time.Second       // which doubles up to this
)

// Machine decides for one direction. A zero one has a path that QUIC is finding out about.
type Machine struct {
	halves bool
	usual  int // the largest size that more than one datagram had: what QUIC has settled on
	last   int // of the large datagram before

	number   uint64    // of the last probe
	since    uint64    // the last one on an earlier path, or before an answer that counts
	waiting  int       // probes since the last answer
	unheard  time.Time // when the first one of those was sent
	next     time.Time // when a probe is due
	interval time.Duration
}

// Verdict is what becomes of a datagram.
type Verdict struct {
	Halve bool
	Drop  bool   // QUIC asks by it whether its size passes, and it does not as it is
	Probe uint64 // a number: send this probe, too; 0: none
	Size  int    // of the probe
}

// Write is told of a datagram of size bytes that is about to be sent, or of several in a
// row.
func (m *Machine) Write(now time.Time, size int, several bool) (v Verdict) {
	if size <= wire.Sure {
		return Verdict{}
	}
	if several || size == m.last {
		m.usual = max(m.usual, size)
	}
	m.last = size
	if size > m.usual {
		return Verdict{Drop: m.halves} // QUIC's own probe, which goes alone
	}
	if !m.halves && m.waiting >= holeProbes && now.Sub(m.unheard) >= holeAfter {
		m.doubt()
	}
	if m.halves {
		v.Halve = true
	}
	if now.Before(m.next) {
		return v
	}
	m.number++
	v.Probe, v.Size = m.number, m.usual
	if m.waiting++; m.waiting == 1 {
		m.unheard = now
	}
	m.next = now.Add(checkEvery)
	if m.halves {
		m.next = now.Add(m.interval)
		m.interval = min(2*m.interval, lastAgain)
	}
	return v
}

// doubt makes large datagrams go in halves until a probe from now on is answered.
func (m *Machine) doubt() {
	m.halves, m.since, m.waiting, m.next, m.interval = true, m.number, 0, time.Time{}, firstAgain
}

// Passed is told of the answer to a probe.
func (m *Machine) Passed(now time.Time, number uint64) {
	if number <= m.since || number > m.number {
		return // of an earlier path, said again, or made up
	}
	m.since, m.halves, m.waiting = number, false, 0
	m.next = now.Add(checkEvery)
}

// Moved is told that the path is, or may be, another one.
func (m *Machine) Moved() {
	if m.usual > 0 {
		m.doubt()
	}
}

// Restart is told that QUIC begins anew to find what passes.
func (m *Machine) Restart() { *m = Machine{number: m.number, since: m.number} }
