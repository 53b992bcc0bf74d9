package sshconn

import (
	"net"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/mux"
)

// Meta is what an ssh.Conn says about itself. All of it comes from the login.
type Meta struct {
	User                         string
	Local, Remote                net.Addr
	SessionID                    []byte
	ClientVersion, ServerVersion []byte
}

// Client is the client's end over m, which it closes. What it returns is what
// ssh.NewClient takes.
//
// OpenChannel of a session does not wait for the server to accept it, so that
// a command costs one round trip: a refusal shows at the first use, as
// an *ssh.OpenChannelError. A request of the server's that wants a reply is
// refused at once and handed on as one that wants none: only x/crypto/ssh can
// make one that can be answered.
func Client(m mux.Conn, meta Meta) (ssh.Conn, <-chan ssh.NewChannel, <-chan *ssh.Request) {
	c := &client{
		meta:     meta,
		channels: make(chan ssh.NewChannel, backlog),
		requests: make(chan *ssh.Request, backlog),
	}
	c.user = c
	c.init(m)
	return c, c.channels, c.requests
}

type client struct {
	conn
	meta     Meta
	channels chan ssh.NewChannel
	requests chan *ssh.Request
}

func (c *client) User() string          { return c.meta.User }
func (c *client) SessionID() []byte     { return append([]byte(nil), c.meta.SessionID...) }
func (c *client) ClientVersion() []byte { return append([]byte(nil), c.meta.ClientVersion...) }
func (c *client) ServerVersion() []byte { return append([]byte(nil), c.meta.ServerVersion...) }
func (c *client) LocalAddr() net.Addr   { return c.meta.Local }
func (c *client) RemoteAddr() net.Addr  { return c.meta.Remote }

func (c *client) OpenChannel(kind string, extra []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	var requests <-chan *ssh.Request
	f, err := c.open(kind, extra, func(f *framing) { requests = handOver(f) })
	if err != nil {
		return nil, nil, err
	}
	if kind != "session" {
		if err := f.waitOpen(); err != nil {
			return nil, nil, err
		}
	}
	return f.ch, requests, nil
}

func (c *client) opened(f *framing) {
	select {
	case c.channels <- &clientNewChannel{f: f}:
	case <-c.ctx.Done():
		f.stream.Close()
	}
}

func (c *client) asked(r *Request) {
	select {
	case c.requests <- foreign(r):
	case <-c.ctx.Done():
	}
}

func (c *client) over() {
	close(c.channels)
	close(c.requests)
}

// foreign makes a request of x/crypto/ssh from ours.
func foreign(r *Request) *ssh.Request {
	if r.WantReply {
		r.refuse()
	}
	return &ssh.Request{Type: r.Type, Payload: r.Payload}
}

// handOver gives the requests of a channel to a user of x/crypto/ssh.
func handOver(f *framing) <-chan *ssh.Request {
	return handRequests(f, foreign)
}

type clientNewChannel struct {
	f       *framing
	decided bool
}

func (n *clientNewChannel) ChannelType() string { return n.f.kind }
func (n *clientNewChannel) ExtraData() []byte   { return n.f.extra }

func (n *clientNewChannel) Accept() (ssh.Channel, <-chan *ssh.Request, error) {
	if n.decided {
		return nil, nil, errDecided
	}
	n.decided = true
	var requests <-chan *ssh.Request
	if err := n.f.conn.accept(n.f, func(f *framing) { requests = handOver(f) }); err != nil {
		return nil, nil, err
	}
	return n.f.ch, requests, nil
}

func (n *clientNewChannel) Reject(reason ssh.RejectionReason, message string) error {
	if n.decided {
		return errDecided
	}
	n.decided = true
	return n.f.conn.reject(n.f, reason, message)
}
