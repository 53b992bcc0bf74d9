//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package path

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"tssh/proxy/path/cmsg"
)

// system is what a socket knows on macOS and the BSDs: nothing. ECN and segments
// are left to the kernel.
type system struct{}

// prepare asks for the address that each datagram reached, and makes the kernel
// drop what is too large for the path, which the transport's search for the
// largest size relies on. What the kernel refuses is done without.
func (s *socket) prepare() error {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) {
		for _, o := range []struct{ level, name int }{
			{unix.IPPROTO_IP, wantReached4},
			{unix.IPPROTO_IP, dontFragment4},
			{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO},
			{unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG},
		} {
			if o.name != 0 {
				unix.SetsockoptInt(int(fd), o.level, o.name, 1)
			}
		}
	})
}

func (s *socket) read(b []byte) (int, Envelope, error) {
	var oob [256]byte
	n, oobn, _, peer, err := s.conn.ReadMsgUDPAddrPort(b, oob[:])
	if err != nil {
		return 0, Envelope{}, err
	}
	e := Envelope{Peer: peer}
	cmsg.Each(oob[:oobn], func(level, name int32, data []byte) {
		switch {
		case level == unix.IPPROTO_IP && name == reached4 && len(data) >= reachedAt+4:
			e.Local = netip.AddrFrom4([4]byte(data[reachedAt:]))
		case level == unix.IPPROTO_IPV6 && name == unix.IPV6_PKTINFO && len(data) >= 16:
			e.Local = netip.AddrFrom16([16]byte(data[:16])) // of both families, on some versions
		}
	})
	return n, e, nil
}

// write sends from the address that was reached, and where the kernel will not,
// from one of its choice: to a client without a firewall that is as good.
func (s *socket) write(b []byte, e Envelope) error {
	if e.Segment > 0 && len(b) > e.Segment {
		return s.writeEach(b, e)
	}
	var space [64]byte
	oob := appendSource(space[:0], e)
	_, _, err := s.conn.WriteMsgUDPAddrPort(b, oob, e.Peer)
	if err != nil && len(oob) > 0 && !isTooLarge(err) {
		_, _, err = s.conn.WriteMsgUDPAddrPort(b, nil, e.Peer)
	}
	return err
}

func appendSource(oob []byte, e Envelope) []byte {
	four := e.Peer.Addr().Unmap().Is4()
	var data []byte
	switch local := e.Local.Unmap(); {
	case !local.IsValid() || local.Is4() != four:
	case four:
		oob, data = cmsg.Append(oob, unix.IPPROTO_IP, source4, sourceSize)
		copy(data[sourceAt:], local.AsSlice())
	case !local.IsLinkLocalUnicast(): // that needs its interface, which the peer's zone names
		oob, data = cmsg.Append(oob, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, 20)
		copy(data, local.AsSlice())
	}
	return oob
}

func (s *socket) shut() { s.conn.Close() }

func isTooLarge(err error) bool { return errors.Is(err, unix.EMSGSIZE) }
