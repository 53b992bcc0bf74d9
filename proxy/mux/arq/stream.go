package arq

import (
	"time"

	"github.com/xtaci/kcp-go/v5"
)

// Write queues b. It waits while the window is full, but not in an outage:
// then what waits is bounded by whoever writes, or a stream that is closed
// meanwhile could not even say so. A peer that gave every stream a huge window
// before it fell silent is why it is bounded here as well, by mostWaiting.
func (c *Conn) Write(b []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(b) > 0 {
		if err := c.waitRoom(); err != nil {
			return n, err
		}
		m := min(len(b), c.mss)
		c.send(kindData, b[:m])
		n += m
		b = b[m:]
	}
	flush(c.kcp, kcp.IKCP_FLUSH_FULL)
	return n, nil
}

// send queues one message.
func (c *Conn) send(kind byte, b []byte) {
	c.message[0] = kind
	n := copy(c.message[1:], b)
	c.kcp.Send(c.message[:1+n])
	c.work()
}

func (c *Conn) roomLocked(now time.Time) bool {
	n := c.kcp.WaitSnd()
	return n < c.window.open()+8 || now.Sub(c.last) > stalled && n < mostWaiting
}

// waitRoom is called with mu held, and gives it up while it waits.
func (c *Conn) waitRoom() error {
	for {
		now := time.Now()
		if c.err != nil {
			return c.err
		}
		if c.roomLocked(now) {
			return nil
		}
		c.kcp.Update()
		patience := time.NewTimer(max(c.last.Add(stalled).Sub(now)+time.Millisecond, tick))
		c.mu.Unlock()
		select {
		case <-c.writable:
		case <-c.closed:
		case <-patience.C:
		}
		patience.Stop()
		c.mu.Lock()
	}
}

func (c *Conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if n := c.takeLocked(p); n > 0 {
			return n, nil
		}
		if c.err != nil {
			return 0, c.err
		}
		c.mu.Unlock()
		select {
		case <-c.readable:
		case <-c.closed:
		}
		c.mu.Lock()
	}
}

// takeLocked fills p with what is there.
func (c *Conn) takeLocked(p []byte) (n int) {
	for n < len(p) {
		if len(c.rest) > 0 {
			m := copy(p[n:], c.rest)
			c.rest = c.rest[m:]
			n += m
			continue
		}
		size := c.kcp.Recv(c.inward) // -2 is a message that we don't send
		if size <= 0 {
			break
		}
		c.dirty = true // the window may have opened
		if c.inward[0] == kindData {
			c.rest = c.inward[1:size]
		}
	}
	return n
}
