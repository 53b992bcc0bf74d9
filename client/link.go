package client

import (
	"context"
	"errors"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/bootstrap"
	"tssh/client/forward"
	"tssh/client/login"
)

// link is the connection that everything else stands on, whatever carries it.
type link struct {
	*ssh.Client
	conn     ssh.Conn     // the Client's, whose end is told in ssh's words
	login    *login.Login // nil inside of a master's connection
	roam     *roaming     // nil over TCP: ssh's own connection
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
	l, err := login.Dial(ctx, v.host, login.Options{Log: v.log, Resolve: v.resolve})
	if err != nil {
		return nil, err
	}
	if v.host.UdpMode == "no" {
		return overTCP(l), nil
	}
	start := time.Now()
	r, err := v.roam(ctx, l, binary)
	if errors.Is(err, bootstrap.ErrNotRun) {
		// "Host *" may say UdpMode, and that host still be one for git only.
		v.log.Infof("%v; going on without UDP", err)
		return overTCP(l), nil
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	v.log.Debugf("Moved to %s in %v.", v.host.UdpMode, time.Since(start).Round(time.Millisecond))
	return &link{Client: r.client, conn: r.conn, login: l, roam: r}, nil
}

// overTCP stays on ssh's own connection.
func overTCP(l *login.Login) *link {
	l.LimitIdle()
	return &link{Client: l.Client, conn: l.Client, login: l}
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
