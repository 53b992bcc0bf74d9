package server

import (
	"golang.org/x/crypto/ssh"

	"tssh/proxy/idle"
	"tssh/proxy/sshconn"
	"tssh/server/policy"
)

// limitIdle puts the channels of a connection under ChannelTimeout, and the
// connection under UnusedConnectionTimeout. Without either there are no limits.
//
// A client that is away does not use its channels, and as in ssh, where a
// connection whose network is gone passes nothing either, they end. A program that
// writes uses its channel, until so much waits for the client that it has to stop.
func limitIdle(server sshconn.Server, p *policy.Policy, logf func(string, ...any)) (sshconn.Server, *idle.Limits) {
	if len(p.Timeouts) == 0 && p.Unused == 0 {
		return server, nil
	}
	c := idle.Config{Of: p.ChannelTimeout, Unused: p.Unused, Logf: logf}
	for _, t := range p.Timeouts {
		if t.Pattern == "global" {
			c.All = t.After
		}
	}
	c.Deserted = func() { server.Close() }
	limits := idle.New(c)
	return watching{server, limits}, limits
}

// watching is a connection whose channels are watched.
type watching struct {
	sshconn.Server
	limits *idle.Limits
}

// OpenChannel opens a channel that ends when it is idle.
func (w watching) OpenChannel(kind string, extra []byte) (sshconn.Channel, error) {
	ch, err := w.Server.OpenChannel(kind, extra)
	if err != nil {
		return nil, err
	}
	c := watch(w.limits, ch)
	c.Begin(kind)
	return c, nil
}

// incoming is a channel that the client opens.
type incoming struct {
	sshconn.NewChannel
	limits *idle.Limits
}

// Accept accepts a channel that ends when it is idle. A session's time begins when
// it is known what for it is.
func (n incoming) Accept() (sshconn.Channel, error) {
	ch, err := n.NewChannel.Accept()
	if err != nil {
		return nil, err
	}
	c := watch(n.limits, ch)
	if kind := n.ChannelType(); kind != "session" {
		c.Begin(kind)
	}
	return c, nil
}

// watched is a channel under watch.
type watched struct {
	*idle.Channel
	beneath  sshconn.Channel
	requests <-chan *sshconn.Request
}

func watch(l *idle.Limits, ch sshconn.Channel) *watched {
	c := l.Watch(sshChannel{ch})
	return &watched{c, ch, idle.Requests(c, ch.Requests(), func(r *sshconn.Request) { r.Reply(false, nil) })}
}

// Requests yields the client's requests.
func (w *watched) Requests() <-chan *sshconn.Request { return w.requests }

// Closed tells whether the client has closed the channel.
func (w *watched) Closed() bool { return w.beneath.Closed() }

// Interactive bounds what is under way.
func (w *watched) Interactive() { w.beneath.Interactive() }

// sshChannel is a channel by the name that both ends have for one.
type sshChannel struct{ sshconn.Channel }

var _ ssh.Channel = sshChannel{}
