package sshconn

import (
	"encoding/binary"
	"io"
	"time"
)

func replyFrame(ok bool) byte {
	if ok {
		return frameSuccess
	}
	return frameFailure
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
