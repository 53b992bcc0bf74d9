package idle

import (
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Channel is one under watch. What it reads goes through pipes, so that its
// end is at once for whoever uses it: the far side answers a closing when it
// likes, and while it is away it does not.
type Channel struct {
	ssh.Channel
	l    *Limits
	gone chan struct{} // closed when it is over on this side

	data, errs stream

	// The lock of the limits guards what follows.
	name  string // what ChannelTimeout calls it
	limit time.Duration
	over  bool
	used  time.Time
	timer *time.Timer // nil without limit
}

// Watch puts a channel under the limits, which hold from Begin on.
func (l *Limits) Watch(beneath ssh.Channel) *Channel {
	c := &Channel{Channel: beneath, l: l, gone: make(chan struct{})}
	c.data = newStream(c, beneath)
	c.errs = newStream(c, beneath.Stderr())
	return c
}

// Begin says that the channel is open now, and of which kind it is.
func (c *Channel) Begin(kind string) {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	if c.over || c.l.open[c] || c.l.closed {
		return
	}
	c.l.enterLocked(c)
	c.name = nameOf(kind)
	if c.l.cfg.Of != nil {
		c.limit = c.l.cfg.Of(c.name)
	}
	if c.limit > 0 {
		c.timer = time.AfterFunc(c.limit, c.check)
	}
}

func (c *Channel) check() {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	if c.over || c.l.closed {
		return
	}
	if left := c.limit - time.Since(c.used); left > 0 {
		c.timer.Reset(left)
		return
	}
	c.l.cfg.Logf("channel of type %s: closing after %d seconds of inactivity", c.name, int(c.limit.Seconds()))
	c.expireLocked()
}

// expireLocked ends the channel for whoever uses it, and tells the far side.
func (c *Channel) expireLocked() {
	c.endLocked()
	go c.Channel.Close() // not under the lock: the far side may take nothing
}

func (c *Channel) endLocked() {
	if c.over {
		return
	}
	c.over = true
	close(c.gone)
	c.l.leaveLocked(c)
	if c.timer != nil {
		c.timer.Stop()
	}
	c.data.w.CloseWithError(io.EOF)
	c.errs.w.CloseWithError(io.EOF)
}

// passes notes that data goes one way or the other.
func (c *Channel) passes() {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.used = time.Now()
	c.l.used = c.used
}

// Requests passes the far side's requests on until the channel is over. refuse
// answers one that nobody takes any more.
func Requests[R any](c *Channel, in <-chan R, refuse func(R)) <-chan R {
	out := make(chan R)
	go func() {
		defer func() {
			close(out)
			for r := range in {
				refuse(r)
			}
		}()
		for {
			select {
			case r, more := <-in:
				if !more {
					return
				}
				select {
				case out <- r:
				case <-c.gone:
					refuse(r)
					return
				}
			case <-c.gone:
				return
			}
		}
	}()
	return out
}

// Read reads the far side's data.
func (c *Channel) Read(p []byte) (int, error) { return c.data.Read(p) }

// Write sends data.
func (c *Channel) Write(p []byte) (int, error) { return c.data.Write(p) }

// Ask sends a request without waiting for its answer, where the channel beneath
// can.
func (c *Channel) Ask(kind string, payload []byte) (answer func() (bool, error), err error) {
	if a, ok := c.Channel.(interface {
		Ask(kind string, payload []byte) (func() (bool, error), error)
	}); ok {
		return a.Ask(kind, payload)
	}
	done, err := c.SendRequest(kind, true, payload)
	return func() (bool, error) { return done, err }, err
}

// Closed tells whether the far side has closed the channel.
func (c *Channel) Closed() bool {
	b, ok := c.Channel.(interface{ Closed() bool })
	return ok && b.Closed()
}

// Stderr is the far side's errors.
func (c *Channel) Stderr() io.ReadWriter { return &c.errs }

// Close closes the channel.
func (c *Channel) Close() error {
	c.l.mu.Lock()
	c.endLocked()
	c.l.mu.Unlock()
	return c.Channel.Close()
}

// stream is the data of a channel, or the errors.
type stream struct {
	c       *Channel
	beneath io.ReadWriter
	begin   *sync.Once // of pumping: what nobody reads stays with the sender
	r       *io.PipeReader
	w       *io.PipeWriter
}

func newStream(c *Channel, beneath io.ReadWriter) stream {
	r, w := io.Pipe()
	return stream{c, beneath, new(sync.Once), r, w}
}

// Read reads what the far side sends.
func (s *stream) Read(p []byte) (int, error) {
	s.begin.Do(func() { go s.pump() })
	return s.r.Read(p)
}

func (s *stream) pump() {
	buf := make([]byte, 32<<10)
	for {
		n, err := s.beneath.Read(buf)
		if n > 0 {
			s.c.passes()
		}
		if _, over := s.w.Write(buf[:n]); over != nil {
			return
		}
		if err != nil {
			s.w.CloseWithError(err)
			return
		}
	}
}

// Write sends to the far side. That there is something to send is use, also
// while the far side is away and takes nothing.
func (s *stream) Write(p []byte) (int, error) {
	if len(p) > 0 {
		s.c.passes()
	}
	return s.beneath.Write(p)
}
