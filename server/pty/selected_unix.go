//go:build unix

package pty

import (
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// selected is a descriptor that is waited for by select(2). The runtime's poller
// can't be used for the master of a terminal on macOS: kqueue doesn't take it, or
// says for ever that there is something to read (golang.org/issue/22099), and
// poll(2) has no devices there. A Read that blocked in the kernel would hold up
// Close, which would not end it.
type selected struct {
	fd   int // which does not block
	wake int // readable once there is no more waiting

	over  sync.Once
	end   int         // of wake's pipe, closed when nobody is to wait any more
	ended atomic.Bool // no Read or Write waits

	mu     sync.RWMutex // held, for reading, by those who use fd or wake; guards closed
	closed bool
}

// newSelected waits for fd itself.
func newSelected(_ *os.File, fd int) (device, error) {
	var pipe [2]int
	syscall.ForkLock.RLock() // a program that kept the end would let nobody wake
	err := unix.Pipe(pipe[:])
	if err == nil {
		unix.CloseOnExec(pipe[0])
		unix.CloseOnExec(pipe[1])
	}
	syscall.ForkLock.RUnlock()
	if err == nil {
		if fd < unix.FD_SETSIZE && pipe[0] < unix.FD_SETSIZE {
			return &selected{fd: fd, wake: pipe[0], end: pipe[1]}, nil
		}
		err = unix.EMFILE // select has no more
		unix.Close(pipe[0])
		unix.Close(pipe[1])
	}
	unix.Close(fd)
	return nil, err
}

// Read reads what there is, and waits for it.
func (s *selected) Read(p []byte) (int, error) { return s.do(unix.Read, p, false) }

// Write writes all of p.
func (s *selected) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = s.do(unix.Write, p[n:], true)
		n += m
	}
	return n, err
}

// do calls f until it does not ask to wait.
func (s *selected) do(f func(int, []byte) (int, error), p []byte, writes bool) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for {
		if s.closed {
			return 0, os.ErrClosed
		}
		n, err := f(s.fd, p)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN && s.ended.Load():
			return 0, os.ErrDeadlineExceeded
		case err == unix.EAGAIN:
			s.wait(writes)
		case err != nil:
			return max(n, 0), err
		case n == 0 && !writes && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// wait returns when fd may be used again, or nobody is to wait any more.
func (s *selected) wait(writes bool) {
	var in, out unix.FdSet
	in.Set(s.wake)
	if writes {
		out.Set(s.fd)
	} else {
		in.Set(s.fd)
	}
	unix.Select(max(s.fd, s.wake)+1, &in, &out, nil, nil)
}

// SetReadDeadline ends all waiting, now and in future: the only deadline here is
// one that has passed.
func (s *selected) SetReadDeadline(time.Time) error {
	s.over.Do(func() {
		s.ended.Store(true)
		unix.Close(s.end)
	})
	return nil
}

// Close ends Reads and Writes that wait.
func (s *selected) Close() error {
	s.SetReadDeadline(time.Time{})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return os.ErrClosed
	}
	s.closed = true
	unix.Close(s.wake)
	return unix.Close(s.fd)
}

// SyscallConn lends the descriptor.
func (s *selected) SyscallConn() (syscall.RawConn, error) { return raw{s}, nil }

// raw is a selected's syscall.RawConn.
type raw struct{ s *selected }

// Control calls f with the descriptor.
func (r raw) Control(f func(fd uintptr)) error {
	r.s.mu.RLock()
	defer r.s.mu.RUnlock()
	if r.s.closed {
		return os.ErrClosed
	}
	f(uintptr(r.s.fd))
	return nil
}

// Read is of no use here.
func (raw) Read(func(uintptr) bool) error { return os.ErrInvalid }

// Write is of no use here.
func (raw) Write(func(uintptr) bool) error { return os.ErrInvalid }
