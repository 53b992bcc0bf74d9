package channel

import (
	"time"
)

// maxCredit bounds what a peer lets us send: more is no use, and a sum of such
// numbers must not overflow.
const maxCredit = 1 << 30

// Open is told that the peer has accepted the channel, how much may be sent, and
// how large a piece may be. It reports whether that makes sense now.
func (c *Channel) Open(credit uint32, largest int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.accepted || c.err != nil {
		return false
	}
	c.accepted = true
	c.largest = largest
	c.moreLocked(credit)
	close(c.opened)
	return true
}

// More is told that so many bytes more may be sent.
func (c *Channel) More(n uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moreLocked(n)
}

func (c *Channel) moreLocked(n uint32) {
	c.credit = int(min(int64(c.credit)+int64(n), maxCredit))
	c.writable.Broadcast()
}

// Receive takes data, which it copies. The error is ErrOverrun, or nil.
func (c *Channel) Receive(b []byte, stderr bool) error { return c.ReceiveMessage(nil, b, stderr) }

// ReceiveMessage takes data that the user gets behind head, which the peer does not
// count.
func (c *Channel) ReceiveMessage(head, b []byte, stderr bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.allowed -= len(b)
	if c.allowed < -c.overrun {
		return ErrOverrun
	}
	if c.meter != nil {
		c.meter.arrived(len(b), time.Now())
	}
	in := &c.data
	if stderr {
		in = &c.errs
	}
	if in.eof || len(b) == 0 {
		return nil // after the end: passed over
	}
	in.put(head, b)
	c.readable.Broadcast()
	return nil
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
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err, c.said = err, said
	if c.writeErr == nil {
		c.writeErr = err
	}
	c.data.eof, c.errs.eof = true, true
	if !c.accepted {
		close(c.opened)
	}
	close(c.ended)
	c.readable.Broadcast()
	c.writable.Broadcast()
	c.mu.Unlock()
}
