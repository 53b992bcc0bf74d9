//go:build !linux

package path

import (
	"errors"
)

// system is what a socket knows elsewhere: nothing. ECN, segments and the
// address reached are left to the kernel.
type system struct{}

func (s *socket) prepare() error {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(forbidFragments)
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

func isTooLarge(err error) bool { return errors.Is(err, errTooLarge) }
