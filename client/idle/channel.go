package idle

import (
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// channel is one under watch. What it reads goes through pipes, so that its
// end is at once: a server answers the closing of a session only when the
// command in it has ended.
type channel struct {
	ssh.Channel
	l     *Limits
	limit time.Duration // 0: only all together
	gone  chan struct{} // closed when it is over on this side

	data, errs stream

	// The lock of the limits guards what follows.
	over  bool
	used  time.Time
	timer *time.Timer // nil without limit
}

func newChannel(beneath ssh.Channel, l *Limits) *channel {
	c := &channel{Channel: beneath, l: l, gone: make(chan struct{}), used: time.Now()}
	c.data = newStream(c, beneath)
	c.errs = newStream(c, beneath.Stderr())
	return c
}

func (c *channel) check(kind string) {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	if c.over {
		return
	}
	if left := c.limit - time.Since(c.used); left > 0 {
		c.timer.Reset(left)
		return
	}
	c.l.log.Verbosef("channel of type %s: closing after %d seconds of inactivity", kind, int(c.limit.Seconds()))
	c.expireLocked()
}

// expireLocked ends the channel for whoever uses it, and tells the server.
func (c *channel) expireLocked() {
	c.endLocked()
	go c.Channel.Close() // not under the lock: the far side may take nothing
}

func (c *channel) endLocked() {
	if c.over {
		return
	}
	c.over = true
	close(c.gone)
	delete(c.l.open, c)
	if c.timer != nil {
		c.timer.Stop()
	}
	c.data.w.CloseWithError(io.EOF)
	c.errs.w.CloseWithError(io.EOF)
}

// passed notes that n bytes went one way or the other.
func (c *channel) passed(n int) {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	if n > 0 {
		c.used = time.Now()
		c.l.used = c.used
	}
}

// requests passes the server's requests on until the channel is over.
func (c *channel) requests(in <-chan *ssh.Request) <-chan *ssh.Request {
	out := make(chan *ssh.Request)
	go func() {
		defer ssh.DiscardRequests(in)
		defer close(out)
		for {
			select {
			case r, ok := <-in:
				if !ok {
					return
				}
				select {
				case out <- r:
				case <-c.gone:
					r.Reply(false, nil)
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
func (c *channel) Read(p []byte) (int, error) { return c.data.Read(p) }

// Write sends data.
func (c *channel) Write(p []byte) (int, error) { return c.data.Write(p) }

// Ask sends a request without waiting for its answer, where the channel beneath
// can.
func (c *channel) Ask(kind string, payload []byte) (answer func() (bool, error), err error) {
	if a, ok := c.Channel.(interface {
		Ask(kind string, payload []byte) (func() (bool, error), error)
	}); ok {
		return a.Ask(kind, payload)
	}
	done, err := c.SendRequest(kind, true, payload)
	return func() (bool, error) { return done, err }, err
}

// Closed tells whether the server has closed the channel.
func (c *channel) Closed() bool {
	b, ok := c.Channel.(interface{ Closed() bool })
	return ok && b.Closed()
}

// Stderr is the far side's errors.
func (c *channel) Stderr() io.ReadWriter { return &c.errs }

// Close closes the channel.
func (c *channel) Close() error {
	c.l.mu.Lock()
	c.endLocked()
	c.l.mu.Unlock()
	return c.Channel.Close()
}

// stream is the data of a channel, or the errors.
type stream struct {
	c       *channel
	beneath io.ReadWriter
	begin   *sync.Once // of pumping: what nobody reads stays with the sender
	r       *io.PipeReader
	w       *io.PipeWriter
}

func newStream(c *channel, beneath io.ReadWriter) stream {
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
		s.c.passed(n)
		if _, over := s.w.Write(buf[:n]); over != nil {
			return
		}
		if err != nil {
			s.w.CloseWithError(err)
			return
		}
	}
}

// Write sends to the far side.
func (s *stream) Write(p []byte) (int, error) {
	n, err := s.beneath.Write(p)
	s.c.passed(n)
	return n, err
}
