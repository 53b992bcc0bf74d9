package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/auth"
	"tssh/client/bootstrap"
	"tssh/client/config"
	"tssh/client/forward"
	"tssh/client/lend"
	"tssh/client/login"
	"tssh/client/servers"
)

// link is the connection that everything else stands on, whatever carries it.
type link struct {
	*ssh.Client
	conn     ssh.Conn     // the Client's, whose end is told in ssh's words
	login    *login.Login // nil inside of a master's connection
	roam     *roaming     // nil over TCP: ssh's own connection
	below    *roaming     // of the last host on the way, which the login goes through; nil: none
	forwards *forward.Set
	lender   *lend.Lender
}

// dial logs in, and moves the connection to the proxies when asked to.
func (v *invocation) dial(ctx context.Context) (*link, error) {
	var binary *bootstrap.Binary
	alive := v.host.ServerAliveInterval
	if v.host.UdpMode != "no" {
		// What becomes of the login's own connection is no matter then.
		v.host.ServerAliveInterval = 0
		binary = v.binary()
		go binary.Prepare() // while the login waits for the network
	}
	var below atomic.Pointer[roaming]
	l, err := login.Dial(ctx, v.host, login.Options{
		Log: v.log, Resolve: v.resolve,
		Move: func(ctx context.Context, l *login.Login, via *config.Host) (login.Through, error) {
			there := *v
			there.host = via
			r, l, err := there.moved(ctx, l, v.binary())
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
		r, current, err := v.moved(ctx, l, binary)
		if err != nil {
			current.Close()
			return nil, err
		}
		if r != nil {
			return &link{Client: r.client, conn: r.conn, login: current, roam: r}, nil
		}
		l = current
		l.KeepAlive(alive)
	}
	// The connection stays ssh's own, and will not be made again.
	l.Forget()
	l.LimitIdle()
	return &link{Client: l.Client, conn: l.Client, login: l, below: below.Load()}, nil
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

// moved moves a login to the proxies. It returns no roaming where that can't be
// had: a login that ssh would make is not to fail for it, unless UdpFallback says
// so. The login that stands then is returned; it may be a newer one.
func (v *invocation) moved(ctx context.Context, l *login.Login, binary *bootstrap.Binary) (*roaming, *login.Login, error) {
	start := time.Now()
	for again := 0; ; again++ {
		r, current, err := v.roam(ctx, l, binary)
		if err == nil {
			v.log.Debugf("Moved to %s in %v.", v.host.UdpMode, time.Since(start).Round(time.Millisecond))
			return r, current, nil
		}
		if l = current; ctx.Err() != nil {
			return nil, l, context.Cause(ctx)
		}
		lost := errors.Is(err, bootstrap.ErrLost)
		if lost && again < maxAgain || !l.Stands() {
			// Nothing of the user's has run yet, so it is safe to begin again.
			v.log.Debugf("%v; logging in again.", err)
			fresh, failed := v.logInAgain(ctx, l)
			if failed != nil {
				v.log.Debugf("%v", failed)
				return nil, l, l.Wait() // in ssh's words
			}
			l.Close()
			if l = fresh; lost && again < maxAgain {
				continue
			}
		}
		if !v.host.UdpFallback {
			return nil, l, fmt.Errorf("tssh: %s: %w", v.host.HostName, err)
		}
		why := strings.ReplaceAll(err.Error(), "\ntssh: hint: ", "; ")
		v.log.Infof("tssh: %s: %s; going on without UDP", v.host.HostName, why)
		return nil, l, nil
	}
}

// How often a login whose network went away is made again before it is ssh's,
// and for how long.
const (
	maxAgain = 2
	tryAgain = 30 * time.Second
)

// logInAgain waits for the network for a while.
func (v *invocation) logInAgain(ctx context.Context, l *login.Login) (*login.Login, error) {
	ctx, cancel := context.WithTimeout(ctx, tryAgain)
	defer cancel()
	for {
		fresh, err := l.Redial(ctx)
		if err == nil || ctx.Err() != nil {
			return fresh, err
		}
		var refused *auth.Denied
		if errors.As(err, &refused) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(time.Second):
		}
	}
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
