//go:build unix

package control

import (
	"io"
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Stdio is a descriptor that a client has passed. The file behind it belongs to
// others too, a shell and its terminal say, so it is never made non-blocking;
// and once the session is over not one more byte may be read from it. So every
// read and write waits until the file is ready, or Close.
type Stdio struct {
	fd int

	mu     sync.Mutex // guards what follows
	users  int        // reads and writes under way
	closed bool
	wake   [2]int // a pipe: its far end is closed to end the waits
}

// pipeBuf is what a pipe that is ready surely takes without blocking.
const pipeBuf = 4096

func newStdio(fd int) (*Stdio, error) {
	s := &Stdio{fd: fd}
	syscall.ForkLock.RLock() // no program that starts now inherits an end
	defer syscall.ForkLock.RUnlock()
	if err := unix.Pipe(s.wake[:]); err != nil {
		return nil, err
	}
	unix.CloseOnExec(s.wake[0])
	unix.CloseOnExec(s.wake[1])
	return s, nil
}

// Fd is the descriptor, valid until Close.
func (s *Stdio) Fd() uintptr { return uintptr(s.fd) }

// dup is another number for the descriptor, which outlives Close.
func (s *Stdio) dup() (int, error) {
	if !s.enter() {
		return -1, net.ErrClosed
	}
	defer s.leave()
	return unix.FcntlInt(uintptr(s.fd), unix.F_DUPFD_CLOEXEC, 0)
}

// Read reads what is there. After Close it is net.ErrClosed.
func (s *Stdio) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := s.do(unix.POLLIN, func() (int, error) { return unix.Read(s.fd, b) })
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	return n, err
}

// Write writes all of b, unless Close or the reader's end comes first.
func (s *Stdio) Write(b []byte) (written int, err error) {
	for written < len(b) {
		next := b[written:min(written+pipeBuf, len(b))]
		n, err := s.do(unix.POLLOUT, func() (int, error) { return unix.Write(s.fd, next) })
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// do waits for events and then does io, again when someone else was faster.
func (s *Stdio) do(events int16, io func() (int, error)) (int, error) {
	if !s.enter() {
		return 0, net.ErrClosed
	}
	defer s.leave()
	for {
		fds := []unix.PollFd{
			{Fd: int32(s.fd), Events: events},
			{Fd: int32(s.wake[0]), Events: unix.POLLIN},
		}
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
			return 0, err
		}
		if fds[1].Revents != 0 {
			return 0, net.ErrClosed
		}
		if fds[0].Revents == 0 {
			continue
		}
		n, err := io()
		if err == unix.EAGAIN || err == unix.EINTR {
			continue
		}
		return max(n, 0), err
	}
}

func (s *Stdio) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.users++
	return true
}

func (s *Stdio) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users--
	s.releaseLocked()
}

// Close ends every read and write and gives the descriptor back. It does not
// wait: a terminal may hold a write for ever.
func (s *Stdio) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	unix.Close(s.wake[1])
	s.releaseLocked()
	return nil
}

// releaseLocked closes the descriptors once nobody can be using their numbers.
func (s *Stdio) releaseLocked() {
	if s.closed && s.users == 0 {
		unix.Close(s.fd)
		unix.Close(s.wake[0])
	}
}
