package forward

import (
	"io"
	"net"

	"tssh/proxy/sshconn"
	"tssh/server/flow"
)

// join copies both ways between a channel and a socket until both ways have
// ended. The end of one way is passed on and leaves the other alone.
func join(ch sshconn.Channel, conn net.Conn) {
	sent := make(chan struct{})
	go func() {
		discard(ch)
		// The client has closed the channel: once the socket has what was sent before, it ends too.
		<-sent
		conn.Close()
	}()
	go func() {
		defer close(sent)
		write, read := flow.Copy(conn, ch)
		switch {
		case read != nil: // the client is lost
			conn.Close()
		case write == nil:
			closeWrite(conn)
		default:
			// The socket takes no more but may still have something to say. Meanwhile the
			// client's bytes are thrown away; closing the channel ends that.
			go io.Copy(io.Discard, ch)
		}
	}()
	write, read := flow.Copy(ch, conn)
	if write != nil || read != nil {
		conn.Close()
	}
	ch.CloseWrite()
	<-sent
	ch.Close()
	conn.Close()
}

// discard refuses the requests of a channel that has none.
func discard(ch sshconn.Channel) {
	for r := range ch.Requests() {
		r.Reply(false, nil)
	}
}

func closeWrite(conn net.Conn) {
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	}
}
