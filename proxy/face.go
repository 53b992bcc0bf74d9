package proxy

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"

	"tssh/proxy/wire"
)

// face is the end that the transport sees: a net.PacketConn, and what quic-go
// asks for to send trains of datagrams in one piece (OOBCapablePacketConn and
// ReadBatch). kcp-go must be shown the net.PacketConn alone: it would look for
// a socket behind SyscallConn.
type face struct {
	in     inbox
	prefix bool // put FixedBit before each datagram: the transport is not QUIC
	peer   atomic.Pointer[net.UDPAddr]

	// send carries datagrams, as a path.Envelope describes them. Nothing that
	// happens to them is an error: one error would end the transport.
	send func(b []byte, segment int, ecn byte)
}

func (f *face) open(transport wire.Transport, generation uint32, send func([]byte, int, byte)) {
	f.prefix = transport != wire.QUIC
	f.send = send
	f.peer.Store(fakePeer(generation))
	f.in.open()
}

// deliver hands b, datagrams of segment bytes each, to the transport.
func (f *face) deliver(b []byte, segment int, ecn byte) {
	skip := 0
	if f.prefix {
		skip = 1 // of each: who sends these makes no train, but kernels join what comes at once
	}
	f.in.put(b, segment, skip, ecn)
}

// ReadBatch reads as many datagrams as are there, at most len(ms).
func (f *face) ReadBatch(ms []ipv4.Message, _ int) (int, error) {
	peer := f.peer.Load()
	return f.in.take(len(ms), func(i int, b []byte, ecn byte) {
		m := &ms[i]
		m.N = copy(m.Buffers[0], b)
		m.NN = putECN(m.OOB, ecn)
		m.Addr = peer
	})
}

// ReadFrom reads one datagram.
func (f *face) ReadFrom(p []byte) (n int, from net.Addr, err error) {
	_, err = f.in.take(1, func(_ int, b []byte, _ byte) { n = copy(p, b) })
	return n, f.peer.Load(), err
}

// ReadMsgUDP reads one datagram with its ECN bits.
func (f *face) ReadMsgUDP(p, oob []byte) (n, oobn, flags int, from *net.UDPAddr, err error) {
	_, err = f.in.take(1, func(_ int, b []byte, ecn byte) { n, oobn = copy(p, b), putECN(oob, ecn) })
	return n, oobn, 0, f.peer.Load(), err
}

// WriteMsgUDP sends a train of datagrams, cut as oob says, to the peer. It
// fails only when f is closed.
func (f *face) WriteMsgUDP(p, oob []byte, _ *net.UDPAddr) (n, oobn int, err error) {
	segment, ecn := parseOOB(oob)
	if err := f.write(p, segment, ecn); err != nil {
		return 0, 0, err
	}
	return len(p), len(oob), nil
}

// WriteTo sends one datagram to the peer, whatever address is named. It fails
// only when f is closed.
func (f *face) WriteTo(p []byte, _ net.Addr) (int, error) {
	if err := f.write(p, 0, 0); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *face) write(p []byte, segment int, ecn byte) error {
	if f.in.isClosed() {
		return net.ErrClosed
	}
	switch {
	case len(p) == 0 || segment == 0 && len(p) > wire.MaxDatagram:
		return nil // nobody could carry it
	case f.prefix:
		framed := make([]byte, 0, 1+len(p))
		p = append(append(framed, wire.FixedBit), p...)
	}
	if segment >= len(p) {
		segment = 0
	}
	f.send(p, segment, ecn)
	return nil
}

// Peer returns the address that the transport shall talk to.
func (f *face) Peer() net.Addr { return f.peer.Load() }

// LocalAddr returns a made-up address of the kind that quic-go takes for a UDP
// socket, which it must do to look for a larger packet size.
func (f *face) LocalAddr() net.Addr { return fakePeer(0) }

// SetDeadline sets the read deadline: writes never wait.
func (f *face) SetDeadline(t time.Time) error { return f.SetReadDeadline(t) }

// SetReadDeadline makes reads end at t.
func (f *face) SetReadDeadline(t time.Time) error { f.in.setDeadline(t); return nil }

// SetWriteDeadline does nothing: writes never wait.
func (f *face) SetWriteDeadline(time.Time) error { return nil }

// SetReadBuffer does nothing: package path asked for what can be had.
func (f *face) SetReadBuffer(int) error { return nil }

// SetWriteBuffer does nothing: package path asked for what can be had.
func (f *face) SetWriteBuffer(int) error { return nil }

// SyscallConn returns a RawConn whose Control does nothing and succeeds: package
// path set the options that quic-go would, on sockets that come and go.
func (f *face) SyscallConn() (syscall.RawConn, error) { return noDescriptor{}, nil }

type noDescriptor struct{}

func (noDescriptor) Control(func(uintptr)) error    { return nil }
func (noDescriptor) Read(func(uintptr) bool) error  { return errors.ErrUnsupported }
func (noDescriptor) Write(func(uintptr) bool) error { return errors.ErrUnsupported }
