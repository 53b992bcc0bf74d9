package proxy

import (
	"slices"
	"time"

	"tssh/proxy/wire"
)

const (
	maxTrials   = 6                // places that may be on trial at once
	trialTime   = 10 * time.Second // an unanswered challenge is forgotten after this
	trialBytes  = 8 << 10          // what places on trial may get at once,
	trialRefill = 1 << 10          // and a second
	graceTime   = 2 * time.Second  // what is under way from the place left is still taken
	maxCopies   = 3                // places from which one knock is answered
	rebindEvery = 2 * time.Second  // the transport is not shown new peers faster
	freshFor    = time.Second / 4  // plus two round trips, an ack says Fresh
	recentSize  = 8                // knocks of which copies are recognized
)

// admission decides where the client is. It knows no clock and no socket.
//
//	nowhere --claim--> trial --its challenge answered--> home
//	                     ^                                |
//	                     '------ claim from elsewhere ----'  home stays home meanwhile
//
// A knock proves that the client sealed it, once; not where the client is:
// whoever copies it on its way can send the copy first, from an address of his.
// What proves an address is the answer to a challenge that was sent to it, and
// nowhere else, under a key that only the client has. Until then a new place
// gets what home gets as well, so that a client that moved loses no time, and a
// copied knock costs no packet; and only within a budget, so that a knock
// copied with somebody else's address floods nobody.
type admission struct {
	random func() uint64 // challenges

	window  window
	home    place
	left    place     // home before
	until   time.Time // what left sends is taken until then
	trials  []trial   // the oldest first
	recent  [recentSize]sighting
	budget  int
	filled  time.Time // when the budget was refilled
	heard   time.Time // when a knock was accepted last
	newest  wire.Knock
	birth   time.Time // when the newest generation was heard first
	rebound time.Time // when the transport was shown a new peer
}

type trial struct {
	place
	challenge uint64
	claimed   bool // it gets datagrams
	since     time.Time
}

// sighting is a knock and a place from which it came.
type sighting struct {
	sequence uint64
	place
}

// verdict is what to do about a knock.
type verdict struct {
	Accepted  bool   // it is the client's, and not a copy to be ignored
	Challenge uint64 // to be acknowledged with; 0: the place is proven
	Fresh     bool
	Returned  bool // the client came back from an outage: show the transport a new peer
	Arrived   bool // the place is new and used: repeat the last datagrams to it
}

// knock judges k, which came from that place and opened with the client's key.
func (a *admission) knock(now time.Time, from place, k wire.Knock) verdict {
	a.expire(now)
	if !a.window.add(k.Sequence) {
		return a.copied(now, from, k)
	}
	a.heard = now
	a.see(k.Sequence, from)
	newest := k.Sequence > a.newest.Sequence
	v := verdict{Accepted: true}
	if newest {
		v.Returned = a.generation(now, k)
		a.newest = k
		a.prove(now, k)
	}
	v.Fresh = a.fresh(now, k)
	switch {
	case from == a.home:
		if newest && k.Claim {
			a.trials = nil // the client is where it was
		}
	case newest && k.Claim:
		v.Challenge, v.Arrived = a.try(now, from, true)
	default:
		v.Challenge, _ = a.try(now, from, false)
	}
	return v
}

// copied judges a knock whose sequence was seen before. Between a copy and the
// original nothing decides; but if the first one came from a new place, so may
// the client, and both are told a challenge.
func (a *admission) copied(now time.Time, from place, k wire.Knock) verdict {
	seen, first := 0, place{}
	for _, s := range a.recent {
		if s.sequence != k.Sequence || !s.known() {
			continue
		}
		if s.place == from || s.place == a.home {
			return verdict{} // a plain repetition, or a copy of what came from home
		}
		if seen++; seen == 1 {
			first = s.place
		}
	}
	if seen == 0 || seen >= maxCopies {
		return verdict{}
	}
	a.see(k.Sequence, from)
	v := verdict{Accepted: true, Fresh: a.fresh(now, k)}
	if from == a.home {
		a.drop(first) // the client is at home, so the other one was the copy
		return v
	}
	v.Challenge, v.Arrived = a.try(now, from, k.Claim && k.Sequence == a.newest.Sequence)
	return v
}

// generation reports whether k begins a new generation for which the transport
// is shown a new peer.
func (a *admission) generation(now time.Time, k wire.Knock) bool {
	if k.Generation <= a.newest.Generation {
		return false
	}
	a.birth = now
	if !a.rebound.IsZero() && now.Sub(a.rebound) < rebindEvery {
		return false
	}
	a.rebound = now
	return true
}

func (a *admission) fresh(now time.Time, k wire.Knock) bool {
	return !a.birth.IsZero() && k.Generation == a.newest.Generation && now.Sub(a.birth) <= freshFor+2*k.RTT
}

// prove makes the place home to which the challenge that k answers was sent,
// wherever k itself came from.
func (a *admission) prove(now time.Time, k wire.Knock) {
	if k.Answer == 0 {
		return
	}
	for i, t := range a.trials {
		if t.challenge != k.Answer {
			continue
		}
		if !k.Claim {
			return
		}
		a.left, a.until, a.home = a.home, now.Add(graceTime), t.place
		a.trials = append(a.trials[:0], a.trials[i+1:]...) // those begun since may be newer still
		a.budget = trialBytes
		return
	}
}

// try puts a place on trial, or goes on with it, and returns its challenge and
// whether it is new and gets datagrams.
func (a *admission) try(now time.Time, from place, claimed bool) (challenge uint64, arrived bool) {
	for i := range a.trials {
		t := &a.trials[i]
		if t.place == from {
			arrived = claimed && !t.claimed
			t.claimed = t.claimed || claimed
			return t.challenge, arrived
		}
	}
	if from == a.home {
		return 0, false
	}
	if len(a.trials) == maxTrials {
		a.trials = append(a.trials[:0], a.trials[1:]...)
	}
	t := trial{place: from, challenge: a.random(), claimed: claimed, since: now}
	a.trials = append(a.trials, t)
	return t.challenge, claimed
}

// accepts reports whether the transport's datagrams from that place are taken.
// They are not authenticated here, but the transport does that; this keeps
// everybody else's away from it.
func (a *admission) accepts(now time.Time, from place) bool {
	if from == a.home {
		return true
	}
	for _, t := range a.trials {
		if t.place == from {
			return true
		}
	}
	return from == a.left && now.Before(a.until)
}

// routes appends the places to which n bytes go.
func (a *admission) routes(to []place, now time.Time, n int) []place {
	if a.home.known() {
		to = append(to, a.home)
	}
	if len(a.trials) == 0 {
		return to
	}
	a.expire(now)
	for i := len(a.trials) - 1; i >= 0; i-- {
		if t := &a.trials[i]; t.claimed && a.spend(now, n) {
			to = append(to, t.place)
		}
	}
	return to
}

// spend takes n bytes from the budget of all trials.
func (a *admission) spend(now time.Time, n int) bool {
	if a.filled.IsZero() {
		a.budget, a.filled = trialBytes, now
	}
	more := int(now.Sub(a.filled) * trialRefill / time.Second)
	if more > 0 {
		a.budget, a.filled = min(trialBytes, a.budget+more), now
	}
	if n > a.budget {
		return false
	}
	a.budget -= n
	return true
}

// uses reports whether x is the client's place, was it last, or may become it.
// There are few.
func (a *admission) uses(x *stream) bool { return x == a.left.stream || a.wants(x) }

// wants reports whether x is the client's place, or may become it.
func (a *admission) wants(x *stream) bool {
	return x == a.home.stream ||
		slices.ContainsFunc(a.trials, func(t trial) bool { return t.stream == x })
}

// forgetStream drops the place of a stream that ended.
func (a *admission) forgetStream(x *stream) {
	kept := a.trials[:0]
	for _, t := range a.trials {
		if t.stream != x {
			kept = append(kept, t)
		}
	}
	a.trials = kept
	if a.home.stream == x {
		a.home = place{}
	}
	if a.left.stream == x {
		a.left = place{}
	}
}

func (a *admission) drop(p place) {
	kept := a.trials[:0]
	for _, t := range a.trials {
		if t.place != p {
			kept = append(kept, t)
		}
	}
	a.trials = kept
}

// expire forgets trials whose challenge nobody answered, except before there is
// a home: the first client may be slow.
func (a *admission) expire(now time.Time) {
	if !a.home.known() {
		return
	}
	for len(a.trials) > 0 && now.Sub(a.trials[0].since) > trialTime {
		a.trials = append(a.trials[:0], a.trials[1:]...)
	}
}

func (a *admission) see(sequence uint64, from place) {
	copy(a.recent[1:], a.recent[:])
	a.recent[0] = sighting{sequence, from}
}
