package mux

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
)

// Bulk's connection. QUIC takes every loss for a full queue, and round trips that vary for
// one that grows, so on a path of that kind much goes over a second connection, below which
// package proxy repairs the losses and keeps the order. What is typed stays on the first one
// and waits for neither. The client dials when either end has much to send and is not near.
// Its streams are of one direction, and the second half of a stream of the first connection:
// see Conn.Bulk.

const (
	// Two round trips in which packets were lost though no queue was there,
	lossyFor   = 10 * time.Second      // within so long, or
	lossyShare = 20                    // one of so many packets,
	lossyLeast = 32                    // of at least so many
	nearTrip   = 2 * time.Millisecond  // below which QUIC makes up for a loss at once, and most are of full sockets
	queueLeast = 10 * time.Millisecond // of a round trip's growth that is a queue's
	// Three round trips in a row that are longer, in the mean, than the shortest
	variesFor  = 3
	variesBy   = 4 * time.Millisecond // by so much,
	variesPart = 16                   // and so large a part of it
	// at less than so many bytes a second: faster, what costs more CPU has to be worth it.
	variesBelow = 50e6 / 8
	maxBulk     = 1 << 12 // streams of a peer's at once
	redialAfter = 10 * time.Second
)

// Sender is one direction of a stream of bulk, as its sender sees it.
type Sender interface {
	io.Writer
	// CloseWrite says that no more bytes follow.
	CloseWrite() error
	// Close gives it up, as a Stream's.
	Close() error
	// Reset gives it up with what has not arrived, which nobody is to read any more.
	Reset()
}

// Receiver is a Sender's other end.
type Receiver interface {
	io.Reader
	// Close gives it up; bytes not yet read are discarded.
	Close() error
}

// bulk is the connection for bulk beside a quicConn. A nil one is never there.
type bulk struct {
	main *quicConn
	dial func(context.Context) (*quic.Conn, error) // nil: the peer does

	mu      sync.Mutex // guards what follows
	conn    *quic.Conn // nil: there is none yet
	again   time.Time  // when it may be asked for again
	dialing bool
	come    map[quic.StreamID]*quic.ReceiveStream
	moved   chan struct{} // closed and replaced when come changes
	gauge   pathGauge
	closed  bool
	broken  error // why the connection ended before the main one
	renewal renewal
}

func newBulk(main *quicConn, dial func(context.Context) (*quic.Conn, error)) *bulk {
	return &bulk{main: main, dial: dial, come: make(map[quic.StreamID]*quic.ReceiveStream), moved: make(chan struct{})}
}

// pathGauge tells whether a path slows QUIC down though it has room: it loses packets where
// nothing waits, or its round trips vary, which QUIC's slow start takes for a queue and
// ends early, or a slow path's queue is long, in which what is typed would wait.
type pathGauge struct {
	sent, lost uint64    // before this round trip
	next       time.Time // when it is over
	last       time.Time // the last one that lost
	varied     int       // so many of late, in a row
	slows      bool
}

// sees is told of a connection now and then. It reports whether the path slows it down.
func (g *pathGauge) sees(now time.Time, s quic.ConnectionStats) bool {
	if g.slows || now.Before(g.next) {
		return g.slows
	}
	sent, lost := s.PacketsSent-g.sent, int64(s.PacketsLost-g.lost) // late ones are lost no more
	g.sent, g.lost, g.next = s.PacketsSent, s.PacketsLost, now.Add(s.SmoothedRTT)
	if s.MinRTT < nearTrip {
		return false
	}
	longer := s.SmoothedRTT - s.MinRTT
	if longer > s.MinRTT/variesPart+variesBy && float64(s.CongestionWindow) < variesBelow*s.SmoothedRTT.Seconds() {
		g.varied++
	} else {
		g.varied = 0
	}
	if g.varied >= variesFor {
		g.slows = true
	}
	if lost > 0 && longer <= s.MinRTT/4+queueLeast {
		g.slows = g.slows || !g.last.IsZero() && now.Sub(g.last) < lossyFor ||
			sent >= lossyLeast && uint64(lost)*lossyShare >= sent
		g.last = now
	}
	return g.slows
}

// open is for who has much to send. It returns a stream, if there is the connection and
// the path has use for it. It calls ask where there should be one, but not often.
func (b *bulk) open(ask func()) *quic.SendStream {
	mended := b.mended()
	now, stats := time.Now(), b.main.conn.ConnectionStats()
	b.mu.Lock()
	wanted := mended && b.gauge.sees(now, stats)
	conn := b.conn
	// Before it is known to be wanted, or the window of the main connection is a few packets
	// by the time there is another.
	due := (wanted || stats.MinRTT >= nearTrip) && b.turn(now)
	b.mu.Unlock()
	if due {
		ask()
	}
	if wanted && conn != nil {
		if s, err := conn.OpenUniStream(); err == nil {
			return s
		} // the peer has as many as it takes
	}
	return nil
}

// mended reports whether package proxy repairs what the path in use loses. Over TCP it
// does not, and this connection is no better there than the first one.
func (b *bulk) mended() bool {
	pc, ok := b.main.transport.Conn.(interface{ Mended() bool })
	return !ok || pc.Mended()
}

// turn takes the turn to begin a connection, if there is one to be taken: there is no
// connection, and nobody took it just now.
func (b *bulk) turn(now time.Time) bool {
	due := b.conn == nil && !b.closed && now.After(b.again)
	if due {
		b.again = now.Add(redialAfter)
	}
	return due
}

// asked is called when the peer asks for a connection, as often as it likes.
func (b *bulk) asked() {
	if b == nil || b.dial == nil {
		return
	}
	b.mu.Lock()
	due := b.turn(time.Now())
	b.mu.Unlock()
	if due {
		go b.begin()
	}
}

// begin dials, once at a time.
func (b *bulk) begin() {
	b.mu.Lock()
	due := !b.dialing && b.conn == nil && !b.closed
	b.dialing = b.dialing || due
	b.mu.Unlock()
	if !due {
		return
	}
	conn, err := b.dial(b.main.conn.Context())
	if err == nil {
		// What moves to it before the server has it would wait for ever if an outage
		// outlasts the server's patience now. Its first stream, an empty one, tells.
		var word *quic.ReceiveStream
		if word, err = conn.AcceptUniStream(b.main.conn.Context()); err == nil {
			word.CancelRead(0)
		}
	}
	b.mu.Lock()
	b.dialing = false
	b.mu.Unlock()
	if err == nil {
		b.run(conn)
	}
}

// run takes the peer's streams from conn. When conn ends the main connection does too:
// what was under way is gone.
func (b *bulk) run(conn *quic.Conn) {
	b.mu.Lock()
	surplus := b.conn != nil || b.closed
	if !surplus {
		b.conn = conn
	}
	b.mu.Unlock()
	if surplus {
		conn.CloseWithError(0, "")
		return
	}
	if b.dial == nil {
		if s, err := conn.OpenUniStream(); err == nil {
			s.Close() // the word that it is here, for which the client waits
		}
	}
	var err error
	for err == nil {
		var s *quic.ReceiveStream
		if s, err = conn.AcceptUniStream(context.Background()); err == nil {
			b.mu.Lock()
			b.come[s.StreamID()] = s
			close(b.moved)
			b.moved = make(chan struct{})
			b.mu.Unlock()
		}
	}
	t := time.NewTimer(linger) // who ends both is heard of by either first
	defer t.Stop()
	select {
	case <-b.main.done():
	case <-t.C:
		b.mu.Lock()
		b.broken = fmt.Errorf("connection for bulk: %w", quicError(err))
		b.mu.Unlock()
		b.main.close()
	}
}

// take waits for the peer's stream of a number.
func (b *bulk) take(ctx context.Context, number uint64) (*quic.ReceiveStream, error) {
	for {
		b.mu.Lock()
		s, moved := b.come[quic.StreamID(number)], b.moved
		delete(b.come, quic.StreamID(number))
		b.mu.Unlock()
		if s != nil {
			return s, nil
		}
		select {
		case <-moved:
		case <-b.main.done():
			return nil, b.main.err()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// why returns why the connection ended before the main one; nil: it did not.
func (b *bulk) why() error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.broken
}

// renew has the connection begin anew.
func (b *bulk) renew(t *quic.Transport) {
	if b == nil {
		return
	}
	b.mu.Lock()
	conn := b.conn
	b.mu.Unlock()
	if conn != nil {
		b.renewal.begin(conn, t)
	}
}

func (b *bulk) close() {
	if b == nil {
		return
	}
	b.mu.Lock()
	conn := b.conn
	b.closed = true
	b.mu.Unlock()
	if conn != nil {
		conn.CloseWithError(0, "")
	}
}

// sameHost reports whether two addresses are of one host, whatever the port.
func sameHost(a, b net.Addr) bool {
	x, ok := a.(*net.UDPAddr)
	y, also := b.(*net.UDPAddr)
	return ok && also && x.IP.Equal(y.IP)
}

// bulkSender is a Sender that a conn keeps account of.
type bulkSender struct {
	quicSender
	conn *conn
}

func (s *bulkSender) CloseWrite() error {
	s.conn.writeDone(s)
	return s.quicSender.CloseWrite()
}

func (s *bulkSender) Close() error {
	s.conn.writeDone(s)
	return s.quicSender.giveUp()
}

func (s *bulkSender) Reset() {
	s.conn.writeDone(s)
	s.s.CancelWrite(0)
}

// bulkReceiver is a Receiver.
type bulkReceiver struct{ s *quic.ReceiveStream }

func (r bulkReceiver) Read(p []byte) (int, error) {
	n, err := r.s.Read(p)
	if err != nil && err != io.EOF {
		err = quicError(err)
	}
	return n, err
}

func (r bulkReceiver) Close() error {
	r.s.CancelRead(0)
	return nil
}
