//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

// Package cmsg reads and writes the control messages that stand beside a
// datagram. What it is given may begin at any address: it copies each head and
// never points at one, since a processor that does not read numbers from odd
// addresses (mips64le, some arm) ends the program there, and a buffer of bytes
// on a goroutine's stack is where the compiler likes it to be.
package cmsg

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Each calls f with the control messages in oob. It ends at the first one that
// is cut short: the kernel does that when there is no room.
func Each(oob []byte, f func(level, name int32, data []byte)) {
	first := unix.CmsgLen(0)
	for len(oob) >= first {
		var h unix.Cmsghdr
		copy(bytesOf(&h), oob)
		n := uint64(h.Len)
		if n < uint64(first) || n > uint64(len(oob)) {
			return
		}
		f(h.Level, h.Type, oob[first:n:n])
		oob = oob[min(len(oob), unix.CmsgSpace(int(n)-first)):]
	}
}

// Append adds a control message with n bytes of data, which it returns, to oob,
// which has the room.
func Append(oob []byte, level, name int32, n int) (all, data []byte) {
	start := len(oob)
	all = oob[:start+unix.CmsgSpace(n)]
	clear(all[start:])
	h := unix.Cmsghdr{Level: level, Type: name}
	h.SetLen(unix.CmsgLen(n))
	copy(all[start:], bytesOf(&h))
	at := start + unix.CmsgLen(0)
	return all, all[at : at+n]
}

// bytesOf is h as the kernel has it.
func bytesOf(h *unix.Cmsghdr) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(h)), unix.SizeofCmsghdr)
}
