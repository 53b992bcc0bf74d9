package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/config/endpoint"
	"tssh/client/voice"
)

// server is the far side played by a test.
type server struct {
	t        *testing.T
	mu       sync.Mutex
	incoming map[string]chan ssh.NewChannel
	asked    []request
	answer   func(kind string, payload []byte) (bool, []byte)
	gone     chan struct{} // closed when the client hung up
	opened   chan *channel // channels that the client opened, their server's end
	refuse   error
}

type request struct {
	kind    string
	payload string
}

func newServer(t *testing.T) *server {
	s := &server{t: t, incoming: map[string]chan ssh.NewChannel{}, gone: make(chan struct{}), opened: make(chan *channel, 10),
		answer: func(string, []byte) (bool, []byte) { return true, nil }}
	t.Cleanup(func() {
		for _, c := range s.incoming { // as a connection that ends
			close(c)
		}
	})
	return s
}

func (s *server) OpenChannel(kind string, extra []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	if s.refuse != nil {
		return nil, nil, s.refuse
	}
	near, far := channels(kind, extra)
	s.opened <- far
	return near, near.reqs, nil
}

func (s *server) SendRequest(kind string, want bool, p []byte) (bool, []byte, error) {
	s.mu.Lock()
	s.asked = append(s.asked, request{kind, string(p)})
	s.mu.Unlock()
	ok, reply := s.answer(kind, p)
	select {
	case <-s.gone:
		return false, nil, io.EOF
	default:
		return ok && want, reply, nil
	}
}

func (s *server) Close() error {
	close(s.gone)
	return nil
}

func (s *server) HandleChannelOpen(kind string) <-chan ssh.NewChannel {
	c := make(chan ssh.NewChannel)
	s.incoming[kind] = c
	return c
}

// open opens a channel to the client; nil when it was refused.
func (s *server) open(kind string, extra any) *channel {
	near, far := channels(kind, ssh.Marshal(extra))
	n := &newChannel{channel: near, decided: make(chan error, 1)}
	s.incoming[kind] <- n
	if err := <-n.decided; err != nil {
		return nil
	}
	return far
}

type newChannel struct {
	*channel
	decided chan error
}

func (n *newChannel) ChannelType() string { return n.kind }
func (n *newChannel) ExtraData() []byte   { return n.extra }
func (n *newChannel) Accept() (ssh.Channel, <-chan *ssh.Request, error) {
	n.decided <- nil
	return n.channel, n.reqs, nil
}
func (n *newChannel) Reject(_ ssh.RejectionReason, why string) error {
	n.decided <- errors.New(why)
	return nil
}

// channel is one end of a channel in memory.
type channel struct {
	io.Reader
	to    *io.PipeWriter
	from  *io.PipeReader
	kind  string
	extra []byte
	reqs  chan *ssh.Request
	peer  *channel
	once  sync.Once
}

func channels(kind string, extra []byte) (near, far *channel) {
	r1, w1 := io.Pipe()
	r2, w2 := io.Pipe()
	near = &channel{Reader: r1, from: r1, to: w2, kind: kind, extra: extra, reqs: make(chan *ssh.Request)}
	far = &channel{Reader: r2, from: r2, to: w1, kind: kind, extra: extra, reqs: make(chan *ssh.Request)}
	near.peer, far.peer = far, near
	return near, far
}

func (c *channel) Write(p []byte) (int, error) { return c.to.Write(p) }
func (c *channel) CloseWrite() error           { return c.to.Close() }
func (c *channel) Close() error {
	c.to.Close()
	c.from.Close()
	for _, end := range []*channel{c, c.peer} {
		end.once.Do(func() { close(end.reqs) })
	}
	return nil
}
func (c *channel) SendRequest(string, bool, []byte) (bool, error) { return false, nil }
func (c *channel) Stderr() io.ReadWriter                          { return nil }

// book is what was said.
type book struct {
	mu    sync.Mutex
	lines []string
}

func (b *book) log(l voice.Level, text string) {
	if l <= voice.Info {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.lines = append(b.lines, text)
	}
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.lines, "\n")
}

// start makes a Set whose own dials end in a pipe, whose other end is given.
func start(t *testing.T, h *config.Host) (*Set, *server, *book, <-chan net.Conn) {
	t.Helper()
	var s *Set
	t.Cleanup(func() { s.Rest() }) // once the connection has ended
	srv, b := newServer(t), &book{}
	s = New(srv, nil, h, h.Lent, b.log)
	dialed := make(chan net.Conn, 10)
	s.dial = func(_ context.Context, _, address string) (net.Conn, error) {
		if strings.HasSuffix(address, ":9") {
			return nil, errors.New("connection refused")
		}
		near, far := tcpPair(t)
		dialed <- far
		return near, nil
	}
	t.Cleanup(func() { s.Close() })
	return s, srv, b, dialed
}

// tcpPair is a connection that can be half closed.
func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	b.SetDeadline(time.Now().Add(time.Minute)) // a test that hangs fails
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// freePort is one that nobody listens on just now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func parse(t *testing.T, spec string, k Kind) config.Forward {
	t.Helper()
	f, err := endpoint.ParseForward(spec, k == Dynamic, k == Remote)
	if err != nil && k == Remote {
		f, err = endpoint.ParseForward(spec, true, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// ends is what comes with a channel of the server's.
type ends struct {
	Host     string
	Port     uint32
	FromHost string
	FromPort uint32
}
