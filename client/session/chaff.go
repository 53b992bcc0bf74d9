package session

import (
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// Who sees the packets of a connection sees when each key was typed, and from
// that can guess at words and passwords. So as ssh does (ObscureKeystrokeTiming)
// keys leave on a grid of a few milliseconds while somebody types and for a
// random time after, and where there is no key a packet that looks like one.
const (
	chaffFor     = 1024 * time.Millisecond // after the last key,
	chaffMore    = 2048 * time.Millisecond // and up to so much longer
	chaffFuzz    = 10                      // per cent that the grid is blurred by
	chaffLargest = 256                     // bytes; more at once are pasted, not typed
)

// chaff is the writer of what is typed. Its Write does not run twice at a time.
type chaff struct {
	w     io.Writer
	fake  func() error // sends what looks like a key
	every time.Duration

	mu      sync.Mutex
	active  bool
	ended   bool
	until   time.Time
	waiting *key // of the writer, for the grid
}

// key is what waits for its place on the grid.
type key struct {
	p    []byte
	n    int
	err  error
	sent chan struct{}
}

// Write sends p: at once when it is the first or not a key, and else when the
// grid says.
func (c *chaff) Write(p []byte) (int, error) {
	c.mu.Lock()
	switch {
	case len(p) > chaffLargest:
		c.until = time.Time{} // the grid would hold up what is no secret rhythm
	case !c.active:
		c.active = true
		c.typed()
		go c.cover() // it ends by itself, soon after the last key
	default:
		k := &key{p: p, sent: make(chan struct{})}
		c.waiting = k
		c.mu.Unlock()
		<-k.sent
		return k.n, k.err
	}
	c.mu.Unlock()
	return c.w.Write(p)
}

// typed keeps the cover up. Called with mu held.
func (c *chaff) typed() {
	c.until = time.Now().Add(chaffFor + rand.N(chaffMore))
}

// end says that nothing more is typed.
func (c *chaff) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
}

// cover sends on the grid, a key or what looks like one, until nothing was
// typed for a while.
func (c *chaff) cover() {
	fuzz := c.every * chaffFuzz / 100
	bias := rand.N(fuzz + 1) // no two times the same grid
	t := time.NewTimer(0)
	defer t.Stop()
	<-t.C
	for {
		t.Reset(c.every - fuzz + bias + rand.N(fuzz+1))
		<-t.C
		c.mu.Lock()
		k := c.waiting
		c.waiting = nil
		switch {
		case k != nil:
			c.typed()
		case c.ended || time.Now().After(c.until):
			c.active = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		if k != nil {
			k.n, k.err = c.w.Write(k.p)
			close(k.sent)
		} else if c.fake() != nil {
			c.end() // the connection is gone, as the next key will tell
		}
	}
}
