package path

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// Host is the network of this machine.
type Host struct{}

var _ Network = Host{}

// bufferSize is asked of the kernel for each socket; it grants what it allows.
// Bursts of a fast path must fit while the process waits for a processor.
const bufferSize = 4 << 20

// ListenUDP opens a socket of both families. See Network.
func (Host) ListenUDP(port int) (Socket, error) {
	// A nil address makes the net package choose dual stack, or IPv4 alone
	// where the kernel has no IPv6.
	conn, err := net.ListenUDP("udp", &net.UDPAddr{Port: port})
	if err != nil {
		return nil, fmt.Errorf("listen on UDP port %d: %w", port, err)
	}
	conn.SetReadBuffer(bufferSize)
	conn.SetWriteBuffer(bufferSize)
	s := &socket{conn: conn, local: conn.LocalAddr().(*net.UDPAddr).AddrPort(), closed: make(chan struct{})}
	if err := s.prepare(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("listen on UDP port %d: %w", port, err)
	}
	return s, nil
}

// Source returns the address from which this machine sends to a peer now; not
// valid when it cannot.
func (Host) Source(to netip.AddrPort) netip.Addr {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to)) // sends nothing
	if err != nil {
		return netip.Addr{}
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}

// ListenTCP listens. See Network.
func (Host) ListenTCP(port int) (net.Listener, error) {
	config := net.ListenConfig{KeepAlive: -1} // knocks do that
	return config.Listen(context.Background(), "tcp", ":"+strconv.Itoa(port))
}

// DialTCP connects. See Network.
func (Host) DialTCP(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{KeepAlive: -1}
	return dialer.DialContext(ctx, "tcp", to.String())
}

// socket is a UDP socket of the kernel. What differs by system is in prepare,
// read, write and shut.
type socket struct {
	conn   *net.UDPConn
	local  netip.AddrPort
	closed chan struct{}
	once   sync.Once

	system
}

// ReadDatagrams reads. See Socket.
func (s *socket) ReadDatagrams(b []byte) (int, Envelope, error) {
	for {
		n, e, err := s.read(b)
		if err == nil {
			e.Peer = netip.AddrPortFrom(e.Peer.Addr().Unmap(), e.Peer.Port())
			e.Local = e.Local.Unmap()
			return n, e, nil
		}
		// An ICMP error of Windows, an interface that went: the socket itself
		// is well, but must not spin while the error lasts.
		select {
		case <-s.closed:
			return 0, Envelope{}, fmt.Errorf("read UDP: %w", net.ErrClosed)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// WriteDatagrams sends. See Socket.
func (s *socket) WriteDatagrams(b []byte, e Envelope) error {
	err := s.write(b, e)
	if err == nil || isTooLarge(err) {
		return nil
	}
	return err
}

// writeEach sends the segments of b one by one.
func (s *socket) writeEach(b []byte, e Envelope) (err error) {
	size := e.Segment
	e.Segment = 0
	for len(b) > 0 {
		n := min(size, len(b))
		if oneErr := s.write(b[:n], e); oneErr != nil && !isTooLarge(oneErr) {
			err = oneErr
		}
		b = b[n:]
	}
	return err
}

// Local returns the port of s. See Socket.
func (s *socket) Local() netip.AddrPort {
	return s.local
}

// Close ends reads and writes. See Socket.
func (s *socket) Close() error {
	s.once.Do(func() {
		close(s.closed)
		s.shut()
	})
	return nil
}
