package control

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/tun"
)

// proxyConn speaks ssh's connection protocol with a client in proxy mode. What
// x/crypto offers for it is the other end of that conversation; but beyond its
// greeting the protocol is the same from both ends, so it is greeted by a
// master that isn't there.
func proxyConn(conn net.Conn) (ssh.Conn, <-chan ssh.NewChannel, <-chan *ssh.Request, error) {
	near, far := net.Pipe()
	go func() {
		defer conn.Close()
		defer far.Close()
		if err := pretend(far); err != nil {
			return
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			defer far.Close()
			io.Copy(far, conn)
		})
		io.Copy(conn, far)
		conn.Close()
		wg.Wait()
	}()
	c, chans, reqs, err := ssh.NewControlClientConn(near)
	if err != nil {
		near.Close()
	}
	return c, chans, reqs, err
}

// pretend answers a proxy client's first two messages.
func pretend(rw io.ReadWriter) error {
	if _, err := readHello(rw); err != nil {
		return err
	}
	b, err := readMessage(rw)
	if err != nil {
		return err
	}
	var r request
	if err := parse(b, &r); err != nil {
		return err
	}
	if err := writeMessage(rw, ssh.Marshal(hello{Type: mHello, Version: version})); err != nil {
		return err
	}
	return writeMessage(rw, message(sProxy, r.ID, nil))
}

// relay opens on up what down opens, and joins the two, until down ends.
func relay(ctx context.Context, down ssh.Conn, chans <-chan ssh.NewChannel, reqs <-chan *ssh.Request, up ssh.Conn) {
	var wg sync.WaitGroup
	wg.Go(func() {
		for r := range reqs {
			relayGlobal(r, up)
		}
	})
	for nc := range chans {
		wg.Go(func() { relayChannel(ctx, nc, up) })
	}
	wg.Wait()
	down.Close()
}

// relayGlobal passes a request on if it is one that concerns nobody but who
// makes it. The others change the connection for all who share it: one ends the
// opening of sessions, some listen on the server, whose channels belong to the
// master, which has -O forward. What is not known may do anything.
func relayGlobal(r *ssh.Request, up ssh.Conn) {
	if r.Type != "keepalive@openssh.com" {
		if r.WantReply {
			r.Reply(false, nil)
		}
		return
	}
	ok, payload, err := up.SendRequest(r.Type, r.WantReply, r.Payload)
	if r.WantReply {
		r.Reply(ok && err == nil, payload)
	}
}

func relayChannel(ctx context.Context, nc ssh.NewChannel, up ssh.Conn) {
	if nc.ChannelType() == tun.Kind {
		nc.Reject(ssh.Prohibited, "a master keeps no packets apart") // the copies below don't keep the bounds of messages
		return
	}
	uc, ureqs, err := up.OpenChannel(nc.ChannelType(), nc.ExtraData())
	if err != nil {
		why, text := ssh.ConnectionFailed, err.Error()
		var refused *ssh.OpenChannelError
		if errors.As(err, &refused) {
			why, text = refused.Reason, refused.Message
		}
		nc.Reject(why, text)
		return
	}
	defer uc.Close()
	dc, dreqs, err := nc.Accept()
	if err != nil {
		go ssh.DiscardRequests(ureqs)
		return
	}
	defer dc.Close()
	stop := context.AfterFunc(ctx, func() { dc.Close() })
	defer stop()

	// sshd drops what is typed before there is a program to read it, and a
	// client sends both at once; so keep them in order.
	begun := make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) })
	if nc.ChannelType() != "session" {
		begin()
	}
	var input, output sync.WaitGroup
	input.Go(func() {
		relayRequests(dreqs, uc, begin)
		begin()
		uc.Close() // the client closed the channel
	})
	input.Go(func() {
		<-begun
		if _, err := copyAll(uc, dc); err == nil {
			uc.CloseWrite()
		}
	})
	output.Go(func() {
		var both sync.WaitGroup
		both.Go(func() { copyAll(dc.Stderr(), uc.Stderr()) })
		copyAll(dc, uc)
		both.Wait()
		dc.CloseWrite() // one end of file stands for both
	})
	relayRequests(ureqs, dc, nil) // until the server closes the channel
	output.Wait()
	dc.Close()
	input.Wait()
}

// relayRequests passes requests of one end of a channel on to the other. begin,
// when not nil, is called after the one that starts a program.
func relayRequests(reqs <-chan *ssh.Request, to ssh.Channel, begin func()) {
	for r := range reqs {
		ok, err := to.SendRequest(r.Type, r.WantReply, r.Payload)
		if r.WantReply {
			r.Reply(ok && err == nil, nil)
		}
		switch r.Type {
		case "shell", "exec", "subsystem":
			if begin != nil {
				begin()
			}
		}
	}
}

// copyAll is io.Copy with a buffer that fills a packet.
func copyAll(to io.Writer, from io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 32<<10))
}
