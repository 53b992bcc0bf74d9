package simnet

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"tssh/proxy/path"
)

// socketQueue is how many datagrams wait for a reader, as in a kernel.
const socketQueue = 1024

// Socket is a UDP socket of a Host. It is a path.Socket and a net.PacketConn.
type Socket struct {
	host  *Host
	local netip.AddrPort
	in    chan arrival

	closing sync.Once
	closed  chan struct{}

	deadline deadline
}

type arrival struct {
	Packet
	ecn byte
}

var (
	_ path.Socket    = (*Socket)(nil)
	_ net.PacketConn = (*Socket)(nil)
)

// ListenUDP opens a socket. See path.Network.
func (h *Host) ListenUDP(port int) (path.Socket, error) { return h.Listen(port) }

// Listen opens a UDP socket on all addresses of h.
func (h *Host) Listen(port int) (*Socket, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	p, err := h.portLocked(port, func(p uint16) bool { return h.udp[p] != nil })
	if err != nil {
		return nil, err
	}
	s := &Socket{
		host: h, local: netip.AddrPortFrom(netip.IPv6Unspecified(), p),
		in: make(chan arrival, socketQueue), closed: make(chan struct{}),
		deadline: deadline{changed: make(chan struct{})},
	}
	h.udp[p] = s
	return s, nil
}

func (s *Socket) arriveLocked(p Packet, ecn byte) {
	select {
	case s.in <- arrival{p, ecn}:
	default: // as a kernel does
	}
}

// ReadDatagrams reads one datagram. See path.Socket.
func (s *Socket) ReadDatagrams(b []byte) (int, path.Envelope, error) {
	for {
		expired, changed := s.deadline.wait()
		select {
		case <-s.closed:
			return 0, path.Envelope{}, fmt.Errorf("read: %w", net.ErrClosed)
		case <-expired:
			return 0, path.Envelope{}, fmt.Errorf("read: %w", os.ErrDeadlineExceeded)
		case <-changed:
		case p := <-s.in:
			n := copy(b, p.Data)
			return n, path.Envelope{Peer: p.From, Local: p.To.Addr(), ECN: p.ecn}, nil
		}
	}
}

// WriteDatagrams sends b. See path.Socket.
func (s *Socket) WriteDatagrams(b []byte, e path.Envelope) error {
	select {
	case <-s.closed:
		return fmt.Errorf("write: %w", net.ErrClosed)
	default:
	}
	s.host.net.mu.Lock()
	from, err := s.host.sourceLocked(e.Peer.Addr())
	if e.Local.IsValid() && s.host.hasLocked(e.Local) {
		from = e.Local
	}
	s.host.net.mu.Unlock()
	if err != nil {
		return err
	}
	for len(b) > 0 {
		n := len(b)
		if e.Segment > 0 {
			n = min(n, e.Segment)
		}
		p := Packet{From: netip.AddrPortFrom(from, s.local.Port()), To: e.Peer, Data: bytes.Clone(b[:n])}
		s.host.net.send(s.host, p, e.ECN)
		b = b[n:]
	}
	return nil
}

// Local returns the port of s. See path.Socket.
func (s *Socket) Local() netip.AddrPort { return s.local }

// Close frees the port.
func (s *Socket) Close() error {
	s.closing.Do(func() {
		close(s.closed)
		s.host.net.mu.Lock()
		defer s.host.net.mu.Unlock()
		delete(s.host.udp, s.local.Port())
	})
	return nil
}

// ReadFrom reads one datagram.
func (s *Socket) ReadFrom(b []byte) (int, net.Addr, error) {
	n, e, err := s.ReadDatagrams(b)
	return n, net.UDPAddrFromAddrPort(e.Peer), err
}

// WriteTo sends one datagram.
func (s *Socket) WriteTo(b []byte, to net.Addr) (int, error) {
	return len(b), s.WriteDatagrams(b, path.Envelope{Peer: to.(*net.UDPAddr).AddrPort()})
}

// LocalAddr returns the first address of the host with the port of s.
func (s *Socket) LocalAddr() net.Addr {
	return net.UDPAddrFromAddrPort(s.host.Addr(int(s.local.Port())))
}

// SetDeadline sets the read deadline: writes never wait.
func (s *Socket) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

// SetReadDeadline ends reads at t.
func (s *Socket) SetReadDeadline(t time.Time) error { s.deadline.set(t); return nil }

// SetWriteDeadline does nothing: writes never wait.
func (s *Socket) SetWriteDeadline(time.Time) error { return nil }

// deadline lets a read end at a time that may change while it waits.
type deadline struct {
	mu      sync.Mutex // guards what follows
	at      time.Time
	changed chan struct{}
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = t
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *deadline) wait() (expired <-chan time.Time, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at.IsZero() {
		return nil, d.changed
	}
	return time.After(time.Until(d.at)), d.changed
}
