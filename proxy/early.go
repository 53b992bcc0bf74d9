package proxy

import (
	"bufio"
	"bytes"
	"cmp"
	"sync"
	"time"

	"tssh/proxy/memconn"
	"tssh/proxy/terms"
	"tssh/proxy/wire"
)

const (
	firstWord = time.Second          // of Early.Patience; a busy machine works that long for it now or later
	breath    = 2 * time.Millisecond // which the transport may take for each word that follows
)

// Early is a QUIC transport's end before there is any path: its first words go
// through the login, in the offer and the greeting, and save a round trip there.
// Then Dial or Listen takes it on. Who carries the words is trusted no more than
// a path is: they are QUIC's, which proves the keys of both ends.
type Early struct {
	*memconn.Conn

	// Patience is how long the transport may take for its first word. Who is slower
	// loses nothing but the round trip. Zero: a second.
	Patience time.Duration

	feed  memconn.Feed
	wrote chan struct{} // token: there is more in said

	mu   sync.Mutex // guards what follows
	said []byte     // a wire.Hello; what does not fit is lost, as on any path
}

// NewEarly returns an end for a transport that begins now.
func NewEarly() *Early {
	e := &Early{wrote: make(chan struct{}, 1)}
	e.Conn, e.feed = memconn.New(wire.QUIC, 0, e.keep)
	return e
}

func (e *Early) keep(b []byte, segment int, _ byte, _ bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(b) > 0 {
		n := len(b)
		if segment > 0 {
			n = min(n, segment)
		}
		if len(e.said)+2+n > terms.MaxHello {
			return
		}
		e.said, _ = wire.AppendFrame(e.said, b[:n])
		b = b[n:]
	}
	token(e.wrote)
}

// Said returns what the transport says first, once it has said nothing for a
// moment: it writes all of it at once, and waits for the other end then. Nil: it
// says nothing.
func (e *Early) Said() []byte {
	for wait := cmp.Or(e.Patience, firstWord); ; wait = breath {
		select {
		case <-e.wrote:
		case <-time.After(wait):
			e.mu.Lock()
			defer e.mu.Unlock()
			return bytes.Clone(e.said)
		}
	}
}

// Hear gives the transport what the other end's said, of any bytes.
func (e *Early) Hear(hello []byte) {
	r, b := bufio.NewReader(bytes.NewReader(hello)), make([]byte, wire.MaxDatagram)
	for {
		d, err := wire.ReadFrame(r, b)
		if err != nil {
			break
		}
		e.feed.Queue(d, 0, 0, false)
	}
	e.feed.Wake()
}

// end gives both ends, new ones of a nil Early.
func (e *Early) end(transport wire.Transport, send memconn.Send) (*memconn.Conn, memconn.Feed) {
	if e == nil {
		return memconn.New(transport, 0, send)
	}
	return e.Conn, e.feed
}

// Close ends a transport's end that nobody has taken on.
func (e *Early) Close() error {
	e.feed.Close()
	return nil
}
