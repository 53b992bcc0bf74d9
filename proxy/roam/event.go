package roam

import (
	"net/netip"
	"slices"
	"time"

	"tssh/proxy/resend"
	"tssh/proxy/wire"
)

// Outgoing is where datagrams of the transport go.
type Outgoing struct {
	On     *Path           // nil: they are lost
	Knock  []byte          // goes ahead of them; nil: none
	Copies []time.Duration // after each of which the datagram is sent again, in use of the path then
	Wake   bool            // Step is due earlier than it said
}

// Written takes the transport's datagrams, of segment bytes each in b (0: b is
// one).
func (m *Machine) Written(now time.Time, b []byte, segment int) (o Outgoing) {
	m.recent.Note(now, b, segment)
	o = m.Carried(now)
	if m.liveness.tries > 0 && len(b) <= resend.Small {
		// A typed key goes out on every path, as any of them may work again. These
		// small datagrams may also be acknowledgements of a busy flow, which must not
		// make more knocks than can be told apart when their answers come.
		m.liveness.hasten(later(now, m.liveness.round.Add(typedSpacing)))
		m.retry()
		o.Wake = true
	}
	if segment == 0 && o.On != nil && o.On.Kind == wire.UDP {
		o.Copies = m.extra.After(now, len(b), m.liveness.loss)
	}
	return o
}

// Carried is Written for datagrams that somebody else sends again.
func (m *Machine) Carried(now time.Time) (o Outgoing) {
	o.On = m.current
	if m.liveness.typed(now) && o.On != nil && !o.On.stalled() {
		o.Knock = m.knock(now, o.On, true)
		o.Wake = true
	}
	return o
}

// Bare is told of datagrams that Carried was told of, and that nobody sends again.
func (m *Machine) Bare(now time.Time, b []byte, segment int) { m.bare.Note(now, b, segment) }

// Received is told of each datagram of the server's transport.
func (m *Machine) Received(now time.Time) { m.liveness.active = now }

// Proved is told when the server reported, under a seal, that it got what was sent:
// behind a full queue the answers to knocks are late, and the path works.
func (m *Machine) Proved(now time.Time) { m.liveness.proven = now }

// Changed is told when the machine's addresses or routes may have changed, or it
// woke: a knock leaves at once, in the hope that the path still works.
func (m *Machine) Changed(now time.Time) {
	m.looked = time.Time{}
	m.tcp.tries, m.ssh.tries = 0, 0
	m.changed = now
	m.liveness.hasten(later(now, m.liveness.last.Add(eventSpacing)))
}

// Refused is told when the system takes no packet for path p: another may do.
func (m *Machine) Refused(now time.Time, p *Path) {
	if p == m.current {
		m.liveness.refused(now)
	}
}

// Bound adds a UDP socket, and a path from it to each address of the server.
func (m *Machine) Bound(now time.Time, port any) (e Effects) {
	knock := m.liveness.trouble(now)
	small := m.lately(now)
	for _, server := range m.config.Servers {
		p := &Path{Kind: wire.UDP, Remote: server, Port: port, born: now}
		m.paths = append(m.paths, p)
		if m.current == nil {
			m.current = p
		}
		if knock {
			m.ask(now, p, small, &e)
		}
	}
	return e
}

// Opened adds a stream path. Of those of its kind that were opened before, the
// oldest has to go when they are many: a hotel's portal takes every connection
// and answers nothing, for as long as the outage lasts.
func (m *Machine) Opened(now time.Time, kind wire.Kind, remote netip.AddrPort, port any) (*Path, Effects) {
	m.attempt(kind).running--
	p := &Path{Kind: kind, Remote: remote, Port: port, born: now}
	m.paths = append(m.paths, p)
	first := m.current == nil
	if first {
		m.current = p
	}
	claim := p == m.current || m.liveness.suspect(now)
	e := Effects{Send: []Packet{{p, m.knock(now, p, claim)}}}
	if first && m.config.Resend && m.RTT() == 0 { // what was written found no path
		for _, d := range m.recent.Last(m.since.Add(-resend.Slack)) {
			e.Send = append(e.Send, Packet{p, d})
		}
	}
	spare := slices.DeleteFunc(slices.Clone(m.paths), func(x *Path) bool { return x.Kind != kind || x == m.current })
	if len(spare) > maxSpare {
		e.Close = []any{spare[0].Port} // its reader says that it ended
	}
	return p, e
}

// Failed is told when a stream path could not be opened.
func (m *Machine) Failed(kind wire.Kind) { m.attempt(kind).running-- }

// Ended forgets a stream path that ended, and looks for another at once if it was
// in use.
func (m *Machine) Ended(now time.Time, p *Path) (e Effects) {
	m.paths = slices.DeleteFunc(m.paths, func(x *Path) bool { return x == p })
	if m.current == p {
		m.lose(now, &e)
	}
	return e
}

// lose looks for another path than the one in use, which is no more.
func (m *Machine) lose(now time.Time, e *Effects) {
	m.current, m.dropped = nil, true
	if len(m.paths) > 0 {
		m.current = m.paths[0]
	}
	if m.liveness.since.IsZero() {
		m.liveness.since = now
	}
	m.liveness.tries = max(m.liveness.tries, 2)
	m.liveness.hasten(now)
	e.Wake = true
}

// Avoid forgets the paths of a kind that is found to be of no use, and opens none
// again, where there are other kinds.
func (m *Machine) Avoid(now time.Time, k wire.Kind) (e Effects) {
	if !m.Allows(k) || len(m.config.Kinds) == 1 {
		return e
	}
	m.config.Kinds = slices.DeleteFunc(slices.Clone(m.config.Kinds), func(x wire.Kind) bool { return x == k })
	lost := m.current != nil && m.current.Kind == k
	for _, p := range m.paths {
		if p.Kind == k && !slices.Contains(e.Close, p.Port) {
			e.Close = append(e.Close, p.Port)
		}
	}
	m.paths = slices.DeleteFunc(m.paths, func(p *Path) bool { return p.Kind == k })
	if lost {
		m.lose(now, &e)
	}
	return e
}

// Answered takes the server's answer to a knock, and the address that it came
// from: not valid for a stream. The caller has opened its seal, so nobody but the
// server sent it, but it may have been sent again by anybody: one to a knock that
// was answered before, or that is not known, changes nothing.
func (m *Machine) Answered(now time.Time, a wire.Ack, from netip.AddrPort) (e Effects) {
	trouble, silence, since := m.liveness.trouble(now), m.liveness.silence(now), m.liveness.since
	k, ok := m.liveness.answered(now, a.Knock, m.current)
	if !ok || !slices.Contains(m.paths, k.on) {
		return e
	}
	if from.IsValid() && !m.Trusts(from) {
		m.trusted = append(m.trusted, from)
	}
	p := k.on
	p.knocks = 0
	if p.acked++; p.acked == 1 {
		m.attempt(p.Kind).tries = 0
	}
	if !trouble && m.current != nil && p.Kind < m.current.Kind {
		p.trial.answered(now, k.at, p.Kind, now.Sub(k.at) > m.patience())
	}
	if p != m.current && (trouble || m.current == nil || m.wins(p)) {
		m.use(now, k, &e)
	}
	e.Answered = true
	e.Wake = true // the climb goes on, or the next knock may wait
	if p == m.current {
		m.dropped = false
		p.answer = a.Challenge
		again := m.liveness.settled(a.Fresh)
		if a.Challenge != 0 || again {
			e.Send = append(e.Send, Packet{p, m.knock(now, p, true)})
		}
		if trouble && m.config.Resend {
			for _, d := range append(m.recent.Last(since.Add(-resend.Slack)), m.bare.Last(since.Add(-resend.Slack))...) {
				e.Send = append(e.Send, Packet{p, d})
			}
		}
		if silence >= resend.Outage {
			m.extra.Returned(now)
			e.Returned, e.After = true, silence
		}
	}
	m.noteOnline(now, &e)
	return e
}

// use makes the path current whose knock was answered.
func (m *Machine) use(now time.Time, k asked, e *Effects) {
	for _, p := range m.paths {
		if p != k.on {
			p.acked, p.trial = 0, trial{} // they have to prove themselves again
		}
	}
	m.current, m.dropped = k.on, false
	m.liveness.move(now, k)
	m.since, m.looked = now, now
	e.Path, e.News = k.on, true
}

// knock seals a knock for p.
func (m *Machine) knock(now time.Time, p *Path, claim bool) []byte {
	m.liveness.beforeKnock(now)
	k := wire.Knock{
		Generation: m.liveness.generation, Path: p.Kind, Claim: claim,
		Loss: uint8(m.liveness.loss * 255), RTT: m.liveness.srtt, Answer: p.answer,
	}
	packet := m.config.Seal(&k)
	p.knocks++
	m.liveness.knocked(now, k.Sequence, p, p == m.current)
	return packet
}
