package sshconn

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/mux"
)

// run reads the stream until the peer has closed the channel. It never waits
// for the user, but for one that does not read its requests.
func (c *channel) run() {
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
	c.mu.Lock()
	c.over = true
	settled := c.settleLocked()
	abandoned := c.released && c.drain != nil
	c.mu.Unlock()
	if abandoned {
		c.drain() // what came between
	}
	if settled {
		c.conn.left(c)
	}
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
			if body, err = readBytes(r, h.size, c.hold); err == nil {
				err = c.handle(h.kind, body)
			}
			if h.size > trustedSize {
				c.hold(0)
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
	if c.released { // abandoned meanwhile
		c.mu.Unlock()
		chunk.free()
		return errHoard
	}
	in.put(chunk)
	c.unread += n
	tooMuch := c.countLocked()
	c.readable.Broadcast()
	c.mu.Unlock()
	if tooMuch {
		c.conn.relieve()
	}
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
		r.refuse = c.refusals.add
		c.give(r)
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
		// Above what any release gives; and what may be under way bounds what
		// waits here when the peer goes silent after it gave much.
		n := binary.BigEndian.Uint32(body)
		if n > maxCredit || c.credit+int(n) > maxCredit {
			return fmt.Errorf("%w: window of %d bytes", errMalformed, uint64(c.credit)+uint64(n))
		}
		c.credit += int(n)
		c.complained = false
		if c.flight != nil && kind == frameWindow {
			c.flight.landed(int(n), time.Now())
		}
		c.writable.Broadcast()
	case frameStarved:
		c.widenLocked()
	case framePrompt:
		c.prompt = true
	case frameSuccess, frameFailure:
		if len(c.waiting) > 0 { // else nobody waits: a reply too many
			c.waiting[0] <- kind == frameSuccess
			c.waiting = c.waiting[1:]
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
	if c.err == nil { // else it was abandoned
		c.err = err
	}
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
