package sshconn

import (
	"errors"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/channel"
	"tssh/proxy/mux"
)

var errDecided = errors.New("channel was already accepted or rejected")

// Serve is the serving end over m, which it closes.
func Serve(m mux.Conn) Server {
	s := &server{
		channels: make(chan NewChannel, backlog),
		requests: make(chan *Request, backlog),
	}
	s.user = s
	s.init(m)
	return s
}

type server struct {
	conn
	channels chan NewChannel
	requests chan *Request
}

func (s *server) Channels() <-chan NewChannel { return s.channels }
func (s *server) Requests() <-chan *Request   { return s.requests }

func (s *server) OpenChannel(kind string, extra []byte) (Channel, error) {
	sc := &serverChannel{}
	f, err := s.open(kind, extra, sc.setup)
	if err != nil {
		return nil, err
	}
	if err := f.waitOpen(); err != nil {
		return nil, err
	}
	return sc, nil
}

func (s *server) opened(f *framing) {
	select {
	case s.channels <- &serverNewChannel{f: f}:
	case <-s.ctx.Done():
		f.stream.Close()
	}
}

func (s *server) asked(r *Request) {
	select {
	case s.requests <- r:
	case <-s.ctx.Done():
	}
}

func (s *server) over() {
	close(s.channels)
	close(s.requests)
}

// serverChannel is a Channel.
type serverChannel struct {
	*channel.Channel
	f        *framing
	requests <-chan *Request
}

func (s *serverChannel) setup(f *framing) {
	s.Channel, s.f = f.ch, f
	s.requests = handRequests(f, func(r *Request) *Request { return r })
}

func (s *serverChannel) Requests() <-chan *Request { return s.requests }

func (s *serverChannel) Interactive() { s.f.interactive() }

type serverNewChannel struct {
	f       *framing
	decided bool
}

func (n *serverNewChannel) ChannelType() string { return n.f.kind }
func (n *serverNewChannel) ExtraData() []byte   { return n.f.extra }

func (n *serverNewChannel) Accept() (Channel, error) {
	if n.decided {
		return nil, errDecided
	}
	n.decided = true
	sc := &serverChannel{}
	if err := n.f.conn.accept(n.f, sc.setup); err != nil {
		return nil, err
	}
	return sc, nil
}

func (n *serverNewChannel) Reject(reason ssh.RejectionReason, message string) error {
	if n.decided {
		return errDecided
	}
	n.decided = true
	return n.f.conn.reject(n.f, reason, message)
}
