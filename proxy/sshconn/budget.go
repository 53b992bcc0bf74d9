package sshconn

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// What a peer can make this end keep. The peer has proven who it is, but a tsshd
// may be hostile to its client, and a client with a forced command to the server.
//
//   - Data that nobody reads: 2 MiB a channel are sent unasked, and there may be
//     thousands of channels. What is kept for all of them, counted as it costs
//     and not as it was sent, and the requests that wait, is bounded by maxKept.
//     Whoever goes beyond it loses the channel that keeps most, and its reader is
//     told so. Nobody waits for room: what waited would fill the windows that
//     all streams of a transport share, and stop the terminal too. An honest
//     user would need more than a hundred forwards whose programs sleep.
//   - Openings: maxGreeted of them are read, or wait for the user to take them, at
//     once; the transport keeps the rest, within its limit of streams. There is
//     no deadline: an outage may last for days in the middle of an honest one,
//     and who leaves his own half said keeps nobody else from opening theirs.
//   - Requests: a queue of backlog each, then the peer waits. Refusals are counted
//     and not kept: all are alike.
//   - A length is believed as its bytes come, not before.
//   - Window given to us: maxCredit, which bounds what waits for a silent peer.
const (
	maxKept     = 256 << 20
	maxGreeted  = 512
	maxExtra    = 32 << 10 // of an opening: a path, names, ports
	trustedSize = 4 << 10  // believed at once
)

// errHoard is the end of a channel that kept too much.
var errHoard = errors.New("the peer sent more than can be kept while nobody reads it")

// budget counts what is kept for all channels of a connection.
type budget struct {
	most      int64
	kept      atomic.Int64
	relieving sync.Mutex // held while someone looks for room
}

// relieve ends channels, those that keep most first, until there is room.
func (c *conn) relieve() {
	c.budget.relieving.Lock()
	defer c.budget.relieving.Unlock()
	for c.budget.kept.Load() > c.budget.most {
		c.mu.Lock()
		channels := make([]*channel, 0, len(c.channels))
		for ch := range c.channels {
			channels = append(channels, ch)
		}
		c.mu.Unlock()
		var worst *channel
		most := 0
		for _, ch := range channels {
			if n := ch.keeps(); n > most {
				worst, most = ch, n
			}
		}
		if worst == nil {
			return
		}
		worst.abandon(errHoard)
	}
}

// keeps returns what c costs now.
func (c *channel) keeps() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.countLocked()
	return c.held
}

// countLocked tells the budget what c costs now. It reports whether that is too
// much for the connection.
func (c *channel) countLocked() (tooMuch bool) {
	now := c.data.cost + c.stderr.cost + c.partial + c.queuedLocked()
	if c.released {
		now = 0
	}
	if now == c.held {
		return false
	}
	more := now > c.held
	kept := c.conn.budget.kept.Add(int64(now - c.held))
	c.held = now
	return more && kept > c.conn.budget.most
}

// queuedLocked is the size of the requests that wait for their user.
func (c *channel) queuedLocked() (n int) {
	if c.queued == nil || c.delivered == 0 {
		return 0
	}
	for i := range min(c.queued(), backlog, c.delivered) {
		n += c.sizes[(c.delivered-1-i)%backlog]
	}
	return n
}

// hold counts n bytes of a frame that is being read, or waits for its user.
func (c *channel) hold(n int) {
	c.mu.Lock()
	c.partial = n
	tooMuch := c.countLocked()
	c.mu.Unlock()
	if tooMuch {
		c.conn.relieve()
	}
}

// give hands a request to the user.
func (c *channel) give(r *Request) {
	size := len(r.Type) + len(r.Payload)
	c.deliver(r)
	c.mu.Lock()
	c.sizes[c.delivered%backlog] = size
	c.delivered++
	c.mu.Unlock()
	c.hold(0)
}

// abandon ends c without what it keeps.
func (c *channel) abandon(err error) {
	c.mu.Lock()
	c.data.drop()
	c.stderr.drop()
	first := !c.released
	c.released = true
	c.countLocked()
	c.err = err
	if c.writeErr == nil {
		c.writeErr = err
	}
	over := c.over
	c.readable.Broadcast()
	c.writable.Broadcast()
	c.mu.Unlock()
	if first {
		close(c.lost) // ends give
	}
	if over {
		c.conn.left(c)
	} else {
		c.stream.Close() // ends run
	}
	if c.drain != nil {
		c.drain()
	}
}

// handRequests gives the requests of c to a user, who gets them as convert makes them.
func handRequests[T any](c *channel, convert func(*Request) T) <-chan T {
	requests := make(chan T, backlog)
	c.deliver = func(r *Request) {
		select {
		case requests <- convert(r):
		case <-c.lost:
		case <-c.conn.ctx.Done():
		}
	}
	c.ends = func() { close(requests) }
	c.queued = func() int { return len(requests) }
	c.drain = func() {
		for {
			select {
			case _, more := <-requests:
				if !more {
					return
				}
			default:
				return
			}
		}
	}
	return requests
}

// settleLocked reports whether the connection may forget c: it has ended, and
// what is left of it was read, or nobody wants it.
func (c *channel) settleLocked() bool {
	if !c.over {
		return false
	}
	if c.closed {
		c.released = true
	}
	c.countLocked()
	return c.held == 0
}

// readBytes reads n bytes, for which there is room only as they come. grown is
// told how much that is; nil: nobody asks.
func readBytes(r io.Reader, n int, grown func(int)) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	b := make([]byte, min(n, trustedSize))
	for at := 0; ; {
		m, err := io.ReadFull(r, b[at:])
		if at += m; err != nil {
			return b[:at], whole(err)
		}
		if at == n {
			return b, nil
		}
		if grown != nil {
			grown(min(n, 2*at))
		}
		b = append(b, make([]byte, min(n-at, at))...)
	}
}
