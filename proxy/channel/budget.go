package channel

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// ErrHoard is the end of a channel that kept too much.
var ErrHoard = errors.New("the peer sent more than can be kept while nobody reads it")

// Budget bounds what is kept unread for the channels that share it: data, counted
// by the memory that they take, and requests. Beyond Most the channel that keeps
// most ends, and its reader gets an error. Nobody waits for room: a reader that
// waited would stop all channels, the terminal's too.
type Budget struct {
	Most int // bytes

	kept      atomic.Int64
	relieving sync.Mutex // held while someone looks for room

	mu       sync.Mutex            // guards what follows; after that of a channel
	channels map[*Channel]struct{} // those that may keep anything
}

// Kept is how many bytes are kept.
func (b *Budget) Kept() int { return int(b.kept.Load()) }

// know notes whether c may keep anything.
func (b *Budget) know(c *Channel, may bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !may {
		delete(b.channels, c)
		return
	}
	if b.channels == nil {
		b.channels = map[*Channel]struct{}{}
	}
	b.channels[c] = struct{}{}
}

// relieve ends channels, those that keep most first, until there is room.
func (b *Budget) relieve() {
	b.relieving.Lock()
	defer b.relieving.Unlock()
	for b.Kept() > b.Most {
		b.mu.Lock()
		channels := slices.Collect(maps.Keys(b.channels))
		b.mu.Unlock()
		var worst *Channel
		most := 0
		for _, c := range channels {
			if n := c.keeps(); n > most {
				worst, most = c, n
			}
		}
		if worst == nil {
			return
		}
		worst.giveUp()
	}
}

// keeps returns what c costs now.
func (c *Channel) keeps() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.countLocked()
	return c.held
}

// Reading is told that n bytes of a message are here, which is being read or waits
// for the user.
func (c *Channel) Reading(n int) {
	c.mu.Lock()
	c.partial = n
	tooMuch := c.countLocked()
	c.mu.Unlock()
	if tooMuch {
		c.budget.relieve()
	}
}

// countLocked tells the budget what c costs now. It reports whether that is too
// much for all.
func (c *Channel) countLocked() (tooMuch bool) {
	if c.budget == nil {
		return false
	}
	now := 0
	if !c.released {
		now = c.data.cost + c.errs.cost + c.partial
		if c.requests != nil {
			now += c.requests.kept()
		}
	}
	if known := now > 0 || c.known && !c.over; known != c.known {
		c.known = known
		c.budget.know(c, known)
	}
	if now == c.held {
		return false
	}
	more := now > c.held
	kept := c.budget.kept.Add(int64(now - c.held))
	c.held = now
	return more && kept > int64(c.budget.Most)
}

// giveUp ends c without what it keeps.
func (c *Channel) giveUp() {
	c.mu.Lock()
	c.data.drop()
	c.errs.drop()
	c.abandoned, c.released = true, true
	c.countLocked()
	c.err = ErrHoard
	if c.writeErr == nil {
		c.writeErr = ErrHoard
	}
	c.readable.Broadcast()
	c.writable.Broadcast()
	requests := c.requests
	c.mu.Unlock()
	if requests != nil {
		requests.drop()
	}
	c.abandon()
}

// settleLocked is called when the user has closed c, or the peer says no more. After
// both the budget forgets what is left, which nobody will read.
func (c *Channel) settleLocked() {
	c.released = c.released || c.left && c.over
	c.countLocked()
}
