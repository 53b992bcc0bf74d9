package forward

import (
	"errors"
	"net"
	"sync"

	"tssh/proxy/accept"
)

// Lent is what programs find of their client's: its agent, and displays. The
// sockets stay, with their names, while clients come and go: a connection leads to
// the client that is there, and to nobody where there is none or where it, or its
// policy, lends no such thing.
type Lent struct {
	running sync.WaitGroup

	mu     sync.Mutex // guards what follows
	closed bool
	to     *Forwarder        // of the client that is there; nil: none
	agent  string            // the agent's socket; empty: none yet
	ends   map[string]func() // how to end each listener
}

// Lead makes connections go to the client of f from now on.
func (l *Lent) Lead(f *Forwarder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = f
}

// Leave is the end of what led to the client of f.
func (l *Lent) Leave(f *Forwarder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.to == f {
		l.to = nil
	}
}

// Close ends every listener, and waits. The clients must have gone, with whom ends
// what led to them.
func (l *Lent) Close() {
	l.unlisten()
	l.running.Wait()
}

func (l *Lent) unlisten() {
	l.mu.Lock()
	l.closed = true
	ends := l.ends
	l.ends = nil
	l.mu.Unlock()
	for _, end := range ends {
		end()
	}
}

// keepLocked remembers how to end a listener.
func (l *Lent) keepLocked(key string, end func()) error {
	if l.closed {
		return net.ErrClosed
	}
	if _, taken := l.ends[key]; taken {
		return errors.New(key + " is there already")
	}
	if l.ends == nil {
		l.ends = map[string]func(){}
	}
	l.ends[key] = end
	return nil
}

// drop ends a listener.
func (l *Lent) drop(key string) {
	l.mu.Lock()
	end := l.ends[key]
	delete(l.ends, key)
	l.mu.Unlock()
	if end != nil {
		end()
	}
}

// serveLocked gives the connections of a listener to the client that is there, as
// channels of a kind, until it is closed.
func (l *Lent) serveLocked(from net.Listener, kind string, extra func(net.Conn) []byte, logf func(string, ...any)) {
	l.running.Go(func() {
		pending := make(chan struct{}, maxPending)
		accept.Each(from.Accept, func(err error) { logf("forward: %v", err) }, func(conn net.Conn) {
			l.mu.Lock()
			f := l.to
			l.mu.Unlock()
			if f == nil || !f.isLent(kind) {
				conn.Close()
				return
			}
			f.give(conn, kind, extra, pending)
		})
	})
}
