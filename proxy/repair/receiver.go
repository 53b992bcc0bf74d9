package repair

import (
	"time"

	"tssh/proxy/wire"
)

const (
	maxSpans = 512      // that are remembered: what came before them counts as seen
	maxHeld  = 16 << 20 // bytes that wait behind a gap,
	heldCost = 64       // of which each datagram counts so many more
	leap     = 1 << 20  // of the order, when nothing before matters any more

	gulp     = 96 // datagrams handed on in gulpTime: QUIC drops what exceeds its queue of 256
	gulpTime = time.Millisecond

	reportFast = 2 * time.Millisecond
	reportSlow = 20 * time.Millisecond
	gapReport  = time.Millisecond // after a new gap
)

// receiver notes what arrived, and hands it on in order.
type receiver struct {
	every    time.Duration // between reports
	holdMost time.Duration

	spans  []wire.Span // the oldest first
	floor  uint64      // transmissions below count as seen
	last   uint64
	lastAt time.Duration
	since  time.Duration // when something came after a silence, in which no gap is to be filled
	bytes  uint64
	number uint64        // of the last report
	unsaid int           // transmissions since
	saidAt time.Duration // when it was made
	sayAt  time.Duration // when the next one is due, if unsaid > 0
	report wire.Report   // scratch

	begun  bool
	front  uint64 // the next to be handed on
	end    uint64 // above the highest that came
	held   map[uint64]held
	size   int    // of them
	lowest uint64 // of them

	gulpAt time.Duration // when the gulp began
	gulped int           // handed on since
}

type held struct {
	data []byte
	at   time.Duration
}

func (r *receiver) init() {
	r.held = make(map[uint64]held)
	r.every, r.holdMost = 10*time.Millisecond, time.Second
}

// pace is told the round trip.
func (r *receiver) pace(trip time.Duration) {
	r.every = min(max(trip/8, reportFast), reportSlow)
	r.holdMost = hold*trip + holdMore
}

// arrived takes the datagram of a transmission. early ones do not wait for those
// before them.
func (r *receiver) arrived(now time.Duration, tx, order uint64, early bool, d []byte, hand func(time.Duration, []byte)) {
	isNew, gap := r.note(tx)
	if !isNew {
		return
	}
	if now-r.lastAt > r.holdMost/2 {
		r.since = now
	}
	r.last, r.lastAt = tx, now
	r.bytes += uint64(len(d) + wire.RepairSize + overhead)
	r.say(now, gap)
	if !r.begun || order >= r.end+leap/2 {
		r.flush(now, hand)
		r.begun, r.front, r.end = true, order&^(leap-1), order
	}
	r.end = max(r.end, order+1)
	_, waits := r.held[order]
	switch {
	case order < r.front || waits: // it was handed on, or given up
		return
	case order == r.front && len(r.held) == 0 && r.mayGulp(now):
		r.front++
		hand(now, d)
		return
	}
	h := held{at: now}
	if early {
		hand(now, d)
	} else {
		h.data = append([]byte(nil), d...)
	}
	if len(r.held) == 0 || order < r.lowest {
		r.lowest = order
	}
	r.held[order] = h
	r.size += len(h.data) + heldCost
	r.advance(now, hand)
}

// say decides when to report.
func (r *receiver) say(now time.Duration, gap bool) {
	if r.unsaid == 0 {
		r.sayAt = now + r.every
		if r.saidAt+r.every < now {
			r.sayAt = now + min(r.every, gapReport)
		}
	}
	if r.unsaid++; gap {
		r.sayAt = min(r.sayAt, now+gapReport)
	}
}

// tell makes a report due at once.
func (r *receiver) tell(now time.Duration) { r.unsaid, r.sayAt = r.unsaid+1, now }

// mayGulp reports whether one more may be handed on now.
func (r *receiver) mayGulp(now time.Duration) bool {
	if now-r.gulpAt >= gulpTime {
		r.gulpAt, r.gulped = now, 0
	}
	r.gulped++
	return r.gulped <= gulp
}

// advance hands on what can be: what comes next, and what follows a gap for which
// it waited long enough, or which holds up too much, or datagrams so far ahead that no
// sender has them under way: remove has to pass over what is missing.
func (r *receiver) advance(now time.Duration, hand func(time.Duration, []byte)) {
	for len(r.held) > 0 {
		h := r.held[r.lowest]
		if r.size < maxHeld && r.end-r.front < leap/2 && (r.lowest > r.front && now < r.patience(h) || !r.mayGulp(now)) {
			return
		}
		r.front = r.lowest + 1
		r.remove(r.lowest, h)
		if h.data != nil {
			hand(now, h.data)
		}
	}
}

// patience is until when h waits for what is missing before it. In a silence it waits
// on: there is nothing that it holds up.
func (r *receiver) patience(h held) time.Duration {
	at := max(h.at, r.since) + r.holdMost
	if r.lastAt+r.holdMost/2 < at {
		return never
	}
	return at
}

func (r *receiver) remove(order uint64, h held) {
	delete(r.held, order)
	r.size -= len(h.data) + heldCost
	if len(r.held) == 0 {
		return
	}
	for r.lowest++; ; r.lowest++ {
		if _, ok := r.held[r.lowest]; ok {
			return
		}
	}
}

// flush hands on all that is held.
func (r *receiver) flush(now time.Duration, hand func(time.Duration, []byte)) {
	for len(r.held) > 0 {
		h := r.held[r.lowest]
		r.remove(r.lowest, h)
		if h.data != nil {
			hand(now, h.data)
		}
	}
}

// note adds a transmission to the spans. It reports whether it is new, and whether
// there is one before it that did not come.
func (r *receiver) note(tx uint64) (isNew, gap bool) {
	i := len(r.spans) // the spans before i begin at tx or before
	for i > 0 && r.spans[i-1].First > tx {
		i--
	}
	before := i > 0 && r.spans[i-1].Last+1 >= tx
	after := i < len(r.spans) && r.spans[i].First == tx+1
	switch {
	case tx < r.floor || before && r.spans[i-1].Last >= tx:
		return false, false
	case before && after:
		r.spans[i-1].Last = r.spans[i].Last
		r.spans = append(r.spans[:i], r.spans[i+1:]...)
		return true, false
	case before:
		r.spans[i-1].Last = tx
		return true, false
	case after:
		r.spans[i].First = tx
		return true, false
	}
	newest := i == len(r.spans)
	r.spans = append(r.spans, wire.Span{})
	copy(r.spans[i+1:], r.spans[i:])
	r.spans[i] = wire.Span{First: tx, Last: tx}
	if len(r.spans) > maxSpans {
		r.spans = append(r.spans[:0], r.spans[len(r.spans)-maxSpans/2:]...)
		r.floor = r.spans[0].First
	}
	return true, newest && i > 0
}

// due returns when poll wants to be called.
func (r *receiver) due() time.Duration {
	at := never
	if r.unsaid > 0 {
		at = r.sayAt
	}
	if len(r.held) > 0 {
		t := r.gulpAt + gulpTime
		if r.lowest > r.front {
			t = max(t, r.patience(r.held[r.lowest]))
		}
		at = min(at, t)
	}
	return at
}

// poll hands on what is due, and returns the report that is; nil: none.
func (r *receiver) poll(now time.Duration, hand func(time.Duration, []byte)) *wire.Report {
	r.advance(now, hand)
	if r.unsaid == 0 || now < r.sayAt {
		return nil
	}
	r.unsaid, r.saidAt = 0, now
	r.number++
	p := &r.report
	*p = wire.Report{Number: r.number, Bytes: r.bytes, Stamp: r.lastAt, Delay: now - r.lastAt, Last: r.last, Spans: p.Spans[:0]}
	for i := len(r.spans) - 1; i >= 0; i-- {
		p.Spans = append(p.Spans, r.spans[i])
	}
	return p
}
