package path

import (
	"io"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// gate stands between a socket and Go's poller. The poller has itself woken for all that
// arrives, whether anybody waits for it or not; and while a flow is gathered nobody does,
// so that each datagram wakes the process for nothing. What the poller knows instead is
// an epoll instance, in which the socket is watched or is not.
//
//	socket --watched?--> epoll instance --> poller --> who waits in raw.Read
//
// The kernel asks the socket whether the instance is ready: to have the socket watched
// again tells of what came meanwhile too.
type gate struct {
	file io.Closer       // what the poller knows. Its Close waits for
	raw  syscall.RawConn // calls of this, and the socket is touched in them only

	socket, epoll int  // -1: file is the socket, and is always watched
	watched       bool // the reader's
}

// newGate takes the socket out of conn, which is not to be used any more. Where an epoll
// instance can't be had, or the poller does not take it, conn itself is read.
func newGate(conn interface {
	syscall.Conn
	io.Closer
}) (*gate, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	plain := &gate{file: conn, raw: raw, socket: -1, epoll: -1, watched: true}
	socket := -1
	raw.Control(func(fd uintptr) { socket, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err != nil || socket < 0 {
		return plain, nil
	}
	g, err := outside(socket)
	if err != nil {
		unix.Close(socket)
		return plain, nil
	}
	conn.Close()
	return g, nil
}

// outside is the gate of a socket that the poller does not know.
func outside(socket int) (*gate, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	unix.SetNonblock(epoll, true) // the mark of what os gives to the poller
	f := os.NewFile(uintptr(epoll), "epoll")
	raw, err := f.SyscallConn()
	if err == nil {
		err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, socket, &unix.EpollEvent{Events: unix.EPOLLIN})
	}
	if err == nil {
		err = f.SetDeadline(time.Time{}) // refused where the poller did not take it
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &gate{file: f, raw: raw, socket: socket, epoll: epoll, watched: true}, nil
}

// shut ends all calls, and waits for them.
func (g *gate) shut() {
	g.file.Close()
	if g.socket >= 0 {
		unix.Close(g.socket)
	}
}

// of is the socket, in a call of raw that gives fd.
func (g *gate) of(fd uintptr) int {
	if g.socket >= 0 {
		return g.socket
	}
	return int(fd)
}

// rest lets what arrives from now on wake nobody, until somebody waits.
func (g *gate) rest() {
	if g.epoll >= 0 && g.watched {
		g.raw.Control(func(uintptr) { g.watch(false) })
	}
}

// idle reports whether nothing is to be read, and then has the poller told of what comes
// next. It is for a call of raw, and for who found nothing.
func (g *gate) idle() (bool, syscall.Errno) {
	if g.epoll < 0 {
		return true, 0
	}
	if err := g.watch(true); err != 0 {
		return false, err
	}
	// Not all that play a kernel tell of a socket that was ready when they told last,
	// unless it was looked at since.
	var e unix.EpollEvent
	n, _, err := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(g.epoll), uintptr(unsafe.Pointer(&e)), 1, 0, 0, 0)
	return err != 0 || n == 0 || e.Events&unix.EPOLLIN == 0, 0
}

func (g *gate) watch(on bool) syscall.Errno {
	if on == g.watched {
		return 0
	}
	var e unix.EpollEvent
	if on {
		e.Events = unix.EPOLLIN
	}
	_, _, err := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(g.epoll), unix.EPOLL_CTL_MOD, uintptr(g.socket), uintptr(unsafe.Pointer(&e)), 0, 0)
	if err == 0 {
		g.watched = on
	}
	return err
}
