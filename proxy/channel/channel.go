// Package channel is one end of an SSH channel (RFC 4254, section 5), whatever
// carries it: windows, what has arrived and was not read, requests and their
// answers, and the ends. A framing owns the channel's bytes on the wire: it gives
// a Channel a Wire to write to, and calls Channel's methods for what it reads.
//
//	opening --Open--> open --EOF, CloseWrite--> half open --Finish, Close--> over
//	   '----Finish: it was refused-------------------------------------------^
//
// Nothing that a peer sends makes the goroutine that reads wait, but for a user
// who does not take the requests.
package channel

import (
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Wire says things to the peer. Its methods are called one at a time, in the order
// in which the peer is to hear them, and may wait for the network.
type Wire interface {
	Data(b []byte, stderr bool) error // of at most the size that Open was told
	Window(n int) error               // so many bytes more may be sent
	Request(kind string, wantReply bool, payload []byte) error
	EOF() error
	Close() error
}

// Config is what a Channel is made of.
type Config struct {
	Wire Wire
	// Window is how many bytes the peer may send at first; the framing has told
	// it so. Overrun is how many more are borne of one that does not count well.
	Window, Overrun int
	// Full is the window of a channel that turns out to be none of a terminal.
	Full int
}

// ErrOverrun is the end of a peer that sends more than it may.
var ErrOverrun = errors.New("remote side wrote too much")

// Channel is one end of a channel. Its user's methods may be called from anywhere,
// and are those of ssh.Channel; its framing's from one goroutine.
type Channel struct {
	wire    Wire
	full    int
	overrun int

	opened chan struct{} // closed when the peer has accepted or refused, or is gone
	ended  chan struct{} // closed when the peer has closed, or is gone

	asking  baton // held from noting who waits for an answer until the request is sent
	writing baton // held while something is said; guards what follows
	sentEOF bool
	closed  bool // by us

	mu       sync.Mutex // guards what follows
	readable sync.Cond
	writable sync.Cond

	data, errs inbox
	window     int    // what the peer may have under way, at most
	allowed    int    // what it may still send; below 0 it did not count well
	meter      *meter // of a terminal's channel
	gift       int    // of what was read, to be told by whoever may write next

	credit   int         // what we may still send
	largest  int         // piece of data
	waiting  []chan bool // for answers, in the order of the requests
	accepted bool
	said     bool  // the peer has closed, so all that it had to say has come
	err      error // why nothing goes any more; io.EOF after a good end
	writeErr error // why nothing may be written any more
}

// New returns a channel that the peer has not accepted yet.
func New(c Config) *Channel {
	ch := &Channel{
		wire: c.Wire, full: c.Full, overrun: c.Overrun,
		opened: make(chan struct{}), ended: make(chan struct{}),
		asking: newBaton(), writing: newBaton(),
		window: c.Window, allowed: c.Window,
	}
	ch.readable.L, ch.writable.L = &ch.mu, &ch.mu
	return ch
}

// Read reads the peer's data.
func (c *Channel) Read(p []byte) (int, error) { return c.readFrom(&c.data, p) }

// Stderr reads and writes the channel's extended data.
func (c *Channel) Stderr() io.ReadWriter { return stderr{c} }

type stderr struct{ c *Channel }

func (s stderr) Read(p []byte) (int, error)  { return s.c.readFrom(&s.c.errs, p) }
func (s stderr) Write(p []byte) (int, error) { return s.c.write(p, true) }

func (c *Channel) readFrom(in *inbox, p []byte) (int, error) {
	c.mu.Lock()
	for in.empty() && !in.eof {
		c.readable.Wait()
	}
	if in.empty() {
		err := c.err
		c.mu.Unlock()
		if err == nil {
			err = io.EOF
		}
		return 0, err
	}
	n := in.take(p)
	give := c.giveLocked(time.Now())
	c.mu.Unlock()
	if give {
		c.tellWindow()
	}
	return n, nil
}

// giveLocked lets the peer send as much as the window has room for, when that is
// worth a message.
func (c *Channel) giveLocked(now time.Time) bool {
	window, step := c.window, c.window/4
	if c.meter != nil {
		window, step = c.meter.window(), terminalStep
	}
	n := window - c.allowed - c.data.size - c.errs.size
	if n < step || c.err != nil || c.said {
		return false
	}
	c.allowed += n
	c.gift += n
	if c.meter != nil {
		c.meter.granted(n, now)
	}
	return true
}

// tellWindow tells of the gift, unless someone is writing, who will do it then: a
// Read must not wait for a Write.
func (c *Channel) tellWindow() {
	for {
		c.mu.Lock()
		any := c.gift > 0
		c.mu.Unlock()
		if !any || !c.writing.tryTake() {
			return
		}
		c.mu.Lock()
		n := c.gift
		c.gift = 0
		c.mu.Unlock()
		if n > 0 && !c.closed {
			c.wire.Window(n)
		}
		c.writing.pass()
	}
}

// Write sends data.
func (c *Channel) Write(p []byte) (int, error) { return c.write(p, false) }

func (c *Channel) write(p []byte, stderr bool) (n int, err error) {
	for len(p) > 0 {
		room, err := c.reserve(len(p))
		if err != nil {
			return n, err
		}
		if err := c.say(func() error {
			if c.sentEOF {
				return io.EOF
			}
			return c.wire.Data(p[:room], stderr)
		}); err != nil {
			return n, err
		}
		n += room
		p = p[room:]
	}
	return n, nil
}

// WriteMessage sends p as one piece, for which the peer counts cost bytes. One that
// is larger than it takes is lost.
func (c *Channel) WriteMessage(p []byte, cost int) error {
	c.mu.Lock()
	for (!c.accepted || c.credit < cost && len(p) <= c.largest) && c.writeErr == nil {
		c.writable.Wait()
	}
	err, lost := c.writeErr, len(p) > c.largest
	if err == nil && !lost {
		c.credit -= cost
	}
	c.mu.Unlock()
	if err != nil || lost {
		return err
	}
	return c.say(func() error { return c.wire.Data(p, false) })
}

// reserve waits until some of n bytes may be sent.
func (c *Channel) reserve(n int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if c.writeErr != nil {
			return 0, c.writeErr
		}
		if room := min(n, c.credit, c.largest); room > 0 {
			c.credit -= room
			return room, nil
		}
		c.writable.Wait()
	}
}

// say calls f, which writes, in order with all others. After a close it is io.EOF,
// as in x/crypto/ssh; so it is when the connection is gone, whose end is told
// elsewhere.
func (c *Channel) say(f func() error) error {
	c.writing.take()
	err := io.EOF
	if !c.closed {
		if err = f(); err != nil {
			err = io.EOF
		}
	}
	c.writing.pass()
	c.tellWindow()
	return err
}

// CloseWrite says that no more data come.
func (c *Channel) CloseWrite() error {
	return c.say(func() error {
		if c.sentEOF {
			return nil
		}
		c.sentEOF = true
		return c.wire.EOF()
	})
}

// Close says that nothing more is sent. What the peer sent before it closes, too,
// can still be read.
func (c *Channel) Close() error {
	c.mu.Lock()
	if c.writeErr == nil {
		c.writeErr = io.EOF
	}
	c.writable.Broadcast()
	c.mu.Unlock()
	return c.sayClose()
}

func (c *Channel) sayClose() error {
	c.writing.take()
	defer c.writing.pass()
	if c.closed {
		return io.EOF
	}
	c.closed = true
	if c.wire.Close() != nil {
		return io.EOF
	}
	return nil
}

// Closed tells whether the peer has closed the channel, all of whose words came
// before.
func (c *Channel) Closed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said
}

// SendRequest sends a request, and waits for its answer when one is wanted.
func (c *Channel) SendRequest(kind string, wantReply bool, payload []byte) (bool, error) {
	if wantReply {
		answer, err := c.Ask(kind, payload)
		if err != nil {
			return false, err
		}
		return answer()
	}
	c.means(kind)
	return false, c.orRefused(c.say(func() error { return c.wire.Request(kind, false, payload) }))
}

// Ask sends a request and does not wait for the answer, so that several cost one
// round trip, and a peer that answers none holds nothing up.
func (c *Channel) Ask(kind string, payload []byte) (answer func() (bool, error), err error) {
	c.means(kind)
	reply := make(chan bool, 1)
	c.asking.take() // answers have no number: their order is that of the requests
	c.mu.Lock()
	over := c.writeErr != nil
	if !over {
		c.waiting = append(c.waiting, reply)
	}
	c.mu.Unlock()
	err = io.EOF
	if !over {
		err = c.say(func() error { return c.wire.Request(kind, true, payload) })
	}
	c.asking.pass()
	if err != nil {
		return nil, c.orRefused(err)
	}
	return func() (bool, error) { return c.await(reply) }, nil
}

func (c *Channel) await(reply <-chan bool) (bool, error) {
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

// means sees to the requests that say what a session is for. One with a terminal
// keeps little under way; all others get the full window.
func (c *Channel) means(kind string) {
	c.mu.Lock()
	switch kind {
	case "pty-req":
		if c.meter == nil {
			c.meter = newMeter(c.allowed)
		}
	case "shell", "exec", "subsystem":
		if c.meter == nil {
			c.window = max(c.window, c.full)
			c.giveLocked(time.Now())
		}
	}
	c.mu.Unlock()
	c.tellWindow()
}

// orRefused tells a channel that was never accepted from one that ended.
func (c *Channel) orRefused(err error) error {
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

// WaitOpen waits for the peer to accept or to refuse, which is an
// *ssh.OpenChannelError.
func (c *Channel) WaitOpen() error {
	<-c.opened
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.accepted {
		return nil
	}
	return c.err
}

var _ ssh.Channel = (*Channel)(nil)
