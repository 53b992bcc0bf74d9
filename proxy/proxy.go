// Package proxy keeps a transport's datagrams going between a client that moves
// and its server, over whatever path works now. Each end is a net.PacketConn
// in memory, handed to QUIC or KCP, which never learns that the network changed:
// it sees one peer at one address.
//
// Only the client moves. It says where it is by knocks (package wire), and which
// path it uses is decided by package roam; the server believes a knock as far as
// package admit allows. Both are state machines without clock, socket or goroutine.
package proxy

import (
	"net/netip"
	"time"

	"tssh/proxy/wire"
)

// DefaultAlive is how long a silent peer is waited for when nobody says.
const DefaultAlive = 24 * time.Hour

// maxServers addresses are knocked at when contact is lost.
const maxServers = 6

// State is what one end knows about the way to the other.
type State struct {
	Online   bool           // the last knock was answered, or is not overdue
	Kind     string         // "UDP", "TCP", "SSH", or "none" before first contact
	Local    netip.AddrPort // this end's address, as far as it is known
	Remote   netip.AddrPort // the other's; not valid for a channel of ssh
	RTT      time.Duration  // smoothed; 0 when unknown
	Loss     float64        // share of knocks lost lately, 0 to 1
	Sent     uint64         // bytes of the transport, and with them
	Received uint64         // what was sent twice
	Heard    time.Time      // when the other end was heard last
	Since    time.Time      // when this path was taken
	Lost     time.Time      // since when nothing is heard that should have been; zero when online
	Trying   string         // what is tried now, in words; empty when online
}

// place is where the client is, as the server sees it: a pair of addresses, or
// a stream.
type place struct {
	stream *stream
	peer   netip.AddrPort
	local  netip.Addr
}

// kind returns what the place looks like from here.
func (p place) kind(told wire.Kind) wire.Kind {
	if p.stream == nil {
		return wire.UDP
	}
	return told
}

// is reports whether a place is x's.
func (x *stream) is(p place) bool { return p.stream == x }

// token leaves a token in c unless there is one.
func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
