package forward

import (
	"context"
	"errors"
	"io"
	"net"

	"golang.org/x/crypto/ssh"

	"tssh/client/voice"
)

// carry copies both ways until both have ended, noted as what.
func (s *Set) carry(id int, what string, ch ssh.Channel, reqs <-chan *ssh.Request, conn net.Conn) error {
	defer s.opened(id, what)()
	stop := context.AfterFunc(s.ctx, func() { conn.Close(); ch.Close() })
	defer stop()
	return join(ch, reqs, conn)
}

// join copies both ways between a channel and a connection. The end of one way
// is passed on as such and leaves the other alone; when the far side closes
// the channel as a whole the connection ends with it. The error is the far
// side's refusal of the channel, which may show as late as here.
func join(ch ssh.Channel, reqs <-chan *ssh.Request, conn net.Conn) error {
	var refusal error
	down := make(chan struct{}) // the channel's way to the connection has ended
	go func() {
		defer close(down)
		_, err := io.Copy(conn, ch)
		var open *ssh.OpenChannelError
		if errors.As(err, &open) {
			refusal = open
		}
		if !closeWrite(conn) {
			conn.Close()
		}
	}()
	go func() { // it ends with the channel
		for r := range reqs {
			if r.WantReply {
				r.Reply(false, nil)
			}
		}
		<-down
		conn.Close()
	}()
	io.Copy(ch, conn)
	ch.CloseWrite()
	<-down
	ch.Close()
	conn.Close()
	return refusal
}

func closeWrite(c net.Conn) bool {
	w, ok := c.(interface{ CloseWrite() error })
	if ok {
		w.CloseWrite()
	}
	return ok
}

// sayRefused tells of a refused channel in ssh's words; other errors are the end of
// the connection, which others tell.
func (s *Set) sayRefused(id int, err error) {
	var open *ssh.OpenChannelError
	if errors.As(err, &open) {
		s.log.Infof("channel %d: open failed: %s: %s", id, voice.Refusal(open.Reason), open.Message)
	}
}
