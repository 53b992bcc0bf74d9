// Package idle closes the channels of a connection on which nothing has
// happened for too long: ChannelTimeout of ssh_config(5).
package idle

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/config/pattern"
	"tssh/client/config/value"
	"tssh/client/voice"
)

// Limits are those of one connection. They hold from Start on: what a channel
// opened before is for, such as the carrier of a session that moved, is not the
// user's to time out.
type Limits struct {
	rules []rule
	all   time.Duration // of all channels together; 0: none
	log   voice.Log

	mu      sync.Mutex // guards what follows
	started bool
	open    map[*channel]bool
	used    time.Time // when something last happened on any of them
	timer   *time.Timer
}

// rule is one "type=interval".
type rule struct {
	kind  string // a pattern
	limit time.Duration
}

// New reads the pairs of ChannelTimeout. Nil, which limits nothing, is for none.
func New(pairs []string, log voice.Log) *Limits {
	l := &Limits{log: log, open: map[*channel]bool{}}
	for _, p := range pairs {
		kind, interval, _ := strings.Cut(p, "=")
		limit, _ := value.ParseTimeout(interval)
		if kind == "global" {
			l.all = limit
			continue
		}
		l.rules = append(l.rules, rule{kind, limit})
	}
	if l.all == 0 && len(l.rules) == 0 {
		return nil
	}
	return l
}

// Start lets the limits hold for the channels that are opened from now on.
func (l *Limits) Start() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started = true
}

// Watch returns the connection with its channels under the limits.
func (l *Limits) Watch(conn ssh.Conn, chans <-chan ssh.NewChannel) (ssh.Conn, <-chan ssh.NewChannel) {
	if l == nil {
		return conn, chans
	}
	out := make(chan ssh.NewChannel)
	go func() {
		defer close(out)
		for n := range chans {
			out <- incoming{n, l}
		}
	}()
	return watched{conn, l}, out
}

// watched is a connection whose channels are watched.
type watched struct {
	ssh.Conn
	l *Limits
}

// OpenChannel opens a channel that ends when it is idle.
func (w watched) OpenChannel(name string, data []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	ch, reqs, err := w.Conn.OpenChannel(name, data)
	if err != nil {
		return nil, nil, err
	}
	ch, reqs = w.l.watch(ch, reqs, name)
	return ch, reqs, nil
}

// incoming is a channel that the server opens.
type incoming struct {
	ssh.NewChannel
	l *Limits
}

// Accept accepts a channel that ends when it is idle.
func (n incoming) Accept() (ssh.Channel, <-chan *ssh.Request, error) {
	ch, reqs, err := n.NewChannel.Accept()
	if err != nil {
		return nil, nil, err
	}
	ch, reqs = n.l.watch(ch, reqs, n.ChannelType())
	return ch, reqs, nil
}

// typeName is how ChannelTimeout calls a type of channel.
func typeName(kind string) string {
	switch kind {
	case "x11":
		return "x11-connection"
	case "tun@openssh.com":
		return "tun-connection"
	case "auth-agent@openssh.com":
		return "agent-connection"
	}
	return kind
}

// watch puts a channel and the requests on it under the limits.
func (l *Limits) watch(beneath ssh.Channel, in <-chan *ssh.Request, kind string) (ssh.Channel, <-chan *ssh.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.started {
		return beneath, in
	}
	c := newChannel(beneath, l)
	for _, r := range l.rules {
		if pattern.Match(typeName(kind), r.kind) {
			c.limit = r.limit
			break
		}
	}
	l.open[c] = true
	if c.limit > 0 {
		c.timer = time.AfterFunc(c.limit, func() { c.check(typeName(kind)) })
	}
	if l.used = c.used; l.all > 0 && l.timer == nil {
		l.timer = time.AfterFunc(l.all, l.check)
	}
	return c, c.requests(in)
}

// check ends all channels when nothing has happened on any for too long. It
// runs while any is open.
func (l *Limits) check() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) == 0 {
		l.timer = nil
		return
	}
	if left := l.all - time.Since(l.used); left > 0 {
		l.timer.Reset(left)
		return
	}
	l.timer = nil
	l.log.Verbosef("closing all channels after %d seconds of inactivity", int(l.all.Seconds()))
	for c := range l.open {
		c.expireLocked()
	}
}
