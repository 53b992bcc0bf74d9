package mux

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/xtaci/smux"

	"tssh/proxy/mux/arq"
)

// kcpConn is a multiplexer by KCP: smux's streams over one sealed stream of bytes.
type kcpConn struct {
	conn *arq.Conn
	mux  *smux.Session

	arrived chan struct{} // token: there are streams
	mu      sync.Mutex    // guards what follows
	streams []Stream      // of the peer's, that nobody has accepted
}

func dialKCP(pc net.PacketConn, peer net.Addr, cfg Config) (multiplexer, error) {
	conn, err := arq.New(pc, peer, arq.Config{Secret: cfg.Secret, Client: true, MTU: cfg.MTU, Logf: cfg.Logf})
	if err != nil {
		return nil, err
	}
	return newKCP(conn, smux.Client)
}

// serveKCP waits for the first packet that the secret opens. It is the peer's,
// of whom there can't be another.
func serveKCP(ctx context.Context, pc net.PacketConn, cfg Config) (multiplexer, error) {
	conn, err := arq.New(pc, nil, arq.Config{Secret: cfg.Secret, MTU: cfg.MTU, Logf: cfg.Logf})
	if err != nil {
		return nil, err
	}
	select {
	case <-conn.Heard():
		return newKCP(conn, smux.Server)
	case <-conn.Done():
		return nil, conn.Err()
	case <-ctx.Done():
		conn.Close()
		return nil, context.Cause(ctx)
	}
}

func newKCP(conn *arq.Conn, side func(io.ReadWriteCloser, *smux.Config) (*smux.Session, error)) (multiplexer, error) {
	mux, err := side(conn, &smux.Config{
		Version:           2,
		KeepAliveDisabled: true, // it would end the session in an outage
		MaxFrameSize:      maxPiece + 2,
		MaxReceiveBuffer:  maxConnWindow,
		MaxStreamBuffer:   4 << 20, // 200 ms at 80 to 160 Mbit/s
	})
	if err != nil {
		conn.Close()
		return nil, err
	}
	k := &kcpConn{conn: conn, mux: mux, arrived: make(chan struct{}, 1)}
	go k.acceptAll()
	return k, nil
}

// acceptAll takes streams as they come, whether anybody wants them yet: until it
// does, smux reads nothing else, not even what those begin with that came before.
// smux has no limit of streams, so who opens more than QUIC would allow gets none.
func (k *kcpConn) acceptAll() {
	for {
		s, err := k.mux.AcceptStream()
		if err != nil {
			k.mux.Close()
			return
		}
		if k.mux.NumStreams() > maxStreams {
			s.Close()
			continue
		}
		k.mu.Lock()
		k.streams = append(k.streams, newKCPStream(s, k))
		k.mu.Unlock()
		k.tell()
	}
}

func (k *kcpConn) tell() {
	select {
	case k.arrived <- struct{}{}:
	default:
	}
}

// next returns the first stream that waits; nil: there is none.
func (k *kcpConn) next() Stream {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.streams) == 0 {
		return nil
	}
	s := k.streams[0]
	k.streams[0] = nil
	if k.streams = k.streams[1:]; len(k.streams) > 0 {
		k.tell() // for whoever else accepts
	}
	return s
}

func (k *kcpConn) open(context.Context) (Stream, error) {
	s, err := k.mux.OpenStream()
	if err != nil {
		return nil, k.explain(err)
	}
	return newKCPStream(s, k), nil
}

func (k *kcpConn) accept(ctx context.Context) (Stream, error) {
	for {
		select {
		case <-k.conn.Done():
			return nil, k.err()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-k.arrived:
		}
		if s := k.next(); s != nil {
			return s, nil
		}
	}
}

func (k *kcpConn) done() <-chan struct{} { return k.conn.Done() }
func (k *kcpConn) err() error            { return k.conn.Err() }
func (k *kcpConn) returned()             { k.conn.Returned() }
func (k *kcpConn) bulk() *bulk           { return nil } // KCP takes no loss for a full queue

func (k *kcpConn) close() {
	k.conn.Close() // first, or smux says that it is closed before we do
	k.mux.Close()
}

func (k *kcpConn) rekey(body []byte, send func([]byte)) error { return k.conn.Renew(body, send) }

// explain finds the cause behind an error of smux's.
func (k *kcpConn) explain(err error) error {
	if cause := k.conn.Err(); cause != nil {
		return cause
	}
	if errors.Is(err, io.ErrClosedPipe) {
		return net.ErrClosed
	}
	return fmt.Errorf("stream: %w", err)
}
