package sshconn

import (
	"fmt"
	"io"
	"sync"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/mux"
)

const (
	firstWindow = 2 << 20 // known to both ends, as in the package comment
	maxWindow   = 4 << 20 // more than a stream of any mux has under way
	maxCredit   = 64 << 20
	promptStep  = 8 << 10 // how finely window is given when asked for
)

// channel is either end of one channel.
type channel struct {
	conn   *conn
	stream mux.Stream
	kind   string
	extra  []byte
	// deliver hands a request of the peer's to the user, ends says that no
	// more come. Only the reading goroutine calls them.
	deliver func(*Request)
	ends    func()
	queued  func() int    // requests that the user has not taken
	drain   func()        // throws those away
	lost    chan struct{} // closed when c keeps nothing any more

	refusals refusals

	opened chan struct{} // closed when the peer has accepted or refused, or is gone
	ended  chan struct{} // closed when the peer has closed, or is gone

	asking baton // held from noting who waits for a reply until the request is sent

	writing   baton // held while a frame is written; guards what follows
	sentEOF   bool
	sentClose bool

	mu       sync.Mutex // guards what follows
	readable sync.Cond
	writable sync.Cond

	data, stderr inbox
	window       int  // what the peer may have under way, at most
	allowed      int  // what the peer may still send
	unread       int  // bytes in both inboxes
	owed         int  // bytes read by the user, not yet given as window
	gift         int  // of what was read, to be told by whoever may write next
	growth       int  // of the window, likewise
	prompt       bool // the peer wants window in small steps

	credit     int         // what we may still send
	complained bool        // the peer knows that we are starved
	flight     *flight     // of an interactive channel
	waiting    []chan bool // for replies, in the order of the requests
	err        error       // why nothing goes any more; io.EOF after a good end
	writeErr   error       // why nothing may be written any more
	accepted   bool        // by the peer, or by us

	held      int          // what the budget knows of
	partial   int          // bytes of a frame that is being read or delivered
	sizes     [backlog]int // of the last requests, a ring
	delivered int          // requests
	over      bool         // run has ended
	closed    bool         // by the user
	released  bool         // what is held counts no more
}

func newChannel(c *conn, s mux.Stream, o opening) *channel {
	ch := &channel{
		conn: c, stream: s, kind: o.kind, extra: o.extra,
		opened:  make(chan struct{}),
		ended:   make(chan struct{}),
		lost:    make(chan struct{}),
		asking:  newBaton(),
		writing: newBaton(),
		window:  firstWindow,
		allowed: firstWindow,
		credit:  firstWindow,
	}
	ch.readable.L, ch.writable.L = &ch.mu, &ch.mu
	ch.refusals.send = func() error { return ch.send(frameFailure, nil) }
	return ch
}

func (c *channel) ChannelType() string { return c.kind }

func (c *channel) ExtraData() []byte { return c.extra }

func (c *channel) Read(p []byte) (int, error) { return c.readFrom(&c.data, p) }

func (c *channel) readFrom(in *inbox, p []byte) (int, error) {
	c.mu.Lock()
	for len(in.chunks) == 0 && !in.eof {
		c.readable.Wait()
	}
	n := in.take(p)
	if n == 0 && in.eof && len(in.chunks) == 0 {
		err := c.err
		c.mu.Unlock()
		if err == nil {
			err = io.EOF
		}
		return 0, err
	}
	c.unread -= n
	c.owed += n
	settled := c.settleLocked()
	c.countLocked()
	step := c.window / 4
	if c.prompt {
		step = promptStep
	}
	give := c.owed >= step && c.err == nil
	if give {
		c.gift += c.owed
		c.allowed += c.owed
		c.owed = 0
	}
	c.mu.Unlock()
	if settled {
		c.conn.left(c)
	}
	if give {
		c.giveWindow()
	}
	return n, nil
}

func (c *channel) Write(p []byte) (int, error) { return c.writeTo(frameData, p) }

func (c *channel) CloseWrite() error {
	c.writing.take()
	defer c.giveWindow()
	defer c.writing.pass()
	if c.sentEOF && !c.sentClose {
		return nil
	}
	err := c.writeFrame(frameEOF, nil)
	c.sentEOF = true
	return err
}

// Close says that nothing more is sent. What the peer sent before it closes,
// too, can still be read.
func (c *channel) Close() error {
	c.mu.Lock()
	if c.writeErr == nil {
		c.writeErr = io.EOF
	}
	c.closed = true
	settled := c.settleLocked()
	c.writable.Broadcast()
	c.mu.Unlock()
	if settled {
		c.conn.left(c)
	}
	return c.sendClose()
}

func (c *channel) SendRequest(kind string, wantReply bool, payload []byte) (bool, error) {
	if wantReply {
		answer, err := c.Ask(kind, payload)
		if err != nil {
			return false, err
		}
		return answer()
	}
	body, err := appendRequest(nil, kind, false, payload)
	if err != nil {
		return false, err
	}
	c.notice(kind)
	return false, c.orRefused(c.send(frameRequest, body))
}

// notice sees to the requests that say what a channel is for.
func (c *channel) notice(kind string) {
	if kind == "pty-req" {
		mux.Urgent(c.stream) // a session at a terminal
	}
}

// Ask sends a request and does not wait for the reply, so that several requests
// cost one round trip; answer does. It is beyond what ssh.Channel has.
func (c *channel) Ask(kind string, payload []byte) (answer func() (bool, error), err error) {
	body, err := appendRequest(nil, kind, true, payload)
	if err != nil {
		return nil, err
	}
	c.notice(kind)
	reply := make(chan bool, 1)
	c.asking.take() // replies have no number: their order is that of the requests
	c.mu.Lock()
	c.waiting = append(c.waiting, reply)
	c.mu.Unlock()
	err = c.send(frameRequest, body)
	c.asking.pass()
	if err != nil {
		return nil, c.orRefused(err)
	}
	return func() (bool, error) { return c.await(reply) }, nil
}

func (c *channel) await(reply <-chan bool) (bool, error) {
	select {
	case ok := <-reply:
		return ok, nil
	case <-c.ended:
	}
	select {
	case ok := <-reply: // came before the end
		return ok, nil
	default:
		return false, c.orRefused(io.EOF)
	}
}

// orRefused tells a channel that was never accepted from one that ended.
func (c *channel) orRefused(err error) error {
	if err == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	return err
}

// Stderr reads and writes the channel's extended data.
func (c *channel) Stderr() io.ReadWriter { return stderr{c} }

type stderr struct{ c *channel }

func (s stderr) Read(p []byte) (int, error)  { return s.c.readFrom(&s.c.stderr, p) }
func (s stderr) Write(p []byte) (int, error) { return s.c.writeTo(frameStderr, p) }

// Interactive is described at Channel.
func (c *channel) Interactive() {
	c.mu.Lock()
	first := c.flight == nil
	mux.Urgent(c.stream)
	if first {
		c.flight = newFlight()
	}
	c.mu.Unlock()
	if first {
		c.send(framePrompt, nil)
	}
}

// waitOpen waits for the peer to accept or to refuse.
func (c *channel) waitOpen() error {
	<-c.opened
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.accepted {
		return nil
	}
	if refused, ok := c.err.(*ssh.OpenChannelError); ok {
		return refused // bare, as from x/crypto/ssh
	}
	return fmt.Errorf("open channel: %w", c.err)
}
