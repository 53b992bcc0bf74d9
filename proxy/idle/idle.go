// Package idle ends what nobody uses: ChannelTimeout of ssh_config(5) and of
// sshd_config(5), and UnusedConnectionTimeout.
//
// As in ssh, a channel is used when data passes between it and the program or the
// socket at this end; requests, windows and keepalives are no use. What the
// network does meanwhile plays no part.
package idle

import (
	"sync"
	"time"

	"tssh/proxy/udp"
)

// Config says what is too long. The zero value limits nothing.
type Config struct {
	Of       func(kind string) time.Duration // of a channel, by the name that ChannelTimeout has for it; nil and 0: for ever
	All      time.Duration                   // of all channels together ("global"); 0: for ever
	Unused   time.Duration                   // of a connection on which no channel is open; 0: for ever
	Deserted func()                          // called once, when Unused is over
	Logf     func(string, ...any)            // nil: silent
}

// Limits are those of one connection. Nil limits nothing.
type Limits struct {
	cfg Config

	mu       sync.Mutex // guards what follows
	closed   bool
	open     map[*Channel]bool // those that have begun
	used     time.Time         // when something last happened on any of them
	all      *time.Timer       // runs while any is open; nil: does not run
	deserted *time.Timer       // runs while none is open; nil without Unused
}

// New begins to measure.
func New(cfg Config) *Limits {
	if cfg.Logf == nil {
		cfg.Logf = func(string, ...any) {}
	}
	l := &Limits{cfg: cfg, open: map[*Channel]bool{}}
	if cfg.Unused > 0 {
		l.mu.Lock() // the timer must not see l before it is whole
		l.deserted = time.AfterFunc(cfg.Unused, l.desert)
		l.mu.Unlock()
	}
	return l
}

// Close ends all measuring.
func (l *Limits) Close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, t := range []*time.Timer{l.all, l.deserted} {
		if t != nil {
			t.Stop()
		}
	}
	for c := range l.open {
		if c.timer != nil {
			c.timer.Stop()
		}
	}
}

func (l *Limits) desert() {
	l.mu.Lock()
	gone := len(l.open) == 0 && !l.closed
	l.mu.Unlock()
	if gone {
		l.cfg.Logf("terminating inactive connection")
		l.cfg.Deserted()
	}
}

// enterLocked counts c among the open channels.
func (l *Limits) enterLocked(c *Channel) {
	l.open[c] = true
	c.used = time.Now()
	if l.deserted != nil {
		l.deserted.Stop()
	}
	if l.used = c.used; l.cfg.All > 0 && l.all == nil {
		l.all = time.AfterFunc(l.cfg.All, l.check)
	}
}

func (l *Limits) leaveLocked(c *Channel) {
	if !l.open[c] {
		return
	}
	delete(l.open, c)
	if len(l.open) == 0 && l.deserted != nil && !l.closed {
		l.deserted.Reset(l.cfg.Unused)
	}
}

// check ends all channels when nothing has happened on any for too long.
func (l *Limits) check() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) == 0 || l.closed {
		l.all = nil
		return
	}
	if left := l.cfg.All - time.Since(l.used); left > 0 {
		l.all.Reset(left)
		return
	}
	l.all = nil
	l.cfg.Logf("closing all channels after %d seconds of inactivity", int(l.cfg.All.Seconds()))
	for c := range l.open {
		c.expireLocked()
	}
}

// nameOf is how ChannelTimeout calls a type of channel. UDP is ruled as TCP is.
func nameOf(kind string) string {
	switch kind {
	case "x11":
		return "x11-connection"
	case "tun@openssh.com":
		return "tun-connection"
	case "auth-agent@openssh.com":
		return "agent-connection"
	case udp.Direct:
		return "direct-tcpip"
	case udp.Forwarded:
		return "forwarded-tcpip"
	}
	return kind
}
