package path

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// plainly makes a socket that Go's poller knows itself, as where no epoll instance is to
// be had.
func plainly(t *testing.T) *socket {
	t.Helper()
	s := listen(t).(*socket)
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		t.Fatal(err)
	}
	s.gate.shut()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	s.gate = &gate{file: conn, raw: raw, socket: -1, epoll: -1, watched: true}
	s.local = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return s
}

// both runs a test for a socket of either kind.
func both(t *testing.T, f func(t *testing.T, s *socket)) {
	t.Run("outside the poller", func(t *testing.T) {
		s := listen(t).(*socket)
		if s.epoll < 0 {
			t.Fatal("no epoll instance was to be had")
		}
		f(t, s)
	})
	t.Run("in the poller", func(t *testing.T) { f(t, plainly(t)) })
}

func loopback(s Socket) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), s.Local().Port())
}

// TestNoArrivalIsMissed: each datagram is sent when the one before was read, so that it
// arrives about when the reader finds nothing, has the socket watched and waits. A
// single one of which nobody is told ends this.
func TestNoArrivalIsMissed(t *testing.T) {
	both(t, func(t *testing.T, s *socket) {
		client := listen(t)
		const all = 20000
		got := make(chan struct{}, 1)
		var sender sync.WaitGroup
		sender.Go(func() {
			var b [4]byte
			for i := range uint32(all) {
				for range i % 64 {
					runtime.Gosched()
				}
				binary.BigEndian.PutUint32(b[:], i)
				if err := client.WriteDatagrams(b[:], Envelope{Peer: loopback(s)}); err != nil {
					t.Error(err)
				}
				<-got
			}
		})
		defer sender.Wait()
		timer := time.AfterFunc(time.Minute, func() { s.Close(); close(got) })
		defer timer.Stop()
		b := make([]byte, 99)
		for i := range uint32(all) {
			if i%2 == 0 {
				s.rest()
			}
			if n, _, err := s.ReadDatagrams(b); err != nil || n != 4 || binary.BigEndian.Uint32(b) != i {
				t.Fatalf("datagram %d: % x, %v", i, b[:n], err)
			}
			got <- struct{}{}
		}
	})
}

// TestRestingSocketWakesNobody, and who waits afterwards is told of what came.
func TestRestingSocketWakesNobody(t *testing.T) {
	s, client := listen(t).(*socket), listen(t)
	ready := func() bool {
		p := []unix.PollFd{{Fd: int32(s.epoll), Events: unix.POLLIN}}
		n, err := unix.Poll(p, 0)
		if err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
	send := func() {
		t.Helper()
		if err := client.WriteDatagrams([]byte{1}, Envelope{Peer: loopback(s)}); err != nil {
			t.Fatal(err)
		}
	}
	s.rest()
	for range 10 {
		send()
		if ready() {
			t.Fatal("the poller is told of a datagram that nobody waits for")
		}
	}
	if idle, err := s.idle(); idle || err != 0 || !ready() {
		t.Errorf("ten datagrams: idle %v, %v; the poller is told: %v", idle, err, ready())
	}
	b := make([]byte, 99)
	for range 10 {
		if n, _, err := s.ReadDatagrams(b); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if idle, err := s.idle(); !idle || err != 0 || ready() {
		t.Errorf("all was read: idle %v, %v; the poller is told: %v", idle, err, ready())
	}
	if send(); !ready() {
		t.Error("the poller is not told of a datagram that is waited for")
	}
}

// TestCloseEndsWhoWaits at once, wherever: for what comes, while a flow is gathered, and
// in many sockets. What is closed stays closed: its numbers may be another's.
func TestCloseEndsWhoWaits(t *testing.T) {
	both(t, func(t *testing.T, s *socket) {
		for _, rest := range []bool{false, true} {
			var sockets []*socket
			for range 50 {
				sockets = append(sockets, listen(t).(*socket))
			}
			if rest {
				sockets = append(sockets, s)
			}
			var readers sync.WaitGroup
			for _, s := range sockets {
				readers.Go(func() {
					if rest {
						s.rest()
					}
					if n, _, err := s.ReadDatagrams(make([]byte, 99)); !errors.Is(err, net.ErrClosed) {
						t.Errorf("read %d bytes: %v", n, err)
					}
					if err := s.WriteDatagrams([]byte{1}, Envelope{Peer: loopback(s)}); !errors.Is(err, net.ErrClosed) {
						t.Errorf("write: %v", err)
					}
				})
			}
			time.Sleep(10 * time.Millisecond)
			for _, s := range sockets {
				var closers sync.WaitGroup
				closers.Go(func() { s.Close() })
				closers.Go(func() { s.Close() })
				closers.Wait()
			}
			readers.Wait()
		}
	})
}

// TestCloseWaitsForCalls: a descriptor that is closed under who reads or writes may be
// another's by then.
func TestCloseWaitsForCalls(t *testing.T) {
	both(t, func(t *testing.T, s *socket) {
		inside, leave, closed := make(chan struct{}), make(chan struct{}), make(chan struct{})
		var writer sync.WaitGroup
		writer.Go(func() {
			s.raw.Write(func(fd uintptr) bool {
				inside <- struct{}{}
				<-leave
				if _, err := unix.GetsockoptInt(s.of(fd), unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil {
					t.Error(err)
				}
				return true
			})
		})
		<-inside
		go func() {
			s.Close()
			close(closed)
		}()
		select {
		case <-closed:
			t.Error("closed while it was written to")
		case <-time.After(20 * time.Millisecond):
		}
		close(leave)
		writer.Wait()
		<-closed
	})
}

// TestNoDescriptorsLeft: a socket is had with what there is, and works.
func TestNoDescriptorsLeft(t *testing.T) {
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	plain := 0
	for more := range 3 {
		s, client := listen(t).(*socket), listen(t)
		conn, err := net.ListenUDP("udp", nil)
		if err != nil {
			t.Fatal(err)
		}
		var filled []int
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: min(old.Cur, 1024), Max: old.Max}); err != nil {
			t.Fatal(err)
		}
		for fd, err := unix.Dup(0); err == nil; fd, err = unix.Dup(0) {
			filled = append(filled, fd)
		}
		for range more {
			unix.Close(filled[len(filled)-1])
			filled = filled[:len(filled)-1]
		}
		before := s.gate
		g, err := newGate(conn)
		if rerr := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: old.Cur, Max: old.Max}); rerr != nil {
			t.Fatal(rerr)
		}
		for _, fd := range filled {
			unix.Close(fd)
		}
		if err != nil {
			t.Fatalf("%d descriptors are left: %v", more, err)
		}
		before.shut()
		if s.gate = g; g.epoll < 0 {
			plain++
		}
		s.rest()
		s.local = netip.AddrPortFrom(s.local.Addr(), portOf(t, g))
		if err := client.WriteDatagrams([]byte("here"), Envelope{Peer: loopback(s)}); err != nil {
			t.Fatal(err)
		}
		read(t, s, 4, func(e Envelope) {
			if err := s.WriteDatagrams([]byte("there"), Envelope{Peer: e.Peer}); err != nil {
				t.Error(err)
			}
		})
		read(t, client, 5, func(Envelope) {})
	}
	if plain != 2 {
		t.Errorf("%d of three sockets are read plainly, want those with less than two descriptors", plain)
	}
}

func portOf(t *testing.T, g *gate) (port uint16) {
	t.Helper()
	g.raw.Control(func(fd uintptr) {
		a, err := unix.Getsockname(g.of(fd))
		switch a := a.(type) {
		case *unix.SockaddrInet4:
			port = uint16(a.Port)
		case *unix.SockaddrInet6:
			port = uint16(a.Port)
		default:
			t.Fatal(err)
		}
	})
	return port
}

// TestWriterWaitsForRoom, and Close ends it. A socket of the machine's own tells when it
// has none; one for UDP here never does.
func TestWriterWaitsForRoom(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[1])
	s := &socket{closed: make(chan struct{})}
	if s.gate, err = outside(fds[0]); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.outgoing.message.set(&s.outgoing.parts, []byte("x"), nil)
	s.outgoing.message.Name, s.outgoing.message.Namelen = nil, 0
	for s.failed() == 0 {
	}
	if err := s.outgoing.failed; err != unix.EAGAIN {
		t.Fatal(err)
	}
	write := func() chan syscall.Errno {
		done := make(chan syscall.Errno)
		go func() {
			s.raw.Write(s.putInto)
			done <- s.outgoing.failed
		}()
		return done
	}
	done := write()
	select {
	case err := <-done:
		t.Fatalf("there is no room, and it was sent: %v", err)
	case <-time.After(2 * roomLook * time.Millisecond):
	}
	unix.Read(fds[1], make([]byte, 9))
	if err := <-done; err != 0 {
		t.Fatal(err)
	}
	done = write()
	select {
	case err := <-done:
		t.Fatalf("there is no room again, and it was sent: %v", err)
	case <-time.After(10 * time.Millisecond):
	}
	s.Close()
	<-done
}

func (s *socket) failed() syscall.Errno {
	s.outgoing.failed = send(s.socket, &s.outgoing.message)
	return s.outgoing.failed
}
