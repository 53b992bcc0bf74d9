package channel

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/channel"
)

// errHoard is the end of a channel that kept too much.
var errHoard = errors.New("the server sent more than can be kept while nobody reads it")

// tally is what a channel keeps, as part of what its connection does. It counts
// until the channel's user has read all, or has closed a channel that is over.
type tally struct {
	conn      *Conn
	abandoned atomic.Bool // kept too much; what the user may read is gone

	mu     sync.Mutex // guards what follows
	kept   int
	closed bool // by the user
	over   bool
}

// keep counts n bytes that have come, or have been read. When that is too much the
// channel that keeps most ends, and its reader is told so. Nobody waits for room:
// the server's words about other channels would wait too.
func (t *tally) keep(n int) {
	t.mu.Lock()
	if t.closed && t.over {
		t.mu.Unlock()
		return // nobody reads it any more
	}
	t.kept += n
	t.mu.Unlock()
	if t.conn.kept.Add(int64(n)) > t.conn.most && n > 0 {
		t.conn.relieve()
	}
}

// settle notes that the user has closed the channel, or that it is over. After both
// nothing is kept for it.
func (t *tally) settle(closed, over bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = t.closed || closed
	t.over = t.over || over
	if t.closed && t.over {
		t.conn.kept.Add(int64(-t.kept))
		t.kept = 0
	}
}

// relieve ends the channel that keeps most.
func (c *Conn) relieve() {
	var worst *framing
	most := 0
	c.mu.Lock()
	for _, f := range c.channels {
		f.tally.mu.Lock()
		if f.tally.kept > most {
			worst, most = f, f.tally.kept
		}
		f.tally.mu.Unlock()
	}
	c.mu.Unlock()
	if worst != nil {
		worst.abandon()
	}
}

// abandon ends f without what it keeps. It is called by the reading goroutine alone.
func (f *framing) abandon() {
	f.abandoned.Store(true) // before anything is taken away from the user
	f.finish(errHoard, false)
	// What is left is at hand, and then comes the end: no Read waits.
	io.Copy(io.Discard, f.ch)
	io.Copy(io.Discard, f.ch.Stderr())
	f.settle(true, true)
	go f.ch.Close() // not by this goroutine: a Write may be under way
}

// counted is the channel that its user gets: it counts what is read.
type counted struct {
	*channel.Channel
	f *framing
}

func (c *counted) Read(p []byte) (int, error) { return c.f.read(c.Channel, p) }

func (c *counted) Stderr() io.ReadWriter { return stderr{c.Channel.Stderr(), c.f} }

// Close closes the channel.
func (c *counted) Close() error {
	c.f.settle(true, false)
	return c.Channel.Close()
}

type stderr struct {
	io.ReadWriter
	f *framing
}

func (s stderr) Read(p []byte) (int, error) { return s.f.read(s.ReadWriter, p) }

// read reads for the user. What a Read that was under way got of a channel that was
// abandoned meanwhile may come from behind what is gone.
func (f *framing) read(from io.Reader, p []byte) (int, error) {
	n, err := from.Read(p)
	if f.abandoned.Load() {
		return 0, errHoard
	}
	f.keep(-n)
	return n, err
}

var _ ssh.Channel = (*counted)(nil)
