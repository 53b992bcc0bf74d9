package proxy

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tssh/proxy/wire"
)

// Client is the moving end: the net.PacketConn of a transport whose one peer
// is the server.
type Client struct {
	face
	config   ClientConfig
	codec    *wire.Client
	ctx      context.Context // of the goroutines, ended by Close
	cancel   context.CancelFunc
	work     sync.WaitGroup
	done     chan struct{}
	kick     chan struct{} // token: ask pulse again
	news     chan struct{} // token: the state changed
	cut      atomic.Bool
	received atomic.Uint64

	mu      sync.Mutex // guards what follows
	pulse   pulse
	keep    keep
	extra   redundancy
	current *link // nil: none yet
	links   []*link
	sockets []*clientSocket
	trusted []netip.AddrPort // from where the server's datagrams are taken
	state   State            // what is not computed
	online  bool
	dropped bool      // the stream in use ended, and no other path answered since
	changed time.Time // when the network did last, as far as is known
	climb   climb
	tcp     attempt
	ssh     attempt
}

// allows reports whether paths of that kind may be tried.
func (c *Client) allows(k wire.Kind) bool {
	auto := c.config.Mode == Auto
	switch k {
	case wire.UDP:
		return (auto || c.config.Mode == OnlyUDP) && len(c.config.Servers) > 0
	case wire.TCP:
		return (auto || c.config.Mode == OnlyTCP) && len(c.config.Servers) > 0
	}
	return (auto || c.config.Mode == OnlySSH) && c.config.Carrier != nil
}

// Done is closed when the server was silent for Alive, or c was closed.
func (c *Client) Done() <-chan struct{} { return c.done }

// Watch returns a channel that gets a token when State changed in more than
// its numbers. There is one for all callers.
func (c *Client) Watch() <-chan struct{} { return c.news }

// Cut makes c drop everything both ways, as if every network were gone, or
// ends that.
func (c *Client) Cut(on bool) { c.cut.Store(on) }

// Moved tells c that the network may have changed, for callers who know.
func (c *Client) Moved() { c.moved() }

// Close ends all paths.
func (c *Client) Close() error {
	c.cancel()
	c.work.Wait()
	return nil
}

// State returns what c knows about the way to the server.
func (c *Client) State() State {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state
	p := &c.pulse
	s.Online, s.RTT, s.Loss, s.Received = !c.lostLocked(now), p.srtt, p.loss, c.received.Load()
	s.Kind, s.Heard = wire.Kind(0).String(), p.heard
	if l := c.current; l != nil {
		s.Kind, s.Remote, s.Local = l.kind.String(), l.remote, c.local(l)
	}
	if !s.Online {
		s.Lost, s.Trying = p.since, c.tryingLocked()
	}
	return s
}

// lostLocked reports whether a user would say that contact is lost.
func (c *Client) lostLocked(now time.Time) bool {
	return c.current == nil || c.pulse.silence(now) > max(outage, 4*c.pulse.rto())
}

// transmit carries the transport's datagrams to the server.
func (c *Client) transmit(b []byte, segment int, ecn byte) {
	now := time.Now()
	c.mu.Lock()
	c.keep.note(now, b, segment)
	c.state.Sent += uint64(len(b))
	l := c.current
	var knock []byte
	if c.pulse.typed(now) && l != nil && !l.stalledLocked() {
		knock = c.knockLocked(now, l, true)
		token(c.kick)
	}
	if c.pulse.tries > 0 && len(b) <= smallDatagram {
		// What was typed goes out on every path: any may work again. It may as
		// well be the acknowledgements of a busy flow, which must not make
		// more knocks than can be told apart when their answers come.
		c.pulse.hasten(later(now, c.pulse.round.Add(typedSpacing)))
		c.retryLocked()
		token(c.kick)
	}
	var copies []time.Duration
	if segment == 0 {
		copies = c.extra.copies(now, len(b), c.pulse.loss)
	}
	c.mu.Unlock()
	if l == nil || c.cut.Load() {
		return
	}
	if l.stream == nil {
		again(copies, b, c.repeat)
	}
	err := l.knock(knock)
	if err = errors.Join(err, l.send(b, segment, ecn)); err != nil {
		c.unreachable()
	}
}

// repeat sends a datagram once more.
func (c *Client) repeat(b []byte) {
	if l := c.currentLink(); l != nil && !c.cut.Load() {
		l.send(b, 0, 0) // it is a copy, whatever becomes of it
	}
}

// unreachable is called when the system refuses to send: another path may do.
func (c *Client) unreachable() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pulse.refused(time.Now())
	token(c.kick)
}

// knockLocked seals a knock for l.
func (c *Client) knockLocked(now time.Time, l *link, claim bool) []byte {
	c.pulse.beforeKnock(now)
	k := wire.Knock{
		Generation: c.pulse.generation, Path: l.kind, Claim: claim,
		Loss: uint8(c.pulse.loss * 255), RTT: c.pulse.srtt, Answer: l.answer,
	}
	packet := c.codec.Seal(&k)
	l.knocks++
	c.pulse.knocked(now, k.Sequence, l, l == c.current)
	return packet
}

// acked takes a packet of the path layer.
func (c *Client) acked(b []byte, from netip.AddrPort) {
	a, err := c.codec.Open(b)
	if err != nil || c.cut.Load() {
		return
	}
	now := time.Now()
	c.mu.Lock()
	trouble, silence, since := c.pulse.trouble(now), c.pulse.silence(now), c.pulse.since
	k, ok := c.pulse.answered(now, a.Knock, c.current)
	if !ok || !slices.Contains(c.links, k.on) {
		c.mu.Unlock()
		return
	}
	if from.IsValid() && !slices.Contains(c.trusted, from) {
		c.trusted = append(c.trusted, from)
	}
	l := k.on
	l.knocks = 0
	if l.acked++; l.acked == 1 {
		c.attempt(l.kind).tries = 0
	}
	if !trouble && l != c.current && now.Sub(k.at) > max(firstRTO, 2*c.pulse.srtt) {
		l.acked, l.asked = 0, -1 // it waited for the path: ask again
	}
	if l != c.current && (trouble || c.current == nil || c.climb.wins(l, c.current)) {
		c.useLocked(now, k)
	}
	var packets [][]byte
	if l == c.current {
		c.dropped = false
		l.answer = a.Challenge
		again := c.pulse.settled(a.Fresh)
		if a.Challenge != 0 || again {
			packets = append(packets, c.knockLocked(now, l, true))
		}
		if trouble && c.config.Transport == "quic" {
			packets = append(packets, c.keep.last(since.Add(-slack))...)
		}
	} else if l.kind < c.current.kind {
		token(c.kick) // the climb goes on
	}
	if l == c.current && silence >= outage {
		c.extra.returned(now)
	}
	c.noteOnlineLocked(now)
	c.mu.Unlock()
	for _, p := range packets {
		l.write(p)
	}
	if l == c.currentLink() && silence >= outage {
		c.logf("contact after %s over %s", silence.Round(time.Millisecond), l)
		if c.config.Returned != nil {
			c.work.Go(c.config.Returned)
		}
	}
	token(c.kick)
}

func (c *Client) currentLink() *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// useLocked makes the path current whose knock was answered.
func (c *Client) useLocked(now time.Time, k asked) {
	for _, l := range c.links {
		if l != k.on {
			l.acked, l.asked = 0, 0 // they have to prove themselves again
		}
	}
	c.current, c.dropped = k.on, false
	c.pulse.move(now, k)
	c.state.Since = now
	c.climb.begin(now)
	c.logf("the path is now %s", k.on)
	token(c.news)
}

func (c *Client) noteOnlineLocked(now time.Time) {
	if online := !c.lostLocked(now); online != c.online {
		c.online = online
		token(c.news)
	}
}

// receive takes the transport's datagrams.
func (c *Client) receive(b []byte, segment int, ecn byte) {
	if c.cut.Load() {
		return
	}
	c.received.Add(uint64(len(b)))
	now := time.Now()
	c.mu.Lock()
	c.pulse.active = now
	c.mu.Unlock()
	c.deliver(b, segment, ecn)
}

func (c *Client) logf(format string, args ...any) {
	if c.config.Logf != nil {
		c.config.Logf(format, args...)
	}
}
