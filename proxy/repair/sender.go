package repair

import (
	"cmp"
	"slices"
	"time"

	"tssh/proxy/wire"
)

const (
	overhead  = 28   // of IP and UDP, for the accounts
	maxPacket = 1500 // of a numbered datagram, about
	packet    = 1200 // what is reckoned with
	largeFrom = 500  // bytes on the way, from which a packet is of bulk
	maxFlight = 1 << 15

	activeFrom = 8 * packet
	never      = time.Duration(1 << 62)

	queueFor   = 8 * time.Millisecond  // of sending wait here; QUIC holds the rest
	queueLeast = 16 << 10              // but so many bytes at least,
	queueMost  = 256 << 10             // and at most;
	sleepMost  = 16 << 20              // without contact all that QUIC can have under way
	trainFor   = 2 * time.Millisecond  // of sending leave at once
	catchUp    = 20 * time.Millisecond // of sending that may be late
	firstPTO   = 250 * time.Millisecond
	keptSmall  = 6    // datagrams, the newest, which may only acknowledge, and
	keptLarge  = 2    // of bulk tell the transport's other end of all before
	spareFrom  = 0.04 // of all lost, from which on the path's spare is used
	remembered = 256  // transmissions that came are known at least, to see what came late
)

// item is a datagram of the transport's, until it landed or was given up.
type item struct {
	data   []byte
	order  uint64
	sent   int  // how often
	waits  bool // to be sent again
	landed bool
}

type state byte

// The states of a transmission.
//
//	flying --reported--> landed
//	   '--overtaken, or a timeout--> lost --reported after all--> landed
const (
	flying state = iota
	landed
	lost
)

type sent struct {
	it    *item
	at    time.Duration
	size  int
	flew  int // with it
	state state
	app   bool // sent with nothing more to send, or within a round trip after it
	guess bool // lost by a timeout, not by what came
	phase uint32

	// What was known when it was sent:
	acked     uint64        // bytes that had landed, by our count
	received  uint64        // the receiver's count of bytes
	stamp     time.Duration // and its clock then
	ackedSent time.Duration // when what had landed last had been sent
}

// sender decides what leaves when.
type sender struct {
	model  model
	queue  []*item // not sent yet
	queued int
	again  []*item // to be sent again
	order  uint64
	last   *item // that was queued; nil: none since drop

	flight  []sent // a ring of the transmissions from base to next
	base    uint64 // the oldest that is remembered
	scan    uint64 // the oldest that may be flying
	next    uint64
	flew    int           // bytes flying
	bulk    int           // of them in large datagrams
	bulkAt  time.Duration // when one of those was sent last
	crowdAt time.Duration // when there were many

	report    uint64 // the number of the last one heard
	acked     uint64
	received  uint64
	stamp     time.Duration
	ackedSent time.Duration
	newest    uint64 // the highest that landed
	anyAck    bool

	srtt, rttvar time.Duration
	reo          time.Duration // by how much later packets may overtake
	spurious     time.Duration // when reo was raised last
	gap          gap           // the newest, which may go on
	lossAt       time.Duration // when a flying one counts as lost if nothing comes; 0: not
	progress     time.Duration // when something landed last, or flying began
	began        time.Duration // when flying began
	quiet        time.Duration // the last timeout, nearly
	probes       int           // timeouts since something landed
	probing      int           // packets that may go whatever the window
	asleep       bool          // nothing leaves: there is no contact

	sendAt time.Duration // what leaves next, by the pace,
	paced  bool          // which is all that it waits for

	restUntil time.Duration // nothing new leaves before: it waits for company

	moved  uint64 // the first transmission on this path
	proven bool   // large ones pass here

	idleUntil uint64 // of acked: what had left when there was nothing more to send
	spared    uint64 // transmissions below went twice, or were not to

	lost, sent float64 // of the transmissions of late
}

func (s *sender) init() {
	s.flight = make([]sent, 64)
	s.order = leap
	s.base, s.scan, s.next, s.moved = 1, 1, 1, 1
	s.model.init()
}

func (s *sender) at(n uint64) *sent { return &s.flight[n&uint64(len(s.flight)-1)] }

// room is how many bytes put takes now.
func (s *sender) room() int {
	return min(max(int(s.model.pace()*queueFor.Seconds()), queueLeast), queueMost) - s.queued
}

// crowded reports whether bulk is under way, and not just a few large datagrams, as in
// a handshake.
func (s *sender) crowded() bool { return s.bulk+s.queued > activeFrom }

// active reports whether it was of late: what is acknowledged is under way no more, and
// behind gaps QUIC's round trip is several of ours.
func (s *sender) active(now time.Duration) bool {
	return s.crowded() || s.crowdAt > 0 && now-s.crowdAt < max(busyFor, 8*s.srtt)
}

// steady reports whether round trips tell the transport of no queue: none is here, and
// the path neither loses nor varies.
func (s *sender) steady() bool {
	return s.queued == 0 && s.loss() < 0.002 && s.rttvar < s.srtt/16
}

// stuck is for how long nothing was heard though something should have been.
func (s *sender) stuck(now time.Duration) time.Duration {
	if s.flew == 0 && len(s.again) == 0 {
		return 0
	}
	return now - s.progress
}

// silent is for how long nothing was heard though something was due.
func (s *sender) silent(now time.Duration) time.Duration {
	if s.flew == 0 {
		return 0
	}
	return max(0, now-max(s.progress, s.began+s.srtt))
}

// window is how many bytes may fly.
func (s *sender) window(now time.Duration) int { return s.model.window(s.silent(now)) }

// put queues a datagram.
func (s *sender) put(d []byte) {
	if s.asleep && s.queued > sleepMost {
		return
	}
	s.last = &item{data: append([]byte(nil), d...), order: s.order}
	s.queue = append(s.queue, s.last)
	s.order++
	s.queued += len(d)
}

// patience is how long stuck may be.
func (s *sender) patience() time.Duration {
	if s.srtt == 0 {
		return downAfter + firstPTO*4
	}
	return max(downAfter, downTrips*s.srtt)
}

// repeat takes all that is under way for lost.
func (s *sender) repeat(now time.Duration) {
	for n := s.scan; n != s.next; n++ {
		if p := s.at(n); p.state == flying {
			s.lose(p, false)
		}
	}
	s.scan = s.next
	s.gap, s.lossAt, s.probes, s.asleep = gap{}, 0, 0, false
	s.sendAt, s.progress = now, now
}

// move is told that the path is another one.
func (s *sender) move(now time.Duration) {
	s.repeat(now)
	s.model.init()
	s.srtt, s.rttvar, s.reo = 0, 0, 0
	s.moved, s.idleUntil = s.next, 0
	s.lost, s.sent, s.proven = 0, 0, false
}

// loss is the share of the transmissions of late that were lost.
func (s *sender) loss() float64 { return s.lost / max(s.sent, 20) }

// drop gives up all that is under way or waits. It returns the newest of it.
func (s *sender) drop() (newest [][]byte) {
	var open []*item
	for n := s.base; n != s.next; n++ {
		open = append(open, s.at(n).it)
	}
	open = append(append(open, s.again...), s.queue...)
	open = slices.DeleteFunc(open, func(it *item) bool { return it == nil || it.landed })
	slices.SortFunc(open, func(a, b *item) int { return cmp.Compare(b.order, a.order) })
	smalls, larges := keptSmall, keptLarge
	for _, it := range slices.Compact(open) {
		left := &smalls
		if len(it.data) > small {
			left = &larges
		}
		if *left--; *left >= 0 {
			newest = append(newest, it.data)
		}
	}
	slices.Reverse(newest)
	for n := s.scan; n != s.next; n++ {
		if p := s.at(n); p.state == flying {
			p.state = landed
			s.fell(p)
		}
	}
	for n := s.base; n != s.next; n++ {
		s.at(n).it = nil
	}
	s.base, s.scan = s.next, s.next
	s.again, s.queue, s.queued, s.last = nil, nil, 0, nil
	s.order = (s.order/leap + 2) * leap
	s.gap, s.lossAt, s.probes, s.asleep, s.idleUntil = gap{}, 0, 0, false, 0
	s.model.init()
	return newest
}

// due returns when poll wants to be called.
func (s *sender) due(now time.Duration) time.Duration {
	at := never
	if s.asleep {
		return at
	}
	if (len(s.queue) > 0 || len(s.again) > 0) && !s.full() {
		at = max(s.sendAt, s.restUntil)
		if s.flew >= s.window(now) && s.probing == 0 {
			at = never
			if s.flew < s.model.window(never) { // a silence opens it
				at = now + max(reportFast, reportSlow-s.silent(now))
			}
		}
	}
	if s.lossAt > 0 {
		at = min(at, s.lossAt)
	}
	if s.flew > 0 {
		at = min(at, max(s.quiet, s.progress)+s.pto())
	}
	if s.flew > 0 || len(s.again) > 0 {
		at = min(at, s.progress+s.patience()+time.Millisecond)
	}
	return at
}

// pto is how long to wait for a report before what is oldest is sent again.
func (s *sender) pto() time.Duration {
	if s.srtt == 0 {
		return firstPTO << min(s.probes, 2)
	}
	return min((s.srtt+max(4*s.rttvar, 10*time.Millisecond)+25*time.Millisecond)<<min(s.probes, 4), max(time.Second, 2*s.srtt))
}

// poll appends to b packets of one size, of which the last may be shorter, that are
// to be sent now, up to most bytes. It returns that size.
func (s *sender) poll(now time.Duration, b []byte, most int, codec *wire.Repair) (out []byte, segment int) {
	if s.asleep {
		return b, 0
	}
	s.timeouts(now)
	s.forget(now)
	if s.sendAt > now || s.restUntil > now && len(s.again) == 0 {
		return b, 0
	}
	pace := s.model.pace()
	quantum := min(max(int(pace*trainFor.Seconds()), 2*packet), most-maxPacket)
	start := len(b)
	count := 0
	for len(b)-start < quantum && count < trainMost {
		it := s.first()
		if it == nil || s.flew >= s.window(now) && s.probing == 0 || s.full() {
			break
		}
		size := len(it.data) + wire.RepairSize
		if segment > 0 && (size > segment || (len(b)-start)%segment != 0) || len(b)+size > cap(b) && len(b) > start {
			break // not in one train
		}
		if it.waits {
			s.again, it.waits = s.again[1:], false
		} else {
			s.queue = s.queue[1:]
			s.queued -= len(it.data)
		}
		if segment == 0 {
			segment = size
		}
		b = codec.AppendNumbered(b, s.next, it.order, it.data)
		s.note(now, it, size+overhead)
		count++
	}
	if n := len(b) - start; n > 0 {
		// What was not used in time is gone, unless only our being late kept it waiting.
		spare := trainFor
		if s.paced {
			spare = catchUp
		}
		s.sendAt = max(s.sendAt, now-spare) + time.Duration(float64(n+overhead*count)/pace*1e9)
	}
	if s.first() == nil {
		s.spare()
	}
	s.paced = s.first() != nil && s.flew < s.window(now)
	return b, segment
}

// spare has what is under way sent once more, where much is lost, no queue is seen and
// nothing else is to be sent: who asks for one thing at a time, and a flow that begins,
// wait a round trip and more for each loss.
func (s *sender) spare() {
	if s.loss() < spareFrom || s.model.queueing() > s.model.target() {
		return
	}
	for n := max(s.scan, s.spared); n != s.next; n++ {
		if p := s.at(n); p.state == flying && p.it.sent == 1 && !p.it.landed && !p.it.waits {
			p.it.waits = true
			s.again = append(s.again, p.it)
		}
	}
	s.spared = s.next
}

// first returns what is to be sent first: what is missed, before what is new.
func (s *sender) first() *item {
	for len(s.again) > 0 {
		if it := s.again[0]; !it.landed {
			it.waits = true // of two copies, the first unset it
			return it
		}
		s.again = s.again[1:]
	}
	if len(s.queue) > 0 {
		return s.queue[0]
	}
	return nil
}

// note remembers a transmission of it.
func (s *sender) note(now time.Duration, it *item, size int) {
	if int(s.next-s.base) == len(s.flight) {
		bigger := make([]sent, 2*len(s.flight))
		for n := s.base; n != s.next; n++ {
			bigger[n&uint64(len(bigger)-1)] = *s.at(n)
		}
		s.flight = bigger
	}
	if s.flew == 0 {
		if len(s.again) == 0 && it.sent == 0 {
			s.progress = now
		}
		s.ackedSent, s.began = now, now
	}
	s.probing = max(0, s.probing-1)
	if size > largeFrom {
		if s.bulk == 0 && now-s.bulkAt > max(busyFor, 4*s.srtt) {
			s.model.restart(s.acked)
			s.reo = 0
		}
		s.bulkAt = now
		s.bulk += size
	}
	it.sent++
	*s.at(s.next) = sent{
		it: it, at: now, size: size, flew: s.flew + size, phase: s.model.phase,
		app:   s.acked < s.idleUntil || s.idle(size),
		acked: s.acked, received: s.received, stamp: s.stamp, ackedSent: s.ackedSent,
	}
	s.flew += size
	s.next++
	if s.idle(0) {
		s.idleUntil = s.acked + uint64(s.flew) + 1
	}
	if s.crowded() {
		s.crowdAt = now
	}
	if s.sent++; s.sent > 1000 {
		s.lost, s.sent = s.lost/2, s.sent/2
	}
}

// idle reports whether the transport has less to send than the path may take, with more
// bytes under way.
func (s *sender) idle(more int) bool {
	return len(s.queue) == 0 && len(s.again) == 0 && s.flew+more < s.model.window(0)
}

func (s *sender) fell(p *sent) {
	s.flew -= p.size
	if p.size > largeFrom {
		s.bulk -= p.size
	}
}

// lose takes p for lost, and counts that unless it is only a guess. What was sent
// twice goes out twice.
func (s *sender) lose(p *sent, count bool) {
	p.state, p.guess = lost, !count
	s.fell(p)
	if count {
		s.lost++
		s.model.count(p.phase, 0, p.size)
	}
	if !p.it.landed && !p.it.waits {
		p.it.waits = true
		s.again = append(s.again, p.it)
		if p.it.sent > 1 {
			s.again = append(s.again, p.it)
		}
	}
}
