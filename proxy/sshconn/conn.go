package sshconn

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/channel"
	"tssh/proxy/mux"
)

const (
	// closeWait bounds how long Close waits for the peer to read what was
	// written. Who can't wait closes the mux first.
	closeWait = 3 * time.Second
	// byeWait is for the last packets to leave, when nothing else is left to
	// wait for. Were it a round trip, every command would take one more.
	byeWait = 10 * time.Millisecond
)

// conn is what both ends of a connection have in common.
type conn struct {
	mux mux.Conn
	// user gets what the peer opens and asks.
	user interface {
		opened(*framing)
		asked(*Request)
		over() // nothing more comes
	}

	ctx    context.Context // of all that runs for the connection
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	done   chan struct{} // closed when all tasks have ended

	global globalAsker
	budget channel.Budget

	mu       sync.Mutex // guards what follows
	channels map[*framing]struct{}
	closing  bool
	err      error         // the peer broke the protocol
	answered uint32        // global replies sent
	seen     uint32        // global replies received
	seenAt   time.Time     // the last of them
	moved    chan struct{} // closed and replaced when seen moves
	answers  bool          // the peer's global channel is there
}

func (c *conn) init(m mux.Conn) {
	c.mux = m
	c.budget.Most = maxKept
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.done = make(chan struct{})
	c.moved = make(chan struct{})
	c.channels = make(map[*framing]struct{})
	c.global = globalAsker{conn: c, asking: channel.NewBaton(), writing: channel.NewBaton()}
	go c.run()
}

// run takes the peer's streams until the connection ends.
func (c *conn) run() {
	greeted := make(chan struct{}, maxGreeted)
accepting:
	for {
		select {
		case greeted <- struct{}{}:
		case <-c.mux.Done():
			break accepting
		}
		s, err := c.mux.Accept(c.ctx)
		if err != nil {
			break
		}
		c.tasks.Go(func() { c.greet(s, sync.OnceFunc(func() { <-greeted })) })
	}
	<-c.mux.Done()
	c.cancel()
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	c.tasks.Wait()
	c.user.over()
	close(c.done)
}

// greet reads the opening of a stream and gives the channel to the user, then
// calls done.
func (c *conn) greet(s mux.Stream, done func()) {
	defer done()
	o, err := readOpening(s)
	if err != nil {
		c.blame(err)
		s.Close()
		return
	}
	if o.kind == "" {
		done() // it stays
		c.answerGlobal(s)
		return
	}
	if !c.waitSeen(o.after) {
		s.Close()
		return
	}
	c.user.opened(newFraming(c, s, o))
}

// noteTime is what a user of a global reply has to note it.
const noteTime = 5 * time.Millisecond

// waitSeen waits until as many global replies have come. Whoever gets the reply
// to tcpip-forward then notes what it listens to, and refuses what comes before.
// On a TCP connection that is a race, too, but one that it hardly loses; here
// both may come at once, so the channel gives way.
func (c *conn) waitSeen(n uint32) bool {
	for {
		c.mu.Lock()
		enough, moved, fresh := c.seen >= n, c.moved, noteTime-time.Since(c.seenAt)
		c.mu.Unlock()
		if enough && (n == 0 || fresh <= 0) {
			return true
		}
		var noted <-chan time.Time
		if enough {
			moved, noted = nil, time.After(fresh)
		}
		select {
		case <-moved:
		case <-noted:
		case <-c.ctx.Done():
			return false
		}
	}
}

// replySeen counts a global reply that came.
func (c *conn) replySeen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen++
	c.seenAt = time.Now()
	close(c.moved)
	c.moved = make(chan struct{})
}

// blame ends the connection with a peer that broke the protocol. Other errors
// are of one stream, or the end of the connection itself.
func (c *conn) blame(err error) {
	if !errors.Is(err, errMalformed) {
		return
	}
	c.mu.Lock()
	if c.err == nil {
		c.err = fmt.Errorf("ssh channel: %w", err)
	}
	c.mu.Unlock()
	c.mux.Close()
}

// spawn runs f as a part of the connection.
func (c *conn) spawn(f func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return net.ErrClosed
	}
	c.tasks.Go(f)
	return nil
}

// start runs a channel that both ends know of.
func (c *conn) start(f *framing) error {
	c.mu.Lock()
	c.channels[f] = struct{}{}
	c.mu.Unlock()
	err := c.spawn(f.run)
	if err != nil {
		c.left(f)
	}
	return err
}

func (c *conn) left(f *framing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.channels, f)
}

// open opens a channel. setup gives it its user before anything can come.
func (c *conn) open(kind string, extra []byte, setup func(*framing)) (*framing, error) {
	if kind == "" {
		return nil, errors.New("open channel: no type")
	}
	c.mu.Lock()
	o := opening{kind: kind, extra: extra, after: c.answered}
	c.mu.Unlock()
	s, err := c.openStream(o)
	if err != nil {
		return nil, err
	}
	f := newFraming(c, s, o)
	setup(f)
	if err := c.start(f); err != nil {
		s.Close()
		return nil, fmt.Errorf("open channel: %w", err)
	}
	return f, nil
}

func (c *conn) openStream(o opening) (mux.Stream, error) {
	b, err := o.append(nil)
	if err != nil {
		return nil, err
	}
	s, err := c.mux.Open(c.ctx)
	if err == nil {
		_, err = s.Write(b)
	}
	if err != nil {
		return nil, fmt.Errorf("open channel: %w", err)
	}
	return s, nil
}

// accept tells the peer that the channel is open.
func (c *conn) accept(f *framing, setup func(*framing)) error {
	setup(f)
	f.accept()
	if err := c.start(f); err != nil {
		f.stream.Close()
		return fmt.Errorf("accept channel: %w", err)
	}
	return f.say(frameConfirm, nil)
}

func (c *conn) reject(f *framing, reason ssh.RejectionReason, message string) error {
	body := binary.BigEndian.AppendUint32(nil, uint32(reason))
	body = append(body, message[:min(len(message), maxData-4)]...)
	err := f.say(frameReject, body)
	f.stream.Close()
	return err
}

// Close closes every channel and waits, not for ever, until the peer has read
// what was written to them.
func (c *conn) Close() error {
	c.mu.Lock()
	again := c.closing
	c.closing = true
	open := make([]*framing, 0, len(c.channels))
	for f := range c.channels {
		open = append(open, f)
	}
	c.mu.Unlock()
	if again {
		<-c.done
		return nil
	}
	patience := time.NewTimer(closeWait)
	defer patience.Stop()
	for _, f := range open {
		go f.ch.Close() // waits for a Write in progress
	}
	for _, f := range open {
		select {
		case <-f.ch.Done():
		case <-c.mux.Done():
		case <-patience.C:
			c.mux.Close() // ends all of them
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), byeWait)
	defer cancel()
	c.mux.Shutdown(ctx)
	<-c.done
	return nil
}

// Wait returns when the connection has ended, with the reason: io.EOF when the
// peer closed it, net.ErrClosed after Close.
func (c *conn) Wait() error {
	<-c.done
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	err := c.mux.Err()
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return err
}

// SendRequest sends a global request.
func (c *conn) SendRequest(kind string, wantReply bool, payload []byte) (bool, []byte, error) {
	return c.global.ask(kind, wantReply, payload)
}
