// Package memconn is what a transport sees of a proxy: a net.PacketConn in memory, as
// like a UDP socket as quic-go and kcp-go look for, with one peer that never moves. It
// has two addresses, so that a second connection, for bulk, can be told from the first
// by who carries both.
package memconn

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"

	"tssh/proxy/cores"
	"tssh/proxy/wire"
)

// Conn is the end that the transport sees: a net.PacketConn, and what quic-go
// asks for to send trains of datagrams in one piece (OOBCapablePacketConn and
// ReadBatch). kcp-go must be shown the net.PacketConn alone: it would look for
// a socket behind SyscallConn.
type Conn struct {
	in     inbox
	prefix bool // put FixedBit before each datagram: the transport is not QUIC
	peers  atomic.Pointer[peers]

	frames sync.Pool // of *[wire.MaxDatagram + 1]byte

	send   atomic.Pointer[Send]
	mended atomic.Pointer[func() bool]
}

// Send carries datagrams, as a path.Envelope describes them, and does not keep them.
// bulk are those to the address for bulk. Nothing that happens to them is an error: one
// error would end the transport.
type Send func(b []byte, segment int, ecn byte, bulk bool)

// Feed is the other end, the proxy's.
type Feed struct{ c *Conn }

// New returns both ends. The transport is shown the peer of a generation; what it
// writes goes to send.
func New(transport wire.Transport, generation uint32, send Send) (*Conn, Feed) {
	c := &Conn{prefix: transport != wire.QUIC}
	c.send.Store(&send)
	c.peers.Store(fakePeers(generation))
	c.in.open()
	return c, Feed{c}
}

// Redirect makes what the transport writes from now on go to send.
func (f Feed) Redirect(send Send) { f.c.send.Store(&send) }

// Mend makes Mended ask mended.
func (f Feed) Mend(mended func() bool) { f.c.mended.Store(&mended) }

// Show makes the transport see another peer.
func (f Feed) Show(generation uint32) { f.c.peers.Store(fakePeers(generation)) }

// Close ends every call of the transport's. It may be called twice.
func (f Feed) Close() { f.c.in.close() }

// Closed reports whether Close was called.
func (f Feed) Closed() bool { return f.c.in.isClosed() }

// peers are the addresses that the transport is shown, of those kept for
// documentation, so that they can never be real ones.
type peers struct{ usual, bulk net.UDPAddr }

func fakePeers(generation uint32) *peers {
	port := 1 + int(generation%65535)
	return &peers{
		net.UDPAddr{IP: net.IPv4(192, 0, 2, 1).To4(), Port: port},
		net.UDPAddr{IP: net.IPv4(192, 0, 2, bulkHost).To4(), Port: port},
	}
}

const bulkHost = 2

// IsBulk reports whether a is the peer's address for bulk.
func IsBulk(a net.Addr) bool {
	u, ok := a.(*net.UDPAddr)
	return ok && len(u.IP) == net.IPv4len && u.IP[3] == bulkHost
}

func (p *peers) of(bulk bool) *net.UDPAddr {
	if bulk {
		return &p.bulk
	}
	return &p.usual
}

// Deliver hands b, datagrams of segment bytes each, to the transport, as from the
// address for bulk, if bulk.
func (f Feed) Deliver(b []byte, segment int, ecn byte, bulk bool) {
	f.Queue(b, segment, ecn, bulk)
	f.Wake()
}

// Queue is Deliver that leaves it to Wake to tell the transport.
func (f Feed) Queue(b []byte, segment int, ecn byte, bulk bool) {
	skip := 0
	if f.c.prefix {
		skip = 1 // of each: who sends these makes no train, but kernels join what comes at once
	}
	cores.Carried(len(b))
	f.c.in.put(b, segment, skip, ecn, bulk)
}

// Wake tells the transport of what was queued.
func (f Feed) Wake() { f.c.in.tell() }

// ReadBatch reads as many datagrams as are there, at most len(ms).
func (f *Conn) ReadBatch(ms []ipv4.Message, _ int) (int, error) {
	peers := f.peers.Load()
	return f.in.take(len(ms), func(i int, b []byte, of mark) {
		m := &ms[i]
		m.N = copy(m.Buffers[0], b)
		m.NN = putECN(m.OOB, of.ecn)
		m.Addr = peers.of(of.bulk)
	})
}

// ReadFrom reads one datagram.
func (f *Conn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, _, _, peer, err := f.ReadMsgUDP(p, nil)
	return n, peer, err
}

// ReadMsgUDP reads one datagram with its ECN bits.
func (f *Conn) ReadMsgUDP(p, oob []byte) (n, oobn, flags int, from *net.UDPAddr, err error) {
	bulk := false
	_, err = f.in.take(1, func(_ int, b []byte, of mark) { n, oobn, bulk = copy(p, b), putECN(oob, of.ecn), of.bulk })
	return n, oobn, 0, f.peers.Load().of(bulk), err
}

// WriteMsgUDP sends a train of datagrams, cut as oob says, to the peer. It
// fails only when f is closed.
func (f *Conn) WriteMsgUDP(p, oob []byte, to *net.UDPAddr) (n, oobn int, err error) {
	segment, ecn := parseOOB(oob)
	if err := f.write(p, segment, ecn, to != nil && IsBulk(to)); err != nil {
		return 0, 0, err
	}
	return len(p), len(oob), nil
}

// WriteTo sends one datagram to the peer, whatever address is named. It fails
// only when f is closed.
func (f *Conn) WriteTo(p []byte, to net.Addr) (int, error) {
	if err := f.write(p, 0, 0, IsBulk(to)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *Conn) write(p []byte, segment int, ecn byte, bulk bool) error {
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
	cores.Carried(len(p))
	(*f.send.Load())(p, segment, ecn, bulk)
	return nil
}

// Peer returns the address that the transport shall talk to.
func (f *Conn) Peer() net.Addr { return f.peers.Load().of(false) }

// BulkPeer returns the address that a connection for bulk shall talk to.
func (f *Conn) BulkPeer() net.Addr { return f.peers.Load().of(true) }

// Mended reports whether what the connection for bulk loses is sent again below it, on the
// path in use.
func (f *Conn) Mended() bool {
	mended := f.mended.Load()
	return mended != nil && (*mended)()
}

// LocalAddr returns a made-up address of the kind that quic-go takes for a UDP
// socket, which it must do to look for a larger packet size.
func (f *Conn) LocalAddr() net.Addr { return fakePeers(0).of(false) }

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
