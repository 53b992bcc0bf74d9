// Package admit decides which place the server believes to be the client's.
package admit

import (
	"slices"
	"time"

	"tssh/proxy/wire"
)

const (
	maxTrials   = 6                // places that may be on trial at once
	trialTime   = 10 * time.Second // an unanswered challenge is forgotten after this
	maxCopies   = 3                // places from which one knock is answered
	rebindEvery = 2 * time.Second  // the transport is not shown new peers faster
	freshFor    = time.Second / 4  // plus two round trips, an ack says Fresh
	recentSize  = 8                // knocks of which copies are recognized
)

// Bounds of what others can make of it.
const (
	TrialBytes  = 8 << 10         // places on trial may get at once,
	TrialRefill = 1 << 10         // and a second
	Grace       = 2 * time.Second // what is under way from the place left is still taken
)

// Machine decides where the client is. It knows no clock and no socket. P is a
// place, as the caller tells one from the other; its zero value is nowhere.
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
type Machine[P comparable] struct {
	random func() uint64 // challenges

	window  window
	home    P
	left    P          // home before
	until   time.Time  // what left sends is taken until then
	trials  []trial[P] // the oldest first
	recent  [recentSize]sighting[P]
	budget  int
	filled  time.Time // when the budget was refilled
	heard   time.Time // when a knock was accepted last
	newest  wire.Knock
	birth   time.Time // when the newest generation was heard first
	rebound time.Time // when the transport was shown a new peer
}

type trial[P comparable] struct {
	place     P
	challenge uint64
	claimed   bool // it gets datagrams
	since     time.Time
}

// sighting is a knock and a place from which it came.
type sighting[P comparable] struct {
	sequence uint64
	place    P
}

// Verdict is what to do about a knock.
type Verdict struct {
	Accepted  bool   // it is the client's, and not a copy to be ignored
	Challenge uint64 // to be acknowledged with; 0: the place is proven
	Fresh     bool
	Returned  bool // the client came back from an outage: show the transport a new peer
	Arrived   bool // the place is new and used: repeat the last datagrams to it
}

// Knock judges k, which came from that place and opened with the client's key.
func (a *Machine[P]) Knock(now time.Time, from P, k wire.Knock) Verdict {
	a.expire(now)
	if !a.window.add(k.Sequence) {
		return a.copied(now, from, k)
	}
	a.heard = now
	a.see(k.Sequence, from)
	newest := k.Sequence > a.newest.Sequence
	v := Verdict{Accepted: true}
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
func (a *Machine[P]) copied(now time.Time, from P, k wire.Knock) Verdict {
	seen, first := 0, *new(P)
	for _, s := range a.recent {
		if s.sequence != k.Sequence || s.place == *new(P) {
			continue
		}
		if s.place == from || s.place == a.home {
			return Verdict{} // a plain repetition, or a copy of what came from home
		}
		if seen++; seen == 1 {
			first = s.place
		}
	}
	if seen == 0 || seen >= maxCopies {
		return Verdict{}
	}
	a.see(k.Sequence, from)
	v := Verdict{Accepted: true, Fresh: a.fresh(now, k)}
	if from == a.home {
		a.drop(first) // the client is at home, so the other one was the copy
		return v
	}
	v.Challenge, v.Arrived = a.try(now, from, k.Claim && k.Sequence == a.newest.Sequence)
	return v
}

// generation reports whether k begins a new generation for which the transport
// is shown a new peer.
func (a *Machine[P]) generation(now time.Time, k wire.Knock) bool {
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

func (a *Machine[P]) fresh(now time.Time, k wire.Knock) bool {
	return !a.birth.IsZero() && k.Generation == a.newest.Generation && now.Sub(a.birth) <= freshFor+2*k.RTT
}

// prove makes the place home to which the challenge that k answers was sent,
// wherever k itself came from.
func (a *Machine[P]) prove(now time.Time, k wire.Knock) {
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
		a.left, a.until, a.home = a.home, now.Add(Grace), t.place
		a.trials = append(a.trials[:0], a.trials[i+1:]...) // those begun since may be newer still
		a.budget = TrialBytes
		return
	}
}

// try puts a place on trial, or goes on with it, and returns its challenge and
// whether it is new and gets datagrams.
func (a *Machine[P]) try(now time.Time, from P, claimed bool) (challenge uint64, arrived bool) {
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
	t := trial[P]{place: from, challenge: a.random(), claimed: claimed, since: now}
	a.trials = append(a.trials, t)
	return t.challenge, claimed
}

// Accepts reports whether the transport's datagrams from that place are taken.
// They are not authenticated here, but the transport does that; this keeps
// everybody else's away from it.
func (a *Machine[P]) Accepts(now time.Time, from P) bool {
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

// Routes appends the places to which n bytes go.
func (a *Machine[P]) Routes(to []P, now time.Time, n int) []P {
	if a.Settled() {
		to = append(to, a.home)
	}
	if len(a.trials) == 0 {
		return to
	}
	a.expire(now)
	for i := len(a.trials) - 1; i >= 0; i-- {
		if t := &a.trials[i]; t.claimed && a.Spend(now, n) {
			to = append(to, t.place)
		}
	}
	return to
}

// Waits reports whether a first place is on trial: in a round trip it may be home.
func (a *Machine[P]) Waits() bool {
	return !a.Settled() && slices.ContainsFunc(a.trials, func(t trial[P]) bool { return t.claimed })
}

// Spend takes n bytes from the budget of all trials.
func (a *Machine[P]) Spend(now time.Time, n int) bool {
	if a.filled.IsZero() {
		a.budget, a.filled = TrialBytes, now
	}
	more := int(now.Sub(a.filled) * TrialRefill / time.Second)
	if more > 0 {
		a.budget, a.filled = min(TrialBytes, a.budget+more), now
	}
	if n > a.budget {
		return false
	}
	a.budget -= n
	return true
}

// Uses reports whether is holds of the client's place, of the last one, or of one
// that may become it. There are few.
func (a *Machine[P]) Uses(is func(P) bool) bool { return is(a.left) || a.Wants(is) }

// Wants reports whether is holds of the client's place, or of one that may become it.
func (a *Machine[P]) Wants(is func(P) bool) bool {
	return is(a.home) || slices.ContainsFunc(a.trials, func(t trial[P]) bool { return is(t.place) })
}

// Forget drops the places of which is holds: they are no more.
func (a *Machine[P]) Forget(is func(P) bool) {
	a.trials = slices.DeleteFunc(a.trials, func(t trial[P]) bool { return is(t.place) })
	for _, p := range []*P{&a.home, &a.left} {
		if is(*p) {
			*p = *new(P)
		}
	}
}

// New makes a machine for a client that is nowhere yet. random makes challenges:
// nobody may foresee one.
func New[P comparable](random func() uint64) *Machine[P] { return &Machine[P]{random: random} }

// Home is the client's place.
func (a *Machine[P]) Home() P { return a.home }

// Settled reports whether the client has a place.
func (a *Machine[P]) Settled() bool { return a.home != *new(P) }

// Heard is when a knock was accepted last.
func (a *Machine[P]) Heard() time.Time { return a.heard }

// Newest is the knock with the highest number so far.
func (a *Machine[P]) Newest() wire.Knock { return a.newest }

func (a *Machine[P]) drop(p P) {
	a.trials = slices.DeleteFunc(a.trials, func(t trial[P]) bool { return t.place == p })
}

// expire forgets trials whose challenge nobody answered, except before there is
// a home: the first client may be slow.
func (a *Machine[P]) expire(now time.Time) {
	if !a.Settled() {
		return
	}
	for len(a.trials) > 0 && now.Sub(a.trials[0].since) > trialTime {
		a.trials = append(a.trials[:0], a.trials[1:]...)
	}
}

func (a *Machine[P]) see(sequence uint64, from P) {
	copy(a.recent[1:], a.recent[:])
	a.recent[0] = sighting[P]{sequence, from}
}
