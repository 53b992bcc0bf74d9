//go:build linux || darwin || freebsd

package proxy

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// putECN writes ecn into oob as the control message of IPv6, which quic-go
// understands whatever the family, and returns its size.
func putECN(oob []byte, ecn byte) int {
	size := unix.CmsgSpace(4)
	if ecn == 0 || len(oob) < size {
		return 0
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
	h.Level, h.Type = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	h.SetLen(unix.CmsgLen(4))
	binary.NativeEndian.PutUint32(oob[unix.CmsgLen(0):], uint32(ecn))
	return size
}

// parseOOB reads the control messages with which quic-go sends: the size of the
// segments and the ECN bits.
func parseOOB(oob []byte) (segment int, ecn byte) {
	for len(oob) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			break
		}
		oob = rest
		switch {
		case isSegment(h.Level, h.Type) && len(data) >= 2:
			segment = int(binary.NativeEndian.Uint16(data))
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_TOS && len(data) >= 1:
			ecn = data[0] & 3
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_TCLASS && len(data) >= 4:
			ecn = byte(binary.NativeEndian.Uint32(data)) & 3
		}
	}
	return segment, ecn
}
