// Package memconn is what a transport sees of a proxy: a net.PacketConn in memory, as
// like a UDP socket as quic-go and kcp-go look for, with one peer that never moves.
package memconn

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"

	"tssh/proxy/wire"
)

// Conn is the end that the transport sees: a net.PacketConn, and what quic-go
// asks for to send trains of datagrams in one piece (OOBCapablePacketConn and
// ReadBatch). kcp-go must be shown the net.PacketConn alone: it would look for
// a socket behind SyscallConn.
type Conn struct {
	in     inbox
	prefix bool // put FixedBit before each datagram: the transport is not QUIC
	peer   atomic.Pointer[net.UDPAddr]

	frames sync.Pool // of *[wire.MaxDatagram + 1]byte

	// send carries datagrams, as a path.Envelope describes them, and does not keep
	// them. Nothing that happens to them is an error: one error would end the transport.
	send func(b []byte, segment int, ecn byte)
}

// Feed is the other end, the proxy's.
type Feed struct{ c *Conn }

// New returns both ends. The transport is shown the peer of a generation; what it
// writes goes to send.
func New(transport wire.Transport, generation uint32, send func(b []byte, segment int, ecn byte)) (*Conn, Feed) {
	c := &Conn{prefix: transport != wire.QUIC, send: send}
	c.peer.Store(fakePeer(generation))
	c.in.open()
	return c, Feed{c}
}

// Show makes the transport see another peer.
func (f Feed) Show(generation uint32) { f.c.peer.Store(fakePeer(generation)) }

// Close ends every call of the transport's. It may be called twice.
func (f Feed) Close() { f.c.in.close() }

// Closed reports whether Close was called.
func (f Feed) Closed() bool { return f.c.in.isClosed() }

// fakePeer is the address that the transport is shown: one of those kept for
// documentation, so that it can never be a real one.
func fakePeer(generation uint32) *net.UDPAddr {
	return &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1).To4(), Port: 1 + int(generation%65535)}
}

// Deliver hands b, datagrams of segment bytes each, to the transport.
func (f Feed) Deliver(b []byte, segment int, ecn byte) {
	f.Queue(b, segment, ecn)
	f.Wake()
}

// Queue is Deliver that leaves it to Wake to tell the transport.
func (f Feed) Queue(b []byte, segment int, ecn byte) {
	skip := 0
	if f.c.prefix {
		skip = 1 // of each: who sends these makes no train, but kernels join what comes at once
	}
	f.c.in.put(b, segment, skip, ecn)
}

// Wake tells the transport of what was queued.
func (f Feed) Wake() { f.c.in.tell() }

// ReadBatch reads as many datagrams as are there, at most len(ms).
func (f *Conn) ReadBatch(ms []ipv4.Message, _ int) (int, error) {
	peer := f.peer.Load()
	return f.in.take(len(ms), func(i int, b []byte, ecn byte) {
		m := &ms[i]
		m.N = copy(m.Buffers[0], b)
		m.NN = putECN(m.OOB, ecn)
		m.Addr = peer
	})
}

// ReadFrom reads one datagram.
func (f *Conn) ReadFrom(p []byte) (n int, from net.Addr, err error) {
	_, err = f.in.take(1, func(_ int, b []byte, _ byte) { n = copy(p, b) })
	return n, f.peer.Load(), err
}

// ReadMsgUDP reads one datagram with its ECN bits.
func (f *Conn) ReadMsgUDP(p, oob []byte) (n, oobn, flags int, from *net.UDPAddr, err error) {
	_, err = f.in.take(1, func(_ int, b []byte, ecn byte) { n, oobn = copy(p, b), putECN(oob, ecn) })
	return n, oobn, 0, f.peer.Load(), err
}

// WriteMsgUDP sends a train of datagrams, cut as oob says, to the peer. It
// fails only when f is closed.
func (f *Conn) WriteMsgUDP(p, oob []byte, _ *net.UDPAddr) (n, oobn int, err error) {
	segment, ecn := parseOOB(oob)
	if err := f.write(p, segment, ecn); err != nil {
		return 0, 0, err
	}
	return len(p), len(oob), nil
}

// WriteTo sends one datagram to the peer, whatever address is named. It fails
// only when f is closed.
func (f *Conn) WriteTo(p []byte, _ net.Addr) (int, error) {
	if err := f.write(p, 0, 0); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *Conn) write(p []byte, segment int, ecn byte) error {
	if f.in.isClosed() {
		return net.ErrClosed
	}
	switch {
	case len(p) == 0 || segment == 0 && len(p) > wire.MaxDatagram:
		return nil // nobody could carry it
	case f.prefix:
		framed, _ := f.frames.Get().(*[wire.MaxDatagram + 1]byte)
		if framed == nil {
			framed = new([wire.MaxDatagram + 1]byte)
		}
		defer f.frames.Put(framed)
		p = append(append(framed[:0], wire.FixedBit), p...)
	}
	if segment >= len(p) {
		segment = 0
	}
	f.send(p, segment, ecn)
	return nil
}

// Peer returns the address that the transport shall talk to.
func (f *Conn) Peer() net.Addr { return f.peer.Load() }

// LocalAddr returns a made-up address of the kind that quic-go takes for a UDP
// socket, which it must do to look for a larger packet size.
func (f *Conn) LocalAddr() net.Addr { return fakePeer(0) }

// SetDeadline sets the read deadline: writes wait for nothing but a proxy's own queue.
func (f *Conn) SetDeadline(t time.Time) error { return f.SetReadDeadline(t) }

// SetReadDeadline makes reads end at t.
func (f *Conn) SetReadDeadline(t time.Time) error { f.in.setDeadline(t); return nil }

// SetWriteDeadline does nothing: see SetDeadline.
func (f *Conn) SetWriteDeadline(time.Time) error { return nil }

// SetReadBuffer does nothing: package path asked for what can be had.
func (f *Conn) SetReadBuffer(int) error { return nil }

// SetWriteBuffer does nothing: package path asked for what can be had.
func (f *Conn) SetWriteBuffer(int) error { return nil }

// SyscallConn returns a RawConn whose Control does nothing and succeeds: package
// path set the options that quic-go would, on sockets that come and go.
func (f *Conn) SyscallConn() (syscall.RawConn, error) { return noDescriptor{}, nil }

type noDescriptor struct{}

func (noDescriptor) Control(func(uintptr)) error    { return nil }
func (noDescriptor) Read(func(uintptr) bool) error  { return errors.ErrUnsupported }
func (noDescriptor) Write(func(uintptr) bool) error { return errors.ErrUnsupported }
