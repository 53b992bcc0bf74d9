//go:build linux || darwin || freebsd

package path

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// eachControl calls f with the control messages of a datagram.
func eachControl(oob []byte, f func(h unix.Cmsghdr, data []byte)) {
	for len(oob) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return
		}
		f(h, data)
		oob = rest
	}
}

// appendControl adds a control message with n bytes of data, which it returns.
func appendControl(oob []byte, level, name int32, n int) (all, data []byte) {
	start := len(oob)
	oob = oob[:start+unix.CmsgSpace(n)]
	h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[start]))
	h.Level, h.Type = level, name
	h.SetLen(unix.CmsgLen(n))
	at := start + unix.CmsgLen(0)
	return oob, oob[at : at+n]
}
