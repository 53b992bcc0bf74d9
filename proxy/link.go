package proxy

import (
	"net/netip"
	"slices"
	"time"

	"tssh/proxy/path"
	"tssh/proxy/wire"
)

// link is one path that a client may use: a socket and an address of the
// server's, or a stream.
type link struct {
	kind   wire.Kind
	socket *clientSocket // nil for streams
	remote netip.AddrPort
	stream *stream // nil for UDP

	// The client's lock guards what follows.
	answer uint64    // the challenge to be answered with each knock; 0: none
	acked  int       // knocks answered
	asked  int       // acked when the climb asked last
	knocks int       // since one was answered
	born   time.Time // when it was opened
}

// String names l as notices do.
func (l *link) String() string {
	if l.kind == wire.SSH {
		return l.kind.String()
	}
	return l.kind.String() + " " + l.remote.String()
}

// local returns the address of this end of l. That of a socket on all
// addresses is the one that the kernel chooses now, if the network can tell.
func (c *Client) local(l *link) netip.AddrPort {
	if l.stream != nil {
		return l.stream.local()
	}
	local := l.socket.Local()
	if n, ok := c.config.Network.(interface {
		Source(netip.AddrPort) netip.Addr
	}); ok {
		return netip.AddrPortFrom(n.Source(l.remote), local.Port())
	}
	return local
}

// stalledLocked reports whether l is a stream that holds enough knocks. What a
// stream took it delivers, if at all; more of them would only be a heap to be
// worked off when contact comes back.
func (l *link) stalledLocked() bool { return l.stream != nil && l.knocks >= maxQueued }

// send sends the transport's datagrams.
func (l *link) send(b []byte, segment int, ecn byte) error {
	if l.stream != nil {
		l.stream.put(b, segment)
		return nil
	}
	return l.socket.WriteDatagrams(b, path.Envelope{Peer: l.remote, ECN: ecn, Segment: segment})
}

// knock sends a knock, ahead of all that waits. nil is none.
func (l *link) knock(packet []byte) error {
	switch {
	case packet == nil:
		return nil
	case l.stream != nil:
		l.stream.putFirst(nil, packet)
		return nil
	}
	return l.send(packet, 0, 0)
}

// write sends a knock or a datagram.
func (l *link) write(packet []byte) error {
	if wire.IsTransport(packet) {
		return l.send(packet, 0, 0)
	}
	return l.knock(packet)
}

// clientSocket is a socket of the client's, on all its addresses: which one a
// packet leaves from is up to the kernel, so a client that moved goes on with it.
type clientSocket struct {
	path.Socket
	born time.Time
}

// openSocket adds a socket, and a link from it to each address of the server.
// The caller runs readSocket, and holds the lock if there are goroutines.
func (c *Client) openSocket(now time.Time) error {
	udp, err := c.config.Network.ListenUDP(0)
	if err != nil {
		return err
	}
	s := &clientSocket{udp, now}
	c.sockets = append(c.sockets, s)
	for _, server := range c.config.Servers {
		l := &link{kind: wire.UDP, socket: s, remote: server, born: now}
		c.links = append(c.links, l)
		if c.current == nil {
			c.current = l
		}
	}
	return nil
}

// closeSocketLocked closes the socket and forgets its links.
func (c *Client) closeSocketLocked(s *clientSocket) {
	s.Close()
	c.sockets = slices.DeleteFunc(c.sockets, func(x *clientSocket) bool { return x == s })
	c.links = slices.DeleteFunc(c.links, func(l *link) bool { return l.socket == s })
}

func (c *Client) readSocket(s *clientSocket) {
	defer s.Close()
	b := make([]byte, readSize)
	for {
		n, e, err := s.ReadDatagrams(b)
		if err != nil {
			return
		}
		split(b[:n], e.Segment, func(b []byte, segment int) {
			c.mu.Lock()
			ok := slices.Contains(c.trusted, e.Peer)
			c.mu.Unlock()
			if ok {
				c.receive(b, segment, e.ECN)
			}
		}, func(b []byte) { c.acked(b, e.Peer) })
	}
}

// runStream serves a stream path until it ends.
func (c *Client) runStream(l *link) {
	x := l.stream
	defer x.close()
	c.work.Go(x.write)
	r := x.reader
	if err := wire.SkipPreface(r, wire.Preface(c.config.Secret)); err != nil {
		c.logf("%s: %v", l, err)
		return
	}
	b := make([]byte, wire.MaxDatagram)
	for {
		d, err := wire.ReadFrame(r, b)
		if err != nil {
			c.logf("%s: %v", l, err)
			return
		}
		if wire.IsTransport(d) {
			c.receive(d, 0, 0)
		} else {
			c.acked(d, netip.AddrPort{})
		}
	}
}
