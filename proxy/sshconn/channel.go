package sshconn

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/mux"
)

const (
	firstWindow = 2 << 20 // known to both ends, as in the package comment
	maxWindow   = 4 << 20 // more than a stream of any mux has under way
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

	opened chan struct{} // closed when the peer has accepted or refused, or is gone
	ended  chan struct{} // closed when the peer has closed, or is gone

	asking  baton // held while a reply is waited for
	replies chan bool

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

	credit     int     // what we may still send
	complained bool    // the peer knows that we are starved
	flight     *flight // of an interactive channel
	asked      bool    // a reply is waited for
	err        error   // why nothing goes any more; io.EOF after a good end
	writeErr   error   // why nothing may be written any more
	accepted   bool    // by the peer, or by us
}

func newChannel(c *conn, s mux.Stream, o opening) *channel {
	ch := &channel{
		conn: c, stream: s, kind: o.kind, extra: o.extra,
		opened:  make(chan struct{}),
		ended:   make(chan struct{}),
		replies: make(chan bool, 1),
		asking:  newBaton(),
		writing: newBaton(),
		window:  firstWindow,
		allowed: firstWindow,
		credit:  firstWindow,
	}
	ch.readable.L, ch.writable.L = &ch.mu, &ch.mu
	return ch
}

// run reads the stream until the peer has closed the channel. It never waits
// for the user, but for one that does not read its requests.
func (c *channel) run() {
	defer c.conn.left(c)
	r := newReader(c.stream)
	err := c.readFrames(r)
	good := err == nil
	if _, refused := err.(*ssh.OpenChannelError); !refused {
		if err != nil {
			c.conn.blame(err)
		}
		err = io.EOF
	}
	c.finish(err)
	c.sendClose()
	if good {
		r.ReadByte() // the end of the stream, so that nothing is left to cancel
	}
	c.stream.Close()
}

// newReader reads heads and small frames together, and big ones past its buffer.
func newReader(s mux.Stream) *bufio.Reader { return bufio.NewReaderSize(s, 512) }

// readFrames returns nil when the peer has closed the channel.
func (c *channel) readFrames(r *bufio.Reader) error {
	for {
		h, err := readHead(r)
		if err != nil {
			return whole(err) // a channel ends with close
		}
		switch h.kind {
		case frameData:
			err = c.receive(r, h.size, &c.data)
		case frameStderr:
			err = c.receive(r, h.size, &c.stderr)
		case frameClose:
			return nil
		default:
			var body []byte
			if body, err = readBody(r, h); err == nil {
				err = c.handle(h.kind, body)
			}
		}
		if err != nil {
			return err
		}
	}
}

// receive reads data into one of the inboxes.
func (c *channel) receive(r io.Reader, n int, in *inbox) error {
	c.mu.Lock()
	c.allowed -= n
	bad := c.allowed < 0 || in.eof
	c.mu.Unlock()
	if bad {
		return fmt.Errorf("%w: more data than the window allows", errMalformed)
	}
	if n == 0 {
		return nil
	}
	chunk := newChunk(n)
	if _, err := io.ReadFull(r, chunk.b); err != nil {
		return whole(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	in.put(chunk)
	c.unread += n
	c.readable.Broadcast()
	return nil
}

func (c *channel) handle(kind byte, body []byte) error {
	switch kind {
	case frameRequest:
		r, err := parseRequest(body)
		if err != nil {
			return err
		}
		r.reply = func(ok bool, _ []byte) error { return c.send(replyFrame(ok), nil) }
		c.deliver(r)
		return nil
	case frameReject:
		if c.isAccepted() {
			return fmt.Errorf("%w: late refusal", errMalformed)
		}
		reason := ssh.RejectionReason(binary.BigEndian.Uint32(body))
		return &ssh.OpenChannelError{Reason: reason, Message: string(body[4:])}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch kind {
	case frameConfirm:
		if c.accepted {
			return fmt.Errorf("%w: second confirmation", errMalformed)
		}
		c.accepted = true
		close(c.opened)
	case frameWindow, frameGrowth:
		n := int(binary.BigEndian.Uint32(body))
		if c.credit += n; c.credit > 1<<32 {
			return fmt.Errorf("%w: window of %d bytes", errMalformed, c.credit)
		}
		c.complained = false
		if c.flight != nil && kind == frameWindow {
			c.flight.landed(n, time.Now())
		}
		c.writable.Broadcast()
	case frameStarved:
		c.widenLocked()
	case framePrompt:
		c.prompt = true
	case frameSuccess, frameFailure:
		if c.asked { // else nobody waits: a reply too many
			c.asked = false
			c.replies <- kind == frameSuccess
		}
	case frameEOF:
		c.data.eof, c.stderr.eof = true, true
		c.readable.Broadcast()
	}
	return nil
}

func (c *channel) isAccepted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.accepted
}

// widenLocked doubles the window if our user was not what the peer waits for.
func (c *channel) widenLocked() {
	if c.unread > c.window/2 || c.window >= maxWindow {
		return
	}
	c.growth += c.window
	c.allowed += c.window
	c.window *= 2
	go c.giveWindow() // the reading goroutine must not write
}

// finish makes every call return: reads when the inboxes are empty.
func (c *channel) finish(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	if c.writeErr == nil {
		c.writeErr = err
	}
	c.data.eof, c.stderr.eof = true, true
	if !c.accepted {
		close(c.opened)
	}
	close(c.ended)
	c.ends()
	c.readable.Broadcast()
	c.writable.Broadcast()
}

func replyFrame(ok bool) byte {
	if ok {
		return frameSuccess
	}
	return frameFailure
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
	if give {
		c.giveWindow()
	}
	return n, nil
}

// giveWindow sends the gift, unless someone is writing, who will do it then:
// a Read must not wait for a Write.
func (c *channel) giveWindow() {
	for {
		c.mu.Lock()
		any := c.gift > 0 || c.growth > 0
		c.mu.Unlock()
		if !any || !c.writing.tryTake() {
			return
		}
		c.mu.Lock()
		gift, growth := c.gift, c.growth
		c.gift, c.growth = 0, 0
		c.mu.Unlock()
		if gift > 0 {
			c.writeFrame(frameWindow, binary.BigEndian.AppendUint32(nil, uint32(gift)))
		}
		if growth > 0 {
			c.writeFrame(frameGrowth, binary.BigEndian.AppendUint32(nil, uint32(growth)))
		}
		c.writing.pass()
	}
}

// send writes one frame, in order with all others.
func (c *channel) send(kind byte, body []byte) error {
	c.writing.take()
	err := c.writeFrame(kind, body)
	c.writing.pass()
	c.giveWindow()
	return err
}

// writeFrame is called with writing held. After a close it is io.EOF, as in
// x/crypto/ssh.
func (c *channel) writeFrame(kind byte, body []byte) error {
	if c.sentClose {
		return io.EOF
	}
	var small [64]byte
	b := small[:0]
	if n := headSize + len(body); n > len(small) {
		if n <= headSize+maxData {
			a := pool.Get().(*[headSize + maxData]byte)
			defer pool.Put(a)
			b = a[:0]
		} else {
			b = make([]byte, 0, n)
		}
	}
	b = b[:headSize]
	putHead(b, kind, len(body))
	if _, err := c.stream.Write(append(b, body...)); err != nil {
		return io.EOF // the connection's end is told by Wait
	}
	return nil
}

func (c *channel) Write(p []byte) (int, error) { return c.writeTo(frameData, p) }

func (c *channel) writeTo(kind byte, p []byte) (n int, err error) {
	for len(p) > 0 {
		room, err := c.reserve(min(len(p), maxData))
		if err != nil {
			return n, err
		}
		c.writing.take()
		if c.sentEOF {
			err = io.EOF
		} else {
			err = c.writeFrame(kind, p[:room])
		}
		c.writing.pass()
		c.giveWindow()
		if err != nil {
			return n, err
		}
		n += room
		p = p[room:]
	}
	return n, nil
}

// reserve waits until some of n bytes may be sent.
func (c *channel) reserve(n int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if c.writeErr != nil {
			return 0, c.writeErr
		}
		room := min(n, c.credit)
		if room > 0 && c.flight != nil {
			room = min(room, c.flight.room())
		}
		if room > 0 {
			c.credit -= room
			if c.flight != nil {
				c.flight.left(room, time.Now())
			}
			return room, nil
		}
		if c.credit == 0 && !c.complained {
			c.complained = true
			c.mu.Unlock()
			c.send(frameStarved, nil)
			c.mu.Lock()
			continue
		}
		c.writable.Wait()
	}
}

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
	c.writable.Broadcast()
	c.mu.Unlock()
	return c.sendClose()
}

func (c *channel) sendClose() error {
	c.writing.take()
	defer c.writing.pass()
	if c.sentClose {
		return io.EOF
	}
	err := c.writeFrame(frameClose, nil)
	c.sentClose = true
	c.stream.CloseWrite()
	return err
}

func (c *channel) SendRequest(kind string, wantReply bool, payload []byte) (bool, error) {
	body, err := appendRequest(nil, kind, wantReply, payload)
	if err != nil {
		return false, err
	}
	if !wantReply {
		return false, c.orRefused(c.send(frameRequest, body))
	}
	c.asking.take()
	defer c.asking.pass()
	c.mu.Lock()
	c.asked = c.err == nil
	c.mu.Unlock()
	if err := c.send(frameRequest, body); err != nil {
		return false, c.orRefused(err)
	}
	select {
	case ok := <-c.replies:
		return ok, nil
	case <-c.ended:
	}
	select {
	case ok := <-c.replies: // came before the end
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
