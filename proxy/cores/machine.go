package cores

import "time"

const (
	full      = 80              // of a hundred: one core is not enough
	firstRest = time.Second     // with all cores, before one is tried again;
	mostRest  = time.Minute     // twice as long each time,
	settled   = 5 * time.Second // but after one core was enough for so long
	overAfter = 4               // looks without a flow
)

// machine decides between one core and all of them.
//
//	all --a flow, and no rest left--> one --the core is full--> all, for a rest
type machine struct {
	one  bool
	idle int           // looks without a flow
	rest time.Duration // before one core is tried
	next time.Duration // the next rest
	held time.Duration // one core was enough
}

func newMachine() *machine { return &machine{next: firstRest} }

// step is told of the time since the last look: how much of it the process ran, and
// how many bytes it carried. It reports whether the flow is over.
func (m *machine) step(passed, ran time.Duration, bytes int64) (over bool) {
	if bytes*int64(every) < flowFrom*int64(passed) {
		m.idle++
		return m.idle >= overAfter
	}
	m.idle = 0
	switch {
	case m.one && ran*100 >= passed*full:
		m.one, m.held = false, 0
		m.rest, m.next = m.next, min(2*m.next, mostRest)
	case m.one:
		if m.held += passed; m.held >= settled {
			m.next = firstRest
		}
	case m.rest > passed:
		m.rest -= passed
	default:
		m.one = true
	}
	return false
}
