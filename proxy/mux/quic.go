package mux

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"tssh/proxy/visible"
	"tssh/proxy/wire"
)

const (
	forever = 10 * 365 * 24 * time.Hour

	// quic-go ends a connection when the received data of a stream has more
	// than 1000 gaps, and slow start makes them: from when the path and its
	// queue are full until the sender hears of it, every second packet is
	// dropped, as many as the path held; and no more than what is beyond it
	// in the window, half of which is dropped. The worse of both is a third
	// of the window. So this is for 200 ms at 130 Mbit/s, and no more: with
	// 6 MB such a path ended the session (TestOvershoot).
	maxStreamWindow = 1000 * 3 * 1100
	streamWindow    = 1 << 20

	// The windows bound only what was not read, and package sshconn reads at
	// once, with bounds of its own. So the one that all streams share need not
	// be tight: five full streams. But what a peer sends byte by byte, behind a
	// gap or to a channel that nobody has accepted, costs 130 times as much
	// here, and this is all that bounds it: quic-go counts pieces nowhere, and
	// what is in a packet is sealed from all below it.
	connWindow    = 4 << 20
	maxConnWindow = 16 << 20

	maxStreams = 1 << 14 // of the peer's at once, by any transport
)

// quicConn is a multiplexer by QUIC.
type quicConn struct {
	transport *quic.Transport
	conn      *quic.Conn
	side      *bulk // nil: there is no connection for bulk
	renewal   renewal
	closed    sync.Once
}

func (c Config) quicConfig() *quic.Config {
	idle := c.IdleTimeout
	if idle <= 0 {
		idle = forever
	}
	q := &quic.Config{
		// How long a login may try is decided by the caller's context.
		HandshakeIdleTimeout:           time.Minute,
		MaxIdleTimeout:                 idle,
		InitialStreamReceiveWindow:     streamWindow,
		MaxStreamReceiveWindow:         maxStreamWindow,
		InitialConnectionReceiveWindow: connWindow,
		MaxConnectionReceiveWindow:     maxConnWindow,
		MaxIncomingStreams:             maxStreams,
		MaxIncomingUniStreams:          -1,
	}
	// The size asked for, or one that passes everywhere, from which quic-go looks for
	// a larger one. It has no way back from that when the session moves to a network (a
	// VPN) that drops such packets without a word: the proxies do (package pmtu).
	q.InitialPacketSize = uint16(min(max(c.MTU, 1200), 1452))
	q.DisablePathMTUDiscovery = c.MTU != 0
	return q
}

// bulkConfig is quicConfig for the connection for bulk.
func (c Config) bulkConfig() *quic.Config {
	c.MTU = wire.BulkMTU(c.MTU)
	q := c.quicConfig()
	q.DisablePathMTUDiscovery = true // a repaired path loses no probe, and would try it for ever
	q.MaxIncomingStreams, q.MaxIncomingUniStreams = -1, maxBulk
	return q
}

func dialQUIC(ctx context.Context, pc net.PacketConn, peer net.Addr, cfg Config) (multiplexer, error) {
	q, err := dialFirst(ctx, pc, peer, cfg)
	if err != nil {
		return nil, err
	}
	q.dialsBulk(cfg)
	return q, nil
}

func dialFirst(ctx context.Context, pc net.PacketConn, peer net.Addr, cfg Config) (*quicConn, error) {
	t := &quic.Transport{Conn: sized(pc)}
	conn, err := t.Dial(ctx, peer, cfg.tlsConfig(), cfg.quicConfig())
	if err != nil {
		t.Close()
		return nil, quicError(err)
	}
	return &quicConn{transport: t, conn: conn}, nil
}

// dialsBulk makes q the client's, with a connection for bulk when the server wants one.
func (q *quicConn) dialsBulk(cfg Config) {
	if cfg.BulkPeer != nil {
		q.side = newBulk(q, func(ctx context.Context) (*quic.Conn, error) {
			return q.transport.Dial(ctx, cfg.BulkPeer, cfg.tlsConfig(), cfg.bulkConfig())
		})
	}
}

func serveQUIC(ctx context.Context, pc net.PacketConn, cfg Config) (multiplexer, error) {
	l, err := listenQUIC(pc, cfg)
	if err != nil {
		return nil, err
	}
	return l.accept(ctx)
}

func listenQUIC(pc net.PacketConn, cfg Config) (*quicListener, error) {
	t := &quic.Transport{Conn: sized(pc)}
	config := cfg.quicConfig()
	var beside *beside
	if cfg.BulkPeer != nil {
		beside = besides(t, cfg.BulkPeer)
		config.GetConfigForClient = func(i *quic.ClientInfo) (*quic.Config, error) {
			if sameHost(i.RemoteAddr, cfg.BulkPeer) {
				return cfg.bulkConfig(), nil
			}
			return cfg.quicConfig(), nil
		}
	}
	l, err := t.Listen(cfg.tlsConfig(), config)
	if err != nil {
		t.Close()
		return nil, err
	}
	return &quicListener{t, l, cfg.BulkPeer, beside}, nil
}

// beside bounds the connections that are begun beside the first one, for as long as
// it is there. A handshake costs this end many times the packet that begins it, and
// until its end who sent that may be anybody on a path.
type beside struct {
	settled atomic.Bool // there is a first one
	there   atomic.Int32
}

const maxBeside = 4 // handshakes, and the connection for bulk

// besides makes t refuse connections too many. They come from peer.
func besides(t *quic.Transport, peer net.Addr) *beside {
	b := &beside{}
	t.ConnContext = func(ctx context.Context, i *quic.ClientInfo) (context.Context, error) {
		if !b.settled.Load() {
			return ctx, nil
		}
		if !sameHost(i.RemoteAddr, peer) {
			return nil, errors.New("there is a connection")
		}
		if b.there.Add(1) > maxBeside {
			b.there.Add(-1)
			return nil, errors.New("too many handshakes")
		}
		context.AfterFunc(ctx, func() { b.there.Add(-1) })
		return ctx, nil
	}
	return b
}

// quicListener answers until it has accepted a connection, or was closed.
type quicListener struct {
	transport *quic.Transport
	listener  *quic.Listener
	bulk      net.Addr // nil: one connection is accepted
	beside    *beside  // likewise
}

func (l *quicListener) accept(ctx context.Context) (multiplexer, error) {
	// Accept yields only connections whose handshake is complete, that is,
	// with the pinned key. Closing the listener refuses all others, and
	// waits for them to be gone.
	conn, err := l.listener.Accept(ctx)
	if err != nil {
		l.close()
		return nil, err
	}
	q := &quicConn{transport: l.transport, conn: conn}
	if l.bulk == nil {
		go l.listener.Close()
		return q, nil
	}
	l.beside.settled.Store(true)
	q.side = newBulk(q, nil)
	go q.acceptBulk(l.listener, l.bulk)
	return q, nil
}

func (l *quicListener) close() {
	l.listener.Close()
	l.transport.Close()
}

// acceptBulk takes connections of the peer's beside q, of which the first for bulk is
// used, until q ends. They prove the pinned key as q has.
func (q *quicConn) acceptBulk(l *quic.Listener, peer net.Addr) {
	defer l.Close()
	for {
		conn, err := l.Accept(q.conn.Context())
		if err != nil {
			return
		}
		if sameHost(conn.RemoteAddr(), peer) {
			go q.side.run(conn)
		} else {
			conn.CloseWithError(0, "")
		}
	}
}

func (q *quicConn) open(ctx context.Context) (Stream, error) {
	s, err := q.conn.OpenStreamSync(ctx)
	if err != nil {
		return nil, quicError(err)
	}
	return &quicStream{newQUICSender(s), s}, nil
}

func (q *quicConn) accept(ctx context.Context) (Stream, error) {
	s, err := q.conn.AcceptStream(ctx)
	if err != nil {
		return nil, quicError(err)
	}
	return &quicStream{newQUICSender(s), s}, nil
}

func (q *quicConn) done() <-chan struct{} { return q.conn.Context().Done() }

func (q *quicConn) err() error {
	if err := q.side.why(); err != nil {
		return err
	}
	return quicError(context.Cause(q.conn.Context()))
}

func (q *quicConn) bulk() *bulk { return q.side }

// close also ends the reading of the packet connection.
func (q *quicConn) close() {
	q.closed.Do(func() {
		q.conn.CloseWithError(0, "")
		q.side.close()
		q.transport.Close()
	})
}

// returned has the client begin anew. The proxy of the server sees to that end.
func (q *quicConn) returned() {
	q.renewal.begin(q.conn, q.transport)
	q.side.renew(q.transport)
}

func (q *quicConn) rekey([]byte, func([]byte)) error { return nil } // QUIC does it itself

// quicError tells an end that someone wanted from one that happened.
func quicError(err error) error {
	if app, ok := errors.AsType[*quic.ApplicationError](err); ok {
		if !app.Remote {
			return net.ErrClosed
		}
		return fmt.Errorf("the peer closed the connection: %w", io.EOF)
	}
	if errors.Is(err, quic.ErrTransportClosed) {
		return net.ErrClosed
	}
	if reset, ok := errors.AsType[*quic.StreamError](err); ok {
		if !reset.Remote {
			return net.ErrClosed
		}
		return errReset
	}
	// The reason that the peer gives for an end is the peer's text, whoever that is.
	if end, ok := errors.AsType[*quic.TransportError](err); ok && end.Remote {
		clean := *end
		clean.ErrorMessage = visible.Line(end.ErrorMessage)
		return &clean
	}
	return err
}

var errReset = errors.New("the peer gave up the stream")

// quicSender gives the sending half of a QUIC stream the meaning of Close and CloseWrite
// here.
type quicSender struct {
	s interface {
		io.WriteCloser
		CancelWrite(quic.StreamErrorCode)
	}
	writing chan struct{} // holds a token while a Write is in progress, which Close must not meet
}

func newQUICSender(s interface {
	io.WriteCloser
	CancelWrite(quic.StreamErrorCode)
}) quicSender {
	return quicSender{s, make(chan struct{}, 1)}
}

func (s quicSender) Write(p []byte) (int, error) {
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	n, err := s.s.Write(p)
	if err != nil {
		err = quicError(err)
	}
	return n, err
}

func (s quicSender) CloseWrite() error {
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	return s.s.Close()
}

// giveUp is CloseWrite, or a reset where a Write is in progress.
func (s quicSender) giveUp() error {
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
		return s.s.Close()
	default:
		s.s.CancelWrite(0)
		return nil
	}
}

// quicStream is a Stream of QUIC's.
type quicStream struct {
	quicSender
	s *quic.Stream
}

func (s *quicStream) Read(p []byte) (int, error) {
	n, err := s.s.Read(p)
	if err != nil && err != io.EOF {
		err = quicError(err)
	}
	return n, err
}

// Urgent sets a priority above the 3 of all other streams.
func (s *quicStream) Urgent() { s.s.SetPriority(1, true) }

func (s *quicStream) Close() error {
	s.s.CancelRead(0)
	return s.giveUp()
}

// sized gives pc the methods that quic-go uses to size a socket's buffers: it
// would complain on stderr, on the user's screen, of a pc without them.
func sized(pc net.PacketConn) net.PacketConn {
	if _, ok := pc.(interface{ SetReadBuffer(int) error }); ok {
		return pc
	}
	return unsized{pc}
}

type unsized struct{ net.PacketConn }

func (unsized) SetReadBuffer(int) error  { return nil }
func (unsized) SetWriteBuffer(int) error { return nil }
