package sshconn

import (
	"bytes"
	"io"
	"net"
	"sync"
	"time"
)

// pipe is one end of a connection in memory whose writes never wait.
// x/crypto/ssh holds locks while it writes, and in a bubble of testing/synctest
// time stands still while someone waits for a lock.
type pipe struct {
	in, out *queue
}

func newPipe() (a, b net.Conn) {
	x, y := newQueue(), newQueue()
	return &pipe{x, y}, &pipe{y, x}
}

type queue struct {
	mu     sync.Mutex // guards what follows
	more   sync.Cond
	bytes  bytes.Buffer
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.more.L = &q.mu
	return q
}

func (p *pipe) Read(b []byte) (int, error) {
	q := p.in
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.bytes.Len() == 0 && !q.closed {
		q.more.Wait()
	}
	if q.bytes.Len() == 0 {
		return 0, io.EOF
	}
	return q.bytes.Read(b)
}

func (p *pipe) Write(b []byte) (int, error) {
	q := p.out
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0, net.ErrClosed
	}
	q.more.Broadcast()
	return q.bytes.Write(b)
}

func (p *pipe) Close() error {
	for _, q := range []*queue{p.in, p.out} {
		q.mu.Lock()
		q.closed = true
		q.more.Broadcast()
		q.mu.Unlock()
	}
	return nil
}

func (p *pipe) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (p *pipe) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (p *pipe) SetDeadline(time.Time) error      { return nil }
func (p *pipe) SetReadDeadline(time.Time) error  { return nil }
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }
