package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/bootstrap"
	"tssh/client/config"
	"tssh/client/forward"
	"tssh/client/login"
)

// link is the connection that everything else stands on, whatever carries it.
type link struct {
	*ssh.Client
	conn     ssh.Conn     // the Client's, whose end is told in ssh's words
	login    *login.Login // nil inside of a master's connection
	roam     *roaming     // nil over TCP: ssh's own connection
	below    *roaming     // of the last host on the way, which the login goes through; nil: none
	forwards *forward.Set
	lender   *lender
}

// dial logs in, and moves the connection to the proxies when asked to.
func (v *invocation) dial(ctx context.Context) (*link, error) {
	var binary *bootstrap.Binary
	if v.host.UdpMode != "no" {
		// What becomes of the login's own connection is no matter then.
		v.host.ServerAliveInterval = 0
		var err error
		if binary, err = bootstrap.Self(); err != nil {
			return nil, err
		}
		go binary.Prepare() // while the login waits for the network
	}
	var below atomic.Pointer[roaming]
	l, err := login.Dial(ctx, v.host, login.Options{
		Log: v.log, Resolve: v.resolve,
		Move: func(ctx context.Context, l *login.Login, via *config.Host) (login.Through, error) {
			r, err := v.moveJump(ctx, l, via)
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
	plain := &link{Client: l.Client, conn: l.Client, login: l, below: below.Load()}
	if v.host.UdpMode == "no" {
		return plain.overTCP(), nil
	}
	r, err := v.moved(ctx, l, binary)
	if err != nil {
		l.Close()
		return nil, err
	}
	if r == nil {
		return plain.overTCP(), nil
	}
	return &link{Client: r.client, conn: r.conn, login: l, roam: r}, nil
}

// moved moves a login to the proxies. It returns nil where the server does not
// let us: "Host *" may say UdpMode, and that host still be one for git only.
func (v *invocation) moved(ctx context.Context, l *login.Login, binary *bootstrap.Binary) (*roaming, error) {
	start := time.Now()
	r, err := v.roam(ctx, l, binary)
	if errors.Is(err, bootstrap.ErrNotRun) {
		v.log.Infof("%v; going on without UDP", err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v.log.Debugf("Moved to %s in %v.", v.host.UdpMode, time.Since(start).Round(time.Millisecond))
	return r, nil
}

// moveJump moves the login to a host that leads to ours. All that goes through
// it then outlives networks too, whatever the hosts behind it run.
func (v *invocation) moveJump(ctx context.Context, l *login.Login, via *config.Host) (*roaming, error) {
	binary, err := bootstrap.Self()
	if err != nil {
		return nil, err
	}
	there := *v
	there.host = via
	return there.moved(ctx, l, binary)
}

// overTCP stays on ssh's own connection.
func (l *link) overTCP() *link {
	l.login.Forget() // it will not be made again
	l.login.LimitIdle()
	return l
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
		of = l.roam.status()
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
