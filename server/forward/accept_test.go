package forward

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"tssh/proxy/sshconn"
	"tssh/server/policy"
)

// scarce is a listener of a process that is out of descriptors.
type scarce struct {
	net.Listener
	errs  []error
	conns chan net.Conn
}

func (l *scarce) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: err}
	}
	if c, ok := <-l.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

type refuses struct{ sshconn.Server }

func (refuses) OpenChannel(string, []byte) (sshconn.Channel, error) {
	return nil, errors.New("refused")
}

// TestForwardOutlivesWantOfDescriptors: the port stays open, so it has to answer.
func TestForwardOutlivesWantOfDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said []string
		f := New(refuses{}, new(policy.Policy), func(format string, args ...any) { said = append(said, format) })
		l := &scarce{errs: []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ECONNABORTED}, conns: make(chan net.Conn)}
		go f.accept(l, "forwarded-tcpip", func(net.Conn) []byte { return nil })
		near, far := net.Pipe()
		l.conns <- far
		if _, err := near.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the connection is not answered: %v", err)
		}
		close(l.conns)
		synctest.Wait()
		if len(said) != 2 { // the first want, and what became of the connection
			t.Errorf("said: %s", strings.Join(said, "; "))
		}
	})
}
