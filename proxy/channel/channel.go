// Package channel is one end of an SSH channel (RFC 4254, section 5) on any carrier:
// windows, data that were not read yet, requests and their answers, the two ends. A
// framing owns the bytes on the wire: it gives a Channel a Wire to write to, and calls
// Channel's methods for what it reads. There are two framings: SSH's packets
// (client/channel) and frames on a stream (proxy/sshconn).
//
//	opening --Open--> open --EOF, CloseWrite--> half open --Finish, Close--> over
//	   '----Finish: it was refused-------------------------------------------^
//
// The framing's reading goroutine never waits because of the peer. It waits only for
// a user who does not take requests.
package channel

import (
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Wire sends to the peer. Its methods are called one at a time, in the order of
// sending, and may wait for the network. The user gets their errors: io.EOF when the
// connection is gone, as its Wait has the reason.
type Wire interface {
	Data(b []byte, stderr bool) error // of at most the size that Open was told
	Window(n int) error               // n bytes were read, and the peer may send n more
	Growth(n int) error               // the window grew: the peer may send n more
	Starved() error                   // we have data to send, and no window
	Request(kind string, wantReply bool, payload []byte) error
	EOF() error
	Close() error
}

// Config is what a Channel is made of.
type Config struct {
	Wire Wire
	// Window is how many bytes the peer may send at first, as the framing has told
	// it. Overrun is how many more are tolerated, of a peer that miscounts.
	Window, Overrun int
	// Full is the window of a channel without a terminal; a terminal's follows the
	// path. 0: Window is for both.
	Full int
	// Widest bounds the window, which doubles when the peer is starved although its
	// data are read. 0: it does not grow.
	Widest int
	// Credit is what may be sent before the peer has accepted, in pieces of Largest.
	Credit, Largest int
	// MaxCredit bounds what the peer may let us send.
	MaxCredit int
	// Budget bounds the unread data of many channels; nil: only the windows do.
	// When this channel holds too much of it, Abandon is called, which must end the
	// channel without waiting.
	Budget  *Budget
	Abandon func()
}

// ErrOverrun ends a channel whose peer sends more than it may.
var ErrOverrun = errors.New("remote side wrote too much")

// Channel is one end of a channel. Its user's methods may be called from anywhere,
// and are those of ssh.Channel; its framing's from one goroutine.
type Channel struct {
	wire      Wire
	full      int
	widest    int
	overrun   int
	maxCredit int
	budget    *Budget
	abandon   func()

	opened chan struct{} // closed when the peer has accepted or refused, or is gone
	ended  chan struct{} // closed when the peer has closed, or is gone

	asking  Baton // held from queueing a wait for an answer until the request is sent
	writing Baton // held while sending; guards what follows
	sentEOF bool
	closed  bool // by us

	mu       sync.Mutex // guards what follows
	readable sync.Cond
	writable sync.Cond

	data, errs inbox
	window     int    // what the peer may have under way, at most
	allowed    int    // what it may still send; below 0 it miscounted
	prompt     bool   // the peer wants window in small steps, to measure the path
	meter      *meter // of a terminal's channel; nil: the window is fixed
	grant      int    // of window for what was read, which whoever writes next sends
	growth     int    // of the window, sent likewise

	credit     int         // what we may still send
	largest    int         // piece of data
	complained bool        // the peer knows that we are starved
	flight     *flight     // of a terminal's channel; nil: only the credit counts
	waiting    []chan bool // for answers, in the order of the requests

	accepted bool
	left     bool  // by the user
	over     bool  // nothing more arrives
	said     bool  // the peer has closed: all that it sent has arrived
	err      error // why the channel ended; io.EOF after a good end
	writeErr error // why nothing may be written any more

	requests  queued // nil: none is taken
	partial   int    // bytes of a message that is being read
	held      int    // what the budget counts
	known     bool   // to the budget
	abandoned bool   // unread data were dropped
	released  bool   // held is not counted any more
}

// New returns a channel that the peer has not accepted yet.
func New(c Config) *Channel {
	ch := &Channel{
		wire: c.Wire, full: c.Full, widest: c.Widest, overrun: c.Overrun, maxCredit: c.MaxCredit,
		budget: c.Budget, abandon: c.Abandon,
		opened: make(chan struct{}), ended: make(chan struct{}),
		asking: NewBaton(), writing: NewBaton(),
		window: c.Window, allowed: c.Window, credit: c.Credit, largest: c.Largest,
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
	c.countLocked()
	give := c.giveLocked()
	c.mu.Unlock()
	if give {
		c.tellWindow()
	}
	return n, nil
}

// giveLocked lets the peer send as much as the window has room for, when that is
// worth a message.
func (c *Channel) giveLocked() bool {
	window, step := c.window, c.window/4
	if c.prompt {
		step = terminalStep
	}
	if c.meter != nil {
		window, step = c.meter.window(), terminalStep
	}
	n := window - c.allowed - c.data.size - c.errs.size
	if n < step || c.err != nil {
		return false
	}
	c.allowed += n
	c.grant += n
	if c.meter != nil {
		c.meter.granted(n, time.Now())
	}
	return true
}

// widenLocked enlarges the window.
func (c *Channel) widenLocked(window int) {
	if n := window - c.window; n > 0 && c.err == nil {
		c.window += n
		c.allowed += n
		c.growth += n
	}
}

// tellWindow sends grant and growth. While someone writes it leaves that to the
// writer: a Read must not wait for a Write.
func (c *Channel) tellWindow() {
	for {
		c.mu.Lock()
		any := c.grant > 0 || c.growth > 0
		c.mu.Unlock()
		if !any || !c.writing.tryTake() {
			return
		}
		c.mu.Lock()
		grant, growth := c.grant, c.growth
		c.grant, c.growth = 0, 0
		c.mu.Unlock()
		if grant > 0 && !c.closed {
			c.wire.Window(grant)
		}
		if growth > 0 && !c.closed {
			c.wire.Growth(growth)
		}
		c.writing.Pass()
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
		if err := c.Say(func() error {
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

// WriteMessage sends p as one piece, for which the peer counts cost bytes. A piece
// that is larger than the peer takes is dropped.
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
	return c.Say(func() error { return c.wire.Data(p, false) })
}

// reserve waits until some of n bytes may be sent.
func (c *Channel) reserve(n int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if c.writeErr != nil {
			return 0, c.writeErr
		}
		room := min(n, c.credit, c.largest)
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
			c.Say(c.wire.Starved)
			c.mu.Lock()
			continue
		}
		c.writable.Wait()
	}
}

// Say calls f, which writes, in order with everything else that is sent. After a
// close it returns io.EOF, as x/crypto/ssh does.
func (c *Channel) Say(f func() error) error {
	c.writing.Take()
	err := io.EOF
	if !c.closed {
		err = f()
	}
	c.writing.Pass()
	c.tellWindow()
	return err
}

// CloseWrite says that no more data come.
func (c *Channel) CloseWrite() error {
	return c.Say(func() error {
		if c.sentEOF {
			return nil
		}
		c.sentEOF = true
		return c.wire.EOF()
	})
}

// Close closes the channel for sending. What the peer sends until it closes can still
// be read.
func (c *Channel) Close() error {
	c.mu.Lock()
	if c.writeErr == nil {
		c.writeErr = io.EOF
	}
	c.left = true
	c.settleLocked()
	c.writable.Broadcast()
	c.mu.Unlock()
	return c.AnswerClose()
}

// AnswerClose answers the peer's close. The user can still read what has arrived.
func (c *Channel) AnswerClose() error {
	c.writing.Take()
	defer c.writing.Pass()
	if c.closed {
		return io.EOF
	}
	c.closed = true
	return c.wire.Close()
}

// Done is closed when the peer has closed the channel, or is gone.
func (c *Channel) Done() <-chan struct{} { return c.ended }

// Closed tells whether the peer has closed the channel, so that all that it sent has
// arrived.
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
	return false, c.orRefused(c.Say(func() error { return c.wire.Request(kind, false, payload) }))
}

// Ask sends a request without waiting for the answer. Several cost one round trip,
// and a peer that answers none delays nothing.
func (c *Channel) Ask(kind string, payload []byte) (answer func() (bool, error), err error) {
	c.means(kind)
	reply := make(chan bool, 1)
	c.asking.Take() // answers have no number: their order is that of the requests
	c.mu.Lock()
	over := c.writeErr != nil
	if !over {
		c.waiting = append(c.waiting, reply)
	}
	c.mu.Unlock()
	err = io.EOF
	if !over {
		if err = c.Say(func() error { return c.wire.Request(kind, true, payload) }); err != nil {
			c.unask(reply)
		}
	}
	c.asking.Pass()
	if err != nil {
		return nil, c.orRefused(err)
	}
	return func() (bool, error) { return c.await(reply) }, nil
}

// unask takes back the wait of the last request, which was not sent.
func (c *Channel) unask(reply chan bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := len(c.waiting) - 1; k >= 0 && c.waiting[k] == reply {
		c.waiting = c.waiting[:k]
	}
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

// means looks for the requests that say what a session is for. A session with a
// terminal keeps little under way; any other gets the full window.
func (c *Channel) means(kind string) {
	if c.full == 0 {
		return
	}
	c.mu.Lock()
	switch kind {
	case "pty-req":
		if c.meter == nil {
			c.meter = newMeter(c.allowed)
		}
	case "shell", "exec", "subsystem":
		if c.meter == nil {
			c.widenLocked(c.full)
		}
	}
	c.mu.Unlock()
	c.tellWindow()
}

// Interactive limits what is under way to the peer to what the path holds, for a
// terminal's output. It measures that by when window arrives, which the peer should
// give in small steps. Call it before the first Write. It reports whether it changed
// anything.
func (c *Channel) Interactive() (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first = c.flight == nil; first {
		c.flight = newFlight()
	}
	return first
}

// orRefused turns an err into the reason why the channel was refused or ended, where
// there is one.
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
