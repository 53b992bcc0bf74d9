package sshconn

import (
	"errors"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/mux"
)

// backlog is how many requests or channels wait for their user before the
// peer does, as in x/crypto/ssh.
const backlog = 16

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
	ch, err := s.open(kind, extra, sc.setup)
	if err != nil {
		return nil, err
	}
	if err := ch.waitOpen(); err != nil {
		return nil, err
	}
	return sc, nil
}

func (s *server) opened(ch *channel) {
	select {
	case s.channels <- &serverNewChannel{ch: ch}:
	case <-s.ctx.Done():
		ch.stream.Close()
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
	*channel
	requests <-chan *Request
}

func (s *serverChannel) setup(ch *channel) {
	s.channel = ch
	s.requests = handRequests(ch, func(r *Request) *Request { return r })
}

func (s *serverChannel) Requests() <-chan *Request { return s.requests }

type serverNewChannel struct {
	ch      *channel
	decided bool
}

func (n *serverNewChannel) ChannelType() string { return n.ch.kind }
func (n *serverNewChannel) ExtraData() []byte   { return n.ch.extra }

func (n *serverNewChannel) Accept() (Channel, error) {
	if n.decided {
		return nil, errDecided
	}
	n.decided = true
	sc := &serverChannel{}
	if err := n.ch.conn.accept(n.ch, sc.setup); err != nil {
		return nil, err
	}
	return sc, nil
}

func (n *serverNewChannel) Reject(reason ssh.RejectionReason, message string) error {
	if n.decided {
		return errDecided
	}
	n.decided = true
	return n.ch.conn.reject(n.ch, reason, message)
}
