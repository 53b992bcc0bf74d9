package sshconn

import "golang.org/x/crypto/ssh"

// FromSSH makes a Server of an ordinary SSH connection, as ssh.NewServerConn
// gives it.
func FromSSH(c ssh.Conn, chans <-chan ssh.NewChannel, reqs <-chan *ssh.Request) Server {
	s := &plain{
		Conn:     c,
		channels: make(chan NewChannel, backlog),
		ended:    make(chan struct{}),
	}
	s.requests = s.convert(reqs)
	go func() {
		c.Wait()
		close(s.ended)
	}()
	go func() {
		defer close(s.channels)
		for n := range chans {
			select {
			case s.channels <- plainNewChannel{n, s}:
			case <-s.ended:
			}
		}
	}()
	return s
}

// plain is a Server by x/crypto/ssh.
type plain struct {
	ssh.Conn
	channels chan NewChannel
	requests <-chan *Request
	ended    chan struct{} // closed with the connection
}

func (s *plain) Channels() <-chan NewChannel { return s.channels }
func (s *plain) Requests() <-chan *Request   { return s.requests }

func (s *plain) OpenChannel(kind string, extra []byte) (Channel, error) {
	ch, reqs, err := s.Conn.OpenChannel(kind, extra)
	if err != nil {
		return nil, err
	}
	return plainChannel{ch, s.convert(reqs)}, nil
}

// convert makes requests of ours until in is closed.
func (s *plain) convert(in <-chan *ssh.Request) <-chan *Request {
	out := make(chan *Request, backlog)
	go func() {
		defer close(out)
		for r := range in {
			select {
			case out <- NewRequest(r.Type, r.WantReply, r.Payload, r.Reply):
			case <-s.ended:
			}
		}
	}()
	return out
}

type plainNewChannel struct {
	ssh.NewChannel
	server *plain
}

func (n plainNewChannel) Accept() (Channel, error) {
	ch, reqs, err := n.NewChannel.Accept()
	if err != nil {
		return nil, err
	}
	return plainChannel{ch, n.server.convert(reqs)}, nil
}

type plainChannel struct {
	ssh.Channel
	requests <-chan *Request
}

func (c plainChannel) Requests() <-chan *Request { return c.requests }

// Closed is described at Channel.
func (plainChannel) Closed() bool { return true }

// Interactive does nothing: the window of an SSH connection is its client's.
func (plainChannel) Interactive() {}
