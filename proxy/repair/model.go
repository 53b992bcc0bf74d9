package repair

import (
	"slices"
	"time"
)

// mode is what the model tries at a time.
//
//	starting --the rate grows no more, or a queue does--> draining --it is gone--.
//	                                                                             v
//	      .--> up --a queue, or no more rate--> down --it is gone--> cruising <--'
//	      '-----------------------after 6 round trips-----------------' |  ^
//	                                              no shortest round trip v  |
//	                                              in 10 s:            looking
type mode byte

const (
	starting mode = iota
	draining
	up
	down
	cruising
	looking // for the shortest round trip
)

const (
	startGain   = 2.77 // doubles the rate each round trip
	startWindow = 2.2
	windowGain  = 2.0
	silenceMost = 2.0             // round trips that the window is larger by, in an outage
	startBurst  = 5 * 64 * packet // bytes a round trip at the start: what was measured may be of two packets
	firstTrip   = 100 * time.Millisecond
	leastWindow = 4 * packet

	rttMemory = 10 * time.Second
	bwRounds  = 10
	phases    = 32          // of which the losses are remembered
	judged    = 8           // phases that tell the path's own loss
	enough    = 20 * packet // bytes in a phase, to tell anything
	mostLoss  = 0.5
)

// model says how fast to send, from the rate and the round trip that the receiver
// saw, as BBR does. Loss that does not depend on how fast we send is the path's own,
// and is no reason to be slower.
type model struct {
	mode     mode
	since    time.Duration // when it began
	now      time.Duration
	bw       [3]rated // the best rates of the last rounds, in bytes a second
	round    uint32
	roundEnd uint64 // in bytes landed

	minRTT   time.Duration
	minAt    time.Duration
	roundMin time.Duration // in this round
	lastMin  time.Duration // in the round before
	jitter   time.Duration
	recent   [8]time.Duration
	recents  int

	fullBW  float64 // the rate that has to grow for the start to go on
	fullFor int     // rounds in which it did not

	phase    uint32
	counts   [phases]struct{ got, lost int }
	baseLoss float64 // share of what is lost however slowly we send
	limit    limit

	cycle    int // rounds cruised
	busy     int // cycles in which the queue never went
	upRounds int
	upFrom   float64
}

type rated struct {
	bw    float64
	round uint32
}

func (m *model) init() {
	*m = model{}
	m.limit.init()
}

// restart is for a flow that begins, or was idle: what was measured is old.
func (m *model) restart(acked uint64) {
	old := *m
	m.init()
	m.minRTT, m.minAt, m.baseLoss, m.roundEnd, m.jitter = old.minRTT, old.minAt, old.baseLoss, acked, old.jitter
}

func (m *model) rate() float64 { return m.bw[0].bw }

func (m *model) bdp() float64 { return m.rate() / (1 - m.baseLoss) * m.minRTT.Seconds() }

// pace is in bytes a second.
func (m *model) pace() float64 {
	rate := m.gain() * m.rate() / (1 - m.baseLoss)
	if m.mode == starting {
		trip := m.minRTT
		if trip == 0 {
			trip = firstTrip
		}
		rate = max(rate, startBurst/trip.Seconds())
	}
	return max(rate, 4*packet)
}

func (m *model) gain() float64 {
	switch m.mode {
	case starting:
		return startGain
	case draining:
		return 0.4
	case up:
		return 1.25
	case down:
		return 0.75
	case looking:
		return 0.8
	}
	if m.busy < 3 && m.queueing() > m.target() { // else the queue is another's
		return 0.92
	}
	return 1
}

// queueing is how long the path's queue is, by the shortest round trip of late.
func (m *model) queueing() time.Duration {
	q := m.lastMin
	if q == 0 || m.roundMin > 0 && m.roundMin < q {
		q = m.roundMin
	}
	return max(0, q-m.minRTT)
}

// target is the queue that is none yet.
func (m *model) target() time.Duration {
	return 4*time.Millisecond + m.minRTT/10 + min(m.jitter, m.minRTT/2)
}

// window is how many bytes may fly, when nothing was heard for so long though something
// is due.
func (m *model) window(silent time.Duration) int {
	if m.rate() == 0 || m.minRTT == 0 {
		return 64 * packet
	}
	gain := windowGain
	switch m.mode {
	case starting:
		gain = startWindow
	case looking:
		gain = 0.6
	}
	w := gain*m.bdp() + 0.005*m.rate() + 4*packet
	switch m.mode {
	case starting:
		w = max(w, 64*packet)
	case cruising, down: // what an outage keeps from landing holds up nothing behind it
		w += m.bdp() * min(max(0, (silent-reportSlow).Seconds()/m.minRTT.Seconds()), silenceMost)
	}
	return int(max(min(w, m.limit.most), leastWindow))
}

// count notes what became of what was sent in a phase.
func (m *model) count(phase uint32, got, lost int) {
	c := &m.counts[phase%phases]
	c.got += got
	c.lost += lost
}

// turn begins another phase, and takes the smallest loss of those that are over for
// the path's own.
func (m *model) turn(to mode) {
	m.mode, m.since = to, m.now
	m.phase++
	m.counts[m.phase%phases].got, m.counts[m.phase%phases].lost = 0, 0
	least, n := 1.0, 0
	for back := uint32(2); back < phases-1 && back < m.phase && n < judged; back++ {
		c := m.counts[(m.phase-back)%phases]
		if c.got+c.lost < enough {
			continue
		}
		n++
		least = min(least, float64(c.lost)/float64(c.got+c.lost))
	}
	if n >= 2 {
		m.baseLoss = min(least, mostLoss)
	}
}

// sample is told of a rate of delivery. app says that there was no more to send.
func (m *model) sample(bw float64, app bool) {
	if app && bw <= m.rate() {
		return
	}
	s := rated{bw, m.round}
	b := &m.bw
	switch {
	case bw >= b[0].bw || m.round-b[2].round > bwRounds:
		b[0], b[1], b[2] = s, s, s
		return
	case bw >= b[1].bw:
		b[1], b[2] = s, s
	case bw >= b[2].bw:
		b[2] = s
	}
	age := m.round - b[0].round
	switch {
	case age > bwRounds:
		b[0], b[1], b[2] = b[1], b[2], s
		if m.round-b[0].round > bwRounds {
			b[0], b[1], b[2] = b[1], b[2], s
		}
	case b[1].round == b[0].round && age > bwRounds/4:
		b[1], b[2] = s, s
	case b[2].round == b[1].round && age > bwRounds/2:
		b[2] = s
	}
}

// landing is what a report says of the newest transmission in it.
type landing struct {
	acked, ackedWhenSent uint64
	flew                 int
	rtt                  time.Duration
	app                  bool
	phase                uint32
}

func (m *model) landed(now time.Duration, a landing) {
	m.now = now
	if m.minRTT == 0 || a.rtt <= m.minRTT {
		m.minRTT, m.minAt = a.rtt, now
	}
	if m.recents > 0 {
		d := a.rtt - m.recent[(m.recents-1)%len(m.recent)]
		m.jitter += (max(d, -d) - m.jitter) / 16
	}
	m.recent[m.recents%len(m.recent)] = a.rtt
	m.recents++
	if m.mode == starting && !a.app && m.recents >= len(m.recent) && slices.Min(m.recent[:]) > m.minRTT+max(2*m.target(), m.minRTT/4) {
		m.turn(draining)
	}
	if m.roundMin == 0 || a.rtt < m.roundMin {
		m.roundMin = a.rtt
	}
	if a.ackedWhenSent >= m.roundEnd {
		m.round++
		m.roundEnd = a.acked
		m.lastMin, m.roundMin = m.roundMin, 0
		m.limit.round(m.queueing() > m.target())
		m.endRound(a)
	}
	m.limit.see(a.rtt - m.minRTT)
	m.limit.grow(now, a.rtt, m.bdp())
	m.tick(now, a.flew)
}

// missed is told of some packets in a row that did not come, with flew bytes under way
// when the last left. They count as one loss: an outage takes many. next is to be sent
// next; full says that they may have met a full queue, for which the limit was not cut
// already.
func (m *model) missed(now time.Duration, flew int, next uint64, full bool) {
	l := &m.limit
	c := l.now(m.jitter)
	c.lost++
	if c != &l.tight || !full || !l.full(m.mode == starting) || m.mode == starting && l.queue < 2*m.target() {
		return // at the start too little is known to read much into a few
	}
	l.hit(now, float64(flew), next)
	switch m.mode {
	case starting:
		m.turn(draining)
	case up:
		m.turn(down)
	}
}

func (m *model) endRound(a landing) {
	switch m.mode {
	case starting:
		m.endStart(a)
	case cruising:
		if m.cycle++; m.cycle >= 6 {
			m.cycle, m.upRounds, m.upFrom = 0, 0, m.rate()
			m.turn(up)
		}
	case up:
		m.endUp(a)
	}
}

func (m *model) endStart(a landing) {
	m.turn(starting) // judges the loss
	if a.app {
		return
	}
	if m.rate() >= m.fullBW*1.25 {
		m.fullBW, m.fullFor = m.rate(), 0
	} else {
		m.fullFor++
	}
	c := m.counts[(m.phase-1)%phases]
	queue := m.lastMin - m.minRTT
	if m.fullFor >= 3 || m.fullFor >= 1 && queue > 2*m.target() ||
		queue > m.minRTT/2 && queue > 30*time.Millisecond && c.lost*10 > c.got {
		m.turn(draining)
	}
}

func (m *model) endUp(a landing) {
	m.upRounds++
	switch { // what this round sent is heard of in the next one
	case m.queueing() > m.target() || m.upRounds >= 2 && m.rate() < 1.1*m.upFrom:
		m.turn(down)
	case m.upRounds >= 2:
		m.upRounds, m.upFrom = 1, m.rate()
	}
}

// tick ends the modes that time ends.
func (m *model) tick(now time.Duration, flew int) {
	m.now = now
	switch m.mode {
	case draining:
		if float64(flew) <= m.bdp() || now-m.since > 3*m.minRTT {
			m.turn(cruising)
			m.cycle = int(m.phase*7) % 3 // two links shall not be in step
		}
	case down:
		if now-m.since >= m.minRTT && (float64(flew) <= m.bdp() || now-m.since > 2*m.minRTT) {
			if m.busy++; m.queueing() <= 3*m.target() {
				m.busy = 0
			}
			m.turn(cruising)
		}
	case looking:
		if now-m.since > max(200*time.Millisecond, m.lastMin) {
			m.minAt = now
			if m.lastMin > 0 {
				m.minRTT = min(max(m.lastMin, m.minRTT), max(m.roundMin, m.minRTT))
			}
			m.turn(cruising)
		}
	}
	if m.mode != starting && m.mode != looking && m.minRTT > 0 && now-m.minAt > rttMemory && flew > 0 {
		m.minRTT = max(m.lastMin, m.minRTT)
		m.turn(looking)
	}
}
