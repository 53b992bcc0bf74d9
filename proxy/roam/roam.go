// Package roam decides how a client that moves reaches its server: which path
// the transport's datagrams take, when and where knocks are sent, which paths
// are opened and closed, and what is sent again. Events come in with the time at
// which they happened, and Effects go out. It knows no clock, no socket, no lock
// and no goroutine: package proxy has those.
//
//	          .---- Step: knocks of its own accord, when they are due
//	          v
//	Written -----> knock ahead of what is typed
//	Changed -----> knock at once: the network is another one
//	Refused -----> knock on every path: the system takes no packet for this one
//	               |
//	               v             no answer for a round trip
//	Answered <-- server          '--> knock on every path, a second socket,
//	   |                              then TCP, then SSH
//	   '--> the path that answered is used, and what was written since
//	        contact was lost goes out on it again
package roam

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"tssh/proxy/resend"
	"tssh/proxy/wire"
)

const (
	eventSpacing = 5 * time.Millisecond  // between knocks for a burst of events
	typedSpacing = 25 * time.Millisecond // and of the transport's datagrams in an outage
	spareTime    = 10 * time.Second      // a path that lost the race is kept for
	hedgeTime    = time.Minute           // a second socket that was of no use is kept for
	maxQueued    = 16                    // unanswered knocks in a stream
	longSilence  = 10 * time.Second      // without which nothing ends for want of Alive
)

// Config is what a Machine is made of.
type Config struct {
	Kinds     []wire.Kind      // of path that may be used
	Servers   []netip.AddrPort // where the server may be reached, the likeliest first
	Resend    bool             // the transport gains from datagrams of before an outage: QUIC does
	Heartbeat time.Duration    // silent longer than this, other kinds of path are tried at the latest
	Alive     time.Duration    // silent longer than this, the client gives up
	Seal      func(*wire.Knock) []byte
}

// Path is one way to the server: a socket and an address of the server's, or a
// stream.
type Path struct {
	Kind   wire.Kind
	Remote netip.AddrPort // the server's address; not valid for SSH
	Port   any            // the caller's socket or stream; it is only handed back

	born   time.Time // when it was opened
	answer uint64    // the challenge to be answered with each knock; 0: none
	acked  int       // knocks answered
	knocks int       // since one was answered
	trial  trial     // of a better one than that in use
}

// String names p as notices do.
func (p *Path) String() string {
	if p.Kind == wire.SSH {
		return p.Kind.String()
	}
	return p.Kind.String() + " " + p.Remote.String()
}

// stalled reports whether p is a stream that holds enough knocks. What a stream
// took it delivers, if at all; more of them would only be a heap to be worked off
// when contact comes back.
func (p *Path) stalled() bool { return p.Kind != wire.UDP && p.knocks >= maxQueued }

// Packet is a knock, or a datagram of the transport's, and where it goes.
type Packet struct {
	On   *Path
	Data []byte
}

// Dial is a stream path to be opened.
type Dial struct {
	Kind  wire.Kind
	Fresh bool // by a login of its own: the one that stands seems dead
}

// Effects are what the caller does after an event, in the order of the fields.
type Effects struct {
	Close    []any    // ports to be closed
	Send     []Packet // to be sent
	Dial     []Dial   // each is answered by Opened or Failed
	Listen   bool     // a UDP socket to be opened; it is answered by Bound
	Path     *Path    // the path in use from now on; nil: it is as before
	Answered bool     // a knock was, by no copy of an answer, which anybody can send
	Returned bool     // contact came back after an outage,
	After    time.Duration
	News     bool // State changed in more than its numbers
	Wake     bool // Step is due earlier than it said
}

// Machine is the client's knowledge of its paths. A Machine is used by one
// caller at a time.
type Machine struct {
	config   Config
	liveness liveness
	recent   resend.Recent
	bare     resend.Recent // of bulk's connection, while nobody repairs what it loses
	extra    resend.Copies
	current  *Path // nil: none yet
	paths    []*Path
	trusted  []netip.AddrPort // from where the server's datagrams are taken
	since    time.Time        // when current was taken, or the beginning
	online   bool
	dropped  bool          // the stream in use ended, and no other path answered since
	changed  time.Time     // when the network did last, as far as is known
	looked   time.Time     // for a better path than the one in use
	slept    time.Duration // in all, as far as is known,
	sleptBy  time.Duration // and until the answer
	answer   time.Time     // of this time
	tcp      attempt
	ssh      attempt
}

// New returns the Machine of a client that begins at now. The caller opens a UDP
// socket for it, if it may use one, and runs Step.
func New(config Config, now time.Time) *Machine {
	m := &Machine{config: config, trusted: slices.Clone(config.Servers), since: now, online: true}
	m.liveness.heard, m.answer = now, now
	return m
}

// Slept tells how long the machine has slept in all, which the time of events need
// not count.
func (m *Machine) Slept(total time.Duration) {
	if m.slept = total; m.answer != m.liveness.heard {
		m.answer, m.sleptBy = m.liveness.heard, total
	}
}

// Allows reports whether paths of that kind may be used.
func (m *Machine) Allows(k wire.Kind) bool { return slices.Contains(m.config.Kinds, k) }

// Trusts reports whether the server was seen at that address.
func (m *Machine) Trusts(a netip.AddrPort) bool { return slices.Contains(m.trusted, a) }

// Current returns the path in use; nil: none yet.
func (m *Machine) Current() *Path { return m.current }

// RTT returns the smoothed round trip to the server; 0 when it is unknown.
func (m *Machine) RTT() time.Duration { return m.liveness.srtt }

// Ports returns the ports of all paths, each once.
func (m *Machine) Ports() (ports []any) {
	for _, p := range m.paths {
		if !slices.Contains(ports, p.Port) {
			ports = append(ports, p.Port)
		}
	}
	return ports
}

// State is what a Machine knows at one time.
type State struct {
	Online bool
	RTT    time.Duration // smoothed; 0 when unknown
	Loss   float64       // share of knocks lost lately, 0 to 1
	Heard  time.Time     // when the server answered last
	Since  time.Time     // when the path in use was taken
	Lost   time.Time     // since when nothing is heard that should have been; zero when online
	Trying string        // what is tried now, in words; empty when online
}

// State returns what m knows about the way to the server.
func (m *Machine) State(now time.Time) State {
	p := &m.liveness
	s := State{Online: !m.lost(now), RTT: p.srtt, Loss: p.loss, Heard: p.heard, Since: m.since}
	if !s.Online {
		s.Lost, s.Trying = p.since, m.trying()
	}
	return s
}

// lost reports whether a user would say that contact is lost.
func (m *Machine) lost(now time.Time) bool {
	return m.current == nil || m.liveness.silence(now) > max(resend.Outage, 4*m.liveness.rto())
}

// trying says what is tried, for the notice.
func (m *Machine) trying() string {
	var names []string
	for _, p := range m.paths {
		if name := p.String(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if m.tcp.running > 0 {
		names = append(names, "connecting by TCP")
	}
	if m.ssh.running > 0 {
		names = append(names, "logging in by ssh")
	}
	return strings.Join(names, ", ")
}

// noteOnline tells of contact that was lost or came back.
func (m *Machine) noteOnline(now time.Time, e *Effects) {
	if online := !m.lost(now); online != m.online {
		m.online = online
		e.News = true
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
