package roam

import (
	"slices"
	"time"

	"tssh/proxy/wire"
)

const (
	tcpAfter     = 500 * time.Millisecond // of silence, TCP is tried too,
	sshAfter     = time.Second            // and ssh
	tcpPause     = 2 * time.Second        // between the first attempts by TCP,
	sshPause     = 5 * time.Second        // and by ssh
	maxDials     = 3                      // attempts at once, each after a change of the network
	maxSpare     = 4                      // streams of a kind beside the one in use
	rareAfter    = 5 * time.Minute        // of silence, attempts grow rare
	rarePause    = time.Minute
	attemptPause = 15 * time.Second // between attempts to open a stream, at most
)

// attempt is the opening of a stream path.
type attempt struct {
	running int
	last    time.Time
	tries   int // since a knock was answered on such a path
}

// due reports whether another attempt may begin after that silence, first after
// that pause and then ever later.
func (a *attempt) due(now time.Time, silence, first time.Duration) bool {
	pause, most := time.Second, attemptPause
	if silence > rareAfter {
		most = rarePause
	}
	if a.tries > 0 {
		pause = min(first<<min(a.tries-1, 8), most)
	}
	return a.running == 0 && (a.last.IsZero() || now.Sub(a.last) >= pause)
}

// attempt returns that of the stream paths of kind k.
func (m *Machine) attempt(k wire.Kind) *attempt {
	if k == wire.SSH {
		return &m.ssh
	}
	return &m.tcp
}

// retry makes the next attempts to open streams come soon.
func (m *Machine) retry() {
	m.tcp.tries, m.ssh.tries = min(m.tcp.tries, 1), min(m.ssh.tries, 1)
}

// streams begins what stream paths are wanted now.
func (m *Machine) streams(now time.Time, e *Effects) {
	silence := m.liveness.silence(now)
	if m.wanted(now, wire.TCP, tcpAfter) && m.tcp.due(now, silence, tcpPause) || m.uprooted(now, wire.TCP) {
		m.dial(now, Dial{Kind: wire.TCP}, e)
	}
	if m.wanted(now, wire.SSH, sshAfter) && m.ssh.due(now, silence, sshPause) || m.uprooted(now, wire.SSH) {
		fresh := m.liveness.trouble(now) && (m.has(wire.SSH) || m.liveness.heard.Before(m.changed))
		m.dial(now, Dial{Kind: wire.SSH, Fresh: fresh}, e)
	}
}

func (m *Machine) dial(now time.Time, d Dial, e *Effects) {
	a := m.attempt(d.Kind)
	a.last = now
	a.running++
	a.tries++
	e.Dial = append(e.Dial, d)
}

// wanted reports whether a path of kind k is wanted: after that silence at the
// latest, if it is not a better one than that in use.
func (m *Machine) wanted(now time.Time, k wire.Kind, after time.Duration) bool {
	switch {
	case !m.Allows(k):
		return false
	case m.current == nil:
		return len(m.config.Kinds) == 1 || now.Sub(m.since) >= after || len(m.sockets()) == 0
	case m.dropped:
		return true
	case m.current.Kind > k && !m.liveness.suspect(now):
		return !m.has(k) // a better path than the one in use
	}
	return m.liveness.silence(now) >= min(after, m.config.Heartbeat) &&
		m.liveness.silence(now) > 2*m.liveness.rto() && m.liveness.tries > 1
}

// uprooted reports whether the connection in use, of kind k, seems to have died
// with the address that it came from: no answer since the network changed. The
// next one is not put off then, not even for one that was begun before.
func (m *Machine) uprooted(now time.Time, k wire.Kind) bool {
	a := m.attempt(k)
	return m.current != nil && m.current.Kind == k && m.liveness.tries > 0 &&
		m.liveness.heard.Before(m.changed) && now.Sub(m.changed) >= m.liveness.rto() &&
		a.last.Before(m.changed) && a.running < maxDials
}

func (m *Machine) has(k wire.Kind) bool {
	return slices.ContainsFunc(m.paths, func(p *Path) bool { return p.Kind == k })
}
