// Package idle closes the channels of a connection on which nothing has
// happened for too long: ChannelTimeout of ssh_config(5).
package idle

import (
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/sshconfig/pattern"
	"tssh/client/sshconfig/value"
	"tssh/client/voice"
	"tssh/proxy/idle"
)

// Limits are those of one connection. They hold from Start on: what a channel
// opened before is for, such as the carrier of a session that moved, is not the
// user's to time out.
type Limits struct {
	limits  *idle.Limits
	started atomic.Bool
}

// rule is one "type=interval".
type rule struct {
	kind  string // a pattern
	limit time.Duration
}

// New reads the pairs of ChannelTimeout. Nil, which limits nothing, is for none.
func New(pairs []string, log voice.Log) *Limits {
	var rules []rule
	c := idle.Config{Logf: log.Verbosef}
	for _, p := range pairs {
		kind, interval, _ := strings.Cut(p, "=")
		limit, _ := value.ParseTimeout(interval)
		if kind == "global" {
			c.All = limit
			continue
		}
		rules = append(rules, rule{kind, limit})
	}
	if c.All == 0 && len(rules) == 0 {
		return nil
	}
	c.Of = func(kind string) time.Duration {
		for _, r := range rules { // the first that matches decides
			if pattern.Match(kind, r.kind) {
				return r.limit
			}
		}
		return 0
	}
	return &Limits{limits: idle.New(c)}
}

// Start lets the limits hold for the channels that are opened from now on.
func (l *Limits) Start() {
	if l != nil {
		l.started.Store(true)
	}
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

// watch puts a channel and the requests on it under the limits.
func (l *Limits) watch(beneath ssh.Channel, in <-chan *ssh.Request, kind string) (ssh.Channel, <-chan *ssh.Request) {
	if !l.started.Load() {
		return beneath, in
	}
	c := l.limits.Watch(beneath)
	c.Begin(kind)
	return c, idle.Requests(c, in, func(r *ssh.Request) { r.Reply(false, nil) })
}
