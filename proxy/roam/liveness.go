package roam

import (
	"time"

	"tssh/proxy/resend"
)

const (
	firstRTO = 250 * time.Millisecond // before a round trip was measured
	minRTO   = 30 * time.Millisecond
	minSlack = 10 * time.Millisecond // for processes that wait for a processor

	probeFirst  = 100 * time.Millisecond // between the probes of an outage,
	probeFast   = 250 * time.Millisecond // after fastAfter,
	probeMedium = time.Second            // after mediumAfter,
	probeSlow   = 5 * time.Second        // and after slowAfter
	fastAfter   = 2 * time.Minute
	mediumAfter = 5 * time.Minute
	slowAfter   = time.Hour

	beatFast = time.Second // between knocks while something happens

	quietFlow = 20 * time.Millisecond  // between the datagrams of a typist
	busyFlow  = 100 * time.Millisecond // between the knocks of a busy flow

	maxFlight  = 512 // unanswered knocks that are remembered: seconds of them, on all paths
	lossKept   = 8   // of those that count after a move
	lossMemory = 64  // knocks that tell of the path's loss
	youngFor   = 8   // answers, of which the fastest tells the round trip
)

// MaxBeat is the time between the knocks of an idle client: a NAT forgets after
// 30 s.
const MaxBeat = 25 * time.Second

// action is what liveness wants to be done.
type action int

const (
	nothing action = iota
	oneKnock
	allKnocks // on every path there is, and new ones
)

// liveness judges the path in use by the answers to its knocks. It knows no clock
// and no socket.
//
//	calm --knock--> asked --no answer for a round trip--> suspect --...--> lost
//	  ^                |                                     |              |
//	  '-----answer-----'-------answer, on any path-----------'--------------'
//
// Silence counts from the oldest knock without an answer, so idleness is none.
type liveness struct {
	srtt, rttvar time.Duration
	young        int // answers to come that may have waited for the path
	loss         float64
	samples      int // that loss is the average of

	flight []asked   // the oldest first
	since  time.Time // the oldest unanswered knock of the current path; zero: none
	last   time.Time // the last knock of the current path
	round  time.Time // the last one that due asked for, or since
	heard  time.Time // the last answer
	tries  int       // knocks repeated since
	hurry  time.Time // a round is wanted at this time, whatever the schedule
	proven time.Time // when the path was last seen to work by other means

	wrote, active time.Time // the last datagram out, or either way

	generation uint32
	bumped     bool // generation is new, and the server was not seen to know
}

// asked is a knock that was sent.
type asked struct {
	sequence uint64
	on       *Path
	current  bool // it was the current path
	at       time.Time
}

// rto is how long to wait for an answer.
func (p *liveness) rto() time.Duration {
	if p.srtt == 0 {
		return firstRTO
	}
	return max(minRTO, p.srtt+max(minSlack, 4*p.rttvar))
}

// suspect reports whether an answer is overdue.
func (p *liveness) suspect(now time.Time) bool {
	return !p.since.IsZero() && p.silence(now) >= p.rto()
}

// silence is how long an answer is awaited.
func (p *liveness) silence(now time.Time) time.Duration {
	if p.since.IsZero() {
		return 0
	}
	return now.Sub(later(p.since, p.proven))
}

// due returns what is to be done at now, and when to ask again.
func (p *liveness) due(now time.Time) (action, time.Time) {
	if !p.hurry.IsZero() && !now.Before(p.hurry) {
		return allKnocks, p.hurry
	}
	act, at := oneKnock, p.last.Add(p.beat())
	if !p.since.IsZero() {
		at = p.round.Add(p.gap(now))
		if p.tries > 0 {
			act = allKnocks
		}
	}
	if now.Before(at) {
		if !p.hurry.IsZero() && p.hurry.Before(at) {
			at = p.hurry
		}
		return nothing, at
	}
	return act, at
}

// beat is the time from the last knock to the next while all is well. It does not
// grow while it passes: the timer would be early each time, and set again.
func (p *liveness) beat() time.Duration {
	return min(max(p.last.Sub(p.active)/2, beatFast), MaxBeat)
}

// gap is the time between knocks while no answer comes.
func (p *liveness) gap(now time.Time) time.Duration {
	switch silent := p.silence(now); {
	case p.tries == 0:
		return p.rto()
	case silent > slowAfter:
		return probeSlow
	case silent > mediumAfter:
		return probeMedium
	case silent > fastAfter:
		return probeFast
	}
	return min(p.rto()<<min(p.tries-1, 8), probeFirst)
}

// typed is told of each write of the transport. It reports whether a knock shall
// go ahead of it: a NAT may have given the client another address that nobody
// told of, and this way the answer to the very next key comes back there.
func (p *liveness) typed(now time.Time) bool {
	quiet := now.Sub(p.wrote) >= quietFlow
	p.wrote, p.active = now, now
	return quiet || now.Sub(p.last) >= busyFlow
}

// hasten asks for a round at that time, or before.
func (p *liveness) hasten(at time.Time) {
	if p.hurry.IsZero() || at.Before(p.hurry) {
		p.hurry = at
	}
}

// repeating is told when due is about to be obeyed.
func (p *liveness) repeating(now time.Time, act action) {
	if p.suspect(now) || p.tries > 0 {
		p.tries++
	}
	if act == allKnocks {
		p.hurry = time.Time{}
	}
	p.last, p.round = now, now
}

// refused is told when the system does not take a packet for the current path:
// there is no need to wait for an answer.
func (p *liveness) refused(now time.Time) {
	if p.tries > 0 {
		return
	}
	p.tries = 1
	if p.since.IsZero() {
		p.since, p.round = now, now
	}
	p.hasten(now)
}

// trouble reports whether the path in use may be dead.
func (p *liveness) trouble(now time.Time) bool { return p.tries > 0 || p.suspect(now) }

// beforeKnock begins a new generation once an outage has lasted.
func (p *liveness) beforeKnock(now time.Time) {
	if p.silence(now) >= resend.Outage && !p.bumped {
		p.generation++
		p.bumped = true
	}
}

// knocked is told of each knock sent.
func (p *liveness) knocked(now time.Time, sequence uint64, on *Path, current bool) {
	if len(p.flight) == maxFlight {
		p.flight = append(p.flight[:0], p.flight[1:]...)
	}
	p.flight = append(p.flight, asked{sequence, on, current, now})
	if current {
		p.last = now
		if p.since.IsZero() {
			p.since, p.round, p.tries = now, now, 0
		}
	}
}

// answered is told of each answer. It returns the knock, unless it is not
// remembered.
func (p *liveness) answered(now time.Time, sequence uint64, current *Path) (asked, bool) {
	for i, k := range p.flight {
		if k.sequence != sequence {
			continue
		}
		p.heard = now
		if k.on == current {
			if p.silence(now) >= resend.Outage {
				p.young = youngFor
			}
			p.measure(now.Sub(k.at))
			p.count(now, p.flight[:i], current)
			p.forget(k.at, current)
		} else {
			p.flight = append(p.flight[:i], p.flight[i+1:]...)
		}
		return k, true
	}
	return asked{}, false
}

// forget drops the knocks of the current path up to that time: a later one was
// answered.
func (p *liveness) forget(until time.Time, current *Path) {
	kept := p.flight[:0]
	p.since = time.Time{}
	for _, k := range p.flight {
		if k.on == current && !k.at.After(until) {
			continue
		}
		if kept = append(kept, k); k.on == current && p.since.IsZero() {
			p.since, p.round = k.at, k.at
		}
	}
	p.flight, p.tries = kept, 0
}

// move makes another path the current one, whose knock k was answered. Where packets
// are lost, a knock is soon answered from another socket first, so the loss that was
// seen counts on, if not for long: forgotten, it would leave keys without copies just
// there.
func (p *liveness) move(now time.Time, k asked) {
	p.srtt, p.rttvar, p.young = 0, 0, youngFor
	p.samples = min(p.samples, lossKept)
	p.measure(now.Sub(k.at))
	p.forget(k.at, k.on)
	p.hurry = time.Time{}
}

// measure takes one round trip into account, as TCP does (RFC 6298). The first
// ones on a path, or after an outage, may be of knocks that waited long in a
// connection which survived, so the shortest counts: to wait as long for the
// next answer would lengthen the next outage.
func (p *liveness) measure(rtt time.Duration) {
	young := p.young > 0
	p.young = max(0, p.young-1)
	if p.srtt == 0 || young && rtt < p.srtt {
		p.srtt, p.rttvar = max(rtt, 1), rtt/2
		return
	}
	p.rttvar += (max(p.srtt-rtt, rtt-p.srtt) - p.rttvar) / 4
	p.srtt += (rtt - p.srtt) / 8
}

// count takes the knocks that were passed over, and one that was answered, into
// the estimate of loss. What an outage swallowed says nothing about it.
func (p *liveness) count(now time.Time, passed []asked, current *Path) {
	if p.silence(now) < resend.Outage {
		for _, k := range passed {
			if k.on == current {
				p.sample(1)
			}
		}
	}
	p.sample(0)
}

// sample averages: over all at first, then over the last few dozen.
func (p *liveness) sample(lost float64) {
	p.samples = min(p.samples+1, lossMemory)
	p.loss += (lost - p.loss) / float64(p.samples)
}

// settled is told whether the server said that it knows the generation. It
// reports whether it must be told again: it may have heard of the outage's end
// long ago, when its own packets were still lost, and backed off since.
func (p *liveness) settled(fresh bool) (again bool) {
	if !p.bumped || fresh {
		p.bumped = false
		return false
	}
	p.generation++
	return true
}
