package forward

import (
	"context"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"

	"tssh/client/config"
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

// TestForwardOutlivesWantOfDescriptors: the port stays open, so it has to answer.
func TestForwardOutlivesWantOfDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		s := &Set{host: &config.Host{}, log: b.log}
		s.ctx, s.cancel = context.WithCancel(context.Background())
		defer s.cancel()
		l := &scarce{errs: []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ECONNABORTED}, conns: make(chan net.Conn)}
		go s.accept(l, Dynamic, config.Forward{})
		near, far := net.Pipe()
		l.conns <- far
		near.Write([]byte{0}) // no version of SOCKS
		if _, err := near.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the connection is not answered: %v", err)
		}
		close(l.conns)
		synctest.Wait()
	})
}
