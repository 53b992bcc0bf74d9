package roam

import (
	"time"

	"tssh/proxy/wire"
)

const (
	lookEvery = 5 * time.Second // between looks for a better path,
	lookSoon  = time.Second     // and while it was left a moment ago
	soon      = 15 * time.Second

	mostPatience = 2 * time.Second // with a trial, where the path in use is slow

	lookKnocks  = 3 // of a look, so that one is answered where half of them are lost
	idleKnocks  = 1 // of a look while nothing is written, that nobody waits for
	idleAfter   = 15 * time.Second
	trialKnocks = 8 // of a trial,
	trialPasses = 3 // and how many are answered on a path that is worth a move
)

// trial is how a path of a better kind than the one in use shows that it works. A
// firewall that lets one packet through must not make the session flap, and where
// nearly all is lost no luck shall, so one answer is not enough; but where a third
// is lost, TCP is far slower, and to wait for answers in a row would take minutes.
//
//	unknown --an answer--> tried, by trialKnocks --trialPasses answered--> in use
//	   ^                         |
//	   '-------too few-----------'
type trial struct {
	began  time.Time // zero: it is not tried
	passed int       // knocks since then that were answered
	owed   int       // knocks that are to be sent
}

// answered takes the answer to a knock that was sent at.
func (t *trial) answered(now, at time.Time, k wire.Kind, late bool) {
	switch {
	case late: // it waited for the path: ask again
		*t = trial{owed: 1}
	case t.began.IsZero():
		*t = trial{began: now, owed: knocks(k, trialKnocks, trialPasses)}
	case !at.Before(t.began):
		t.passed++
	}
}

// knocks is how many are sent where so many are to be answered: a stream loses none.
func knocks(k wire.Kind, many, answered int) int {
	if k == wire.UDP {
		return many
	}
	return answered
}

// wins reports whether p, just answered, is worth a move from a path that works.
func (m *Machine) wins(p *Path) bool {
	return p.Kind < m.current.Kind && p.trial.passed >= trialPasses
}

// climb sends knocks that ask whether a better path works, without a claim:
// nothing moves until the answers came.
func (m *Machine) climb(now time.Time, e *Effects) {
	if m.current == nil || m.current.Kind == wire.UDP || m.liveness.suspect(now) {
		return
	}
	due := now.Sub(m.looked) >= m.lookEvery(now)
	for _, p := range m.paths {
		if p.Kind >= m.current.Kind {
			continue
		}
		if due && now.Sub(p.trial.began) > min(m.patience(), mostPatience) {
			p.trial = trial{owed: knocks(p.Kind, m.lookKnocks(now), 1)}
		}
		for ; p.trial.owed > 0; p.trial.owed-- {
			e.Send = append(e.Send, Packet{p, m.knock(now, p, false)})
		}
	}
	if due {
		m.looked = now
	}
}

// lookKnocks is how many knocks a look has.
func (m *Machine) lookKnocks(now time.Time) int {
	if now.Sub(m.liveness.active) > idleAfter {
		return idleKnocks
	}
	return lookKnocks
}

// lookEvery is the time between looks for a better path.
func (m *Machine) lookEvery(now time.Time) time.Duration {
	if now.Sub(m.since) < soon {
		return lookSoon
	}
	return lookEvery
}

// patience is how late an answer on a path that is not in use may be.
func (m *Machine) patience() time.Duration { return max(firstRTO, 2*m.liveness.srtt) }
