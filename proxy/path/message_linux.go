package path

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// message is the kernel's struct mmsghdr.
type message struct {
	unix.Msghdr
	size uint32 // bytes that came
}

// parts are what a message points to, beside its bytes.
type parts struct {
	peer  unix.RawSockaddrInet6 // or RawSockaddrInet4
	bytes unix.Iovec
}

// set makes m one of b and of the control messages in oob.
func (m *message) set(p *parts, b, oob []byte) {
	p.bytes.Base = unsafe.SliceData(b)
	p.bytes.SetLen(len(b))
	*m = message{Msghdr: unix.Msghdr{Name: (*byte)(unsafe.Pointer(&p.peer)), Namelen: unix.SizeofSockaddrInet6, Iov: &p.bytes}}
	m.SetIovlen(1)
	if len(oob) > 0 {
		m.Control = &oob[0]
		m.SetControllen(len(oob))
	}
}

// The calls receive and send do not wait, and are made without a word to Go's scheduler.
// It would wake a thread of its own to look after each of them, which then looks again
// every 20 µs and, where the process is kept on one core, hands that to another thread.

// receive reads as many messages as are there, at most all of ms.
func receive(fd int, ms []message) (int, syscall.Errno) {
	for {
		n, _, err := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(ms))), uintptr(len(ms)), unix.MSG_DONTWAIT, 0, 0)
		switch err {
		case 0:
			return int(n), 0
		case unix.EINTR:
		case unix.ENOSYS:
			if err = receiveOne(fd, &ms[0]); err == 0 {
				return 1, 0
			}
			return 0, err
		default:
			return 0, err
		}
	}
}

// send sends a message.
func send(fd int, m *message) syscall.Errno {
	for {
		_, _, err := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.Msghdr)), unix.MSG_DONTWAIT)
		switch err {
		case unix.EINTR:
		case unix.ENOSYS:
			return sendOne(fd, m)
		default:
			return err
		}
	}
}

// receiveOne and sendOne are for what plays a kernel and for old ones, which do not have
// these calls, or not by these numbers.
func receiveOne(fd int, m *message) syscall.Errno {
	b, oob := m.bytes()
	n, oobn, _, from, err := unix.Recvmsg(fd, b, oob, unix.MSG_DONTWAIT)
	if err != nil {
		return errnoOf(err)
	}
	m.size = uint32(n)
	m.SetControllen(oobn)
	switch a := from.(type) {
	case *unix.SockaddrInet4:
		m.Namelen = putPeer(m.peer(), netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), 0, true)
	case *unix.SockaddrInet6:
		m.Namelen = putPeer(m.peer(), netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)), a.ZoneId, false)
	default:
		m.Namelen = 0
	}
	return 0
}

func sendOne(fd int, m *message) syscall.Errno {
	peer, zone := peerOf(m.peer(), m.Namelen)
	var to unix.Sockaddr = &unix.SockaddrInet6{Port: int(peer.Port()), ZoneId: zone, Addr: peer.Addr().As16()}
	if m.Namelen == unix.SizeofSockaddrInet4 {
		to = &unix.SockaddrInet4{Port: int(peer.Port()), Addr: peer.Addr().As4()}
	}
	b, oob := m.bytes()
	_, err := unix.SendmsgN(fd, b, oob, to, unix.MSG_DONTWAIT)
	return errnoOf(err)
}

func errnoOf(err error) syscall.Errno {
	if e, ok := err.(syscall.Errno); ok || err == nil {
		return e
	}
	return unix.EIO
}

func (m *message) peer() *unix.RawSockaddrInet6 {
	return (*unix.RawSockaddrInet6)(unsafe.Pointer(m.Name))
}

func (m *message) bytes() (b, oob []byte) {
	return unsafe.Slice(m.Iov.Base, m.Iov.Len), unsafe.Slice(m.Control, m.Controllen)
}

// peerOf is the address in the first bytes of a, and the number of its zone.
func peerOf(a *unix.RawSockaddrInet6, size uint32) (peer netip.AddrPort, zone uint32) {
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&a.Port))[:])
	switch {
	case size >= unix.SizeofSockaddrInet6 && a.Family == unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), port), a.Scope_id
	case size >= unix.SizeofSockaddrInet4 && a.Family == unix.AF_INET:
		four := (*unix.RawSockaddrInet4)(unsafe.Pointer(a))
		return netip.AddrPortFrom(netip.AddrFrom4(four.Addr), port), 0
	}
	return netip.AddrPort{}, 0
}

// putPeer writes into a what a socket of that family takes, and returns its size; 0:
// there is no such address.
func putPeer(a *unix.RawSockaddrInet6, peer netip.AddrPort, zone uint32, four bool) (size uint32) {
	ip := peer.Addr().Unmap()
	if !ip.IsValid() || four && !ip.Is4() {
		return 0
	}
	*a = unix.RawSockaddrInet6{}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&a.Port))[:], peer.Port())
	if four {
		a.Family = unix.AF_INET
		(*unix.RawSockaddrInet4)(unsafe.Pointer(a)).Addr = ip.As4()
		return unix.SizeofSockaddrInet4
	}
	a.Family, a.Addr, a.Scope_id = unix.AF_INET6, ip.As16(), zone
	return unix.SizeofSockaddrInet6
}
