package path

import (
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const roomLook = 100 // ms between looks at whether a socket was closed that has no room

// outgoing sends what is written, one after the other.
type outgoing struct {
	four bool // the socket is of IPv4 alone

	mu      sync.Mutex // guards what follows
	message message
	parts   parts
	oob     [128]byte
	put     func(fd uintptr) (done bool) // sends message,
	failed  syscall.Errno                // or did not
}

// send sends b, whose envelope is in o.oob.
func (s *socket) send(b []byte, e Envelope, several bool) error {
	o := &s.outgoing
	o.mu.Lock()
	defer o.mu.Unlock()
	o.message.set(&o.parts, b, appendEnvelope(o.oob[:0], e, several))
	o.message.Namelen = putPeer(&o.parts.peer, e.Peer, s.zones.number(e.Peer.Addr().Zone()), o.four)
	if o.message.Namelen == 0 {
		return os.NewSyscallError("sendmsg", unix.EAFNOSUPPORT)
	}
	err := s.raw.Write(o.put)
	o.parts.bytes.Base = nil
	switch {
	case err != nil:
		return fmt.Errorf("write UDP: %w", net.ErrClosed)
	case o.failed != 0:
		return os.NewSyscallError("sendmsg", o.failed)
	}
	return nil
}

// putInto sends o.message. Where the poller does not know the socket it waits here for
// room, which there nearly always is.
func (s *socket) putInto(fd uintptr) (done bool) {
	o := &s.outgoing
	for {
		o.failed = send(s.of(fd), &o.message)
		if o.failed != unix.EAGAIN || s.epoll < 0 {
			return o.failed != unix.EAGAIN
		}
		unix.Poll([]unix.PollFd{{Fd: int32(s.socket), Events: unix.POLLOUT}}, roomLook)
		select {
		case <-s.closed:
			return true
		default:
		}
	}
}
