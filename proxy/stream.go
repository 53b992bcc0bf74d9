package proxy

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"tssh/proxy/wire"
)

const (
	streamQueue  = 256 << 10 // bytes that wait for a stream; more are dropped, as a router would
	streamBuffer = 4 << 10
)

// queueKept: a queue above this many bytes is given back once it is empty.
const queueKept = 16 << 10

// stream carries datagrams over an ordered byte stream.
type stream struct {
	rwc    io.ReadWriteCloser
	reader *bufio.Reader
	wake   chan struct{} // token: something to write
	done   chan struct{}
	once   sync.Once

	// For streams of a Server, whose lock guards used.
	relayed bool      // it came through ssh
	used    time.Time // when the client was heard on it, or could be

	mu     sync.Mutex // guards what follows
	urgent []byte     // knocks, which must not wait behind what is queued
	queue  []byte
}

// newStream returns a stream over rwc. The caller runs its write.
func newStream(rwc io.ReadWriteCloser) *stream {
	return &stream{
		rwc: rwc, reader: bufio.NewReaderSize(rwc, streamBuffer),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
}

// put queues datagrams of segment bytes.
func (s *stream) put(b []byte, segment int) {
	s.mu.Lock()
	for len(b) > 0 && len(s.queue) < streamQueue {
		n := len(b)
		if segment > 0 {
			n = min(n, segment)
		}
		s.queue, _ = wire.AppendFrame(s.queue, b[:n])
		b = b[n:]
	}
	s.mu.Unlock()
	token(s.wake)
}

// putFirst queues a knock or an ack, before it whatever raw bytes.
func (s *stream) putFirst(raw, packet []byte) {
	s.mu.Lock()
	if len(s.urgent) < streamQueue {
		s.urgent = append(s.urgent, raw...)
		s.urgent, _ = wire.AppendFrame(s.urgent, packet)
	}
	s.mu.Unlock()
	token(s.wake)
}

// write writes what is queued until the stream ends.
func (s *stream) write() {
	var b []byte
	for {
		select {
		case <-s.wake:
		case <-s.done:
			return
		}
		s.mu.Lock()
		b = append(b[:0], s.urgent...)
		s.urgent = s.urgent[:0]
		b = append(b, s.queue...)
		s.queue = s.queue[:0]
		if cap(s.queue) > queueKept {
			s.queue = nil
		}
		s.mu.Unlock()
		if len(b) == 0 {
			continue
		}
		if _, err := s.rwc.Write(b); err != nil {
			s.close()
			return
		}
		if cap(b) > queueKept {
			b = nil
		}
	}
}

// local returns the address of this end, if the stream has one.
func (s *stream) local() netip.AddrPort { return addrOf(s.rwc, net.Conn.LocalAddr) }

func addrOf(rwc io.ReadWriteCloser, which func(net.Conn) net.Addr) netip.AddrPort {
	if c, ok := rwc.(net.Conn); ok {
		if a, ok := which(c).(*net.TCPAddr); ok {
			a := a.AddrPort()
			return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		}
	}
	return netip.AddrPort{}
}

func (s *stream) close() {
	s.once.Do(func() {
		close(s.done)
		s.rwc.Close()
	})
}

// split calls transport with each run of the transport's datagrams in b, which
// are of segment bytes, and packet with each of the path layer's.
func split(b []byte, segment int, transport func(b []byte, segment int), packet func(b []byte)) {
	if segment <= 0 {
		segment = len(b)
	}
	start := 0
	for at := 0; at < len(b); at += segment {
		one := b[at:min(at+segment, len(b))]
		if wire.IsTransport(one) {
			continue
		}
		if at > start {
			transport(b[start:at], segment)
		}
		start = at + len(one)
		packet(one)
	}
	if start < len(b) {
		transport(b[start:], segment)
	}
}
