// Package repair is a link below QUIC that hides a path's losses from it: quic-go
// takes every loss for a full queue, slows down, and fills a few percent of a path
// that loses a few. Datagrams are numbered and paced, the other end reports what
// came, what did not is sent again, and order is kept, so that QUIC sees a path
// that only delays.
//
//	          transport                                        transport
//	              | Write                                          ^ deliver
//	              v                                                |
//	.--------- Sender: queue, pace, --- numbered datagrams --> Receiver: in order,
//	|          what to send again  <-------- reports --------- what came
//	'--> Step: what leaves now
//
//	       nothing is reported for seconds, though knocks are answered
//	up --------------------------------------------------> down: datagrams go without
//	 ^                                                       |   numbers
//	 '------ Resume: contact is back; or after 2 s, ---------'
//	         doubling to 5 min: packets of this size do not pass
//
// Where knocks are not answered either there is no contact: all is kept, and nothing
// leaves until one is (Alive), or Resume.
//
// A Machine knows no clock, no socket, no lock and no goroutine: package proxy has
// those.
package repair

import (
	"time"

	"tssh/proxy/wire"
)

const (
	downAfter = 2 * time.Second // without a report, though one is due; or
	downTrips = 8               // so many round trips, if they are longer
	downFirst = 2 * time.Second
	downMost  = 5 * time.Minute
	downSmall = 30 * time.Second // where no large datagram ever passed

	small     = 400                  // bytes of a datagram that is no bulk, at most
	long      = 0x80                 // the bit of a QUIC packet of a handshake: its header is long (RFC 8999)
	ackSize   = 40                   // of a QUIC packet with an acknowledgement and nothing else
	busyFor   = time.Second          // after the last large datagram
	thinning  = 2.0                  // deliveries of acknowledgements in a round trip of bulk,
	thinnest  = 3                    // after so many half as often, until what QUIC had sent has landed
	rest      = 2 * time.Millisecond // that acknowledgements wait for more of them
	often     = 16                   // where no sample misleads: a flow begins as fast as it can
	hasten    = 3                    // and at most so many, when they hold something else
	thinMost  = 64                   // that wait at once
	TrainMax  = 64000                // bytes that leave at once: a datagram's worth,
	trainMost = 60                   // in so many packets: Linux sends 64 in one call
	hold      = 5                    // round trips that a gap holds up what follows it,
	holdMore  = 100 * time.Millisecond
)

// Machine is one end of a link, both halves of it. It is used by one caller at a
// time.
type Machine struct {
	codec   *wire.Repair
	deliver func([]byte)
	epoch   time.Time
	out     sender
	in      receiver
	heard   wire.Report // scratch

	off       bool          // the path is none of UDP's
	alive     time.Duration // when a knock on this path was answered last
	down      bool
	downFor   time.Duration
	downUntil time.Duration
	largeIn   time.Duration // when a large datagram came last that is of no handshake,
	largeOut  time.Duration // and when one was written

	bare [][]byte // to be sent without numbers

	late     [][]byte // acknowledgements that wait to be delivered together
	lateAt   time.Duration
	lateLast time.Duration
	mark     *item // the newest when a round trip of the transport's began; it has landed: that is over
	handed   int   // deliveries since
}

// New returns the Machine of a path that begins at now. deliver is handed what
// arrived for the transport, inside Take and Step; it does not keep the bytes.
func New(codec *wire.Repair, now time.Time, deliver func([]byte)) *Machine {
	m := &Machine{codec: codec, deliver: deliver, epoch: now.Add(-time.Hour)}
	m.out.init()
	m.in.init()
	return m
}

// clock turns a time into one of m's, which is never 0.
func (m *Machine) clock(t time.Time) time.Duration { return t.Sub(m.epoch) }

// Carries reports whether Write takes datagrams now. Otherwise they are to be sent
// as they are.
func (m *Machine) Carries(now time.Time) bool {
	if m.down && m.clock(now) >= m.downUntil {
		m.down = false
	}
	return !m.off && !m.down
}

// Full reports whether the transport has to wait before it writes more.
func (m *Machine) Full() bool { return !m.off && !m.down && !m.out.asleep && m.out.room() <= 0 }

// Busy reports whether bulk went either way of late.
func (m *Machine) Busy(now time.Time) bool {
	t := m.clock(now)
	return !m.off && !m.down && (m.out.active(t) || t-m.largeOut < busyFor || t-m.largeIn < busyFor)
}

// Write takes the transport's datagrams, of segment bytes each in b (0: b is one). It
// reports whether Step has to see them at once: while bulk comes in, what only
// acknowledges it may wait a moment for more.
func (m *Machine) Write(now time.Time, b []byte, segment int) (due bool) {
	if segment <= 0 {
		segment = len(b)
	}
	t := m.clock(now)
	switch {
	case segment > ackSize || t-m.largeIn >= busyFor:
		m.out.restUntil, due = 0, true
	case len(m.out.queue) == 0:
		m.out.restUntil, due = t+rest, true
	}
	if segment > small && b[0]&long == 0 {
		m.largeOut = t
	}
	for len(b) > 0 {
		d := b[:min(segment, len(b))]
		m.out.put(d)
		b = b[len(d):]
	}
	return due
}

// Last returns what was written last, unless it is known to have come. When m ends it
// is to be sent as it is: the transport's farewell must not wait here, nor at the
// other end behind a gap that nobody fills any more.
func (m *Machine) Last() []byte {
	if it := m.out.last; it != nil && !it.landed {
		return it.data
	}
	return nil
}

// Take takes a packet that came from the other end, or whoever says so: what does
// not open, or was seen before, changes nothing. It reports whether the other end
// reported for the first time that something came.
func (m *Machine) Take(now time.Time, packet []byte) (reported bool) {
	t := m.clock(now)
	if tx, order, d, ok := m.codec.OpenNumbered(packet); ok {
		early := len(d) <= small && m.out.active(t) && t-m.largeIn >= busyFor
		m.in.arrived(t, tx, order, early, d, m.hand)
		return false
	}
	if m.codec.OpenReport(&m.heard, packet) != nil {
		return false
	}
	if m.heard.Number <= m.out.report {
		return false
	}
	fresh, large := m.out.heard(t, &m.heard)
	if large {
		m.downFor = 0
	}
	if m.heard.Down && !m.off && !m.down && !m.out.proven && m.out.bulk > 0 {
		m.giveUp(t) // before a large one of ours has passed it is for the same reason
	}
	return fresh
}

// hand delivers d. Acknowledgements of bulk are delivered a few times in a round
// trip, the newest first: that leaves quic-go's slow start without the eighth sample in
// one, at which it ends if their shortest is longer than the shortest of all. It takes
// for its round trip what an outage lasts, too.
func (m *Machine) hand(t time.Duration, d []byte) {
	if len(d) > small && d[0]&long == 0 {
		m.largeIn = t
	}
	if len(d) > small || d[0]&long != 0 || !m.out.active(t) {
		m.deliver(d)
		return
	}
	if m.mark == nil || m.mark.landed {
		m.mark, m.handed = m.out.last, 0
	}
	// A round trip of QUIC's is longer by what gaps hold up.
	trip := float64(m.out.srtt) * (1 + 5*m.out.loss())
	wait := trip / thinning
	if m.handed >= thinnest {
		wait = trip
	}
	if m.out.steady() {
		wait = trip / often
	}
	if len(d) > ackSize { // it may be the end of something
		wait = min(wait, trip/hasten)
	}
	if at := max(t, m.lateLast+time.Duration(wait)); len(m.late) == 0 || at < m.lateAt {
		m.lateAt = at
	}
	if m.late = append(m.late, append([]byte(nil), d...)); len(m.late) >= thinMost {
		m.handLate(t)
	}
}

// handLate delivers what hand kept.
func (m *Machine) handLate(t time.Duration) {
	for i := len(m.late) - 1; i >= 0; i-- {
		m.deliver(m.late[i])
	}
	m.late, m.lateLast = nil, t
	m.handed++
}

// Effects are what the caller does after Step.
type Effects struct {
	Train   []byte // to be sent, in packets of Segment bytes, of which the last may be shorter
	Segment int
	Report  []byte    // to be sent; nil: none
	Bare    [][]byte  // to be sent as they are: the newest of what was given up
	Next    time.Time // when Step is due again; zero: after the next event
}

// Step does what is due. The train is appended to b, and takes at most its
// capacity. The caller calls Step after each event, and again at once after one
// that returned a train.
func (m *Machine) Step(now time.Time, b []byte) (e Effects) {
	t := m.clock(now)
	switch patience := m.out.patience(); {
	case m.out.asleep || m.out.stuck(t) <= patience:
	case m.alive > m.out.progress+patience/2:
		m.giveUp(t)
	default:
		m.out.asleep = true
	}
	e.Bare, m.bare = m.bare, nil
	e.Train, e.Segment = m.out.poll(t, b, TrainMax, m.codec)
	if m.out.srtt > 0 {
		m.in.pace(m.out.srtt)
	}
	if r := m.in.poll(t, m.hand); r != nil {
		r.Down = m.down
		e.Report = m.codec.SealReport(r)
	}
	if len(m.late) > 0 && t >= m.lateAt {
		m.handLate(t)
	}
	next := min(m.out.due(t), m.in.due())
	if len(m.late) > 0 {
		next = min(next, m.lateAt)
	}
	if next != never {
		e.Next = m.epoch.Add(next)
	}
	return e
}

// giveUp sends without numbers for a while.
func (m *Machine) giveUp(t time.Duration) {
	least := downFirst
	if !m.out.proven {
		least = downSmall
	}
	m.down = true
	m.downFor = min(max(2*m.downFor, least), downMost)
	m.downUntil = t + m.downFor
	m.give()
	m.in.tell(t)
}

// give gives up what is under way. The newest of it leaves as it is: its answer tells the
// transport of the rest, which otherwise would wait, after an outage, for a timer that has
// grown to many seconds.
func (m *Machine) give() {
	m.bare = append(m.bare, m.out.drop()...)
	m.mark = nil
}

// Moved is told that the path is another one: what is under way is lost, and
// nothing that was measured holds. Paths other than UDP need no repair.
func (m *Machine) Moved(now time.Time, udp bool) {
	m.down, m.downFor, m.alive = false, 0, 0
	if m.off = !udp; m.off {
		m.give()
		return
	}
	m.out.move(m.clock(now))
}

// Alive is told that small packets pass: a knock was answered.
func (m *Machine) Alive(now time.Time) {
	m.alive = m.clock(now)
	if m.out.asleep {
		m.out.repeat(m.alive)
	}
}

// Resume is told that contact is back after an outage: what is under way is lost.
func (m *Machine) Resume(now time.Time) {
	if m.down {
		m.down, m.downFor = false, 0
		return
	}
	m.out.repeat(m.clock(now))
}
