package mux

import (
	"context"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
)

// renewFor is for how long a renewal is tried. Contact that comes back later begins
// another.
const renewFor = 10 * time.Second

// renewal makes a client's connection begin anew on the path that it has, when contact
// came back after an outage: answers to what was sent before it make QUIC believe in
// round trips of minutes, and it paces a packet in some seconds then. QUIC forgets what
// it measured when it moves to another path (RFC 9000, section 9.4), so it is moved to
// one that is the same below. The server's end does that by itself: its proxy shows it
// another peer.
type renewal struct {
	mu     sync.Mutex         // guards what follows
	cancel context.CancelFunc // of the one that is tried; nil: none was
	path   *quic.Path         // nil: that of the handshake
}

// begin moves conn, a connection of t's, as soon as a packet there was answered. A server's
// it leaves as it is.
func (r *renewal) begin(conn *quic.Conn, t *quic.Transport) {
	path, err := conn.AddPath(t)
	if err != nil {
		return // it is a server's, or the server forbids it
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel != nil {
		r.cancel() // it asks ever more rarely
	}
	ctx, cancel := context.WithTimeout(conn.Context(), renewFor)
	r.cancel = cancel
	go func() {
		defer cancel()
		err := path.Probe(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil || ctx.Err() != nil || path.Switch() != nil {
			path.Close()
			return
		}
		if r.path != nil {
			r.path.Close()
		}
		r.path = path
	}()
}
