package channel

import (
	"bytes"
	"encoding/binary"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// server is the other end: a test reads what it was sent, and sends what it likes.
type server struct {
	t        *testing.T
	conn     *Conn
	incoming <-chan ssh.NewChannel
	sent     chan []byte // by the client
	said     chan []byte // by the server
	gone     chan struct{}
	once     sync.Once
	ended    chan error
}

func newServer(t *testing.T, config Config) *server {
	s := &server{
		t: t, sent: make(chan []byte, 4096), said: make(chan []byte, 4096), gone: make(chan struct{}), ended: make(chan error, 1),
	}
	config.Close = s.close
	config.Ended = func(err error) { s.ended <- err }
	var reqs <-chan *ssh.Request
	s.conn, s.incoming, reqs = New(s, Meta{User: "me"}, config)
	go ssh.DiscardRequests(reqs)
	t.Cleanup(func() {
		s.close()
		s.conn.Wait()
	})
	return s
}

func (s *server) close() error {
	s.once.Do(func() { close(s.gone) })
	return nil
}

func (s *server) ReadPacket() ([]byte, error) {
	select {
	case p := <-s.said:
		return p, nil
	case <-s.gone:
		return nil, net.ErrClosed
	}
}

func (s *server) WritePacket(p []byte) error {
	select {
	case s.sent <- bytes.Clone(p):
		return nil
	case <-s.gone:
		return net.ErrClosed
	}
}

func (s *server) ReadHere() ([]byte, error) {
	if !s.waiting() {
		return nil, nil
	}
	return s.ReadPacket()
}

// waiting tells that the client has something to read.
func (s *server) waiting() bool { return len(s.said) > 0 }

// expect returns the client's next message, which is of that kind.
func (s *server) expect(kind byte) []byte {
	s.t.Helper()
	select {
	case p := <-s.sent:
		if p[0] != kind {
			s.t.Fatalf("the client sent message %d, not %d: %q", p[0], kind, p)
		}
		return p
	case <-time.After(30 * time.Second):
		s.t.Fatalf("no message %d came", kind)
		return nil
	}
}

func words(kind byte, numbers ...uint32) []byte {
	b := []byte{kind}
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

func data(number uint32, b []byte) []byte {
	return append(words(msgData, number, uint32(len(b))), b...)
}

// open has the client open a channel, which the server calls 9.
func (s *server) open(kind string, credit uint32) (ssh.Channel, <-chan *ssh.Request, uint32) {
	s.t.Helper()
	type result struct {
		ch   ssh.Channel
		reqs <-chan *ssh.Request
		err  error
	}
	done := make(chan result, 1)
	go func() {
		ch, reqs, err := s.conn.OpenChannel(kind, nil)
		done <- result{ch, reqs, err}
	}()
	p := s.expect(msgOpen)
	ours := binary.BigEndian.Uint32(p[5+len(kind):])
	s.said <- words(msgConfirmation, ours, 9, credit, 1000)
	r := <-done
	if r.err != nil {
		s.t.Fatal(r.err)
	}
	return r.ch, r.reqs, ours
}

func lengthed(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
