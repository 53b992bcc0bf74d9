//go:build unix

package control

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"tssh/client/descriptor"
)

// Supported says whether connections can be shared here.
const Supported = true

// maxPath is the room for a path in the system's address, its final zero included.
const maxPath = len(unix.RawSockaddrUnix{}.Path)

// sendFile passes f to the other end: one byte, which systems want, and the
// descriptor. f's blocking mode stays as it is, others share it.
func sendFile(conn *net.UnixConn, f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Control(func(fd uintptr) {
		_, _, sent = conn.WriteMsgUnix([]byte{0}, unix.UnixRights(int(fd)), nil)
	})
	return errors.Join(err, sent)
}

// receiveFile takes one descriptor that sendFile sent.
func receiveFile(conn *net.UnixConn) (fd int, err error) {
	fd, err = descriptor.Receive(conn)
	if err == io.EOF {
		err = net.ErrClosed
	}
	return fd, err
}

// relayResizes sends the master's process on what we are told of our terminal.
func relayResizes(pid int) (stop func()) {
	if pid <= 1 {
		return func() {}
	}
	ch, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(ch, unix.SIGWINCH)
	go func() {
		defer close(done)
		for range ch {
			unix.Kill(pid, unix.SIGWINCH)
		}
	}()
	return func() {
		signal.Stop(ch)
		close(ch)
		<-done
	}
}

// listen makes the socket at path, which must not exist. It is bound and
// closed to others before it listens, so that none of them can come in
// between; and it listens before it has its name, so that nobody finds a
// socket that nobody answers.
func listen(path string) (*net.UnixListener, error) {
	temp := path + "." + nonce()
	if len(temp) >= maxPath {
		return nil, fmt.Errorf("path %q too long for Unix domain socket", temp)
	}
	syscall.ForkLock.RLock() // no program that starts now inherits it
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: temp}); err != nil {
		return nil, fmt.Errorf("cannot bind to path %s: %s", temp, strerror(err))
	}
	defer os.Remove(temp)
	if err := os.Chmod(temp, 0o600); err != nil {
		return nil, err
	}
	if err := unix.Listen(fd, 64); err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	if err := os.Link(temp, path); err != nil {
		return nil, err
	}
	l, err := net.FileListener(f)
	if err != nil {
		os.Remove(path)
		return nil, err
	}
	return l.(*net.UnixListener), nil
}

// refused reports whether err says that nobody listens at a socket.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
