package roam

import (
	"slices"
	"time"

	"tssh/proxy/resend"
	"tssh/proxy/wire"
)

// Step does what is due, and returns when something will be; zero when the server
// was silent for Alive.
func (m *Machine) Step(now time.Time) (e Effects, next time.Time) {
	// The wall clock may be set meanwhile, and has no say.
	if silent := now.Sub(m.liveness.heard) + m.slept - m.sleptBy; silent > m.config.Alive && m.liveness.silence(now) > longSilence {
		return e, time.Time{}
	}
	act, next := m.liveness.due(now)
	if act != nothing {
		m.liveness.repeating(now, act)
		m.ring(now, act, &e)
		_, next = m.liveness.due(now)
	}
	m.climb(now, &e)
	m.streams(now, &e)
	m.tidy(now, &e)
	m.noteOnline(now, &e)
	if look := now.Add(m.lookEvery(now)); (m.current == nil || m.current.Kind != wire.UDP) && look.Before(next) {
		next = look // for a path, or for a better one
	}
	return e, next
}

// ring sends the knocks that are due: on the path in use, or on all there are.
func (m *Machine) ring(now time.Time, act action, e *Effects) {
	trouble := m.liveness.trouble(now)
	if act == allKnocks && m.liveness.tries > 1 {
		m.hedge(now, e)
	}
	var small [][]byte
	if trouble || act == allKnocks {
		small = m.lately(now)
	}
	for _, p := range m.paths {
		if p == m.current || act == allKnocks && trouble {
			m.ask(now, p, small, e)
		}
	}
}

// ask sends a knock, with the last small datagrams behind it, so that the server
// needs no further round trip to answer what was typed.
func (m *Machine) ask(now time.Time, p *Path, small [][]byte, e *Effects) {
	if p.stalled() {
		return
	}
	e.Send = append(e.Send, Packet{p, m.knock(now, p, true)})
	for _, d := range small {
		e.Send = append(e.Send, Packet{p, d})
	}
}

// lately returns the small datagrams that may be lost.
func (m *Machine) lately(now time.Time) [][]byte {
	switch {
	case !m.config.Resend || m.liveness.silence(now) > slowAfter:
		return nil
	case m.liveness.trouble(now):
		return m.recent.Small(m.liveness.since.Add(-resend.Slack))
	}
	return m.recent.Small(now.Add(-m.liveness.rto())) // the network changed a moment ago
}

// sockets returns a path of each UDP socket.
func (m *Machine) sockets() (first []*Path) {
	for _, p := range m.paths {
		if p.Kind == wire.UDP && !slices.ContainsFunc(first, func(f *Path) bool { return f.Port == p.Port }) {
			first = append(first, p)
		}
	}
	return first
}

// hedge opens a second socket: to a NAT or a firewall that holds something
// against the first one it is somebody else.
func (m *Machine) hedge(now time.Time, e *Effects) {
	if !m.Allows(wire.UDP) {
		return
	}
	sockets := m.sockets()
	for i, s := range sockets {
		if len(sockets) > 1 && now.Sub(s.born) > hedgeTime && (m.current == nil || s.Port != m.current.Port) {
			m.closeSocket(s.Port, e)
			sockets = slices.Delete(sockets, i, i+1)
			break
		}
	}
	e.Listen = len(sockets) < 2
}

// closeSocket closes a socket and forgets its paths.
func (m *Machine) closeSocket(port any, e *Effects) {
	m.paths = slices.DeleteFunc(m.paths, func(p *Path) bool { return p.Port == port })
	e.Close = append(e.Close, port)
}

// tidy closes the paths that lost: after a while, for what is under way on them
// still counts.
func (m *Machine) tidy(now time.Time, e *Effects) {
	if m.current == nil || m.liveness.suspect(now) || now.Sub(m.since) < spareTime {
		return
	}
	for _, s := range m.sockets() {
		if s.Port != m.current.Port && now.Sub(s.born) > spareTime && len(m.sockets()) > 1 {
			m.closeSocket(s.Port, e)
		}
	}
	for _, p := range m.paths {
		if p.Kind != wire.UDP && p != m.current && now.Sub(p.born) > spareTime && p.Kind >= m.current.Kind {
			e.Close = append(e.Close, p.Port) // its reader says that it ended
		}
	}
}
