package channel

import (
	"time"

	"tssh/proxy/mux/gauge"
)

const (
	leastTerminal = 64 << 10 // window of a terminal's channel
	mostTerminal  = 2 << 20
	terminalStep  = 8 << 10 // how finely it is given: each grant is a measure
)

// meter says how much of a terminal's output may be under way: what the path holds
// and little more, so that what an interrupt has to wait for is about a round trip
// of output and not megabytes.
//
// It is the reader's measure. A grant of window is used by the first byte beyond
// what was allowed before it; from the grant to that byte a round trip has passed, if
// the sender waited for it.
type meter struct {
	limit   int
	got     uint64  // bytes received
	allowed uint64  // bytes that may have been sent in all
	grants  []grant // that were not used yet, the oldest first
	gauge   gauge.Gauge
}

// grant remembers a window that was given.
type grant struct {
	from uint64 // the bytes allowed before it
	at   time.Time
	got  uint64 // then
}

// newMeter returns a meter of a channel whose peer may send allowed bytes now.
func newMeter(allowed int) *meter {
	return &meter{limit: leastTerminal, allowed: uint64(max(allowed, 0))}
}

// window is how much may be under way or unread now.
func (m *meter) window() int {
	if m.gauge.Draining() {
		return max(m.limit/2, leastTerminal)
	}
	return m.limit
}

// granted notes that n bytes more may be sent.
func (m *meter) granted(n int, now time.Time) {
	m.grants = append(m.grants, grant{m.allowed, now, m.got})
	m.allowed += uint64(n)
}

// arrived notes that n bytes came.
func (m *meter) arrived(n int, now time.Time) {
	m.got += uint64(n)
	var last grant
	for len(m.grants) > 0 && m.got > m.grants[0].from {
		last = m.grants[0]
		m.grants = m.grants[1:]
	}
	if !last.at.IsZero() {
		m.gauge.Sample(now.Sub(last.at), last.got, m.got)
	}
	m.gauge.Age(now, m.allowed, m.got, m.limit)
	m.limit = min(max(leastTerminal, m.gauge.Holds()*5/4), mostTerminal)
}
