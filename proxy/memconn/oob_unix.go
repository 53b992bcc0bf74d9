//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package memconn

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"tssh/proxy/path/cmsg"
)

// putECN writes ecn into oob as the control message of IPv6, which quic-go
// understands whatever the family, and returns its size.
func putECN(oob []byte, ecn byte) int {
	if ecn == 0 || len(oob) < unix.CmsgSpace(4) {
		return 0
	}
	all, data := cmsg.Append(oob[:0], unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 4)
	binary.NativeEndian.PutUint32(data, uint32(ecn))
	return len(all)
}

// parseOOB reads the control messages with which quic-go sends: the size of the
// segments and the ECN bits.
func parseOOB(oob []byte) (segment int, ecn byte) {
	cmsg.Each(oob, func(level, name int32, data []byte) {
		switch {
		case isSegment(level, name) && len(data) >= 2:
			segment = int(binary.NativeEndian.Uint16(data))
		case level == unix.IPPROTO_IP && name == unix.IP_TOS && len(data) >= 1:
			ecn = data[0] & 3
		case level == unix.IPPROTO_IPV6 && name == unix.IPV6_TCLASS && len(data) >= 4:
			ecn = byte(binary.NativeEndian.Uint32(data)) & 3
		}
	})
	return segment, ecn
}
