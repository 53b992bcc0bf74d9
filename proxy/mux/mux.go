// Package mux carries many reliable streams over one net.PacketConn: QUIC or
// KCP. It never learns that the network changed; package proxy sees to that.
package mux

import (
	"context"
	"io"
)

// Conn is one authenticated connection between a tssh and its tsshd.
type Conn interface {
	// Open starts a stream. The peer learns of it with the first byte written.
	Open(ctx context.Context) (Stream, error)
	// Accept waits for a stream of the peer's.
	Accept(ctx context.Context) (Stream, error)
	// Close ends the connection and every stream, and tells the peer, whose
	// calls fail with an error that wraps io.EOF. It may be called twice.
	Close() error
	// Done is closed when the connection has ended for any reason.
	Done() <-chan struct{}
	// Err says why it ended, once Done is closed: net.ErrClosed after Close,
	// io.EOF (wrapped) when the peer closed.
	Err() error
}

// Stream is one reliable, ordered byte stream in each direction.
// Read returns io.EOF after the peer's CloseWrite.
type Stream interface {
	io.Reader
	io.Writer
	// CloseWrite says that no more bytes follow; reading goes on.
	CloseWrite() error
	// Close gives up both directions; bytes not yet read are discarded.
	// Bytes written before CloseWrite are delivered all the same.
	Close() error
}
