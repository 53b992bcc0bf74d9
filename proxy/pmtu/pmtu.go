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
	checkAgain = 200 * time.Millisecond // the next one, while there is no answer
	holeAfter  = time.Second            // without an answer, and two round trips: large ones vanish
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
	unheard  time.Time // when the first probe since the last answer was sent; zero: there is none
	next     time.Time // when a probe is due
	interval time.Duration

	sent  [16]time.Time // by number; zero once it was answered
	round time.Duration // from a probe to its answer, the last time
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
	if !m.halves && !m.unheard.IsZero() && now.Sub(m.unheard) >= holeAfter+2*m.round {
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
	m.sent[m.number%uint64(len(m.sent))] = now
	again := checkAgain // not later: QUIC sends ever less into a hole
	switch {
	case m.halves:
		again = m.interval
		m.interval = min(2*m.interval, lastAgain)
	case m.unheard.IsZero():
		m.unheard = now
	}
	m.next = now.Add(again)
	return v
}

// doubt makes large datagrams go in halves until a probe from now on is answered.
func (m *Machine) doubt() {
	m.halves, m.since, m.unheard, m.next, m.interval = true, m.number, time.Time{}, time.Time{}, firstAgain
}

// Passed is told of the answer to a probe.
func (m *Machine) Passed(now time.Time, number uint64) {
	sent := &m.sent[number%uint64(len(m.sent))]
	if number > m.number || number+uint64(len(m.sent)) <= m.number || sent.IsZero() {
		return // made up, long ago, or said again
	}
	m.round, *sent = now.Sub(*sent), time.Time{}
	if number <= m.since {
		return // of an earlier path
	}
	m.since, m.halves, m.unheard = number, false, time.Time{}
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
