package channel

import (
	"io"
	"time"
)

// Open is told that the peer has accepted the channel, how much may be sent, and
// how large a piece may be. It reports whether that makes sense now.
func (c *Channel) Open(credit uint32, largest int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.accepted || c.over {
		return false
	}
	c.accepted = true
	c.largest = largest
	c.moreLocked(credit)
	close(c.opened)
	return true
}

// More is told that so many bytes were read, and as many more may be sent. It
// reports whether they are within MaxCredit; what is beyond is not given.
func (c *Channel) More(n uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	ok := c.moreLocked(n)
	if ok && c.flight != nil {
		c.flight.landed(int(n), time.Now())
	}
	return ok
}

// Grown is told that so many bytes more may be sent besides, as by More.
func (c *Channel) Grown(n uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moreLocked(n)
}

func (c *Channel) moreLocked(n uint32) bool {
	credit := int64(c.credit) + int64(n) // numbers of 32 bits would overflow
	c.credit = int(min(credit, int64(c.maxCredit)))
	c.complained = false
	c.writable.Broadcast()
	return credit <= int64(c.maxCredit)
}

// Starved is told that the peer has data and no window. If our user is not what it
// waits for, the window is doubled.
func (c *Channel) Starved() {
	c.mu.Lock()
	grows := c.window < c.widest && c.data.size+c.errs.size <= c.window/2
	if grows {
		c.widenLocked(2 * c.window)
	}
	c.mu.Unlock()
	if grows {
		go c.tellWindow() // the goroutine that reads must not write
	}
}

// Prompt is told that the peer wants window in small steps.
func (c *Channel) Prompt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prompt = true
}

// Receive takes data, which it copies. The error is ErrOverrun, or nil.
func (c *Channel) Receive(b []byte, stderr bool) error { return c.ReceiveMessage(nil, b, stderr) }

// ReceiveMessage takes data that the user gets behind head, which the peer does not
// count.
func (c *Channel) ReceiveMessage(head, b []byte, stderr bool) error {
	c.mu.Lock()
	if err := c.arrivesLocked(len(b)); err != nil {
		c.mu.Unlock()
		return err
	}
	in := c.inbox(stderr)
	if in.eof || len(b) == 0 {
		c.mu.Unlock()
		return nil // after the end: passed over
	}
	in.write(head)
	in.write(b)
	c.keptLocked()
	return nil
}

// ReceiveFrom takes n bytes of data, at most 32 KiB, from r. The error is ErrOverrun,
// ErrHoard, or r's.
func (c *Channel) ReceiveFrom(r io.Reader, n int, stderr bool) error {
	c.mu.Lock()
	err := c.arrivesLocked(n)
	c.mu.Unlock()
	if err != nil || n == 0 {
		return err
	}
	piece := newChunk(n)
	if _, err := io.ReadFull(r, piece.b); err != nil {
		piece.free()
		return err
	}
	c.mu.Lock()
	if c.abandoned {
		c.mu.Unlock()
		piece.free()
		return ErrHoard
	}
	if in := c.inbox(stderr); in.eof {
		piece.free()
	} else {
		in.put(piece)
	}
	c.keptLocked()
	return nil
}

// arrivesLocked counts n bytes that come.
func (c *Channel) arrivesLocked(n int) error {
	c.allowed -= n
	if c.allowed < -c.overrun {
		return ErrOverrun
	}
	if c.meter != nil {
		c.meter.arrived(n, time.Now())
	}
	return nil
}

func (c *Channel) inbox(stderr bool) *inbox {
	if stderr {
		return &c.errs
	}
	return &c.data
}

// keptLocked wakes who reads, and unlocks.
func (c *Channel) keptLocked() {
	tooMuch := c.countLocked()
	c.readable.Broadcast()
	c.mu.Unlock()
	if tooMuch {
		c.budget.relieve()
	}
}

// Answer takes the answer to the oldest request that has none.
func (c *Channel) Answer(ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) > 0 { // else nobody waits: an answer too many
		c.waiting[0] <- ok
		c.waiting = c.waiting[1:]
	}
}

// EOF is told that no more data come.
func (c *Channel) EOF() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.data.eof, c.errs.eof = true, true
	c.readable.Broadcast()
}

// Finish makes every call return: reads when all is read, with err. said tells that
// the peer has closed the channel, and not that the connection is gone.
func (c *Channel) Finish(err error, said bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	c.over, c.said = true, said
	if c.err == nil { // else it was abandoned
		c.err = err
	}
	if c.writeErr == nil {
		c.writeErr = err
	}
	c.data.eof, c.errs.eof = true, true
	if !c.accepted {
		close(c.opened)
	}
	close(c.ended)
	c.settleLocked()
	c.readable.Broadcast()
	c.writable.Broadcast()
}
