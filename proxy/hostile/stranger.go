// Package hostile has the attackers of a session's tests: a stranger on the
// network, and an end of a session, of either side, that breaks the protocol.
// Only tests import it.
package hostile

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"tssh/proxy/path"
	"tssh/proxy/simnet"
	"tssh/proxy/wire"
)

// Stranger has a host of his own, sees all that a client sends to a server's
// port, and can send in anybody's name (Network().Inject).
type Stranger struct {
	Host   *simnet.Host
	socket *simnet.Socket
	server netip.AddrPort

	mu   sync.Mutex // guards what follows
	seen []simnet.Packet
	got  [][]byte // what came to his socket
	fast bool     // copies packets to the server ahead of the client's
}

// port is where he hears answers.
const port = 666

// NewStranger puts a stranger between client and server, as long as the test runs.
func NewStranger(t testing.TB, client *simnet.Host, server netip.AddrPort) *Stranger {
	t.Helper()
	s := &Stranger{Host: client.Network().Host("203.0.113.66", "2001:db8:bad::1"), server: server}
	var err error
	if s.socket, err = s.Host.Listen(port); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.socket.Close() })
	go s.hear()
	client.Tap(func(p simnet.Packet) {
		if p.To.Port() != server.Port() || p.From.Port() == port {
			return
		}
		s.mu.Lock()
		s.seen = append(s.seen, p)
		fast := s.fast
		s.mu.Unlock()
		if fast {
			p.From = s.Host.Addr(port)
			client.Network().Inject(p, time.Millisecond)
		}
	})
	return s
}

func (s *Stranger) hear() {
	b := make([]byte, 2048)
	for {
		n, _, err := s.socket.ReadDatagrams(b)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.got = append(s.got, slices.Clone(b[:n]))
		s.mu.Unlock()
	}
}

// Seen returns what the client has sent so far.
func (s *Stranger) Seen() []simnet.Packet {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// Knocks returns the knocks among it.
func (s *Stranger) Knocks() []simnet.Packet {
	return slices.DeleteFunc(s.Seen(), func(p simnet.Packet) bool { return wire.IsTransport(p.Data) })
}

// Overtake copies each packet of the client's to the server, ahead of it and from
// his own address, from now on.
func (s *Stranger) Overtake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fast = true
}

// Send sends a datagram to the server.
func (s *Stranger) Send(b []byte) {
	s.socket.WriteDatagrams(b, path.Envelope{Peer: s.server})
}

// Takings returns what came to him, in packets and bytes, and forgets it.
func (s *Stranger) Takings() (packets, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.got {
		packets, bytes = packets+1, bytes+len(b)
	}
	s.got = nil
	return packets, bytes
}
