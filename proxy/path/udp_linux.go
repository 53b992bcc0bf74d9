package path

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"tssh/proxy/path/cmsg"
)

// system is what a socket knows on Linux.
type system struct {
	whole atomic.Bool // the device cannot cut segments, so they are sent one by one
	*gate
	batch    // the reader's
	outgoing // the writers'
	zones
}

// prepare asks for what arrives beside each datagram, forbids fragments, and
// lets the kernel join the datagrams of a sender (GRO): with GSO on the other
// side a train of packets costs two system calls. What an old kernel, or one of
// the families, refuses is done without.
func (s *socket) prepare() error {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return err
	}
	err = raw.Control(func(fd uintptr) {
		for _, o := range []struct{ level, name, value int }{
			{unix.IPPROTO_IP, unix.IP_RECVTOS, 1},
			{unix.IPPROTO_IP, unix.IP_PKTINFO, 1},
			{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE},
			{unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, 1},
			{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
			{unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE},
			{unix.IPPROTO_UDP, unix.UDP_GRO, 1},
		} {
			unix.SetsockoptInt(int(fd), o.level, o.name, o.value)
		}
		domain, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
		s.four = err == nil && domain == unix.AF_INET
	})
	if err != nil {
		return err
	}
	s.take, s.put = s.takeFrom, s.putInto
	s.gate, err = newGate(s.conn)
	return err
}

// read returns what one call of the kernel's gave, one datagram or train after the
// other.
func (s *socket) read(b []byte) (int, Envelope, error) {
	if s.next == s.here {
		if err := s.fill(); err != nil {
			return 0, Envelope{}, err
		}
	}
	m, r := &s.messages[s.next], s.rooms[s.next]
	s.next++
	n := copy(b, r.bytes[:m.size])
	peer, zone := peerOf(&r.peer, m.Namelen)
	if zone != 0 {
		peer = netip.AddrPortFrom(peer.Addr().WithZone(s.name(zone)), peer.Port())
	}
	e := Envelope{Peer: peer, More: s.next < s.here}
	cmsg.Each(r.oob[:min(m.Controllen, oobSize)], func(level, name int32, data []byte) {
		switch {
		case level == unix.IPPROTO_IP && name == unix.IP_TOS && len(data) >= 1:
			e.ECN = data[0] & 3
		case level == unix.IPPROTO_IPV6 && name == unix.IPV6_TCLASS && len(data) >= 4:
			e.ECN = byte(binary.NativeEndian.Uint32(data)) & 3
		case level == unix.IPPROTO_IP && name == unix.IP_PKTINFO && len(data) >= 12:
			e.Local = netip.AddrFrom4([4]byte(data[8:12]))
		case level == unix.IPPROTO_IPV6 && name == unix.IPV6_PKTINFO && len(data) >= 16:
			e.Local = netip.AddrFrom16([16]byte(data[:16]))
		case level == unix.IPPROTO_UDP && name == unix.UDP_GRO && len(data) >= 4:
			if size := int(binary.NativeEndian.Uint32(data)); size > 0 && size < n {
				e.Segment = size
			}
		}
	})
	return n, e, nil
}

func (s *socket) write(b []byte, e Envelope) error {
	several := e.Segment > 0 && len(b) > e.Segment
	if several && s.whole.Load() {
		return s.writeEach(b, e)
	}
	err := s.send(b, e, several)
	if err == nil || !several {
		return err
	}
	if errors.Is(err, unix.EIO) {
		s.whole.Store(true) // no checksums in the device, so no GSO
	}
	return s.writeEach(b, e)
}

func appendEnvelope(oob []byte, e Envelope, several bool) []byte {
	four := e.Peer.Addr().Unmap().Is4()
	var data []byte
	if several {
		oob, data = cmsg.Append(oob, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 2)
		binary.NativeEndian.PutUint16(data, uint16(e.Segment))
	}
	if e.ECN != 0 {
		if four {
			oob, data = cmsg.Append(oob, unix.IPPROTO_IP, unix.IP_TOS, 4)
		} else {
			oob, data = cmsg.Append(oob, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 4)
		}
		binary.NativeEndian.PutUint32(data, uint32(e.ECN))
	}
	switch local := e.Local.Unmap(); {
	case !local.IsValid() || local.Is4() != four:
	case four: // interface 0, source, unused
		oob, data = cmsg.Append(oob, unix.IPPROTO_IP, unix.IP_PKTINFO, 12)
		copy(data[4:8], local.AsSlice())
	case !local.IsLinkLocalUnicast(): // that needs its interface, which the peer's zone names
		oob, data = cmsg.Append(oob, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, 20)
		copy(data, local.AsSlice())
	}
	return oob
}

func isTooLarge(err error) bool { return errors.Is(err, unix.EMSGSIZE) }
