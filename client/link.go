package client

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"

	"golang.org/x/crypto/ssh"

	"tssh/client/bootstrap"
	"tssh/client/config"
	"tssh/client/forward"
	"tssh/client/lend"
	"tssh/client/login"
	"tssh/client/roam"
	"tssh/client/servers"
	"tssh/client/tty"
	"tssh/client/voice"
)

// link is the connection that everything else stands on, whatever carries it.
type link struct {
	*ssh.Client
	conn     ssh.Conn      // the Client's, whose end is told in ssh's words
	login    *login.Login  // nil inside of a master's connection
	roam     *roam.Session // nil over TCP: ssh's own connection
	below    *roam.Session // of the last host on the way, which the login goes through; nil: none
	forwards *forward.Set
	lender   *lend.Lender
	cut      func() string // of the demo: cuts the network, or restores it; nil: no
}

// dial logs in, and moves the connection to the proxies when asked to.
func (v *invocation) dial(ctx context.Context) (*link, error) {
	var c roam.Config
	alive := v.host.ServerAliveInterval
	if v.host.UdpMode != "no" {
		// What becomes of the login's own connection is no matter then.
		v.host.ServerAliveInterval = 0
		c = v.roaming(v.host)
		go c.Binary.Prepare() // while the login waits for the network
	}
	var below atomic.Pointer[roam.Session]
	l, err := login.Dial(ctx, v.host, login.Options{
		Log: v.log, Resolve: v.resolve,
		Move: func(ctx context.Context, l *login.Login, via *config.Host) (login.Through, error) {
			r, l, err := roam.Move(ctx, l, v.roaming(via))
			if r == nil {
				return l, err
			}
			below.Store(r)
			return r, nil
		},
	})
	if err != nil {
		return nil, err
	}
	if v.host.UdpMode != "no" {
		r, current, err := roam.Move(ctx, l, c)
		if err != nil {
			current.Close()
			return nil, err
		}
		if r != nil {
			return &link{Client: r.Client(), conn: r.Conn(), login: current, roam: r}, nil
		}
		l = current
		l.KeepAlive(alive)
	}
	// The connection stays ssh's own, and will not be made again.
	l.Forget()
	l.LimitIdle()
	return &link{Client: l.Client, conn: l.Client, login: l, below: below.Load()}, nil
}

// roaming is how a login to h moves.
func (v *invocation) roaming(h *config.Host) roam.Config {
	c := roam.For(h)
	c.Binary, c.Log = v.binary(), v.log
	c.Progress = tty.IsTerminal(os.Stderr) && v.sink.Step(0) > voice.Quiet
	return c
}

// binary is what may be sent to servers; where our own program can't be found,
// that is no reason not to look for one there.
func (v *invocation) binary() *bootstrap.Binary {
	b, err := bootstrap.Released(servers.Release())
	if err != nil {
		v.log.Debugf("%v", err)
	}
	return b
}

// Close ends the connection and what carried it.
func (l *link) Close() error {
	if l.roam != nil {
		return l.roam.Close()
	}
	if l.login == nil {
		return l.Client.Close()
	}
	return l.login.Disconnect()
}

// about describes the "connection" or its "channels", as ssh does by ~I and -O.
func (l *link) about(what string) []string {
	var of []string
	switch {
	case what == "channels":
		return append([]string{"The following connections are open:"}, indented(l.forwards.Lines())...)
	case what != "connection":
		return nil
	case l.roam != nil:
		of = l.roam.Status()
	case l.login != nil:
		of = l.login.Info()
	default:
		of = []string{"through another master"}
	}
	name, _ := os.Hostname()
	return append([]string{fmt.Sprintf("Connection information for %s pid %d", name, os.Getpid())}, indented(of)...)
}

func indented(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = "  " + l
	}
	return out
}
