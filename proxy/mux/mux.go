// Package mux carries many reliable streams over one net.PacketConn: QUIC or
// KCP. It never learns that the network changed; package proxy sees to that.
//
// # Control stream
//
// The first stream of a connection belongs to this package. The client opens
// it, and both ends write messages to it:
//
//	| 1 type | 2 length | length bytes |
//
//	'H' hello   none                   the first word of each end; the server's
//	                                   proves that it took the client's key
//	'B' bye     8, the streams that    Shutdown was called: the sender writes
//	            the sender has opened  no more
//	'A' answer  none                   all of those streams were read to their
//	                                   end; now the sender of the bye may go
//	'K' key     32, an X25519 key      (KCP) half of a renewal, see package arq
//	'L' large   none                   (QUIC) the server has use for the connection
//	                                   for bulk, which the client dials
//	'P' pad     64, of any bytes       nothing
//
// Where the handshake took no path (see Begin) it has shown of none that it carries
// datagrams of our size, both ways. So there pads that fill one stand before each
// hello, and the server says its when it has the client's.
//
// Other types are skipped. Numbers are big-endian.
//
// # Closing
//
// CONNECTION_CLOSE of QUIC throws away what was not sent yet, and is sent once,
// whether it arrives or not. So a polite end is made here: bye, which waits
// for the peer to have read everything, and an answer, after which the peer
// goes by itself if the final packet is lost.
package mux

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"tssh/proxy/wire"
)

// Conn is one authenticated connection between a tssh and its tsshd.
type Conn interface {
	// Open starts a stream. The peer learns of it with the first byte written.
	Open(ctx context.Context) (Stream, error)
	// Accept waits for a stream of the peer's.
	Accept(ctx context.Context) (Stream, error)
	// Confirmed waits for the peer's first word. A client may use its
	// connection before: until then only the server's key is proven, and
	// whether the server took ours is not yet known.
	Confirmed(ctx context.Context) error
	// Shutdown ends the connection politely: it ends what every stream has to
	// send, waits until the peer has read it all, then closes. When ctx
	// is done first it closes all the same and returns ctx's error.
	Shutdown(ctx context.Context) error
	// Close ends the connection and every stream at once, and tells the peer,
	// whose calls fail with an error that wraps io.EOF. It may be called twice.
	Close() error
	// Leaving is closed when the peer has called Shutdown: it wants nothing
	// new any more, only what is under way.
	Leaving() <-chan struct{}
	// Done is closed when the connection has ended for any reason.
	Done() <-chan struct{}
	// Err says why it ended, once Done is closed: net.ErrClosed after Close,
	// io.EOF (wrapped) when the peer closed.
	Err() error
	// Bulk returns a stream of one direction on the connection for bulk, and its
	// number, which the caller tells the peer. nil: there is none now, or the path is
	// as well filled without.
	Bulk() (Sender, uint64)
	// TakeBulk waits for the peer's stream of that number.
	TakeBulk(ctx context.Context, number uint64) (Receiver, error)
	// Returned tells that contact came back after an outage, so that what was lost is
	// sent again now and not when a timer says so, and what was measured is forgotten.
	Returned()
}

// Stream is one reliable, ordered byte stream in each direction.
// Read returns io.EOF after the peer's CloseWrite.
type Stream interface {
	io.Reader
	io.Writer
	// CloseWrite says that no more bytes follow; reading goes on.
	CloseWrite() error
	// Close gives up both directions; bytes not yet read are discarded.
	// Bytes written before Close are delivered all the same, unless a Write
	// is in progress, which then fails.
	Close() error
}

// Urgent lets what is written to s leave before what waits on other streams, as
// far as the transport can. It is for keys and what they make appear.
func Urgent(s Stream) {
	if u, ok := s.(interface{ Urgent() }); ok {
		u.Urgent()
	}
}

// Config is what both ends must agree on, over ssh.
type Config struct {
	// Identity is this end's key for QUIC.
	Identity *Identity
	// PeerPin names the only key that the other end may have.
	PeerPin [32]byte
	// Secret is shared by both ends; KCP's keys are derived from it.
	Secret [32]byte
	// IdleTimeout ends a connection that heard nothing for so long. 0 is
	// for ever: whether a silent peer is gone is for package proxy to say,
	// whose heartbeats are not seen here.
	IdleTimeout time.Duration
	// MTU is the largest datagram in bytes. 0 is what QUIC finds to pass, from 1200
	// on, or 1199 (KCP), which pass everywhere.
	MTU int
	// BulkPeer is where QUIC's connection for bulk goes (the client) or comes from (the
	// server). nil: there is none; both ends agree on that.
	BulkPeer net.Addr
	// Logf gets what may help to find a fault. nil is silent.
	Logf func(format string, args ...any)

	early bool       // the handshake takes no path, so the first words show one
	later *Beginning // knows PeerPin when it is told; nil: it is known
}

func (c Config) logf(format string, args ...any) {
	if c.Logf != nil {
		c.Logf(format, args...)
	}
}

// Dial opens a connection by transport to peer over pc,
// which stays the caller's, to be closed after the connection. It returns as
// soon as streams can be used, which is before the server is known to have
// taken our key: see Conn.Confirmed.
func Dial(ctx context.Context, transport wire.Transport, pc net.PacketConn, peer net.Addr, cfg Config) (Conn, error) {
	var (
		c   multiplexer
		err error
	)
	switch transport {
	case wire.QUIC:
		c, err = dialQUIC(ctx, pc, peer, cfg)
	case wire.KCP:
		c, err = dialKCP(pc, peer, cfg)
	default:
		return nil, fmt.Errorf("dial: unknown transport %q", transport)
	}
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", transport, err)
	}
	return newConn(c, true, cfg), nil
}

// Serve accepts one connection by transport over pc, the first that proves to
// have the key of cfg.PeerPin, and then no other but its connection for bulk. pc
// stays the caller's, to be closed after the connection.
func Serve(ctx context.Context, transport wire.Transport, pc net.PacketConn, cfg Config) (Conn, error) {
	var (
		c   multiplexer
		err error
	)
	switch transport {
	case wire.QUIC:
		c, err = serveQUIC(ctx, pc, cfg)
	case wire.KCP:
		c, err = serveKCP(ctx, pc, cfg)
	default:
		return nil, fmt.Errorf("serve: unknown transport %q", transport)
	}
	if err != nil {
		return nil, fmt.Errorf("serve %s: %w", transport, err)
	}
	return newConn(c, false, cfg), nil
}
