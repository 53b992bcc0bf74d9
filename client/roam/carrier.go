package roam

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/bootstrap"
	"tssh/client/login"
	"tssh/proxy/terms"
)

// How long a login may take to start the relay. One that stood before may have
// died without a word, so it is not waited for long; but one through a host
// that roams lives on.
const (
	oldLogin = 2 * time.Second
	newLogin = 15 * time.Second // the login itself included
)

// carrier gives the proxy streams through ssh: over the login that stands, and
// when that is gone over a new one. The login before is closed with the last
// stream over it, which may still have been of use.
type carrier struct {
	started bootstrap.Started
	running sync.WaitGroup
	gone    chan struct{} // closed when no tsshd is there any more, as after a restart of the server

	mu      sync.Mutex // guards what follows
	login   *login.Login
	streams map[*login.Login]int
	closed  bool
	over    bool // gone is closed
}

func newCarrier(l *login.Login, s bootstrap.Started) *carrier {
	return &carrier{started: s, login: l, streams: map[*login.Login]int{}, gone: make(chan struct{})}
}

// errEnded is why there is no session with a tsshd that has answered by ssh alone.
var errEnded = errors.New("tsshd ended before it could be reached")

// whileThere is ctx for as long as there is a tsshd.
func (c *carrier) whileThere(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	c.running.Go(func() {
		select {
		case <-c.gone:
			cancel(errEnded)
		case <-ctx.Done():
		}
	})
	return ctx, func() { cancel(nil) }
}

// current is the login that stands, as far as we know.
func (c *carrier) current() *login.Login {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.login
}

// open runs "tsshd relay" on the server, over a new login when fresh or when
// the one that stands does not answer. The end of ctx is the end of the login.
func (c *carrier) open(ctx context.Context, fresh bool) (io.ReadWriteCloser, error) {
	command, err := c.started.RelayCommand()
	if err != nil {
		return nil, err
	}
	old := c.current()
	if !fresh || old.Roams {
		patience := oldLogin
		if old.Roams {
			patience = 0
		}
		s, err := c.relay(ctx, patience, old, command)
		if err == nil {
			return s, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	patience, cancel := context.WithTimeout(ctx, newLogin)
	defer cancel()
	l, err := old.Redial(patience)
	if err != nil {
		return nil, fmt.Errorf("log in again: %w", err)
	}
	s, err := c.relay(ctx, newLogin, l, command)
	if err != nil {
		l.Close()
		return nil, err
	}
	c.adopt(l)
	return s, nil
}

// adopt makes l the login that stands.
func (c *carrier) adopt(l *login.Login) {
	c.mu.Lock()
	old := c.login
	if c.closed {
		old = l
	} else {
		c.login = l
	}
	unused := c.streams[old] == 0
	c.mu.Unlock()
	if unused {
		old.Close()
	}
}

// release is told when a stream over l was closed.
func (c *carrier) release(l *login.Login) {
	c.mu.Lock()
	c.streams[l]--
	unused := c.streams[l] == 0
	if unused {
		delete(c.streams, l)
	}
	unused = unused && l != c.login
	c.mu.Unlock()
	if unused {
		l.Close()
	}
}

// Close ends the login. The streams over others end them. The proxy has closed
// those, and what waited for a relay's end goes with its login.
func (c *carrier) Close() error {
	c.mu.Lock()
	l := c.login
	c.closed = true
	c.mu.Unlock()
	err := l.Close()
	c.running.Wait()
	return err
}

// relayed is the input and output of a command on the server.
type relayed struct {
	*io.PipeReader // its Close ends a Read, which that of a channel over a dead connection does not
	io.Writer
	release func() // once
	hangUp  func() // closes the channel, and waits for nobody
}

// Close waits for nobody: over a connection that has died with its address, a
// message about the end waits behind what was being written, for as long as the
// system tries, and the next path would wait with it. Both end with the login.
func (r relayed) Close() error {
	r.PipeReader.Close()
	r.release()
	r.hangUp()
	return nil
}

// relay starts the command on the server, or closes a login that does not
// answer within patience; 0: it is waited for.
func (c *carrier) relay(ctx context.Context, patience time.Duration, l *login.Login, command string) (rwc io.ReadWriteCloser, err error) {
	if patience > 0 {
		impatient := time.AfterFunc(patience, func() { l.Close() })
		defer impatient.Stop()
	}
	stop := context.AfterFunc(ctx, func() { l.Close() }) // also for a write that waits when the end comes
	defer func() {
		if err != nil {
			stop()
		}
	}()
	s, err := l.NewSession()
	if err != nil {
		return nil, err
	}
	in, err := s.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, feed := io.Pipe()
	s.Stdout = feed
	if err := s.Start(command); err != nil {
		s.Close()
		return nil, fmt.Errorf("run %s: %w", strings.Fields(command)[0], err)
	}
	c.running.Go(func() { // it ends with the login
		err := s.Wait()
		stop()
		var exit *ssh.ExitError
		if errors.As(err, &exit) && exit.ExitStatus() == terms.ExitGone {
			c.end()
		}
		feed.CloseWithError(err)
	})
	c.mu.Lock()
	c.streams[l]++
	c.mu.Unlock()
	return relayed{out, in, sync.OnceFunc(func() { c.release(l) }), func() { c.running.Go(func() { s.Close() }) }}, nil
}

// end tells, once, that the server's end of the session is gone.
func (c *carrier) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.over = true
		close(c.gone)
	}
}
