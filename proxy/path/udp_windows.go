package path

import (
	"errors"

	"golang.org/x/sys/windows"
)

const ipDontFragment = 14 // of both families in ws2ipdef.h

// system is what a socket knows on Windows: nothing. ECN, segments and the
// address reached are left to the kernel.
type system struct{}

// prepare makes the system drop what is too large for the path, which the
// transport's search for the largest size relies on.
func (s *socket) prepare() error {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) {
		windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_IP, ipDontFragment, 1)
		windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_IPV6, ipDontFragment, 1)
	})
}

func (s *socket) read(b []byte) (int, Envelope, error) {
	n, peer, err := s.conn.ReadFromUDPAddrPort(b)
	return n, Envelope{Peer: peer}, err
}

func (s *socket) write(b []byte, e Envelope) error {
	if e.Segment > 0 && len(b) > e.Segment {
		return s.writeEach(b, e)
	}
	_, err := s.conn.WriteToUDPAddrPort(b, e.Peer)
	return err
}

func (s *socket) shut() { s.conn.Close() }

func isTooLarge(err error) bool { return errors.Is(err, windows.WSAEMSGSIZE) }
