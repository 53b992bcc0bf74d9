package mux

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"tssh/proxy/wire"
)

// Beginning is a client's QUIC that speaks before it is known which server there
// will be: its first words go to whoever is started. It believes nobody until
// Finish tells the server's key.
type Beginning struct {
	cancel context.CancelFunc
	pin    atomic.Pointer[[32]byte] // nil: not told
	ended  chan struct{}            // closed when what follows is set
	conn   *quicConn
	err    error
	cfg    Config
}

// Begin begins to dial peer over pc, which stays the caller's as for Dial. It is
// ended by Finish or Close. The PeerPin and the BulkPeer of cfg do not count.
func Begin(pc net.PacketConn, peer net.Addr, cfg Config) *Beginning {
	b := &Beginning{ended: make(chan struct{}), cfg: cfg}
	b.cfg.early, b.cfg.later = true, b
	var ctx context.Context
	ctx, b.cancel = context.WithCancel(context.Background())
	go func() {
		defer close(b.ended)
		b.conn, b.err = dialFirst(ctx, pc, peer, b.cfg)
	}()
	return b
}

func (b *Beginning) check(s tls.ConnectionState) error {
	pin := b.pin.Load()
	if pin == nil {
		return errors.New("a server answers before its key is known")
	}
	return checkPin(s, *pin)
}

// Tell tells the server's key, before its first words are heard.
func (b *Beginning) Tell(pin [32]byte) { b.pin.Store(&pin) }

// Finish is the rest of Dial, after Tell. bulk is a Config's BulkPeer.
func (b *Beginning) Finish(ctx context.Context, bulk net.Addr) (Conn, error) {
	defer context.AfterFunc(ctx, b.cancel)()
	<-b.ended
	b.cancel()
	if b.err != nil {
		return nil, fmt.Errorf("dial %s: %w", wire.QUIC, b.err)
	}
	b.cfg.BulkPeer = bulk
	b.conn.dialsBulk(b.cfg)
	return newConn(b.conn, true, b.cfg), nil
}

// Close gives up, when Finish was not called.
func (b *Beginning) Close() {
	b.cancel()
	<-b.ended
	if b.conn != nil {
		b.conn.close()
	}
}

// Listening is a server's QUIC that answers before anybody waits for its client.
type Listening struct {
	listener *quicListener
	cfg      Config
}

// Listen begins to answer over pc, which stays the caller's as for Serve. It is
// ended by Accept, when that has returned, or Close.
func Listen(pc net.PacketConn, cfg Config) (*Listening, error) {
	cfg.early = true
	l, err := listenQUIC(pc, cfg)
	if err != nil {
		return nil, fmt.Errorf("serve %s: %w", wire.QUIC, err)
	}
	return &Listening{l, cfg}, nil
}

// Accept is the rest of Serve.
func (l *Listening) Accept(ctx context.Context) (Conn, error) {
	c, err := l.listener.accept(ctx)
	if err != nil {
		return nil, fmt.Errorf("serve %s: %w", wire.QUIC, err)
	}
	return newConn(c, false, l.cfg), nil
}

// Close ends it, when Accept was not called.
func (l *Listening) Close() { l.listener.close() }
