package mux

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// multiplexer is what QUIC and KCP have in common.
type multiplexer interface {
	open(context.Context) (Stream, error)
	accept(context.Context) (Stream, error)
	// close ends it at once; the peer is told with one packet. It may be
	// called twice.
	close()
	done() <-chan struct{}
	err() error // why, once done is closed
	returned()
	bulk() *bulk // nil: there is no connection for bulk
	// rekey gets the body of the peer's key message, and first of all nil.
	// It gives its answer to send.
	rekey(body []byte, send func(body []byte)) error
}

// Types of messages on the control stream.
const (
	msgHello  = 'H'
	msgBye    = 'B'
	msgAnswer = 'A'
	msgKey    = 'K'
	msgLarge  = 'L'
	msgPad    = 'P'
)

// linger is how long the end that answered a bye waits for the other to go,
// so that the answer is sent again if it was lost.
const linger = 3 * time.Second

// conn is a Conn on any multiplexer. It counts streams and keeps the control stream.
type conn struct {
	multiplexer
	cfg    Config
	client bool

	ready chan struct{} // closed when control is set
	hello chan struct{} // closed with the peer's first word
	gone  chan struct{} // closed with the peer's answer to our bye
	left  chan struct{} // closed with the peer's bye

	saying  sync.Mutex // held while a message is written
	control Stream     // set when ready is closed

	mu      sync.Mutex             // guards what follows
	opened  uint64                 // by us
	taken   uint64                 // opened by the peer and seen here
	reading map[*stream]struct{}   // not yet read to the end
	writing map[io.Closer]struct{} // not yet written to the end; Senders, too
	leaving bool                   // the peer said bye
	expect  uint64                 // the streams that the peer had opened then
	said    bool                   // the peer's bye was answered
}

func newConn(c multiplexer, client bool, cfg Config) *conn {
	m := &conn{
		multiplexer: c, cfg: cfg, client: client,
		ready:   make(chan struct{}),
		hello:   make(chan struct{}),
		gone:    make(chan struct{}),
		left:    make(chan struct{}),
		reading: make(map[*stream]struct{}),
		writing: make(map[io.Closer]struct{}),
	}
	go m.runControl()
	return m
}

// runControl lives as long as the connection.
func (c *conn) runControl() {
	err := c.readControl()
	if !c.ended() {
		c.cfg.logf("control stream: %v", err)
	}
	c.multiplexer.close()
}

// readControl returns why the stream can't be read any more.
func (c *conn) readControl() error {
	s, err := c.openControl()
	if err != nil {
		return err
	}
	Urgent(s)
	c.control = s
	close(c.ready)
	if !c.cfg.early {
		c.say(msgHello, nil)
	} else if c.client {
		c.sayHello()
	}
	sendKey := func(body []byte) { c.say(msgKey, body) }
	if err := c.rekey(nil, sendKey); err != nil {
		return err
	}
	var greeted, answered bool
	var body [64]byte
	for {
		var head [3]byte
		if _, err := io.ReadFull(s, head[:]); err != nil {
			return err
		}
		if !greeted && (!c.cfg.early || head[0] == msgHello) {
			greeted = true
			close(c.hello)
			if c.cfg.early && !c.client {
				c.sayHello()
			}
		}
		n := int(binary.BigEndian.Uint16(head[1:]))
		if n > len(body) {
			return fmt.Errorf("control message %q of %d bytes", head[0], n)
		}
		if _, err := io.ReadFull(s, body[:n]); err != nil {
			return err
		}
		switch {
		case head[0] == msgBye && n == 8:
			c.mu.Lock()
			if !c.leaving {
				close(c.left) // before the answer, after which the peer may be gone
			}
			c.leaving, c.expect = true, binary.BigEndian.Uint64(body[:n])
			c.mu.Unlock()
			c.answerBye()
		case head[0] == msgAnswer && !answered:
			answered = true
			close(c.gone)
		case head[0] == msgLarge:
			c.bulk().asked()
		case head[0] == msgKey:
			if err := c.rekey(body[:n], sendKey); err != nil {
				return err
			}
		}
	}
}

func (c *conn) openControl() (Stream, error) {
	if c.client {
		return c.multiplexer.open(context.Background())
	}
	return c.multiplexer.accept(context.Background())
}

// say writes one message. What goes wrong is seen by the reading side.
func (c *conn) say(kind byte, body []byte) {
	m := make([]byte, 3, 3+len(body))
	m[0] = kind
	binary.BigEndian.PutUint16(m[1:], uint16(len(body)))
	c.write(append(m, body...))
}

func (c *conn) write(m []byte) {
	c.saying.Lock()
	defer c.saying.Unlock()
	if _, err := c.control.Write(m); err != nil {
		c.cfg.logf("control stream: %v", err)
	}
}

// sayHello is the first word, behind as much as fills a datagram: of its own, since
// QUIC may fill the first one up that ends its handshake. When that is lost its rest
// goes again as a small one.
func (c *conn) sayHello() {
	const body = 64
	pad := make([]byte, 3+body)
	pad[0], pad[2] = msgPad, body
	words := bytes.Repeat(pad, 2*max(c.cfg.MTU, 1200)/len(pad))
	c.write(append(words, msgHello, 0, 0))
}

// answerBye lets a peer go that said bye, when all it wrote was read.
func (c *conn) answerBye() {
	c.mu.Lock()
	ok := c.leaving && !c.said && c.taken >= c.expect && len(c.reading) == 0
	c.said = c.said || ok
	c.mu.Unlock()
	if !ok {
		return
	}
	c.say(msgAnswer, nil)
	go func() {
		t := time.NewTimer(linger)
		defer t.Stop()
		select {
		case <-t.C:
			c.multiplexer.close()
		case <-c.done():
		}
	}()
}

// waitReady keeps streams of the user's behind the control stream.
func (c *conn) waitReady(ctx context.Context) error {
	return c.wait(ctx, c.ready)
}

func (c *conn) wait(ctx context.Context, event <-chan struct{}) error {
	select {
	case <-event:
		return nil
	case <-c.done():
		return c.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *conn) Open(ctx context.Context) (Stream, error) {
	if err := c.waitReady(ctx); err != nil {
		return nil, err
	}
	raw, err := c.multiplexer.open(ctx)
	if err != nil {
		return nil, err
	}
	return c.track(raw, &c.opened), nil
}

func (c *conn) Accept(ctx context.Context) (Stream, error) {
	if err := c.waitReady(ctx); err != nil {
		return nil, err
	}
	raw, err := c.multiplexer.accept(ctx)
	if err != nil {
		return nil, err
	}
	return c.track(raw, &c.taken), nil
}

func (c *conn) track(raw Stream, count *uint64) *stream {
	s := &stream{raw: raw, conn: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	*count++
	c.reading[s] = struct{}{}
	c.writing[s] = struct{}{}
	return s
}

func (c *conn) Confirmed(ctx context.Context) error { return c.wait(ctx, c.hello) }

func (c *conn) Shutdown(ctx context.Context) error {
	defer c.Close()
	if err := c.waitReady(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	open := make([]io.Closer, 0, len(c.writing))
	for s := range c.writing {
		open = append(open, s)
	}
	var count [8]byte
	binary.BigEndian.PutUint64(count[:], c.opened)
	c.mu.Unlock()
	for _, s := range open {
		s.Close()
	}
	go c.say(msgBye, count[:]) // on a dead network it may wait longer than ctx
	err := c.wait(ctx, c.gone)
	if err != nil && c.ended() {
		return nil // the peer closed first, which answers as well
	}
	return err
}

func (c *conn) ended() bool {
	select {
	case <-c.done():
		return true
	default:
		return false
	}
}

func (c *conn) Close() error {
	c.multiplexer.close()
	return nil
}

func (c *conn) Leaving() <-chan struct{} { return c.left }

func (c *conn) Done() <-chan struct{} { return c.done() }

func (c *conn) Err() error {
	if !c.ended() {
		return nil
	}
	if err := c.multiplexer.err(); err != nil {
		return err
	}
	return net.ErrClosed
}

func (c *conn) Returned() { c.multiplexer.returned() }

// stream is a Stream that the connection keeps account of.
type stream struct {
	raw  Stream
	conn *conn
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.raw.Read(p)
	if err != nil {
		s.conn.readDone(s)
	}
	return n, err
}

func (s *stream) Write(p []byte) (int, error) { return s.raw.Write(p) }

// Urgent is described at Urgent.
func (s *stream) Urgent() {
	if u, ok := s.raw.(interface{ Urgent() }); ok {
		u.Urgent()
	}
}

func (s *stream) CloseWrite() error {
	s.conn.writeDone(s)
	return s.raw.CloseWrite()
}

func (s *stream) Close() error {
	s.conn.writeDone(s)
	err := s.raw.Close()
	s.conn.readDone(s)
	return err
}

// Bulk is described at Conn. A bye does not count its streams: each goes on where a
// stream stopped that is not read to its end before.
func (c *conn) Bulk() (Sender, uint64) {
	b := c.bulk()
	if b == nil {
		return nil, 0
	}
	raw := b.open(func() {
		go func() {
			if !c.client {
				if c.waitReady(context.Background()) == nil {
					c.say(msgLarge, nil)
				}
				return
			}
			// Before the server has heard the end of the first handshake it would take
			// the second connection for the first.
			if c.wait(context.Background(), c.hello) == nil {
				b.begin()
			}
		}()
	})
	if raw == nil {
		return nil, 0
	}
	s := &bulkSender{newQUICSender(raw), c}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing[s] = struct{}{}
	return s, uint64(raw.StreamID())
}

// TakeBulk is described at Conn.
func (c *conn) TakeBulk(ctx context.Context, number uint64) (Receiver, error) {
	b := c.bulk()
	if b == nil {
		return nil, errors.New("there is no connection for bulk")
	}
	raw, err := b.take(ctx, number)
	if err != nil {
		return nil, err
	}
	return bulkReceiver{raw}, nil
}

func (c *conn) writeDone(s io.Closer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.writing, s)
}

func (c *conn) readDone(s *stream) {
	c.mu.Lock()
	delete(c.reading, s)
	c.mu.Unlock()
	c.answerBye()
}
