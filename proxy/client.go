package proxy

import (
	"bytes"
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"tssh/proxy/memconn"
	"tssh/proxy/path"
	"tssh/proxy/roam"
	"tssh/proxy/wire"
)

// Client is the moving end: the net.PacketConn of a transport whose one peer
// is the server. What it does is decided by a roam.Machine; its own are the
// sockets, the streams and the goroutines.
type Client struct {
	*memconn.Conn
	feed     memconn.Feed
	config   ClientConfig
	codec    *wire.Client
	ctx      context.Context // of the goroutines, ended by Close
	cancel   context.CancelFunc
	work     sync.WaitGroup
	done     chan struct{}
	kick     chan struct{} // token: step the machine again
	news     chan struct{} // token: the state changed
	cut      atomic.Bool
	sent     atomic.Uint64
	received atomic.Uint64
	mend     *mender // nil: losses are the transport's business
	large    large

	mu      sync.Mutex // guards what follows
	machine *roam.Machine
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
func (c *Client) Moved() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.machine.Changed(time.Now())
	c.large.moved()
	token(c.kick)
}

// Avoid makes c use no path of that kind any more, where there are others.
func (c *Client) Avoid(k wire.Kind) {
	c.mu.Lock()
	e := c.machine.Avoid(time.Now(), k)
	c.mu.Unlock()
	c.obey(e)
}

// Close ends all paths.
func (c *Client) Close() error {
	c.cancel()
	c.work.Wait()
	return nil
}

// State returns what c knows about the way to the server.
func (c *Client) State() State {
	c.mu.Lock()
	m, p := c.machine.State(time.Now()), c.machine.Current()
	c.mu.Unlock()
	s := State{
		Online: m.Online, Kind: wire.Kind(0).String(), RTT: m.RTT, Loss: m.Loss,
		Sent: c.sent.Load(), Received: c.received.Load(),
		Heard: m.Heard, Since: m.Since, Lost: m.Lost, Trying: m.Trying,
	}
	if p != nil {
		s.Kind, s.Remote, s.Local = p.Kind.String(), p.Remote, c.local(p)
	}
	return s
}

// local returns the address of this end of p. That of a socket on all
// addresses is the one that the kernel chooses now, if the network can tell.
func (c *Client) local(p *roam.Path) netip.AddrPort {
	if x, ok := p.Port.(*stream); ok {
		return x.local()
	}
	local := p.Port.(path.Socket).Local()
	if n, ok := c.config.Network.(interface {
		Source(netip.AddrPort) netip.Addr
	}); ok {
		return netip.AddrPortFrom(n.Source(p.Remote), local.Port())
	}
	return local
}

// transmit carries the transport's datagrams to the server.
func (c *Client) transmit(b []byte, segment int, ecn byte, bulk bool) {
	if c.large.refuses(b, segment) {
		return
	}
	c.sent.Add(uint64(len(b)))
	if bulk {
		c.transmitBulk(b, segment)
		return
	}
	c.mu.Lock()
	o := c.machine.Written(time.Now(), b, segment)
	c.mu.Unlock()
	if o.Wake {
		token(c.kick)
	}
	if o.On == nil || c.cut.Load() {
		return
	}
	again(o.Copies, b, c.repeat)
	c.send(o.On, o.Knock)
	c.sendTrain(o.On, b, segment, ecn)
}

// transmitBulk carries datagrams of the connection for bulk: with the mender's numbers,
// or where it has no business as they are.
func (c *Client) transmitBulk(b []byte, segment int) {
	c.mu.Lock()
	o := c.machine.Carried(time.Now())
	c.mu.Unlock()
	if o.Wake {
		token(c.kick)
	}
	if o.On == nil {
		return
	}
	if !c.cut.Load() {
		c.send(o.On, o.Knock)
	}
	if c.mend.write(b, segment, o.On.Kind == wire.UDP) {
		return
	}
	b, segment = wire.AppendBulk(nil, b, segment)
	c.mu.Lock()
	c.machine.Bare(time.Now(), b, segment)
	c.mu.Unlock()
	c.sendBulk(b, segment)
}

// sendBulk sends packets of the connection for bulk over the path in use.
func (c *Client) sendBulk(b []byte, segment int) {
	c.mu.Lock()
	p := c.machine.Current()
	c.mu.Unlock()
	if p != nil && !c.cut.Load() {
		c.sendTrain(p, b, segment, 0)
	}
}

// repeat sends a datagram once more.
func (c *Client) repeat(b []byte) {
	c.mu.Lock()
	p := c.machine.Current()
	c.mu.Unlock()
	if p == nil || c.cut.Load() {
		return
	}
	c.carry(p, b, 0, 0) // it is a copy, whatever becomes of it
}

// again calls send with a copy of b after each of these times.
func again(after []time.Duration, b []byte, send func([]byte)) {
	if len(after) == 0 {
		return
	}
	b = bytes.Clone(b)
	for _, d := range after {
		time.AfterFunc(d, func() { send(b) })
	}
}

// send sends a knock, ahead of all that waits for its path, or a datagram. nil is
// none.
func (c *Client) send(p *roam.Path, packet []byte) {
	if packet == nil {
		return
	}
	if x, ok := p.Port.(*stream); ok && !wire.IsTransport(packet) {
		x.putFirst(nil, packet)
		return
	}
	c.sendTrain(p, packet, 0, 0)
}

// sendTrain sends datagrams of segment bytes each.
func (c *Client) sendTrain(p *roam.Path, b []byte, segment int, ecn byte) {
	if c.carry(p, b, segment, ecn) == nil {
		return
	}
	c.mu.Lock()
	c.machine.Refused(time.Now(), p)
	c.mu.Unlock()
	token(c.kick)
}

// carry gives datagrams to the port of p.
func (c *Client) carry(p *roam.Path, b []byte, segment int, ecn byte) error {
	if x, ok := p.Port.(*stream); ok {
		x.put(b, segment)
		return nil
	}
	return c.large.write(b, segment, func(b []byte, segment int) error {
		return p.Port.(path.Socket).WriteDatagrams(b, path.Envelope{Peer: p.Remote, ECN: ecn, Segment: segment})
	})
}

// acked takes a packet of the path layer.
func (c *Client) acked(b []byte, from netip.AddrPort) {
	a, err := c.codec.Open(b)
	if err != nil || c.cut.Load() {
		return
	}
	c.mu.Lock()
	e := c.machine.Answered(time.Now(), a, from)
	rtt, p := c.machine.RTT(), c.machine.Current()
	c.mu.Unlock()
	if p != nil && p.Kind == wire.UDP {
		gather(p.Port.(path.Socket), rtt, c.mend)
		if e.Answered && p.Remote == from {
			c.mend.heard()
		}
	}
	c.obey(e)
}

// takeMended takes a packet of the server's mender. What anybody else sent does not
// open.
func (c *Client) takeMended(b []byte) {
	c.received.Add(uint64(len(b)))
	reported := c.mend.take(b)
	now := time.Now()
	c.mu.Lock()
	c.machine.Received(now)
	if reported {
		c.machine.Proved(now)
	}
	c.mu.Unlock()
}

// taken tells those who wait for what was received.
func (c *Client) taken() {
	c.feed.Wake()
	c.mend.wake()
}

// other takes a packet that is none of the transport's, from a place that may be the
// server's.
func (c *Client) other(from netip.AddrPort, trusted func() bool, b []byte, ecn byte) {
	bare, bulk := wire.OpenBulk(b)
	switch {
	case !bulk && !wire.IsRepair(b) && !wire.IsLarge(b):
		c.acked(b, from)
	case !trusted() || c.cut.Load():
	case bulk:
		c.receive(bare, 0, 0, true)
	case wire.IsRepair(b):
		c.takeMended(b)
	default:
		c.takeLarge(b, ecn)
	}
}

// takeLarge takes a packet of the server's large. What anybody else sent does not open.
func (c *Client) takeLarge(b []byte, ecn byte) {
	d, answer := c.large.take(b)
	if bare, bulk := wire.OpenBulk(d); bulk {
		c.receive(bare, 0, 0, true)
	} else if wire.IsTransport(d) {
		c.receive(d, 0, ecn, false)
	} else if wire.IsRepair(d) {
		c.takeMended(d)
	}
	if answer == nil {
		return
	}
	c.mu.Lock()
	p := c.machine.Current()
	c.mu.Unlock()
	if p != nil {
		c.send(p, answer)
	}
}

// receive takes the transport's datagrams. The caller says when these are all: see
// taken.
func (c *Client) receive(b []byte, segment int, ecn byte, bulk bool) {
	if c.cut.Load() {
		return
	}
	c.received.Add(uint64(len(b)))
	c.mu.Lock()
	c.machine.Received(time.Now())
	c.mu.Unlock()
	c.feed.Queue(b, segment, ecn, bulk)
}

func (c *Client) logf(format string, args ...any) {
	if c.config.Logf != nil {
		c.config.Logf(format, args...)
	}
}
