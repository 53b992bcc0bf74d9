// Package path carries datagrams over one path: a UDP socket, a TCP stream, or
// a channel of another session. It may lose, repeat and reorder them, and die
// without a word: whether a path is dead is for package proxy to decide.
package path

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Envelope is what stands around a datagram.
type Envelope struct {
	Peer netip.AddrPort // who sent it, or shall get it
	// Local is the address of this host that it reached, or shall leave from;
	// not valid: unknown, or the system's choice.
	Local netip.Addr
	ECN   byte // the two ECN bits of the IP header
	// Segment tells that the bytes are several datagrams of that many bytes, the
	// last of which may be shorter; 0: they are one.
	Segment int
	// More tells of what was read that the next read returns at once, since it came
	// in the same call of the kernel's.
	More bool
}

// Socket is a UDP socket on all addresses of a host, of both families.
type Socket interface {
	// ReadDatagrams reads one datagram into b, or several of one sender. It
	// fails only when no later call could do better.
	ReadDatagrams(b []byte) (int, Envelope, error)
	// WriteDatagrams sends b. Datagrams larger than the path takes vanish
	// without an error: the transport probes for that size.
	WriteDatagrams(b []byte, e Envelope) error
	// Local returns the port, and the address when there is only one.
	Local() netip.AddrPort
	// Close ends all calls with an error that wraps net.ErrClosed.
	Close() error
}

// Gatherer is a Socket that can read a flow of datagrams once in d, some milliseconds,
// and not each as it comes. That saves most of what a flow costs, here and, by fewer
// acknowledgements, where it comes from; it costs that time, so it is for paths
// that are long beside it.
type Gatherer interface {
	Gather(d time.Duration) // 0: as they come
}

// Network is where sockets come from: Host, or a host of simnet.
type Network interface {
	// ListenUDP opens a socket on a port of all addresses; 0: any free port.
	ListenUDP(port int) (Socket, error)
	// ListenTCP listens on a port of all addresses.
	ListenTCP(port int) (net.Listener, error)
	// DialTCP connects to a server's TCP port.
	DialTCP(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	// Watch tells by a token, until ctx ends, that addresses or routes of this
	// host may have changed, or that it has slept. Tokens are merged when nobody takes them.
	Watch(ctx context.Context) <-chan struct{}
}
